package ordermonitoring

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// measured is a resource with CloudWatch metrics. CDK's types know their dimensions.
type measured interface {
	Metric(metricName *string, props *awscloudwatch.MetricOptions) awscloudwatch.Metric
}

// metric is a metric of a resource with a period of one minute: CDK's default of five minutes hides
// how a spike began. The label is for graphs.
func metric(of measured, name, statistic, label string) awscloudwatch.Metric {
	return of.Metric(&name, options(statistic, label))
}

func options(statistic, label string) *awscloudwatch.MetricOptions {
	o := &awscloudwatch.MetricOptions{Statistic: &statistic, Period: minute()}
	if label != "" {
		o.Label = &label
	}
	return o
}

// customMetric is a metric that a function writes into its log, see docs/operations.md.
func customMetric(function awslambda.IFunction, name, label string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:  jsii.String(contract.MetricNamespace),
		MetricName: &name,
		DimensionsMap: &map[string]*string{
			contract.DimensionFunctionName: function.FunctionName(),
		},
		Statistic: jsii.String("Sum"),
		Period:    minute(),
		Label:     &label,
	})
}

func minute() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(1)) }
func hour() awscdk.Duration   { return awscdk.Duration_Hours(jsii.Number(1)) }

func (m *OrderMonitoring) processor() awslambda.Function { return m.settings.Pipeline.Processor() }
func (m *OrderMonitoring) publisher() awslambda.Function { return m.settings.Pipeline.Publisher() }
