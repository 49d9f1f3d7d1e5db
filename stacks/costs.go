package stacks

import (
	"cmp"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/ordermonitoring"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// NewCostsStack makes the stack with the budget and the cost anomaly detection of an environment
// whose own region cannot have them. It is in another region and refers to no other stack.
func NewCostsStack(
	scope constructs.Construct, id string, env Environment, region string,
) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, &awscdk.StackProps{
		StackName:             jsii.String(contract.CostsStackName(env.Name)),
		Description:           jsii.String("Orders: budget (" + env.Name + ")"),
		Env:                   &awscdk.Environment{Account: optional(env.Account), Region: &region},
		TerminationProtection: &env.Protected,
	})
	awscdk.Tags_Of(stack).Add(jsii.String(CostTag), &env.Name, nil)
	costs := ordermonitoring.NewOrderCosts(stack, "Costs", &ordermonitoring.OrderCostsProps{
		Topic:     ordermonitoring.TopicProps{Emails: env.Monitoring.WarningEmails},
		Budget:    env.budget(),
		Anomalies: env.anomalies(),
	})
	awscdk.NewCfnOutput(stack, jsii.String(contract.OutputCostsTopicARN), &awscdk.CfnOutputProps{
		Value:       costs.Topic().TopicArn(),
		Description: jsii.String("Topic of budget and cost anomaly notifications"),
	})
	return stack
}

// costRegion returns the region of the costs stack, or "" when the monitoring stack has the budget:
// its region can have one, is not known at synth, or is in a partition without budgets. A stack
// without a region is deployed to that of the credentials, which the CDK CLI passes on.
func (env Environment) costRegion() string {
	region := cmp.Or(env.Region, os.Getenv("CDK_DEFAULT_REGION"))
	other := ordermonitoring.CostRegion(region)
	if other == region || env.budget() == nil && env.anomalies() == nil {
		return ""
	}
	return other
}

func (env Environment) budget() *ordermonitoring.BudgetProps {
	if env.Monitoring.MonthlyBudgetUSD == 0 {
		return nil
	}
	return &ordermonitoring.BudgetProps{
		MonthlyUSD: env.Monitoring.MonthlyBudgetUSD, TagKey: CostTag, TagValue: env.Name,
	}
}

func (env Environment) anomalies() *ordermonitoring.AnomaliesProps {
	if !env.Monitoring.CostAnomalies {
		return nil
	}
	return &ordermonitoring.AnomaliesProps{TagKey: CostTag, TagValue: env.Name}
}
