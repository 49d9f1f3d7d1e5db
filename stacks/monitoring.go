package stacks

import (
	"cmp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/ordermonitoring"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Monitoring is how an environment is watched. The zero value has the core alarms, a dashboard, and no budget.
type Monitoring struct {
	// Alarms is which alarms there are. Default: core.
	Alarms ordermonitoring.Profile
	// WithoutAlarms leaves single ones out.
	WithoutAlarms []ordermonitoring.AlarmName
	// Thresholds of the alarms. Default: the construct's.
	Thresholds ordermonitoring.Thresholds
	// AlarmEmails get the critical alarms. Default: none, and then nobody is told.
	AlarmEmails []string
	// WarningEmails get the warnings, and what is said about costs. Default: none.
	WarningEmails []string
	// MonthlyBudgetUSD is the budget in US dollars. It counts what bears CostTag, which has to be activated in the billing console.
	// Default: 0, none.
	MonthlyBudgetUSD float64
	// CostAnomalies switches Cost Anomaly Detection on, for what bears CostTag.
	CostAnomalies bool
}

// MonitoringStack watches the orders stack of its environment.
type MonitoringStack struct {
	awscdk.Stack

	monitoring *ordermonitoring.OrderMonitoring
}

// Monitoring of the stack.
func (s *MonitoringStack) Monitoring() *ordermonitoring.OrderMonitoring { return s.monitoring }

// NewMonitoringStack makes the monitoring stack of an environment, for its orders stack. It is one of its own so that a change of
// an alarm cannot fail the deployment of the orders.
func NewMonitoringStack(scope constructs.Construct, id string, env Environment, orders *OrdersStack) *MonitoringStack {
	s := &MonitoringStack{}
	awscdk.NewStack_Override(s, scope, &id, &awscdk.StackProps{
		StackName:             jsii.String(contract.MonitoringStackName(env.Name)),
		Description:           jsii.String("Orders: alarms, dashboard, budget (" + env.Name + ")"),
		Env:                   &awscdk.Environment{Account: optional(env.Account), Region: optional(env.Region)},
		TerminationProtection: &env.Protected,
	})
	awscdk.Tags_Of(s).Add(jsii.String(CostTag), &env.Name, nil)

	settings := env.Monitoring
	props := ordermonitoring.OrderMonitoringProps{
		Pipeline:   orders.Pipeline(),
		API:        orders.OrderAPI(),
		Profile:    settings.Alarms,
		Without:    settings.WithoutAlarms,
		Thresholds: settings.Thresholds,
		Critical:   ordermonitoring.TopicProps{Emails: settings.AlarmEmails},
		Warning:    ordermonitoring.TopicProps{Emails: settings.WarningEmails},
		Dashboard:  ordermonitoring.DashboardProps{Title: "Orders (" + env.Name + ")"},
	}
	if settings.MonthlyBudgetUSD > 0 {
		props.Budget = &ordermonitoring.BudgetProps{MonthlyUSD: settings.MonthlyBudgetUSD, TagKey: CostTag, TagValue: env.Name}
	}
	if settings.CostAnomalies {
		props.Anomalies = &ordermonitoring.AnomaliesProps{TagKey: CostTag, TagValue: env.Name}
	}
	s.monitoring = ordermonitoring.NewOrderMonitoring(s, "Monitoring", &props)
	if env.Protected && len(settings.AlarmEmails) == 0 {
		awscdk.Annotations_Of(s).AddInfo(jsii.String("The critical alarms of " + env.Name + " reach nobody yet: set Monitoring.AlarmEmails in stacks/environments.go, or subscribe to the topic in the output " +
			contract.OutputCriticalTopicARN))
	}

	output := func(name string, value *string, description string) {
		awscdk.NewCfnOutput(s, &name, &awscdk.CfnOutputProps{Value: value, Description: &description})
	}
	output(contract.OutputCriticalTopicARN, s.monitoring.CriticalTopic().TopicArn(), "Alarms worth waking people for")
	output(contract.OutputWarningTopicARN, s.monitoring.WarningTopic().TopicArn(), "Alarms that can wait for the day, and costs")
	output(contract.OutputAlarmProfile, jsii.String(string(cmp.Or(settings.Alarms, ordermonitoring.ProfileCore))), "Which alarms there are: none, core or full")
	output(contract.OutputDashboardName, s.monitoring.Dashboard().DashboardName(), "Dashboard in CloudWatch")
	return s
}
