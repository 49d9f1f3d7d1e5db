package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/metric"
)

// The Metric methods return the metrics of the stage, or of the whole API where CDK does not know
// the stage. For an existing API, they include its other resources. Unset options default to the
// statistic that is named with each metric and a period of one minute; options may be nil.

// MetricRequests is the number of requests (Sum).
func (a *OrderAPI) MetricRequests(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.metric("Count", "Sum", options)
}

// MetricClientErrors is the number of requests with a 4xx response (Sum).
func (a *OrderAPI) MetricClientErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.metric("4XXError", "Sum", options)
}

// MetricServerErrors is the number of requests with a 5xx response (Sum): orders that were not
// accepted.
func (a *OrderAPI) MetricServerErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.metric("5XXError", "Sum", options)
}

// MetricLatency is the latency of requests, in milliseconds (p99).
func (a *OrderAPI) MetricLatency(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return a.metric("Latency", "p99", options)
}

// Metric returns the metric of API Gateway with this name, such as "IntegrationLatency" (Average).
func (a *OrderAPI) Metric(
	metricName *string, options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return a.metric(*metricName, "Average", options)
}

func (a *OrderAPI) metric(
	name, statistic string, options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	namespace := "AWS/ApiGateway"
	apiName := a.api.RestApiName()
	if imported(a.api) && *apiName == *a.api.Node().Id() {
		awscdk.Annotations_Of(a).AddWarningV2(jsii.String("orderapi:importedName"), jsii.String(
			"API is imported without its name, which its metrics have. Set RestApiName in "+
				"RestApi_FromRestApiAttributes. Otherwise alarms and graphs watch "+*apiName+
				", the construct's id, and see no requests."))
	}
	dimensions := map[string]*string{"ApiName": apiName}
	if stage := a.stageName(); stage != nil {
		dimensions["Stage"] = stage
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: &namespace, MetricName: &name, DimensionsMap: &dimensions,
	}).With(metric.Options(options, statistic, nil)).AttachTo(a)
}
