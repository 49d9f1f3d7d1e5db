// Package metric fills in the options of metrics.
package metric

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// Options fills in what the caller left unset: the statistic, a period of one minute (CDK's default
// of five minutes hides how a spike began), and the dimensions, where CDK's own are not enough.
func Options(
	given *awscloudwatch.MetricOptions, statistic string, dimensions map[string]*string,
) *awscloudwatch.MetricOptions {
	var o awscloudwatch.MetricOptions
	if given != nil {
		o = *given
	}
	if o.Statistic == nil {
		o.Statistic = &statistic
	}
	if o.Period == nil {
		o.Period = awscdk.Duration_Minutes(jsii.Number(1))
	}
	if o.DimensionsMap == nil && dimensions != nil {
		o.DimensionsMap = &dimensions
	}
	return &o
}
