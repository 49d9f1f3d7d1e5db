package contract

// MetricNamespace is the CloudWatch namespace of the custom metrics, which the functions write into
// their log lines (embedded metric format). Their one dimension is [DimensionFunctionName].
const MetricNamespace = "OrderPipeline"

// DimensionFunctionName is the dimension of the custom metrics.
const DimensionFunctionName = "FunctionName"

// The custom metrics. All of them but [MetricOldestFailureAge] are counts.
const (
	// MetricOrdersReceived counts order documents that the processor received, redeliveries included.
	MetricOrdersReceived = "OrdersReceived"
	// MetricOrdersStored counts orders written to the table.
	MetricOrdersStored = "OrdersStored"
	// MetricOrdersDuplicate counts orders that were stored already.
	MetricOrdersDuplicate = "OrdersDuplicate"
	// MetricOrdersRefused counts refused documents, whatever the reason.
	MetricOrdersRefused = "OrdersRefused"
	// MetricEventsPublished counts events that the topic accepted.
	MetricEventsPublished = "EventsPublished"
	// MetricEventsFailed counts failure records that the publisher sent to the on-failure queue.
	MetricEventsFailed = "EventsFailed"
	// MetricOldestFailureAge is the age in seconds of the oldest message that the processor reports
	// as failed. It has data only when a message fails. The queue's own age metric leaves out
	// messages that were received three times or more (Amazon SQS, "Available CloudWatch metrics").
	MetricOldestFailureAge = "OldestFailureAge"
)

// CustomMetrics lists the custom metrics that every batch emits. [MetricOldestFailureAge] is not
// among them: CloudWatch bills a metric for the hours in which it has data.
func CustomMetrics() []string {
	return []string{
		MetricOrdersReceived, MetricOrdersStored, MetricOrdersDuplicate, MetricOrdersRefused,
		MetricEventsPublished, MetricEventsFailed,
	}
}
