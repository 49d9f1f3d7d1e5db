// Package deployment knows how a deployed orders stack is called and what it tells about itself. It needs no CDK: the
// stacks and the operator's command share it.
package deployment

// StackName is the name of an environment's orders stack.
func StackName(env string) string { return "OrderPipeline-" + env }

// LocalRegion is the region of the local environment, whatever the machine's settings say.
const LocalRegion = "us-east-1"

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

// OutputSubscriberQueueURL is the output of a subscriber's queue.
func OutputSubscriberQueueURL(name string) string {
	return outputSubscriber + name + outputQueueURL
}

// OutputSubscriberDeadLetterQueueURL is the output of a subscriber's dead-letter queue.
func OutputSubscriberDeadLetterQueueURL(name string) string {
	return outputSubscriber + name + outputDeadLetter + outputQueueURL
}
