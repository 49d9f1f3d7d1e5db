// Package ordermonitoring provides a CDK construct that monitors an order pipeline: alarms that
// link to a runbook, a dashboard, and a budget.
//
//	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
//	ordermonitoring.NewOrderMonitoring(stack, "Monitoring", &ordermonitoring.OrderMonitoringProps{
//		Pipeline: pipeline,
//		Critical: ordermonitoring.TopicProps{Emails: []string{"on-call@example.com"}},
//	})
//
// It can be in the pipeline's stack or in another one, with or without an API. It changes nothing
// about the resources that it monitors.
//
// # Budgets and regions
//
// CloudFormation has no budgets in some regions, Stockholm (eu-north-1) among them. A pipeline
// there has its budget in a stack of its own in another region:
//
//	region := ordermonitoring.CostRegion("eu-north-1") // us-east-1
//	costs := awscdk.NewStack(app, jsii.String("Costs"), &awscdk.StackProps{
//		Env: &awscdk.Environment{Region: &region},
//	})
//	ordermonitoring.NewOrderCosts(costs, "Costs", &ordermonitoring.OrderCostsProps{
//		Topic:  ordermonitoring.TopicProps{Emails: []string{"finance@example.com"}},
//		Budget: &ordermonitoring.BudgetProps{MonthlyUSD: 10, TagKey: "app", TagValue: "orders"},
//	})
//
// # Errors and warnings
//
// [NewOrderMonitoring] panics with an error that names every wrong prop, before it creates
// anything. What it cannot change, such as the key policy of an imported topic, is a warning at
// synth.
package ordermonitoring

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
)

// DefaultRunbookURL is the runbook that alarm descriptions link to. It has a section per alarm.
const DefaultRunbookURL = "https://github.com/orderpipeline/orderpipeline/" +
	"blob/main/docs/operations.md"

// OrderMonitoring is the construct. [NewOrderMonitoring] makes it.
type OrderMonitoring struct {
	constructs.Construct

	settings          *settings
	critical, warning awssns.ITopic
	alarms            []alarm
	dashboard         awscloudwatch.Dashboard
	budget            awsbudgets.CfnBudget
}

// NewOrderMonitoring monitors a pipeline. It panics with an error that names everything that is
// wrong with the props.
func NewOrderMonitoring(
	scope constructs.Construct, id string, props *OrderMonitoringProps,
) *OrderMonitoring {
	s, err := resolve(props)
	if err != nil {
		panic(err)
	}
	m := &OrderMonitoring{settings: s}
	constructs.NewConstruct_Override(m, scope, &id)

	m.critical = m.newTopic("Critical", s.Critical)
	m.warning = m.newTopic("Warning", s.Warning)
	m.newAlarms()
	if !s.Dashboard.Disabled {
		m.newDashboard()
	}
	m.budget = watchCosts(m, m.warning, "Warning", s.Budget, s.Anomalies)
	return m
}

// CriticalTopic returns the topic of the alarms that should page someone.
func (m *OrderMonitoring) CriticalTopic() awssns.ITopic { return m.critical }

// WarningTopic returns the topic of the alarms that can wait until working hours, and of budget and
// cost anomaly notifications.
func (m *OrderMonitoring) WarningTopic() awssns.ITopic { return m.warning }

// Dashboard returns the dashboard, or nil when it is disabled. Widgets that you add come last.
func (m *OrderMonitoring) Dashboard() awscloudwatch.Dashboard { return m.dashboard }

// Budget returns the budget, or nil when there is none: not asked for, or not possible in the
// stack's region (see [CostRegion]).
func (m *OrderMonitoring) Budget() awsbudgets.CfnBudget { return m.budget }
