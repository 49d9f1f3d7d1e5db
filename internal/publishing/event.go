package publishing

import (
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// Stored is a stored order, as far as its event depends on it. The fields are the texts of the
// table's attributes; one that the item lacks is empty.
type Stored struct {
	OrderID, StoredAt, Document string
}

// Event is the event of a stored order.
type Event struct {
	// OrderID is the id of the order. It is empty when the stored item has none.
	OrderID string
	// Bytes is the body of the message.
	Bytes []byte
	// Attributes are the message attributes, all of type String.
	Attributes map[string]string
	// Size is the size of the message in bytes, as SNS counts it.
	Size int
	// Unpublishable says why the event can never be published: one of the contract.Failure
	// constants. It is empty for an event that can be published.
	Unpublishable string
}

// Event makes the event of a stored order.
func (p *Publisher) Event(stored Stored) (e Event) {
	e.OrderID = stored.OrderID
	defer func() {
		if recover() != nil {
			// The same item panics each time and would hold up its shard until the record expires.
			e.Unpublishable = contract.FailureInternal
		}
	}()
	if stored.OrderID == "" || stored.Document == "" || stored.StoredAt == "" {
		e.Unpublishable = contract.FailureInvalidImage
		return e
	}
	document := []byte(stored.Document)
	e.Bytes = p.Format.Encode(stored.OrderID, stored.StoredAt, document)
	e.Attributes = map[string]string{contract.AttributeEventType: p.Format.Type}
	for name, value := range order.Attributes(document, p.Attributes) {
		e.Attributes[name] = value
	}
	e.Size = len(e.Bytes)
	for name, value := range e.Attributes {
		e.Size += len(name) + len(attributeType) + len(value)
	}
	if e.Size > p.MaxEventBytes {
		e.Unpublishable = contract.FailureTooLarge
	}
	return e
}
