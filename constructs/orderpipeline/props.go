package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"

	"github.com/orderpipeline/orderpipeline/order"
)

// OrderPipelineProps configures an [OrderPipeline]. The zero value, and a nil pointer, are safe for production.
type OrderPipelineProps struct {
	// Schema of the order document, see [order.NewSchema]. Default: [order.DefaultSchema]. The packaged processor gets another
	// one as the file [SchemaFile] beside it; so must a processor of your own Code that is to know it.
	Schema *order.Schema
	// EncryptionKey of the customer's, for the queues, the table and the topic that the construct makes; not for logs, nor for
	// what is brought along. Who gets a grant from the construct may use the key as far as that takes. AWS's own keys
	// (alias/aws/...) are refused, since they let no service in. The stack must name its region, since a table has a key a
	// region. Default: keys of the services' own, at no charge.
	EncryptionKey awskms.IKey
	// RemovalPolicy of everything that holds orders or tells of them: the table, the queues, the logs. Default: RETAIN, they
	// outlive the stack.
	RemovalPolicy awscdk.RemovalPolicy
	// DisableMetrics leaves the six metrics of the pipeline's own (orders received, stored, duplicate and refused, events published and
	// put aside) out of the functions' log lines. CloudWatch takes 0.30 USD a month for each metric beyond the ten that an
	// organisation has for free. Default: false, they are there.
	DisableMetrics bool

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
// [order.EnvelopeReserve]). Nor is there a retention: no order expires in less than 14 days, and SQS keeps none for longer.
type QueueProps struct {
	// Existing is a standard queue that is brought along. What its maker left open (visibility timeout, retention, size
	// limit, dead-letter queue) is filled in as if it were the construct's own; what is set and would lose orders is refused.
	// An imported queue cannot be changed: a warning at synth says what must be set on it. Default: a queue is made.
	Existing awssqs.IQueue
	// ExistingDeadLetterQueue is that of an Existing queue which is imported, or has none yet. Default: a queue is made.
	ExistingDeadLetterQueue awssqs.IQueue
	// MaxReceiveCount is how often a message is tried before it goes to the dead-letter queue, at most 1000. Default: the
	// fewest tries that wait out an outage of 4 hours (80 with the default timeouts), which is also the least allowed. Not with
	// an Existing queue that has a dead-letter queue: that says so itself.
	MaxReceiveCount int
}

// ProcessorProps configures the function between queue and table.
type ProcessorProps struct {
	// Function settings. The timeout's default is 30 s. Code of your own, which may have a business step (processor.Step), may
	// check items as well as put them.
	Function FunctionProps
	// BatchSize is the most messages of one invocation, 1 to 10000. Above 10 it needs a BatchingWindow. Default: 10.
	BatchSize int
	// BatchingWindow is how long a batch is gathered, whole seconds, 0 to 300 s. Default: 0, not at all.
	BatchingWindow awscdk.Duration
	// MaxConcurrency is the most invocations at a time, 2 to 1000; with Function.ReservedConcurrency, at most that. Default: 0,
	// as many as Lambda gives.
	MaxConcurrency int
}

// TableProps configures the table of the orders: on demand, with a stream, key and TTL as in the order package.
type TableProps struct {
	// Existing is a table that is brought along: keys orderId and item, both strings, a stream with new images, and
	// expiresAt as TTL attribute (which is filled in where it is missing). An imported one needs TableStreamArn
	// (TableV2_FromTableAttributes), and cannot be checked: a warning at synth says what must hold. Of the other props, only
	// IndexedFields and OrderTTL go with it. Default: a table is made.
	Existing awsdynamodb.ITableV2
	// Indexes by fields of the document. A field that a document has not, or not as text, leaves its order out of the index.
	// DynamoDB adds or takes away one index a deployment, once the table is there. At most 20. Default: none.
	Indexes []IndexProps
	// IndexedFields names further top-level text fields of the document that are written as attributes of the order's item,
	// for indexes of an Existing table or for readers of the stream: channel becomes index_channel. Values that an attribute of
	// an event could not carry (empty, above 256 bytes, control characters) are left out. At most 8 fields, those of Indexes
	// included. Orders that are stored already stay as they are. Default: none.
	IndexedFields []string
	// Replicas of the table in other regions, to read from: orders are stored where the stack is, and nowhere else. The stack
	// must name its region. Default: none.
	Replicas []ReplicaProps
	// OrderTTL is how long an order is kept after it was stored, in whole seconds, 28 days to 100 years. When it is gone, so
	// is its identity: the same document is a new order then. Hence no less than a message may stay in the queue and the
	// dead-letter queue together. Default: nil, for ever.
	OrderTTL awscdk.Duration
	// DisablePointInTimeRecovery switches the continuous backups of the last 35 days off. Default: false, they are on.
	DisablePointInTimeRecovery bool
	// DeletionProtection makes DynamoDB refuse to delete the table. Default: true when RemovalPolicy is RETAIN, else false.
	DeletionProtection *bool
}

// IndexProps is a global secondary index over the stored orders.
type IndexProps struct {
	// Field of the document, on its top level and a text, that orders are found by. Required.
	Field string
	// SortField is another such field, which sorts the orders of one Field. Default: the time when they were stored (storedAt).
	SortField string
	// Name of the index; a new name is a new index. Default: "index_" + Field.
	Name string
	// Projection is what the index holds beside the keys: KEYS_ONLY or ALL, which doubles what is stored and written. Default:
	// KEYS_ONLY; the orders are got from the table.
	Projection awsdynamodb.ProjectionType
}

// ReplicaProps is a replica of the table.
type ReplicaProps struct {
	// Region of the replica, other than the stack's. Required.
	Region string
	// EncryptionKeyARN is the customer's key in that region. Required with OrderPipelineProps.EncryptionKey, else not allowed.
	EncryptionKeyARN string
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
	// Existing is a standard topic that is brought along. The publisher is allowed to publish to it; else it is left as it is.
	// Default: a topic is made.
	Existing awssns.ITopic
	// MaxMessageSizeBytes is the most that an event may weigh, 32768 to 1048576. Default: 262144, SNS's own. Above that, SNS
	// takes subscribers of SQS, Lambda and Firehose only. It also bounds what the queue takes in, so that what cannot be
	// published is refused at the door. With an Existing topic, say what that one takes.
	MaxMessageSizeBytes int
}

// FunctionProps configures a Lambda function.
type FunctionProps struct {
	// Code of the function, for the runtime provided.al2023. Default: this module's own, built at synth. It must be built
	// for Architecture.
	Code awslambda.Code
	// Architecture of the function. Default: ARM_64.
	Architecture awslambda.Architecture
	// MemoryMiB is its memory, which its share of the processor follows, 128 to 10240 MiB. Default: 256; 1024 for
	// the processor where Topic.MaxMessageSizeBytes is above 262144.
	MemoryMiB int
	// Timeout of an invocation, whole seconds, 1 to 900 s. The default is with each function.
	Timeout awscdk.Duration
	// ReservedConcurrency is how many invocations at a time are kept free for the function, and the most it gets, out of the
	// account's. The processor's needs Processor.MaxConcurrency, of at most that: pollers would go on receiving, and messages
	// that are throttled count as tried. Default: 0, none.
	ReservedConcurrency int
	// Environment is further variables of the function, for code of your own. The construct's own cannot be replaced.
	Environment map[string]string
	// Tracing switches AWS X-Ray on, which is charged a trace. Default: false.
	Tracing bool
	// LogRetention of the function's log group. Default: ONE_MONTH.
	LogRetention awslogs.RetentionDays
	// Role of the function. It gets the permissions that a role of the construct's would get; one that CDK does not change
	// (imported as not mutable, or Role.WithoutPolicyUpdates) must have them already: a warning at synth lists them. Default: a
	// role is made.
	Role awsiam.IRole
	// VPC that the function runs in. From there it must reach what it calls, through endpoints of the VPC or a NAT gateway:
	// the processor DynamoDB and SQS, the publisher SNS and SQS, the API's status function DynamoDB. Default: nil, in none.
	VPC awsec2.IVpc
	// Subnets of the VPC. Default: the private ones.
	Subnets *awsec2.SubnetSelection
	// SecurityGroups in the VPC. Default: one is made that lets everything out.
	SecurityGroups []awsec2.ISecurityGroup
}
