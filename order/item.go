package order

import (
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// The attributes of the table that holds the orders. Its key is composite:
// [AttrOrderID] (partition) and [AttrItem] (sort), so that one query answers
// with an order and with everything that was refused under its id.
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
	// AttrAcceptedAt (S, [TimeFormat]) is when the queue took the message (SentTimestamp).
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
	// AttrOutput (S, JSON) is what an embedding application's own step made of the order; it is no part of the hash.
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
	// RefusalLifetime is how long a refusal is kept: longer than queue and DLQ
	// retention together (28 days), so that a late redrive still meets it.
	RefusalLifetime = 30 * 24 * time.Hour

	// TimeFormat is RFC 3339 with milliseconds, for times in UTC. Its strings sort as the times do.
	TimeFormat = "2006-01-02T15:04:05.000Z"
)

// MaxItemBytes is what a document, and what a step made of it, may weigh
// together: DynamoDB's limit for an item, less the room for the rest of it.
const MaxItemBytes = contract.MaxItemBytes - EnvelopeReserve

// MinLifetime is the least that an order must be kept where it is not kept for
// ever: queue and DLQ together hold a message for 28 days, and one that came
// back after its item had gone would be a new order.
const MinLifetime = 28 * 24 * time.Hour

// IndexedAttribute is the attribute (S) that holds a copy of a document's
// top-level text field, for a secondary index.
func IndexedAttribute(field string) string { return "index_" + field }

// RefusalItem is the sort key of the refusal of the document with this hash:
// the same document refused again is the same item.
func RefusalItem(hash string) string { return ItemRefusalPrefix + hash }
