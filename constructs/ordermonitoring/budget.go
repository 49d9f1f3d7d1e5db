package ordermonitoring

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsce"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// BudgetProps configures the budget. It counts resources with a cost allocation tag, which must be
// activated by hand in the billing console of the payer account: until then the budget stays at 0.
type BudgetProps struct {
	// MonthlyUSD is the monthly amount in US dollars. Notifications are sent when 80 % of it is
	// spent, and when 100 % of it is forecast. Required.
	MonthlyUSD float64
	// TagKey and TagValue are the cost allocation tag of the pipeline's resources. Without a tag,
	// the budget would count the whole account. Required.
	TagKey, TagValue string
	// Emails get the notifications from AWS Budgets directly, without confirmation, in addition to
	// the topic. At most 10. Default: none.
	Emails []string
}

// The percentages of the budget at which notifications are sent: spent, and forecast.
const budgetActualPercent, budgetForecastPercent = 80, 100

// AnomaliesProps configures Cost Anomaly Detection.
type AnomaliesProps struct {
	// ExistingMonitorARN is the ARN of an existing monitor; an account can have only one monitor for
	// all AWS services. Default: a monitor for the cost allocation tag is made.
	ExistingMonitorARN string
	// TagKey and TagValue are the cost allocation tag. Required without an ExistingMonitorARN.
	TagKey, TagValue string
	// ImpactUSD is the minimum anomaly, in US dollars, that is reported. Default: 5.
	ImpactUSD float64
}

const noTag = "incomplete (set the cost allocation tag of the pipeline's resources; without it, " +
	"the whole account is counted)"

func (b *BudgetProps) check(errs *check.Errors) {
	if b == nil {
		return
	}
	if !(b.MonthlyUSD >= 0.01 && b.MonthlyUSD <= 1e9) {
		errs.Addf("Budget.MonthlyUSD", "%s is not a positive amount in US dollars",
			check.Number(b.MonthlyUSD))
	}
	if b.TagKey == "" || b.TagValue == "" {
		errs.Addf("Budget.TagKey, TagValue", noTag)
	}
	if n := len(b.Emails); n > 10 {
		errs.Addf("Budget.Emails", "%d addresses are too many (AWS Budgets allows 10)", n)
	}
	checkEmails(errs, "Budget.Emails", b.Emails)
}

// resolve returns a copy with the defaults filled in.
func (a *AnomaliesProps) resolve(errs *check.Errors) *AnomaliesProps {
	if a == nil {
		return nil
	}
	p := *a
	if p.ImpactUSD == 0 {
		p.ImpactUSD = 5
	}
	if !(p.ImpactUSD > 0) {
		errs.Addf("Anomalies.ImpactUSD", "%s is not a positive amount in US dollars",
			check.Number(p.ImpactUSD))
	}
	if p.ExistingMonitorARN == "" && (p.TagKey == "" || p.TagValue == "") {
		errs.Addf("Anomalies.TagKey, TagValue", noTag)
	}
	return &p
}

func newBudget(
	scope constructs.Construct, topic awssns.ITopic, topicID string, b BudgetProps,
) awsbudgets.CfnBudget {
	stack := awscdk.Stack_Of(scope)
	allowPublish(scope, topic, topicID, "budgets.amazonaws.com", map[string]any{
		"ArnLike": map[string]any{"aws:SourceArn": "arn:" + *stack.Partition() + ":budgets::" +
			*stack.Account() + ":*"},
	})
	subscribers := []any{&awsbudgets.CfnBudget_SubscriberProperty{
		SubscriptionType: jsii.String("SNS"), Address: topic.TopicArn(),
	}}
	for _, address := range b.Emails {
		subscribers = append(subscribers, &awsbudgets.CfnBudget_SubscriberProperty{
			SubscriptionType: jsii.String("EMAIL"), Address: jsii.String(address),
		})
	}
	notification := func(kind string, percent float64) any {
		return &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: &awsbudgets.CfnBudget_NotificationProperty{
				NotificationType:   &kind,
				ComparisonOperator: jsii.String("GREATER_THAN"),
				Threshold:          &percent,
				ThresholdType:      jsii.String("PERCENTAGE"),
			},
			Subscribers: &subscribers,
		}
	}
	// No name: CloudFormation replaces a budget whose subscribers change, and the new one cannot
	// have the name of the old one, which still exists (AWS::Budgets::Budget).
	budget := awsbudgets.NewCfnBudget(scope, jsii.String("Budget"), &awsbudgets.CfnBudgetProps{
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{
			BudgetType: jsii.String("COST"),
			TimeUnit:   jsii.String("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{
				Amount: &b.MonthlyUSD, Unit: jsii.String("USD"),
			},
			CostFilters: map[string]any{
				"TagKeyValue": []string{"user:" + b.TagKey + "$" + b.TagValue},
			},
		},
		NotificationsWithSubscribers: []any{
			notification("ACTUAL", budgetActualPercent),
			notification("FORECASTED", budgetForecastPercent),
		},
	})
	// AWS Budgets checks when it is created whether it may publish.
	budget.Node().AddDependency(topic)
	return budget
}

func newAnomalies(
	scope constructs.Construct, topic awssns.ITopic, topicID string, a AnomaliesProps,
) {
	allowPublish(scope, topic, topicID, "costalerts.amazonaws.com", nil)
	unique := awscdk.Names_UniqueResourceName(scope, &awscdk.UniqueResourceNameOptions{
		MaxLength: jsii.Number(80), Separator: jsii.String("-"),
	})
	name := *awscdk.Stack_Of(scope).StackName() + "-" + *unique
	monitor := a.ExistingMonitorARN
	if monitor == "" {
		// CUSTOM: an account can have only one monitor of the other type, for all services.
		monitor = *awsce.NewCfnAnomalyMonitor(scope, jsii.String("AnomalyMonitor"),
			&awsce.CfnAnomalyMonitorProps{
				MonitorName: &name,
				MonitorType: jsii.String("CUSTOM"),
				MonitorSpecification: text(map[string]any{"Tags": map[string]any{
					"Key": a.TagKey, "Values": []string{a.TagValue},
					"MatchOptions": []string{"EQUALS"},
				}}),
			}).AttrMonitorArn()
	}
	subscription := awsce.NewCfnAnomalySubscription(scope, jsii.String("AnomalySubscription"),
		&awsce.CfnAnomalySubscriptionProps{
			SubscriptionName: &name,
			MonitorArnList:   &[]any{monitor},
			Frequency:        jsii.String("IMMEDIATE"), // the only one for SNS
			Subscribers: []any{&awsce.CfnAnomalySubscription_SubscriberProperty{
				Type: jsii.String("SNS"), Address: topic.TopicArn(),
			}},
			ThresholdExpression: text(map[string]any{"Dimensions": map[string]any{
				"Key":          "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
				"MatchOptions": []string{"GREATER_THAN_OR_EQUAL"},
				"Values":       []string{check.Number(a.ImpactUSD)},
			}}),
		})
	subscription.Node().AddDependency(topic)
}

func text(v any) *string {
	t, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of strings
	}
	return jsii.String(string(t))
}
