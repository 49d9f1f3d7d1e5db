package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/metric"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// The Metric methods return the metrics of each leg. Unset options default to the statistic that is
// named with each metric and a period of one minute; options may be nil. SQS stops sending metrics
// for a queue that was idle for six hours, so alarms should treat missing data as not breaching.

// MetricQueueAge is the age of the oldest order in Queue, in seconds (Maximum).
func (p *OrderPipeline) MetricQueueAge(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.queue.MetricApproximateAgeOfOldestMessage(metric.Options(options, "Maximum", nil))
}

// MetricQueueDepth is the number of messages in Queue that wait for the processor (Maximum).
func (p *OrderPipeline) MetricQueueDepth(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return depth(p.queue, options)
}

// MetricDeadLetters is the number of messages in DeadLetterQueue (Maximum). Their orders are
// neither stored nor refused.
func (p *OrderPipeline) MetricDeadLetters(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return depth(p.deadLetterQueue, options)
}

// MetricRejected is the number of documents in RejectedQueue (Maximum).
func (p *OrderPipeline) MetricRejected(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return depth(p.rejectedQueue, options)
}

// MetricOnFailure is the number of messages in OnFailureQueue (Maximum): stored orders without
// a published event.
func (p *OrderPipeline) MetricOnFailure(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return depth(p.onFailureQueue, options)
}

// MetricProcessorErrors is the number of failed invocations of the processor (Sum). An
// invocation that reports some of its messages as failed is not one of them.
func (p *OrderPipeline) MetricProcessorErrors(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.processor.MetricErrors(metric.Options(options, "Sum", nil))
}

// MetricProcessorThrottles is the number of throttled invocations of the processor (Sum).
func (p *OrderPipeline) MetricProcessorThrottles(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.processor.MetricThrottles(metric.Options(options, "Sum", nil))
}

// MetricProcessorDuration is the duration of an invocation of the processor, in milliseconds
// (p99).
func (p *OrderPipeline) MetricProcessorDuration(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.processor.MetricDuration(metric.Options(options, "p99", nil))
}

// MetricOldestFailureAge is the age of the oldest message that the processor reports as failed, in
// seconds (Maximum). It has data only when a message fails, and none with DisableMetrics. Unlike
// MetricQueueAge it includes messages that were received three times or more.
func (p *OrderPipeline) MetricOldestFailureAge(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	o := metric.Options(options, "Maximum", map[string]*string{
		contract.DimensionFunctionName: p.processor.FunctionName(),
	})
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:  jsii.String(contract.MetricNamespace),
		MetricName: jsii.String(contract.MetricOldestFailureAge),
	}).With(o)
}

// MetricTableThrottles is the number of throttled writes to Table, by any operation (Sum).
// Throttled writes to an index are a metric of the index.
func (p *OrderPipeline) MetricTableThrottles(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.table.Metric(jsii.String("WriteThrottleEvents"), metric.Options(options, "Sum", nil))
}

// WriteOperations lists the operations of DynamoDB by which the processor writes orders and
// refusals. DynamoDB keeps some metrics per operation, and CloudWatch does not find them under the
// table alone.
func WriteOperations() []string { return contract.WriteOperations() }

// MetricTableErrors is the number of calls of an operation, one of WriteOperations, that failed in
// DynamoDB (Sum).
func (p *OrderPipeline) MetricTableErrors(
	operation string, options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.metricOperation(operation, "SystemErrors", "Sum", options)
}

// MetricTableLatency is the latency of an operation, one of WriteOperations, in milliseconds
// (Average, because DynamoDB has no percentiles).
func (p *OrderPipeline) MetricTableLatency(
	operation string, options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.metricOperation(operation, "SuccessfulRequestLatency", "Average", options)
}

// MetricTableConsumedWrites is the write units that the table consumed, which are what is
// charged (Sum).
func (p *OrderPipeline) MetricTableConsumedWrites(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.table.MetricConsumedWriteCapacityUnits(metric.Options(options, "Sum", nil))
}

// MetricTableConsumedReads is the read units that the table consumed (Sum).
func (p *OrderPipeline) MetricTableConsumedReads(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.table.MetricConsumedReadCapacityUnits(metric.Options(options, "Sum", nil))
}

func depth(queue awssqs.IQueue, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return queue.MetricApproximateNumberOfMessagesVisible(metric.Options(options, "Maximum", nil))
}

func (p *OrderPipeline) metricOperation(
	operation, name, statistic string, options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.table.Metric(&name, metric.Options(options, statistic, map[string]*string{
		"TableName": p.table.TableName(),
		"Operation": &operation,
	}))
}

// MetricPublisherErrors is the number of failed invocations of the publisher (Sum).
func (p *OrderPipeline) MetricPublisherErrors(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.publisher.MetricErrors(metric.Options(options, "Sum", nil))
}

// MetricPublisherThrottles is the number of throttled invocations of the publisher (Sum).
func (p *OrderPipeline) MetricPublisherThrottles(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.publisher.MetricThrottles(metric.Options(options, "Sum", nil))
}

// MetricPublisherDuration is the duration of an invocation of the publisher, in milliseconds
// (p99).
func (p *OrderPipeline) MetricPublisherDuration(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.publisher.MetricDuration(metric.Options(options, "p99", nil))
}

// MetricPublisherAge is the publisher's iterator age: the age of the stream records that it
// receives, in milliseconds (Maximum). The stream keeps records for 24 hours.
func (p *OrderPipeline) MetricPublisherAge(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.publisher.Metric(jsii.String("IteratorAge"), metric.Options(options, "Maximum", nil))
}

// MetricTopicPublished is the number of events that the topic accepted (Sum).
func (p *OrderPipeline) MetricTopicPublished(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.topic.MetricNumberOfMessagesPublished(metric.Options(options, "Sum", nil))
}

// MetricTopicDelivered is the number of events that SNS delivered to subscribers (Sum).
func (p *OrderPipeline) MetricTopicDelivered(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.topic.MetricNumberOfNotificationsDelivered(metric.Options(options, "Sum", nil))
}

// MetricTopicFailed is the number of events that SNS could not deliver to a subscriber (Sum).
// They are in the subscriber's dead-letter queue.
func (p *OrderPipeline) MetricTopicFailed(
	options *awscloudwatch.MetricOptions,
) awscloudwatch.Metric {
	return p.topic.MetricNumberOfNotificationsFailed(metric.Options(options, "Sum", nil))
}
