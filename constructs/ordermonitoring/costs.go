package ordermonitoring

import (
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/internal/awsregions"
)

const (
	typeBudget       = "AWS::Budgets::Budget"
	typeMonitor      = "AWS::CE::AnomalyMonitor"
	typeSubscription = "AWS::CE::AnomalySubscription"

	homeRegion = "us-east-1"
)

// CostRegion returns a region whose stacks can have a budget and Cost Anomaly Detection for a
// pipeline in region: the same one if it can, else us-east-1, since both count the costs of all
// regions. It returns "" where the partition has none (AWS GovCloud is billed through a commercial
// account). A region that is too new for this release is taken for one that can.
func CostRegion(region string) string {
	switch {
	case !lacks(region, typeBudget) && !lacks(region, typeMonitor):
		return region
	case awsregions.Commercial(region):
		return homeRegion
	}
	return ""
}

func lacks(region, kind string) bool { return awsregions.Lacks(region, kind) }

// regionOf returns the region of a scope's stack, or "" when it is not known at synth. A stack
// without a region is deployed to that of the credentials, which the CDK CLI passes on.
func regionOf(scope constructs.Construct) string {
	if region := *awscdk.Stack_Of(scope).Region(); !*awscdk.Token_IsUnresolved(region) {
		return region
	}
	return os.Getenv("CDK_DEFAULT_REGION")
}

// OrderCostsProps configures an [OrderCosts].
type OrderCostsProps struct {
	// Topic is the topic of the notifications.
	Topic TopicProps
	// Budget configures a monthly budget. Default: nil, none.
	Budget *BudgetProps
	// Anomalies configures Cost Anomaly Detection. Default: nil, none.
	Anomalies *AnomaliesProps
}

// OrderCosts watches the costs of a pipeline by their tag. It needs nothing of the pipeline, so its
// stack can be in another region, where [OrderMonitoring] could make no budget. [NewOrderCosts]
// makes it.
type OrderCosts struct {
	constructs.Construct

	topic  awssns.ITopic
	budget awsbudgets.CfnBudget
}

// NewOrderCosts makes a budget, Cost Anomaly Detection, or both, with a topic for their
// notifications. It panics with an error that names everything that is wrong with the props, among
// them a region that has no budgets, see [CostRegion].
func NewOrderCosts(scope constructs.Construct, id string, props *OrderCostsProps) *OrderCosts {
	var errs check.Errors
	var p OrderCostsProps
	if props != nil {
		p = *props
	}
	region := regionOf(scope)
	if p.Budget == nil && p.Anomalies == nil {
		errs.Addf("Budget, Anomalies", "both nil (there is nothing to make)")
	}
	if p.Budget != nil && lacks(region, typeBudget) {
		errs.Addf("Budget", "%s does not exist in %s (%s)",
			typeBudget, region, where(region))
	}
	if p.Anomalies != nil && lacks(region, typeMonitor) {
		errs.Addf("Anomalies", "%s does not exist in %s (%s)",
			typeMonitor, region, where(region))
	}
	p.Topic.check(&errs, "Topic")
	p.Budget.check(&errs)
	p.Anomalies = p.Anomalies.resolve(&errs)
	if err := errs.Err("ordermonitoring.OrderCostsProps"); err != nil {
		panic(err)
	}
	c := &OrderCosts{}
	constructs.NewConstruct_Override(c, scope, &id)
	c.topic = newTopic(c, "Topic", p.Topic)
	c.budget = watchCosts(c, c.topic, "Topic", p.Budget, p.Anomalies)
	return c
}

// Topic returns the topic of the notifications.
func (c *OrderCosts) Topic() awssns.ITopic { return c.topic }

// Budget returns the budget, or nil when there is none.
func (c *OrderCosts) Budget() awsbudgets.CfnBudget { return c.budget }

// where is what to do in a region without budgets.
func where(region string) string {
	if other := CostRegion(region); other != "" {
		return "use NewOrderCosts in a stack in " + other + ", which needs nothing of this region"
	}
	return "use NewOrderCosts in the commercial account that is billed for this one"
}

// watchCosts makes what is asked for and exists in the region, and returns the budget.
// CloudFormation would refuse the whole template for a type that does not exist.
func watchCosts(
	scope constructs.Construct, topic awssns.ITopic, topicID string,
	budget *BudgetProps, anomalies *AnomaliesProps,
) (made awsbudgets.CfnBudget) {
	region := regionOf(scope)
	if region == "" && (budget != nil || anomalies != nil) {
		awscdk.Annotations_Of(scope).AddInfo(jsii.String(fmt.Sprintf("The region of the stack is not "+
			"known at synth. CloudFormation refuses the stack in regions without %s (%s; %s). To "+
			"deploy to one of them, set the stack's region.",
			typeBudget, strings.Join(awsregions.Without(typeBudget), ", "), awsregions.Source())))
	}
	leftOut := func(id, prop, kind string) {
		warn(scope, id, fmt.Sprintf("%s is left out: %s does not exist in %s (%s). To have it, %s.",
			prop, kind, region, awsregions.Source(), where(region)))
	}
	if budget != nil && lacks(region, typeBudget) {
		leftOut("budget", "Budget", typeBudget)
	} else if budget != nil {
		made = newBudget(scope, topic, topicID, *budget)
	}
	if anomalies != nil && (lacks(region, typeMonitor) || lacks(region, typeSubscription)) {
		leftOut("anomalies", "Anomalies", typeMonitor)
	} else if anomalies != nil {
		newAnomalies(scope, topic, topicID, *anomalies)
	}
	return made
}
