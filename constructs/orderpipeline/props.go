package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/orderpipeline/orderpipeline/order"
)

// OrderPipelineProps configures an [OrderPipeline]. The zero value, and a nil pointer, are safe for production.
type OrderPipelineProps struct {
	// Schema of the order document. Default: [order.DefaultSchema]. The packaged processor knows only that one, so another
	// needs Processor.Function.Code as well, with a processor that validates with the same schema.
	Schema *order.Schema
	// RemovalPolicy of everything that holds orders or tells of them: the table, the queues, the logs. Default: RETAIN, they
	// outlive the stack.
	RemovalPolicy awscdk.RemovalPolicy

	// Queue that takes the orders in, with its dead-letter queue.
	Queue QueueProps
	// Processor that stores the orders.
	Processor ProcessorProps
	// Table of the orders.
	Table TableProps
	// Publisher that tells the topic of each stored order.
	Publisher PublisherProps
	// Topic of the events.
	Topic TopicProps
}

// QueueProps configures the queue that takes the orders in. Not to be set, since it follows from other props: the
// visibility timeout (6 × the processor's timeout + the batching window) and the message size limit (the topic's, less
// [order.EnvelopeReserve]). All queues keep messages for 14 days, the longest that SQS can.
type QueueProps struct {
	// MaxReceiveCount is how often a message is tried before it goes to the dead-letter queue, at most 1000. Default: the
	// fewest tries that wait out an outage of 4 hours (80 with the default timeouts), which is also the least allowed.
	MaxReceiveCount int
}

// ProcessorProps configures the function between queue and table.
type ProcessorProps struct {
	// Function settings. The timeout's default is 30 s.
	Function FunctionProps
	// BatchSize is the most messages of one invocation, 1 to 10000. Above 10 it needs a BatchingWindow. Default: 10.
	BatchSize int
	// BatchingWindow is how long a batch is gathered, whole seconds, 0 to 300 s. Default: 0, not at all.
	BatchingWindow awscdk.Duration
	// MaxConcurrency is the most invocations at a time, 2 to 1000. Default: 0, as many as Lambda gives.
	MaxConcurrency int
}

// TableProps configures the table of the orders: on demand, with a stream, key and TTL as in the order package.
type TableProps struct {
	// DisablePointInTimeRecovery switches the continuous backups of the last 35 days off. Default: false, they are on.
	DisablePointInTimeRecovery bool
	// DeletionProtection makes DynamoDB refuse to delete the table. Default: true when RemovalPolicy is RETAIN, else false.
	DeletionProtection *bool
}

// PublisherProps configures the function between the table's stream and the topic.
type PublisherProps struct {
	// Function settings. The timeout's default is 30 s.
	Function FunctionProps
	// Event says who speaks, and of what. Default: [order.DefaultEventSource], [order.DefaultEventType]. Once events are out,
	// a change of either is a new kind of event to its subscribers.
	Event order.EventFormat
	// EventAttributes names the document's top-level text fields that become message attributes, for the filter policies of
	// subscribers; at most 9, since SNS delivers 10 and the event's type is one. Default: none.
	EventAttributes []string
	// BatchSize is the most stream records of one invocation, 1 to 10000. Default: 100.
	BatchSize int
	// BatchingWindow is how long a batch is gathered, whole seconds, 0 to 300 s. Default: 0, not at all.
	BatchingWindow awscdk.Duration
	// ParallelizationFactor is how many batches of one shard are published at a time, 1 to 10. Default: 1.
	ParallelizationFactor int
}

// TopicProps configures the topic of the events.
type TopicProps struct {
	// MaxMessageSizeBytes is the most that an event may weigh, 32768 to 1048576. Default: 262144, SNS's own. Above that, SNS
	// takes subscribers of SQS, Lambda and Firehose only. It also bounds what the queue takes in, so that what cannot be
	// published is refused at the door.
	MaxMessageSizeBytes int
}

// FunctionProps configures a Lambda function.
type FunctionProps struct {
	// Code of the function, for the runtime provided.al2023. Default: this module's own, built at synth. It must be built
	// for Architecture.
	Code awslambda.Code
	// Architecture of the function. Default: ARM_64.
	Architecture awslambda.Architecture
	// MemoryMiB is its memory, which its share of the processor follows, 128 to 10240 MiB. Default: 256.
	MemoryMiB int
	// Timeout of an invocation, whole seconds, 1 to 900 s. The default is with each function.
	Timeout awscdk.Duration
	// Environment is further variables of the function, for code of your own. The construct's own cannot be replaced.
	Environment map[string]string
	// Tracing switches AWS X-Ray on, which is charged a trace. Default: false.
	Tracing bool
	// LogRetention of the function's log group. Default: ONE_MONTH.
	LogRetention awslogs.RetentionDays
}

// SubscriberProps configures a subscriber, see [OrderPipeline.AddSubscriber]. The zero value, and a nil pointer, get every
// event.
type SubscriberProps struct {
	// FilterPolicy lets only some events through, by message attribute: "type", and those of PublisherProps.EventAttributes.
	// Default: all events.
	FilterPolicy map[string]awssns.SubscriptionFilter
	// VisibilityTimeout of the queue, 0 to 43200 s: longer than its reader takes for a message (6 × the timeout of a Lambda
	// function). Default: 180 s.
	VisibilityTimeout awscdk.Duration
	// MaxReceiveCount is how often the reader may try an event before it goes to the dead-letter queue, 1 to 1000. Default: the
	// fewest tries that last 4 hours (80 with the default timeout).
	MaxReceiveCount int
}
