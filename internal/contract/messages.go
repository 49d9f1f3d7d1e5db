package contract

// Message attributes of a document on the rejected queue. The body is the bare document.
const (
	// AttributeReason is the code of the refusal.
	AttributeReason = "reason"
	// AttributePointer is the JSON pointer of the refusal; absent for the whole document.
	AttributePointer = "pointer"
	// AttributeOrderID is the order id; absent when the document has no usable one.
	AttributeOrderID = "orderId"
	// AttributeMessageID is the id of the queue message that brought the document.
	AttributeMessageID = "messageId"
	// AttributeBatchIndex is the document's place in its batch, from 0; absent outside a batch.
	AttributeBatchIndex = "batchIndex"
)

// AttributeAcceptedAt is the message attribute that keeps the time at which an order was first
// accepted (UTC, RFC 3339 with milliseconds). The queue does not know it any more once a document
// was rejected or redriven, because SQS dates each message by when it was sent. It is on documents
// on the rejected queue and on redriven orders.
const AttributeAcceptedAt = "acceptedAt"

// AttributeEventType is the message attribute that every event carries: its CloudEvents type.
const AttributeEventType = "type"

// FailureRecord is the body of a message that the publisher sends to the on-failure queue: which
// event could not be published, and why. The order itself stays in the table.
type FailureRecord struct {
	// Source is always [FailureSource]. It tells the record from those that Lambda sends to the
	// same queue.
	Source string `json:"source"`
	// Version is the version of this format, [FailureVersion].
	Version int `json:"version"`
	// OrderID and EventID name the order and its event. Both are empty when the stream record had
	// no order id.
	OrderID string `json:"orderId"`
	EventID string `json:"eventId"`
	// SequenceNumber is that of the stream record. It is empty when a replay sends the failure record.
	SequenceNumber string `json:"sequenceNumber"`
	// Reason is one of the Failure constants.
	Reason string `json:"reason"`
}

const (
	// FailureSource is the Source of every [FailureRecord].
	FailureSource = "orderpipeline.publisher"
	// FailureVersion is the Version of every [FailureRecord].
	FailureVersion = 1

	// FailureTooLarge is the Reason of an event that exceeds the topic's message size limit.
	FailureTooLarge = "too-large"
	// FailureInvalidParameter is the Reason of an event that SNS calls invalid.
	FailureInvalidParameter = "invalid-parameter"
	// FailureInvalidImage is the Reason of a stream record that lacks an attribute of an order.
	FailureInvalidImage = "invalid-image"
	// FailureInternal is the Reason of a stream record on which the publisher panicked.
	FailureInternal = "internal"
)
