package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"

	"github.com/orderpipeline/orderpipeline/constructs/internal/metric"
)

// The metrics of the stage. On an API that was brought along, they count all that it offers. Options that are left out
// have the statistic named with each metric, and a period of a minute; nil options are fine.

// MetricCalls is the calls (Sum).
func (a *OrderAPI) MetricCalls(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.metric("Count", "Sum", options)
}

// MetricClientErrors is the calls that were answered with 4xx (Sum).
func (a *OrderAPI) MetricClientErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.metric("4XXError", "Sum", options)
}

// MetricServerErrors is the calls that were answered with 5xx (Sum): orders that were not accepted.
func (a *OrderAPI) MetricServerErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.metric("5XXError", "Sum", options)
}

// MetricLatency is how long the calls took, in milliseconds (p99).
func (a *OrderAPI) MetricLatency(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.metric("Latency", "p99", options)
}

func (a *OrderAPI) metric(name, statistic string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	namespace := "AWS/ApiGateway"
	dimensions := map[string]*string{"ApiName": a.api.RestApiName()}
	if stage := a.stageName(); stage != nil {
		dimensions["Stage"] = stage
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{Namespace: &namespace, MetricName: &name, DimensionsMap: &dimensions}).
		With(metric.Options(options, statistic, nil))
}
