package faults

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// The promise, stated by a model that shares no code with the handlers: the schedule says what a
// document is and what its verdict must be.

// checkAccounted checks what holds whenever the pipeline is at rest.
func (w *World) checkAccounted() {
	documents := w.documents()
	w.checkAccepted(documents)
	w.checkStored(documents)
	w.checkRefused(documents)
	w.checkEvents()
	w.checkPublished()
	w.checkOnFailure()
}

// documents returns every document that was posted, by its bytes.
func (w *World) documents() map[string]Document {
	all := map[string]Document{}
	for _, post := range w.posts {
		for _, d := range post.Documents {
			all[d.JSON()] = d
		}
	}
	return all
}

// identity is the same for all spellings of one document.
func (d Document) identity() string { return fmt.Sprintf("%d/%d/%d", d.ID, d.Content, d.Flaw) }

// sameOrder holds for two spellings of one document.
func sameOrder(a, b Document) bool { return a.identity() == b.identity() }

// checkAccepted: every message answered with 202 is still in the queue or the DLQ, or each of its
// documents is stored, or refused with its reason.
func (w *World) checkAccepted(documents map[string]Document) {
	waiting := map[string]bool{}
	for _, q := range []*queue{w.queue, w.dlq} {
		for _, m := range q.messages {
			waiting[m.body] = true
		}
	}
	rejected := map[string][]string{} // reasons by body
	for _, m := range w.rejected.messages {
		rejected[m.body] = append(rejected[m.body],
			aws.ToString(m.attributes[contract.AttributeReason].StringValue))
	}
	for _, a := range w.clients.accepted {
		if waiting[a.body] {
			continue
		}
		if a.Raw != "" && !slices.Contains(rejected[a.body], rawReason(a.Raw)) {
			w.violated("accounted", "message %s is neither waiting nor refused as %s", a.body,
				rawReason(a.Raw))
		}
		for _, d := range a.Documents {
			if stored, ok := w.stored(d); ok && sameOrder(documents[stored], d) {
				continue
			}
			if reasons := w.reasons(d); len(reasons) == 0 {
				w.violated("accounted", "document %s is not stored", d.JSON())
			} else if !containsAny(rejected[d.JSON()], reasons) {
				w.violated("accounted", "document %s is not on the rejected queue as %v", d.JSON(), reasons)
			} else if d.Flaw != NoID && !w.refusalItem(d, reasons) {
				w.violated("accounted", "nothing in the table says that %s was refused as %v", d.JSON(),
					reasons)
			}
		}
	}
}

func containsAny(list, wanted []string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(wanted, s) })
}

// stored returns the bytes that are stored under a document's order id.
func (w *World) stored(d Document) (string, bool) {
	i, ok := w.table.items[key{d.OrderID(), order.ItemOrder}]
	return text(i, order.AttrDocument), ok
}

// reasons returns the reasons for which a document may be refused, given what is stored under its
// id. It returns none for a document that must not be refused.
func (w *World) reasons(d Document) (reasons []string) {
	switch d.Flaw {
	case Bad, NoID:
		return []string{string(order.Invalid)}
	case Large:
		return []string{string(order.TooLarge)}
	case Fickle:
		if w.schedule.Step {
			reasons = append(reasons, declined)
		}
	}
	if w.panicked[d.OrderID()] {
		reasons = append(reasons, string(order.Internal))
	}
	if _, taken := w.stored(d); taken {
		reasons = append(reasons, string(order.Conflict))
	}
	return reasons
}

func rawReason(raw string) string {
	switch raw {
	case "[]":
		return string(order.EmptyBatch)
	case "7":
		return string(order.Invalid)
	}
	return string(order.NotJSON)
}

func (w *World) refusalItem(d Document, reasons []string) bool {
	for k, i := range w.table.items {
		if k.orderID == d.OrderID() && text(i, order.AttrKind) == order.KindRefusal &&
			slices.Contains(reasons, text(i, order.AttrReason)) {
			return true
		}
	}
	return false
}

// checkStored: the document stored under an order id is, byte for byte, a valid document with that
// id that a client posted.
func (w *World) checkStored(documents map[string]Document) {
	for _, k := range w.table.keys {
		i := w.table.items[k]
		if k.item != order.ItemOrder {
			continue
		}
		d, known := documents[text(i, order.AttrDocument)]
		if !known || d.OrderID() != k.orderID || !d.Storable() {
			w.violated("stored-content", "under %s is stored %q", k.orderID, text(i, order.AttrDocument))
		}
		var output struct{ Of string }
		err := json.Unmarshal([]byte(text(i, order.AttrOutput)), &output)
		if w.schedule.Step != (err == nil) || w.schedule.Step && output.Of != d.identity() {
			w.violated("stored-content", "the output of %s of %s is %q", d.identity(), k.orderID,
				text(i, order.AttrOutput))
		}
	}
}

// checkRefused: the rejected queue holds, byte for byte, what was posted, with the right reason,
// and no document is both refused and stored.
func (w *World) checkRefused(documents map[string]Document) {
	for _, m := range w.rejected.messages {
		reason := aws.ToString(m.attributes[contract.AttributeReason].StringValue)
		d, isDocument := documents[m.body]
		if !isDocument {
			if w.posts[m.body].Raw == "" || reason != rawReason(m.body) {
				w.violated("refused-content", "on the rejected queue is %q as %s", m.body, reason)
			}
			continue
		}
		if stored, ok := w.stored(d); ok && sameOrder(documents[stored], d) {
			w.violated("refused-and-stored", "%s is stored and was refused as %s", m.body, reason)
		}
		if d.Flaw != NoID && !w.refusalItem(d, []string{reason}) {
			w.violated("refused-reason", "%s was refused as %s, the table says otherwise", m.body, reason)
		}
		if !slices.Contains(w.reasons(d), reason) {
			w.violated("refused-content", "%s was refused as %q", m.body, reason)
		}
	}
	hashes := map[key]bool{}
	for _, k := range w.table.keys {
		if i := w.table.items[k]; k.item != order.ItemOrder {
			refusal := key{k.orderID, text(i, order.AttrHash)}
			if hashes[refusal] {
				w.violated("refused-once", "one document of %s has two refusals", k.orderID)
			}
			hashes[refusal] = true
		}
		refusal, stored := w.table.items[k], w.table.items[key{k.orderID, order.ItemOrder}]
		if k.item != order.ItemOrder && stored != nil &&
			text(refusal, order.AttrHash) == text(stored, order.AttrHash) {
			w.violated("refused-and-stored", "%s has a refusal of the document that is stored", k.orderID)
		}
	}
}

// checkEvents: every event is that of a stored order and has the same bytes each time.
func (w *World) checkEvents() {
	bytes, subjects := map[string]string{}, map[string]string{}
	for _, e := range w.topic.events {
		stored := w.table.items[key{e.Subject, order.ItemOrder}]
		if stored == nil {
			w.violated("event-without-order", "%s", e.bytes)
			continue
		}
		if string(e.Data) != text(stored, order.AttrDocument) {
			w.violated("event-bytes", "the document in %s is not the stored one", e.bytes)
		}
		if first, again := bytes[e.Subject]; again && first != e.bytes {
			w.violated("event-bytes", "%s was %s before", e.bytes, first)
		}
		if subject, again := subjects[e.ID]; e.ID == "" || again && subject != e.Subject {
			w.violated("event-bytes", "event id %q of order %s is that of order %q", e.ID, e.Subject,
				subject)
		}
		bytes[e.Subject], subjects[e.ID] = e.bytes, e.Subject
	}
}

// checkPublished: the event of every stored order reached the topic, except for those that Lambda
// discarded with a record, and those that the stream dropped while the publisher's mapping was
// disabled for longer than the stream keeps records.
func (w *World) checkPublished() {
	for _, k := range w.table.keys {
		if k.item != order.ItemOrder || w.published(k.orderID) || w.discarded[k.orderID] || w.streamLost {
			continue
		}
		if !w.unpublishable(k.orderID) {
			w.violated("published", "the event of %s never reached the topic", k.orderID)
		} else if !w.failureRecorded(k.orderID) {
			w.violated("published", "the event of %s can never be published, and has no failure record",
				k.orderID)
		}
	}
}

func (w *World) published(orderID string) bool {
	for _, e := range w.topic.events {
		if e.Subject == orderID {
			return true
		}
	}
	return false
}

// unpublishable reports whether the event of the order that is stored under an id can never be
// published.
func (w *World) unpublishable(orderID string) bool {
	for _, post := range w.posts {
		for _, d := range post.Documents {
			if stored, ok := w.stored(d); ok && d.OrderID() == orderID && stored == d.JSON() {
				return d.Unpublishable()
			}
		}
	}
	return false
}

// failureRecorded reports whether a failure record on the on-failure queue names the order.
func (w *World) failureRecorded(orderID string) bool {
	for _, m := range w.onFailure.messages {
		var record failure
		if json.Unmarshal([]byte(m.body), &record) == nil && record.OrderID == orderID {
			return true
		}
	}
	return false
}

// checkOnFailure: the publisher sends failure records only of events that can never be published.
func (w *World) checkOnFailure() {
	for _, m := range w.onFailure.messages {
		var record failure
		if err := json.Unmarshal([]byte(m.body), &record); err != nil {
			w.violated("on-failure", "on the on-failure queue is %q", m.body)
		} else if record.Source != "" && !w.unpublishable(record.OrderID) {
			w.violated("on-failure", "%s has a failure record, but can be published", record.OrderID)
		}
	}
}

// failure is what a failure record and Lambda's own messages have in common: Lambda's have neither
// member, and another type of version.
type failure struct{ Source, OrderID string }

// checkRecovered checks what holds once the faults have stopped, the DLQ was redriven and the
// on-failure queue was replayed: everything valid is stored and published.
func (w *World) checkRecovered() {
	for _, q := range []*queue{w.queue, w.dlq} {
		if len(q.messages) > 0 {
			w.violated("recovered", "%d messages are left on the %s", len(q.messages), q.name)
		}
	}
	for _, a := range w.clients.accepted {
		for _, d := range a.Documents {
			if !d.Storable() {
				continue
			}
			if _, ok := w.stored(d); !ok {
				if len(w.reasons(d)) == 0 {
					w.violated("recovered", "nothing is stored under %s", d.OrderID())
				}
			} else if !w.unpublishable(d.OrderID()) && !w.published(d.OrderID()) {
				w.violated("recovered", "the event of %s never reached the topic", d.OrderID())
			}
		}
	}
}

// checkNeighbors: a message is delivered again only because of its own orders.
func (w *World) checkNeighbors(i *invocation, batch []*message, failed map[string]bool, err error) {
	// With less time left than a call may take, a handler rightly leaves messages for the next time.
	const margin = 500 * time.Millisecond
	if i.deadline.Sub(w.clock) < contract.CallBudget+margin {
		return
	}
	for _, m := range batch {
		if (err != nil || failed[m.id]) && !i.failedFor(w.posts[m.body], m.body) {
			w.violated("neighbors", "%s fails %s, though no call for it failed", i.name, m.id)
		}
	}
}

// failedFor reports whether a call for the message, or one of its documents, failed in this
// invocation.
func (i *invocation) failedFor(post Post, body string) bool {
	if i.failed[body] {
		return true
	}
	for _, d := range post.Documents {
		if i.failed[d.OrderID()] || i.failed[d.JSON()] {
			return true
		}
	}
	return false
}
