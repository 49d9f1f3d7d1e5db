package ordermonitoring

import (
	"encoding/json"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsce"
	"github.com/aws/jsii-runtime-go"
)

// watchCosts makes the budget and the anomaly detection that are asked for.
func (m *OrderMonitoring) watchCosts() {
	if b := m.settings.Budget; b != nil {
		m.newBudget(*b)
	}
	if a := m.settings.Anomalies; a != nil {
		m.newAnomalies(*a)
	}
}

func (m *OrderMonitoring) newBudget(b BudgetProps) {
	m.letPublish(m.warning, "Warning", "budgets.amazonaws.com", map[string]any{
		"ArnLike": map[string]any{"aws:SourceArn": "arn:" + *awscdk.Stack_Of(m).Partition() + ":budgets::" + *awscdk.Stack_Of(m).Account() + ":*"},
	})
	subscribers := []any{&awsbudgets.CfnBudget_SubscriberProperty{SubscriptionType: jsii.String("SNS"), Address: m.warning.TopicArn()}}
	for _, address := range b.Emails {
		subscribers = append(subscribers, &awsbudgets.CfnBudget_SubscriberProperty{SubscriptionType: jsii.String("EMAIL"), Address: jsii.String(address)})
	}
	notification := func(kind string, percent float64) any {
		return &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: &awsbudgets.CfnBudget_NotificationProperty{
				NotificationType: &kind, ComparisonOperator: jsii.String("GREATER_THAN"), Threshold: &percent, ThresholdType: jsii.String("PERCENTAGE"),
			},
			Subscribers: &subscribers,
		}
	}
	// No name: a budget that changes its subscribers is replaced, and the new one may not bear the name of the old one, which
	// is still there then (AWS::Budgets::Budget).
	m.budget = awsbudgets.NewCfnBudget(m, jsii.String("Budget"), &awsbudgets.CfnBudgetProps{
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{
			BudgetType:  jsii.String("COST"),
			TimeUnit:    jsii.String("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{Amount: &b.MonthlyUSD, Unit: jsii.String("USD")},
			CostFilters: map[string]any{"TagKeyValue": []string{"user:" + b.TagKey + "$" + b.TagValue}},
		},
		NotificationsWithSubscribers: []any{notification("ACTUAL", 80), notification("FORECASTED", 100)},
	})
	// AWS Budgets tries whether it may publish when it is made.
	m.budget.Node().AddDependency(m.warning)
}

func (m *OrderMonitoring) newAnomalies(a AnomaliesProps) {
	m.letPublish(m.warning, "Warning", "costalerts.amazonaws.com", nil)
	unique := awscdk.Names_UniqueResourceName(m, &awscdk.UniqueResourceNameOptions{MaxLength: jsii.Number(80), Separator: jsii.String("-")})
	name := *awscdk.Stack_Of(m).StackName() + "-" + *unique
	monitor := a.ExistingMonitorARN
	if monitor == "" {
		// CUSTOM: of the other kind, one for all services, an account can have only one.
		monitor = *awsce.NewCfnAnomalyMonitor(m, jsii.String("AnomalyMonitor"), &awsce.CfnAnomalyMonitorProps{
			MonitorName:          &name,
			MonitorType:          jsii.String("CUSTOM"),
			MonitorSpecification: text(map[string]any{"Tags": map[string]any{"Key": a.TagKey, "Values": []string{a.TagValue}, "MatchOptions": []string{"EQUALS"}}}),
		}).AttrMonitorArn()
	}
	subscription := awsce.NewCfnAnomalySubscription(m, jsii.String("AnomalySubscription"), &awsce.CfnAnomalySubscriptionProps{
		SubscriptionName: &name,
		MonitorArnList:   &[]any{monitor},
		Frequency:        jsii.String("IMMEDIATE"), // SNS allows no other
		Subscribers:      []any{&awsce.CfnAnomalySubscription_SubscriberProperty{Type: jsii.String("SNS"), Address: m.warning.TopicArn()}},
		ThresholdExpression: text(map[string]any{"Dimensions": map[string]any{
			"Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "MatchOptions": []string{"GREATER_THAN_OR_EQUAL"}, "Values": []string{strconv.FormatFloat(a.ImpactUSD, 'f', -1, 64)},
		}}),
	})
	subscription.Node().AddDependency(m.warning)
}

func text(v any) *string {
	t, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of strings
	}
	return jsii.String(string(t))
}
