package ordermonitoring

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

func TestCostRegion(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "us-east-1", "eu-central-1": "eu-central-1", "cn-north-1": "cn-north-1",
		"eu-north-1": "us-east-1", "mx-central-1": "us-east-1", "us-gov-west-1": "",
		"": "", "mars-north-1": "mars-north-1",
	} {
		if got := CostRegion(region); got != want {
			t.Errorf("costs of %s are watched in %q, want %q", region, got, want)
		}
	}
}

var (
	someBudget    = &BudgetProps{MonthlyUSD: 5, TagKey: "app", TagValue: "orders"}
	someAnomalies = &AnomaliesProps{TagKey: "app", TagValue: "orders"}
)

// A region without budgets keeps alarms and dashboard; a warning says how to have the budget.
func TestBudgetInEachRegion(t *testing.T) {
	const (
		budget    = "Budget is left out: AWS::Budgets::Budget does not exist in %s (CloudFormation schemas of 20"
		anomalies = "Anomalies is left out: AWS::CE::AnomalyMonitor does not exist in %s ("
		elsewhere = "use NewOrderCosts in a stack in us-east-1, which needs nothing of this region"
	)
	for _, test := range []struct {
		region   string
		monitors int
		budgets  int
		want     []string
	}{
		{"us-east-1", 1, 1, nil},
		{"eu-north-1", 1, 0, []string{budget, elsewhere}},
		{"mx-central-1", 0, 0, []string{budget, anomalies, elsewhere}},
		{"us-gov-west-1", 0, 0, []string{budget, anomalies, "in the commercial account that is billed for this one"}},
		{"mars-north-1", 1, 1, nil},
	} {
		for _, set := range []bool{true, false} { // the region of the stack, or of the credentials
			var stack awscdk.Stack
			if set {
				t.Setenv("CDK_DEFAULT_REGION", "")
				stack = synthtest.NewStackIn(t, test.region)
			} else {
				t.Setenv("CDK_DEFAULT_REGION", test.region)
				stack = synthtest.NewStack(t)
			}
			m := NewOrderMonitoring(stack, "M", &OrderMonitoringProps{
				Pipeline: orderpipeline.NewOrderPipeline(stack, "P", nil),
				Budget:   someBudget, Anomalies: someAnomalies,
			})
			template := synthtest.Synth(t, stack)
			budgets := len(template.IDs("AWS::Budgets::Budget"))
			monitors := len(template.IDs("AWS::CE::AnomalyMonitor"))
			subscriptions := len(template.IDs("AWS::CE::AnomalySubscription"))
			if budgets != test.budgets || monitors != test.monitors || subscriptions != monitors {
				t.Errorf("%s: %d budgets, %d monitors, %d subscriptions",
					test.region, budgets, monitors, subscriptions)
			}
			if (m.Budget() != nil) != (budgets == 1) {
				t.Errorf("%s: Budget returns %v", test.region, m.Budget())
			}
			if len(template.IDs("AWS::CloudWatch::Alarm")) != 9 ||
				len(template.IDs("AWS::CloudWatch::Dashboard")) != 1 {
				t.Errorf("%s has no alarms or no dashboard", test.region)
			}
			warnings := strings.Join(synthtest.Warnings(m), "\n")
			if len(test.want) == 0 && warnings != "" {
				t.Errorf("%s: warnings %s", test.region, warnings)
			}
			for _, want := range test.want {
				if strings.Contains(want, "%s") {
					want = fmt.Sprintf(want, test.region)
				}
				if !strings.Contains(warnings, want) {
					t.Errorf("%s: warnings\n%s\nwant %s", test.region, warnings, want)
				}
			}
		}
	}
}

// Where the region is not known at synth, the budget is made and a message says what that means.
func TestUnknownRegion(t *testing.T) {
	t.Setenv("CDK_DEFAULT_REGION", "")
	for _, withBudget := range []bool{true, false} {
		stack := synthtest.NewStack(t)
		props := &OrderMonitoringProps{Pipeline: orderpipeline.NewOrderPipeline(stack, "P", nil)}
		if withBudget {
			props.Budget = someBudget
		}
		m := NewOrderMonitoring(stack, "M", props)
		var infos string
		for _, entry := range *m.Node().Metadata() {
			if *entry.Type == "aws:cdk:info" {
				infos += fmt.Sprint(entry.Data)
			}
		}
		const want = "The region of the stack is not known at synth. CloudFormation refuses the stack in " +
			"regions without AWS::Budgets::Budget (af-south-1, ap-east-1, "
		if strings.HasPrefix(infos, want) != withBudget || (m.Budget() != nil) != withBudget {
			t.Errorf("with a budget %t: info %q", withBudget, infos)
		}
	}
}

// The costs are watched from another region, by a stack that has no reference to the pipeline's.
func TestOrderCosts(t *testing.T) {
	stack := synthtest.NewStackIn(t, "us-east-1")
	c := NewOrderCosts(stack, "C", &OrderCostsProps{
		Topic:  TopicProps{Emails: []string{"finance@example.com"}},
		Budget: someBudget, Anomalies: someAnomalies,
	})
	template := synthtest.Synth(t, stack)
	topic := `{"Ref":"` + template.ID(t, "CTopic") + `"}`
	for path, want := range map[string]string{
		"CBudget.Budget.CostFilters":                         `{"TagKeyValue":["user:app$orders"]}`,
		"CBudget.NotificationsWithSubscribers.0.Subscribers": `[{"Address":` + topic + `,"SubscriptionType":"SNS"}]`,
		"CAnomalySubscription.Subscribers":                   `[{"Address":` + topic + `,"Type":"SNS"}]`,
	} {
		if got := template.At(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	statements := strings.Join(template.Statements(t, "CTopicPolicy"), "\n")
	for _, service := range []string{"budgets", "costalerts"} {
		if !strings.Contains(statements, `"Principal":{"Service":"`+service+`.amazonaws.com"}`) {
			t.Errorf("%s may not publish: %s", service, statements)
		}
	}
	if n := len(template.IDs("AWS::SNS::Subscription")); n != 1 {
		t.Errorf("%d subscriptions", n)
	}
	if c.Budget() == nil || c.Topic() == nil {
		t.Error("no budget or no topic")
	}
}

func TestInvalidOrderCosts(t *testing.T) {
	const prefix = "ordermonitoring.OrderCostsProps: "
	for _, test := range []struct {
		region string
		props  *OrderCostsProps
		want   string
	}{
		{"us-east-1", nil, prefix + "Budget, Anomalies: both nil (there is nothing to make)"},
		{"eu-north-1", &OrderCostsProps{Budget: someBudget},
			prefix + "Budget: AWS::Budgets::Budget does not exist in eu-north-1 (use NewOrderCosts in a stack in us-east-1, which needs nothing of this region)"},
		{"us-gov-east-1", &OrderCostsProps{Anomalies: someAnomalies},
			prefix + "Anomalies: AWS::CE::AnomalyMonitor does not exist in us-gov-east-1 (use NewOrderCosts in the commercial account that is billed for this one)"},
		{"us-east-1", &OrderCostsProps{
			Topic: TopicProps{Emails: []string{"x"}}, Budget: &BudgetProps{}, Anomalies: &AnomaliesProps{},
		}, "ordermonitoring.OrderCostsProps: 4 problems:"},
	} {
		got := synthtest.Panic(func() { NewOrderCosts(synthtest.NewStackIn(t, test.region), "C", test.props) })
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("panics with\n%s\nwant\n%s", got, test.want)
		}
	}
}

// The example of the package's comment.
func ExampleNewOrderCosts() {
	app := awscdk.NewApp(nil)
	region := CostRegion("eu-north-1")
	costs := awscdk.NewStack(app, jsii.String("Costs"), &awscdk.StackProps{
		Env: &awscdk.Environment{Region: &region},
	})
	NewOrderCosts(costs, "Costs", &OrderCostsProps{
		Topic:  TopicProps{Emails: []string{"finance@example.com"}},
		Budget: &BudgetProps{MonthlyUSD: 10, TagKey: "app", TagValue: "orders"},
	})
	fmt.Println(region)
	// Output: us-east-1
}
