package contract

// EnvironmentLocal is the environment that runs on the emulator.
const EnvironmentLocal = "local"

// LocalRegion is the region of the local environment, whatever the machine's settings say.
const LocalRegion = "us-east-1"

// StackName is the name of an environment's orders stack.
func StackName(env string) string { return "OrderPipeline-" + env }

// MonitoringStackName is the name of an environment's monitoring stack.
func MonitoringStackName(env string) string { return StackName(env) + "-Monitoring" }

// CostsStackName is the name of the stack with an environment's budget, where the environment's
// region has no budgets.
func CostsStackName(env string) string { return StackName(env) + "-Costs" }

// AccountStackName is the name of the opt-in stack for account-wide settings, one per account and
// region.
const AccountStackName = "OrderPipeline-Account"

// The outputs of the orders stack.
const (
	OutputAPIID                 = "ApiId"
	OutputAPIStage              = "ApiStage"
	OutputAPIURL                = "ApiUrl" // no slash at the end
	OutputTableName             = "TableName"
	OutputQueueURL              = "QueueUrl"
	OutputDeadLetterQueueURL    = "DeadLetterQueueUrl"
	OutputRejectedQueueURL      = "RejectedQueueUrl"
	OutputOnFailureQueueURL     = "OnFailureQueueUrl"
	OutputTopicARN              = "TopicArn"
	OutputProcessorFunctionName = "ProcessorFunctionName"
	OutputPublisherFunctionName = "PublisherFunctionName"
	OutputStatusFunctionName    = "StatusFunctionName"
)

// The outputs of a subscriber are Subscriber<Name>QueueUrl and Subscriber<Name>DeadLetterQueueUrl.
const (
	// OutputSubscriberPrefix begins the names of the outputs of a subscriber.
	OutputSubscriberPrefix = "Subscriber"
	outputDeadLetter       = "DeadLetter"
)

// OutputSubscriberQueueURL is the output of a subscriber's queue.
func OutputSubscriberQueueURL(name string) string {
	return OutputSubscriberPrefix + name + OutputQueueURL
}

// OutputSubscriberDeadLetterQueueURL is the output of a subscriber's dead-letter queue.
func OutputSubscriberDeadLetterQueueURL(name string) string {
	return OutputSubscriberPrefix + name + outputDeadLetter + OutputQueueURL
}

// The outputs of the monitoring stack.
const (
	OutputCriticalTopicARN = "CriticalTopicArn"
	OutputWarningTopicARN  = "WarningTopicArn"
	OutputDashboardName    = "DashboardName"
	OutputAlarmProfile     = "AlarmProfile" // none, core or full
)

// OutputCostsTopicARN is the output of the costs stack.
const OutputCostsTopicARN = "CostsTopicArn"
