package order

import (
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// The attributes of the orders table. Its key is composite: [AttrOrderID]
// (partition) and [AttrItem] (sort), so that one query returns an order and
// everything that was refused under its id.
const (
	// AttrOrderID is the partition key (S): the order id.
	AttrOrderID = "orderId"
	// AttrItem is the sort key (S): [ItemOrder], or [RefusalItem] of a hash.
	AttrItem = "item"
	// AttrKind (S) is [KindOrder], [KindRefusal] or [KindTombstone].
	AttrKind = "kind"
	// AttrDocument (S) is the order document, byte for byte as received.
	AttrDocument = "document"
	// AttrHash (S) is the document's hash, see [Order].
	AttrHash = "hash"
	// AttrHashVersion (N) is the [HashVersion] that AttrHash was made with.
	AttrHashVersion = "hashVersion"
	// AttrStoredAt (S, [TimeFormat]) is when the order was stored; the time of its event.
	AttrStoredAt = "storedAt"
	// AttrAcceptedAt (S, [TimeFormat]) is when the queue first took the message. Rejecting or
	// redriving it does not change it.
	AttrAcceptedAt = "acceptedAt"
	// AttrMessageID (S) is the id of the queue message that brought the document.
	AttrMessageID = "messageId"
	// AttrReason (S) is a refusal's [Code].
	AttrReason = "reason"
	// AttrPointer (S) is a refusal's JSON pointer, see [Refusal].
	AttrPointer = "pointer"
	// AttrRefusedAt (S, [TimeFormat]) is when the document was refused.
	AttrRefusedAt = "refusedAt"
	// AttrBatchIndex (N, from 0) is the document's place in its batch.
	AttrBatchIndex = "batchIndex"
	// AttrOutput (S, JSON) is the output of an embedding application's own step. It is not part of
	// the hash.
	AttrOutput = "output"
	// AttrExpiresAt (N, epoch seconds) is the table's TTL attribute.
	AttrExpiresAt = "expiresAt"
)

const (
	// ItemOrder is the sort key of the order itself.
	ItemOrder = "order"
	// ItemRefusalPrefix begins the sort key of every refusal.
	ItemRefusalPrefix = "refusal#"

	// KindOrder is a stored order. Only this kind is published.
	KindOrder = "order"
	// KindRefusal is a document that was refused.
	KindRefusal = "refusal"
	// KindTombstone is what the erasure of an order leaves: key and hash.
	KindTombstone = "tombstone"
)

const (
	// RefusalLifetime is how long a refusal is kept. It is longer than the
	// retention of queue and DLQ together (28 days), so that a late redrive still
	// finds the refusal.
	RefusalLifetime = 30 * 24 * time.Hour

	// TimeFormat is RFC 3339 with milliseconds, for times in UTC. Its strings sort like the times.
	TimeFormat = "2006-01-02T15:04:05.000Z"
)

// MaxItemBytes is the largest size of a document and its step's output together:
// DynamoDB's limit for an item, less the room for the other attributes.
const MaxItemBytes = contract.MaxItemBytes - EnvelopeReserve

// MinLifetime is the shortest time for which an order can be kept. The queue and
// the DLQ together hold a message for this long, and a message that came back
// after its item was deleted would be a new order.
const MinLifetime = 2 * contract.MessageRetention

// IndexedAttribute is the attribute (S) that holds a copy of a document's
// top-level text field, for a secondary index.
func IndexedAttribute(field string) string { return "index_" + field }

// RefusalItem is the sort key of the refusal of the document with this hash:
// the same document refused again is the same item.
func RefusalItem(hash string) string { return ItemRefusalPrefix + hash }
