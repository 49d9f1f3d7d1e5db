package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/metric"
)

// The metrics of each leg. Options that are left out have the statistic named with each metric, and a period of a minute;
// nil options are fine. SQS stops its metrics when a queue was idle for six hours: let alarms take missing data for good.

// MetricQueueAge is the age of the oldest order that waits for the processor, in seconds (Maximum).
func (p *OrderPipeline) MetricQueueAge(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.queue.MetricApproximateAgeOfOldestMessage(metric.Options(options, "Maximum", nil))
}

// MetricQueueDepth is the messages that wait for the processor (Maximum).
func (p *OrderPipeline) MetricQueueDepth(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.queue.MetricApproximateNumberOfMessagesVisible(metric.Options(options, "Maximum", nil))
}

// MetricDeadLetters is the messages in DeadLetterQueue (Maximum): orders that are neither stored nor refused.
func (p *OrderPipeline) MetricDeadLetters(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.deadLetterQueue.MetricApproximateNumberOfMessagesVisible(metric.Options(options, "Maximum", nil))
}

// MetricRejected is the documents in RejectedQueue (Maximum).
func (p *OrderPipeline) MetricRejected(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.rejectedQueue.MetricApproximateNumberOfMessagesVisible(metric.Options(options, "Maximum", nil))
}

// MetricOnFailure is the messages in OnFailureQueue (Maximum): stored orders whose event was not published.
func (p *OrderPipeline) MetricOnFailure(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.onFailedQueue.MetricApproximateNumberOfMessagesVisible(metric.Options(options, "Maximum", nil))
}

// MetricProcessorErrors is the processor's invocations that failed altogether (Sum); one with an answer in part did not.
func (p *OrderPipeline) MetricProcessorErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.processor.MetricErrors(metric.Options(options, "Sum", nil))
}

// MetricProcessorThrottles is the processor's invocations that Lambda did not run (Sum).
func (p *OrderPipeline) MetricProcessorThrottles(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.processor.MetricThrottles(metric.Options(options, "Sum", nil))
}

// MetricProcessorDuration is how long the processor takes for a batch, in milliseconds (p99).
func (p *OrderPipeline) MetricProcessorDuration(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.processor.MetricDuration(metric.Options(options, "p99", nil))
}

// MetricTableThrottles is the writes of orders that DynamoDB throttled (Sum).
func (p *OrderPipeline) MetricTableThrottles(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.metricPutItem("ThrottledRequests", "Sum", options)
}

// MetricTableErrors is the writes of orders that DynamoDB failed (Sum).
func (p *OrderPipeline) MetricTableErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.metricPutItem("SystemErrors", "Sum", options)
}

// MetricTableLatency is how long DynamoDB takes to write an order, in milliseconds (Average: it keeps no percentiles).
func (p *OrderPipeline) MetricTableLatency(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.metricPutItem("SuccessfulRequestLatency", "Average", options)
}

// MetricTableConsumedWrites is the write units that the table took, which is what is paid (Sum).
func (p *OrderPipeline) MetricTableConsumedWrites(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.table.MetricConsumedWriteCapacityUnits(metric.Options(options, "Sum", nil))
}

// MetricTableConsumedReads is the read units that the table took (Sum).
func (p *OrderPipeline) MetricTableConsumedReads(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.table.MetricConsumedReadCapacityUnits(metric.Options(options, "Sum", nil))
}

// metricPutItem is a metric that DynamoDB keeps an operation: without one, CloudWatch finds nothing.
func (p *OrderPipeline) metricPutItem(name, statistic string, options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.table.Metric(&name, metric.Options(options, statistic, map[string]*string{
		"TableName": p.table.TableName(),
		"Operation": jsii.String("PutItem"),
	}))
}

// MetricPublisherErrors is the publisher's invocations that failed altogether (Sum).
func (p *OrderPipeline) MetricPublisherErrors(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.publisher.MetricErrors(metric.Options(options, "Sum", nil))
}

// MetricPublisherThrottles is the publisher's invocations that Lambda did not run (Sum).
func (p *OrderPipeline) MetricPublisherThrottles(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.publisher.MetricThrottles(metric.Options(options, "Sum", nil))
}

// MetricPublisherDuration is how long the publisher takes for a batch, in milliseconds (p99).
func (p *OrderPipeline) MetricPublisherDuration(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.publisher.MetricDuration(metric.Options(options, "p99", nil))
}

// MetricPublisherAge is how old the stream records are that the publisher gets, in milliseconds (Maximum). The stream keeps
// them for 24 hours.
func (p *OrderPipeline) MetricPublisherAge(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.publisher.Metric(jsii.String("IteratorAge"), metric.Options(options, "Maximum", nil))
}

// MetricTopicPublished is the events that the topic took (Sum).
func (p *OrderPipeline) MetricTopicPublished(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.topic.MetricNumberOfMessagesPublished(metric.Options(options, "Sum", nil))
}

// MetricTopicDelivered is the events that subscribers took (Sum).
func (p *OrderPipeline) MetricTopicDelivered(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.topic.MetricNumberOfNotificationsDelivered(metric.Options(options, "Sum", nil))
}

// MetricTopicFailed is the events that could not be delivered to a subscriber (Sum); they are in its dead-letter queue.
func (p *OrderPipeline) MetricTopicFailed(options *awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return p.topic.MetricNumberOfNotificationsFailed(metric.Options(options, "Sum", nil))
}
