package publisher

import (
	"github.com/aws/aws-lambda-go/events"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// entry is one record of the stream on its way to the topic.
type entry struct {
	index          int // in the batch
	sequenceNumber string
	orderID        string
	event          []byte
	attributes     map[string]string
	size           int    // bytes, as SNS counts them
	unpublishable  string // the reason, "" when it can be published
}

// invalid is the entry as SNS sees it: it can never be published.
func (e entry) invalid() entry {
	e.unpublishable = contract.FailureInvalidParameter
	return e
}

// read makes the event of a record. ok is false for a record that is not a new order: the event source's filter drops
// these, but a mapping made by hand may lack it.
func (h *Handler) read(index int, record events.DynamoDBEventRecord) (e entry, ok bool) {
	image := record.Change.NewImage
	if record.EventName != string(events.DynamoDBOperationTypeInsert) || textOf(image, order.AttrKind) != order.KindOrder {
		return entry{}, false
	}
	e = entry{
		index:          index,
		sequenceNumber: record.Change.SequenceNumber,
		orderID:        textOf(image, order.AttrOrderID),
	}
	defer func() {
		if recover() != nil { // the same image would panic each time, and hold up its shard until it expires
			e.unpublishable, ok = contract.FailureInternal, true
		}
	}()
	document, storedAt := textOf(image, order.AttrDocument), textOf(image, order.AttrStoredAt)
	if e.orderID == "" || document == "" || storedAt == "" {
		e.unpublishable = contract.FailureInvalidImage
		return e, true
	}
	e.event = h.Format.Encode(e.orderID, storedAt, []byte(document))
	e.attributes = map[string]string{contract.AttributeEventType: h.Format.Type}
	for name, value := range order.Attributes([]byte(document), h.Attributes) {
		e.attributes[name] = value
	}
	e.size = len(e.event)
	for name, value := range e.attributes {
		e.size += len(name) + len("String") + len(value)
	}
	if e.size > h.MaxEventBytes {
		e.unpublishable = contract.FailureTooLarge
	}
	return e, true
}

func textOf(image map[string]events.DynamoDBAttributeValue, name string) string {
	value, ok := image[name]
	if !ok || value.DataType() != events.DataTypeString {
		return ""
	}
	return value.String()
}
