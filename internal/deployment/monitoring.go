package deployment

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// AlarmProfile is which alarms an environment was deployed with: none, core or full; "" when it has no monitoring stack.
func AlarmProfile(ctx context.Context, cfg aws.Config, env string) (string, error) {
	stack, err := find(ctx, cfg, contract.MonitoringStackName(env))
	if err != nil || stack == nil {
		return "", err
	}
	for _, output := range stack.Outputs {
		if aws.ToString(output.OutputKey) == contract.OutputAlarmProfile {
			return aws.ToString(output.OutputValue), nil
		}
	}
	return "", nil
}
