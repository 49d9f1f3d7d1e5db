package ordermonitoring

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// measured is a resource that CloudWatch keeps metrics of: the CDK's types know the dimensions of their own.
type measured interface {
	Metric(metricName *string, props *awscloudwatch.MetricOptions) awscloudwatch.Metric
}

// metric of a resource, by the minute: CDK's five minutes hide how a spike began. A label is for graphs.
func metric(of measured, name, statistic, label string) awscloudwatch.Metric {
	return of.Metric(&name, options(statistic, label))
}

func options(statistic, label string) *awscloudwatch.MetricOptions {
	o := &awscloudwatch.MetricOptions{Statistic: &statistic, Period: awscdk.Duration_Minutes(jsii.Number(1))}
	if label != "" {
		o.Label = &label
	}
	return o
}

// putItem is a metric that DynamoDB keeps an operation: by the table alone, CloudWatch finds nothing.
func (m *OrderMonitoring) putItem(name, statistic, label string) awscloudwatch.Metric {
	table := m.settings.Pipeline.Table()
	o := options(statistic, label)
	o.DimensionsMap = &map[string]*string{"TableName": table.TableName(), "Operation": jsii.String("PutItem")}
	return table.Metric(&name, o)
}

// own is a metric that a function writes into its log, see docs/operations.md.
func own(function awslambda.IFunction, name, label string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(contract.MetricNamespace),
		MetricName:    &name,
		DimensionsMap: &map[string]*string{"FunctionName": function.FunctionName()},
		Statistic:     jsii.String("Sum"),
		Period:        awscdk.Duration_Minutes(jsii.Number(1)),
		Label:         &label,
	})
}

func (m *OrderMonitoring) stage() measured               { return m.settings.API.Stage() }
func (m *OrderMonitoring) processor() awslambda.Function { return m.settings.Pipeline.Processor() }
func (m *OrderMonitoring) publisher() awslambda.Function { return m.settings.Pipeline.Publisher() }
