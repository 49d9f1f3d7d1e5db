package stacks

import (
	"cmp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/ordermonitoring"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Monitoring configures the monitoring of an environment. The zero value has the core alarms, a
// dashboard, and no budget.
type Monitoring struct {
	// Alarms selects the alarms. Default: core.
	Alarms ordermonitoring.Profile
	// WithoutAlarms leaves single alarms out. Default: none.
	WithoutAlarms []ordermonitoring.AlarmName
	// Thresholds are the thresholds of the alarms. Default: the construct's.
	Thresholds ordermonitoring.Thresholds
	// AlarmEmails get the critical alarms. Default: none, and then nobody is notified.
	AlarmEmails []string
	// WarningEmails get the warnings, and budget and cost anomaly notifications. Default: none.
	WarningEmails []string
	// MonthlyBudgetUSD is the monthly budget in US dollars. It counts resources with [CostTag],
	// which must be activated in the billing console. In a region without budgets, it is in a stack
	// of its own, see [NewCostsStack]. Default: 0, no budget.
	MonthlyBudgetUSD float64
	// CostAnomalies turns Cost Anomaly Detection on, for resources with [CostTag]. Default: false.
	CostAnomalies bool
}

// MonitoringStack monitors the orders stack of its environment.
type MonitoringStack struct {
	awscdk.Stack

	monitoring *ordermonitoring.OrderMonitoring
}

// Monitoring returns the construct in the stack.
func (s *MonitoringStack) Monitoring() *ordermonitoring.OrderMonitoring { return s.monitoring }

// NewMonitoringStack makes the monitoring stack of an environment, for its orders stack. It is a
// separate stack so that a change of an alarm cannot fail the deployment of the orders stack.
func NewMonitoringStack(
	scope constructs.Construct, id string, env Environment, orders *OrdersStack,
) *MonitoringStack {
	s := &MonitoringStack{}
	awscdk.NewStack_Override(s, scope, &id, &awscdk.StackProps{
		StackName:             jsii.String(contract.MonitoringStackName(env.Name)),
		Description:           jsii.String("Orders: alarms, dashboard, budget (" + env.Name + ")"),
		Env:                   env.cdk(),
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
	if env.costRegion() == "" {
		props.Budget, props.Anomalies = env.budget(), env.anomalies()
	}
	s.monitoring = ordermonitoring.NewOrderMonitoring(s, "Monitoring", &props)
	if env.Protected && len(settings.AlarmEmails) == 0 {
		awscdk.Annotations_Of(s).AddInfo(jsii.String("The critical alarms of " + env.Name +
			" notify nobody yet: set Monitoring.AlarmEmails in stacks/environments.go, " +
			"or subscribe to the topic in the output " + contract.OutputCriticalTopicARN))
	}

	output := func(name string, value *string, description string) {
		awscdk.NewCfnOutput(s, &name, &awscdk.CfnOutputProps{Value: value, Description: &description})
	}
	profile := string(cmp.Or(settings.Alarms, ordermonitoring.ProfileCore))
	output(contract.OutputCriticalTopicARN, s.monitoring.CriticalTopic().TopicArn(),
		"Topic of the critical alarms")
	output(contract.OutputWarningTopicARN, s.monitoring.WarningTopic().TopicArn(),
		"Topic of the warnings, and of budget and cost anomaly notifications")
	output(contract.OutputAlarmProfile, &profile, "Alarm profile: none, core or full")
	output(contract.OutputDashboardName, s.monitoring.Dashboard().DashboardName(),
		"Name of the CloudWatch dashboard")
	return s
}
