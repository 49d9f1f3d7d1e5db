package deployment

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// MonitoringStackName is the name of an environment's monitoring stack.
func MonitoringStackName(env string) string { return StackName(env) + "-Monitoring" }

// AccountStackName is the name of the opt-in stack for what is one an account and region.
const AccountStackName = "OrderPipeline-Account"

// The outputs of the monitoring stack.
const (
	OutputCriticalTopicARN = "CriticalTopicArn"
	OutputWarningTopicARN  = "WarningTopicArn"
	OutputDashboardName    = "DashboardName"
	OutputAlarmProfile     = "AlarmProfile" // none, core or full
)

// AlarmProfile is which alarms an environment was deployed with: none, core or full; "" when it has no monitoring stack.
func AlarmProfile(ctx context.Context, cfg aws.Config, env string) (string, error) {
	stack, err := find(ctx, cfg, MonitoringStackName(env))
	if err != nil || stack == nil {
		return "", err
	}
	for _, output := range stack.Outputs {
		if aws.ToString(output.OutputKey) == OutputAlarmProfile {
			return aws.ToString(output.OutputValue), nil
		}
	}
	return "", nil
}
