//go:build emulator

package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// sendWithNeighbours puts a message on the queue between two good orders, in one request, so that
// the processor gets them together. It waits until the neighbours are stored and gives the id of
// the message.
func sendWithNeighbours(t *testing.T, body string) (messageID string) {
	t.Helper()
	before, after := newID("before"), newID("after")
	messageID = world.Send(t, world.QueueURL, pipeline.Message{Body: newOrder(before)}, pipeline.Message{Body: body}, pipeline.Message{Body: newOrder(after)})[1]
	awaitStored(t, before)
	awaitStored(t, after)
	return messageID
}

// TestUnusableMessage: a message that is no order, nor an array of them, is put aside as a whole.
func TestUnusableMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, reason string }{
		"not JSON":              {"an order, please", "not-json"},
		"cut off":               {strings.TrimSuffix(newOrder(newID("cut")), "}"), "not-json"},
		"a cut-off array":       {"[" + newOrder(newID("cut")) + ",", "not-json"},
		"two documents":         {newOrder(newID("two")) + "\n" + newOrder(newID("two")), "not-json"},
		"a byte order mark":     {"\ufeff" + newOrder(newID("mark")), "not-json"},
		"an empty array":        {" [ ] ", "empty-batch"},
		"1001 orders":           {pipeline.Array(repeat(order.MaxMessageOrders+1, newOrder("too-many"))...), "batch-too-long"},
		"an object":             {"{}", "invalid"},
		"null":                  {"null", "invalid"},
		"a number":              {" 1.00\n", "invalid"},
		"no id":                 {`{"currency":"EUR"}`, "invalid"},
		"another case's id":     {strings.Replace(newOrder(newID("case")), "orderId", "orderID", 1), "invalid"},
		"an id with a line end": {newOrder(`a\n`), "invalid"}, // whatever a validator's $ matches
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			messageID := sendWithNeighbours(t, c.body)
			m := awaitRejected(t, messageID)
			if m.Body != c.body {
				t.Errorf("the rejected queue has %q, sent was %q", m.Body, c.body)
			}
			want := map[string]string{"reason": c.reason, "messageId": messageID}
			if pointer, ok := m.Attributes["pointer"]; ok { // the order package's matter
				want["pointer"] = pointer
			}
			if diff := cmp.Diff(want, refusalAttributes(t, m)); diff != "" {
				t.Errorf("its attributes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBadOrder: a bad order with a good id is refused, put aside as it is, and GET says why; then a
// good one can take its id.
func TestBadOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change, to, reason, pointer string
	}{
		"currency":        {`"EUR"`, `"euro"`, "invalid", "/currency"},
		"no items":        {oneItem, `"items":[]`, "invalid", "/items"},
		"items missing":   {`"items"`, `"Items"`, "invalid", "/items"},
		"quantity":        {`"quantity":1`, `"quantity":0`, "invalid", "/items/0/quantity"},
		"a member twice":  {`"currency":"EUR"`, `"currency":"EUR","currency":"EUR"`, "duplicate-member", "/currency"},
		"twice, far down": {`"channel":"web"`, `"channel":"web","metadata":{"a":[{"b":1,"\u0062":1}]}`, "duplicate-member", "/metadata"}, // no names of the client's
		"too deep":        {`"channel":"web"`, `"own":` + strings.Repeat("[", order.MaxDepth) + strings.Repeat("]", order.MaxDepth), "too-deep", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := newID("bad")
			good := newOrder(id)
			bad := "\n " + strings.Replace(good, c.change, c.to, 1) + " "
			messageID := sendWithNeighbours(t, bad)

			m := awaitRejected(t, messageID)
			if m.Body != bad {
				t.Errorf("the rejected queue has %q, sent was %q", m.Body, bad)
			}
			wantAttributes := map[string]string{"reason": c.reason, "messageId": messageID, "orderId": id}
			wantItem := map[string]string{order.AttrReason: c.reason, order.AttrMessageID: messageID}
			if c.pointer != "" {
				wantAttributes["pointer"], wantItem[order.AttrPointer] = c.pointer, c.pointer
			}
			if diff := cmp.Diff(wantAttributes, refusalAttributes(t, m)); diff != "" {
				t.Errorf("its attributes (-want +got):\n%s", diff)
			}
			a := awaitAnswer(t, id, "REFUSED")
			if a.OrderID != id || a.RefusedDocuments != 1 || len(a.Refusals) != 1 || a.Refusals[0].Reason != c.reason || a.Refusals[0].Pointer != c.pointer {
				t.Errorf("GET answers %v, want one refusal: %s at %q", a, c.reason, c.pointer)
			}
			wantRefusal(t, id, bad, wantItem)
			awaitSettled(t)
			if events := world.billing.events(id); len(events) > 0 {
				t.Errorf("a refused order has an event: %v", events)
			}

			post(t, good)
			pipeline.Eventually(t, func() error {
				if a = get(t, id); a.Status != "STORED" {
					return fmt.Errorf("the good order after the bad one: %v", a)
				}
				return nil
			})
			if a.document() != good || a.RefusedDocuments != 1 {
				t.Errorf("GET answers %v", a)
			}
			world.billing.awaitEvent(t, id)
		})
	}
}

// TestBadOrderInBatch: of an array only the bad orders are refused, each with its place.
func TestBadOrderInBatch(t *testing.T) {
	t.Parallel()
	ids := make([]string, 26) // more than the API takes
	documents := make([]string, len(ids))
	bad := map[int]string{3: `"EURO"`, 11: `"eur"`, 25: `null`}
	for i := range ids {
		ids[i] = newID("array")
		documents[i] = newOrder(ids[i], fmt.Sprintf(`"place" : %d.0`, i))
		if value, ok := bad[i]; ok {
			documents[i] = strings.Replace(documents[i], `"EUR"`, value, 1)
		}
	}
	messageID := sendWithNeighbours(t, "[\n"+strings.Join(documents, " ,\n\t")+"\n]")
	for i, id := range ids {
		if _, isBad := bad[i]; !isBad {
			if a := awaitStored(t, id); a.document() != documents[i] {
				t.Errorf("order %d: stored is %q, want %q", i, a.document(), documents[i])
			}
			world.billing.awaitEvent(t, id)
			continue
		}
		if a := awaitAnswer(t, id, "REFUSED"); a.Refusals[0].Reason != "invalid" || a.Refusals[0].Pointer != "/currency" {
			t.Errorf("order %d: GET answers %v", i, a)
		}
		m := world.rejected.await(t, "order "+id, func(m message) bool { return m.Attributes["orderId"] == id })
		if m.Body != documents[i] {
			t.Errorf("order %d: the rejected queue has %q, sent was %q", i, m.Body, documents[i])
		}
		want := map[string]string{"reason": "invalid", "pointer": "/currency", "messageId": messageID, "orderId": id, "batchIndex": fmt.Sprint(i)}
		if diff := cmp.Diff(want, refusalAttributes(t, m)); diff != "" {
			t.Errorf("order %d: attributes (-want +got):\n%s", i, diff)
		}
		wantRefusal(t, id, documents[i], map[string]string{
			order.AttrReason: "invalid", order.AttrPointer: "/currency", order.AttrMessageID: messageID, order.AttrBatchIndex: fmt.Sprint(i),
		})
	}
	awaitSettled(t) // the array is done with: it does not come again
}

// TestBadOrderInAPIBatch: what API Gateway's validator cannot see (a member twice) is refused
// later, and its neighbours in the request are stored.
func TestBadOrderInAPIBatch(t *testing.T) {
	t.Parallel()
	before, twice, after := newID("before"), newID("twice"), newID("after")
	postBatch(t, newOrder(before), newOrder(twice, `"currency":"USD"`), newOrder(after))
	awaitStored(t, before)
	awaitStored(t, after)
	if a := awaitAnswer(t, twice, "REFUSED"); a.Refusals[0].Reason != "duplicate-member" || a.Refusals[0].Pointer != "/currency" {
		t.Errorf("GET answers %v", a)
	}
}

// TestFullArray: the most orders that an array may hold are all stored, once.
func TestFullArray(t *testing.T) { // alone: it keeps the processor busy for seconds
	prefix := newID("full")
	documents := make([]string, order.MaxMessageOrders)
	for i := range documents {
		documents[i] = newOrder(fmt.Sprintf("%s-%d", prefix, i))
	}
	send(t, pipeline.Array(documents...))
	pipeline.Eventually(t, func() error {
		got := map[string]bool{}
		for _, m := range world.billing.find(func(m message) bool { return strings.HasPrefix(m.event.Subject, prefix) }) {
			got[string(m.event.Data)] = true
		}
		for i, document := range documents {
			if !got[document] {
				return fmt.Errorf("order %d has no event", i)
			}
		}
		return nil
	})
}

// TestSize: the largest document that can be published is accepted, stored and published; one byte
// more is not accepted, and refused when it gets on the queue all the same.
func TestSize(t *testing.T) { // alone: with a larger limit of the queue, TestQueueRefuses would find no refusal
	const topic = 256 << 10
	largest := topic - order.EnvelopeReserve
	out, err := world.Queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &world.QueueURL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameMaximumMessageSize},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Attributes["MaximumMessageSize"]; got != fmt.Sprint(largest) {
		t.Fatalf("the queue takes messages of %s bytes, want %d", got, largest)
	}
	ofSize := func(id string, size int) string {
		empty := newOrder(id, `"own":""`)
		return strings.Replace(empty, `"own":""`, `"own":"`+strings.Repeat("x", size-len(empty))+`"`, 1)
	}

	id := newID("largest")
	p := posted{id: id, document: ofSize(id, largest), channel: "web"}
	p.messageID = post(t, p.document)
	p.check(t)
	wantUnavailable(t, mustCall(t, request{Body: ofSize(newID("larger"), largest+1)})) // 413 on AWS

	world.SetQueue(t, world.QueueURL, map[string]string{"MaximumMessageSize": fmt.Sprint(1 << 20)})
	tooLarge := newID("too-large")
	document := ofSize(tooLarge, largest+1)
	messageID := sendWithNeighbours(t, document)
	m := awaitRejected(t, messageID)
	if m.Body != document {
		t.Errorf("the rejected queue has %d bytes that differ from the %d sent", len(m.Body), len(document))
	}
	if diff := cmp.Diff(map[string]string{"reason": "too-large", "messageId": messageID, "orderId": tooLarge}, refusalAttributes(t, m)); diff != "" {
		t.Errorf("its attributes (-want +got):\n%s", diff)
	}
	if a := awaitAnswer(t, tooLarge, "REFUSED"); a.Refusals[0].Reason != "too-large" {
		t.Errorf("GET answers %v", a)
	}

	// The limit is a document's, not an array's.
	ids := []string{newID("large"), newID("large"), newID("large")}
	send(t, pipeline.Array(ofSize(ids[0], largest), ofSize(ids[1], largest+1), ofSize(ids[2], largest)))
	awaitStored(t, ids[0])
	awaitAnswer(t, ids[1], "REFUSED")
	awaitStored(t, ids[2])
	world.shipping.awaitEvent(t, ids[2])
	awaitSettled(t)
}

// refusalAttributes are the attributes of a rejected document without the time of its acceptance,
// which must be one.
func refusalAttributes(t *testing.T, m message) map[string]string {
	t.Helper()
	attributes := maps.Clone(m.Attributes)
	if _, err := time.Parse(order.TimeFormat, attributes[contract.AttributeAcceptedAt]); err != nil {
		t.Errorf("the time of acceptance: %v", err)
	}
	delete(attributes, contract.AttributeAcceptedAt)
	return attributes
}
