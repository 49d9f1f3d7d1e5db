package contract

// MetricNamespace is the CloudWatch namespace of the custom metrics, which the functions write into
// their log lines (embedded metric format). Their one dimension is [DimensionFunctionName].
const MetricNamespace = "OrderPipeline"

// DimensionFunctionName is the dimension of the custom metrics.
const DimensionFunctionName = "FunctionName"

// The custom metrics. All of them are counts.
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
)

// CustomMetrics lists the custom metrics.
func CustomMetrics() []string {
	return []string{
		MetricOrdersReceived, MetricOrdersStored, MetricOrdersDuplicate, MetricOrdersRefused,
		MetricEventsPublished, MetricEventsFailed,
	}
}
