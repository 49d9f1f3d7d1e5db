package deployment

// MonitoringStackName is the name of an environment's monitoring stack.
func MonitoringStackName(env string) string { return StackName(env) + "-Monitoring" }

// AccountStackName is the name of the opt-in stack for what is one an account and region.
const AccountStackName = "OrderPipeline-Account"

// The outputs of the monitoring stack.
const (
	OutputCriticalTopicARN = "CriticalTopicArn"
	OutputWarningTopicARN  = "WarningTopicArn"
	OutputDashboardName    = "DashboardName"
)
