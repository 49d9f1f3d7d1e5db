package contract

import "time"

// Limits of AWS. Each names its page.
const (
	// MaxMessageBytes is the largest message of SQS and of SNS, attributes included (Amazon SQS,
	// "Message quotas"; Amazon SNS, "Publishing large messages").
	MaxMessageBytes = 1024 * 1024
	// DefaultTopicBytes is the message size limit of a topic that does not set one (Amazon SNS,
	// "Publishing large messages").
	DefaultTopicBytes = 256 * 1024
	// MaxItemBytes is the largest item of DynamoDB, attribute names included (Amazon DynamoDB,
	// "Quotas").
	MaxItemBytes = 400 * 1024
	// MaxEventAttributes is the most document fields that can become message attributes: SNS
	// delivers at most ten with raw delivery (Amazon SNS, "Raw message delivery"), and
	// [AttributeEventType] is one of them.
	MaxEventAttributes = 9
	// MaxBatchEntries is the most entries of one batch call of SQS and of SNS (Amazon SQS, "Message
	// quotas"; Amazon SNS, PublishBatch).
	MaxBatchEntries = 10
	// MaxMessageRetention is the longest retention of a queue (Amazon SQS, "Message quotas").
	MaxMessageRetention = 14 * 24 * time.Hour
	// StreamRetention is how long a table's stream keeps a record (Amazon DynamoDB, "Change data
	// capture for DynamoDB Streams").
	StreamRetention = 24 * time.Hour
)

// Settings that several parts derive from.
const (
	// MessageRetention is the retention of every queue that holds orders or events. It is the
	// maximum of SQS and the minimum of the promise.
	MessageRetention = MaxMessageRetention
	// OutageTolerance is how long the queues wait out an outage before a message goes to the
	// dead-letter queue.
	OutageTolerance = 4 * time.Hour
	// StreamRecordAge is how long the publisher's event source mapping retries a record: less
	// than [StreamRetention], so that the shard moves on before the stream drops records.
	StreamRecordAge = 20 * time.Hour
	// FunctionTimeout is the default timeout of the processor and of the publisher.
	FunctionTimeout = 30 * time.Second
	// VisibilityFactor is how many function timeouts a message stays invisible: Lambda retries a
	// throttled function within that time (AWS Lambda, "Using Lambda with Amazon SQS").
	VisibilityFactor = 6
	// QueueBatchSize is the default number of messages in one invocation of the processor.
	QueueBatchSize = 10
	// StreamBatchSize is the default number of stream records in one invocation of the publisher.
	StreamBatchSize = 100
)

// The AWS calls of the functions. The SDK retries a call; each attempt is bounded, so that a call
// never takes longer than [CallBudget].
const (
	// CallAttempts is how often the SDK tries a call.
	CallAttempts = 3
	// CallAttemptTimeout bounds one attempt.
	CallAttemptTimeout = 1500 * time.Millisecond
	// CallMaxBackoff bounds the wait between two attempts.
	CallMaxBackoff = 500 * time.Millisecond
	// CallBudget is the longest that one call takes. A handler starts no call with less than this
	// left before its deadline, so that it always returns which records failed.
	CallBudget = CallAttempts*CallAttemptTimeout + (CallAttempts-1)*CallMaxBackoff
)
