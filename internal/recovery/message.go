package recovery

import (
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// Message is a stuck message, as an operator sees it.
type Message struct {
	// ID is the message id. A message that is sent again gets a new one.
	ID string
	// OrderIDs are the ids of the orders in the message: one, or all usable ones of a batch. It is
	// empty when none can be found.
	OrderIDs []string
	// Reason is why the message is on the queue: the processor's reason code, or the error code of
	// SNS. It is empty for a message that was received too often.
	Reason string
	// Pointer is the JSON pointer of the refusal. It is empty for the whole document.
	Pointer string
	// SentAt is when the message was first sent. A message that SQS itself moved to a dead-letter
	// queue keeps its time.
	SentAt time.Time
	// AcceptedAt is when the order was first accepted, before it was rejected or redriven: the
	// message attribute, or SentAt without one.
	AcceptedAt time.Time
	// Receives counts how often the message was received, this time included. A move by SQS to a
	// dead-letter queue does not reset it.
	Receives int
	// Body is the body of the message.
	Body string

	attributes map[string]types.MessageAttributeValue
}

// attrCode is the attribute with which SNS says why it could not deliver an event (Amazon SNS,
// "Dead-letter queues").
const attrCode = "ErrorCode"

// failureAttributes are the attributes that the processor adds to a refused document, and SNS to an
// event that it could not deliver (Amazon SNS, "Dead-letter queues"). They are not sent on: they
// say nothing about the message's next attempt, and would count towards the ten that fit.
var failureAttributes = []string{
	contract.AttributeReason, contract.AttributePointer, contract.AttributeOrderID,
	contract.AttributeMessageID, contract.AttributeBatchIndex,
	attrCode, "ErrorMessage", "RequestID",
}

func readMessage(m types.Message) Message {
	text := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	read := Message{
		ID:         aws.ToString(m.MessageId),
		Reason:     text(contract.AttributeReason),
		Pointer:    text(contract.AttributePointer),
		Body:       aws.ToString(m.Body),
		attributes: m.MessageAttributes,
	}
	if read.Reason == "" {
		read.Reason = text(attrCode)
	}
	system := func(name types.MessageSystemAttributeName) string { return m.Attributes[string(name)] }
	sent := system(types.MessageSystemAttributeNameSentTimestamp)
	if ms, err := strconv.ParseInt(sent, 10, 64); err == nil {
		read.SentAt = time.UnixMilli(ms)
	}
	read.AcceptedAt = read.SentAt
	accepted, err := time.Parse(order.TimeFormat, text(contract.AttributeAcceptedAt))
	if err == nil {
		read.AcceptedAt = accepted
	}
	read.Receives, _ = strconv.Atoi(system(types.MessageSystemAttributeNameApproximateReceiveCount))
	if id := text(contract.AttributeOrderID); id != "" {
		read.OrderIDs = []string{id}
	} else {
		read.OrderIDs = orderIDs([]byte(read.Body))
	}
	return read
}

// defaultSchema is compiled for the first document: compiling takes longer than parsing.
var defaultSchema = sync.OnceValue(order.DefaultSchema)

// orderIDs finds the orders in a body: an event, an order, or a batch of orders.
func orderIDs(body []byte) (ids []string) {
	var event struct {
		SpecVersion string `json:"specversion"`
		Subject     string `json:"subject"`
	}
	if json.Unmarshal(body, &event) == nil && event.SpecVersion != "" && event.Subject != "" {
		return []string{event.Subject}
	}
	documents, _, refusal := order.Split(body)
	if refusal != nil {
		return nil
	}
	for _, document := range documents {
		if o, _ := defaultSchema().Parse(document); o.ID != "" && !slices.Contains(ids, o.ID) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// forwarded are the attributes with which the message is sent on. Filter policies and readers of
// raw deliveries need them.
func (m Message) forwarded() map[string]types.MessageAttributeValue {
	attributes := map[string]types.MessageAttributeValue{}
	for name, value := range m.attributes {
		if !slices.Contains(failureAttributes, name) {
			attributes[name] = value
		}
	}
	return attributes
}
