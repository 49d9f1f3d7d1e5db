//go:build emulator

package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// TestSameOrderAgain: an order posted many times, at once and later, in other spellings, is one
// item and one event.
func TestSameOrderAgain(t *testing.T) {
	t.Parallel()
	id := newID("again")
	document := newOrder(id, "\"note\":\"\u00e9\"", `"metadata":{"a":1,"b":[1.0,2]}`)
	postAtOnce(t, repeat(5, document)...)
	first := awaitStored(t, id)
	if first.document() != document {
		t.Errorf("stored is %q, posted was %q", first.document(), document)
	}
	before := world.Items(t, id)

	postAtOnce(t,
		document,
		strings.NewReplacer(",", " ,\n", ":", ":\t").Replace(document),
		`{"metadata":{"b":[1.0,2],"a":1},"note":"\u00e9",`+oneItem+`,"channel":"web","currency":"EUR","orderId":"`+id+`"}`,
		strings.Replace(document, `"EUR"`, `"\u0045UR"`, 1),
	)
	postBatch(t, document, " "+document+" ", document)
	send(t, document)
	awaitSettled(t)

	if diff := cmp.Diff(before, world.Items(t, id)); diff != "" || len(before) != 1 {
		t.Errorf("the table had %v, then (-was +is):\n%s", before, diff)
	}
	if again := get(t, id); string(again.Body) != string(first.Body) {
		t.Errorf("GET answered %s, then %s", first.Body, again.Body)
	}
	for _, s := range []*collector{world.billing, world.shipping} {
		if events := s.events(id); len(events) != 1 || events[0].event.ID != order.EventID(id) {
			t.Errorf("%s has %d events, want one: %v", s.name, len(events), events)
		}
	}
	if found := world.rejected.find(func(m message) bool { return m.Attributes["orderId"] == id }); len(found) > 0 {
		t.Errorf("a duplicate was refused: %v", found)
	}
}

// postAtOnce posts documents in parallel; each must be accepted.
func postAtOnce(t *testing.T, documents ...string) {
	t.Helper()
	answers := make([]*answer, len(documents))
	var group errgroup.Group
	for i, document := range documents {
		group.Go(func() (err error) {
			answers[i], err = call(t.Context(), request{Body: document})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		accepted(t, a)
	}
}

// TestConflict: another document under the id of a stored order is refused, kept, and shown; the
// order stays as it is.
func TestConflict(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(document string) string{
		"another value":         func(d string) string { return strings.Replace(d, "1999", "1998", 1) },
		"another spelling of 1": func(d string) string { return strings.Replace(d, `"own":1`, `"own":1.0`, 1) },
		"one more member":       func(d string) string { return strings.Replace(d, `"own":1`, `"own":1,"ORDERID":"B"`, 1) },
		"another surrogate":     func(d string) string { return strings.Replace(d, `\ud800`, `\ud801`, 1) },
		"another composition":   func(d string) string { return strings.Replace(d, "\u00e9", "e\u0301", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := newID("conflict")
			document := newOrder(id, `"own":1`, "\"text\":\"\u00e9 \\ud800\"")
			other := " " + change(document) + "\n"
			post(t, document)
			first := awaitStored(t, id)

			messageID := post(t, other)
			m := awaitRejected(t, messageID)
			if m.Body != other {
				t.Errorf("the rejected queue has %q, posted was %q", m.Body, other)
			}
			if diff := cmp.Diff(map[string]string{"reason": "conflict", "messageId": messageID, "orderId": id}, refusalAttributes(t, m)); diff != "" {
				t.Errorf("the rejected document's attributes (-want +got):\n%s", diff)
			}

			a := awaitStored(t, id)
			if a.document() != document || a.StoredAt != first.StoredAt || a.RefusedDocuments != 1 || len(a.Refusals) != 1 {
				t.Fatalf("GET answers %v, want the first document and one refused", a)
			}
			hash, err := order.DefaultSchema().Hash([]byte(other))
			if err != nil {
				t.Fatal(err)
			}
			if r := a.Refusals[0]; r.Reason != "conflict" || r.Pointer != "" || r.Hash != hash {
				t.Errorf("the refusal is %v, want conflict and hash %s", r, hash)
			}
			wantRefusal(t, id, other, map[string]string{order.AttrReason: "conflict", order.AttrMessageID: messageID})

			// The same document once more is refused once more, but is no other document.
			again := post(t, other)
			awaitRejected(t, again)
			postBatch(t, document, other)
			awaitSettled(t)
			if a := get(t, id); a.RefusedDocuments != 1 || a.document() != document {
				t.Errorf("GET answers %v after the same conflict again", a)
			}
			wantRefusal(t, id, other, map[string]string{order.AttrReason: "conflict", order.AttrMessageID: messageID}) // the first
			if events := world.billing.events(id); len(events) != 1 {
				t.Errorf("Billing has %d events: %v", len(events), events)
			}
		})
	}
}

// wantRefusal compares the refusal of a document in the table; attributes are those that differ
// from refusal to refusal.
func wantRefusal(t *testing.T, id, document string, attributes map[string]string) {
	t.Helper()
	parsed, _ := order.DefaultSchema().Parse([]byte(document))
	got := world.Items(t, id)[order.RefusalItem(parsed.Hash)]
	if got == nil {
		t.Errorf("the table has no refusal of hash %s: %v", parsed.Hash, world.Items(t, id))
		return
	}
	want := pipeline.Item{
		order.AttrOrderID: id, order.AttrItem: order.RefusalItem(parsed.Hash), order.AttrKind: order.KindRefusal,
		order.AttrHash: parsed.Hash, order.AttrHashVersion: "1",
		order.AttrAcceptedAt: got[order.AttrAcceptedAt], order.AttrRefusedAt: got[order.AttrRefusedAt], order.AttrExpiresAt: got[order.AttrExpiresAt],
	}
	for name, value := range attributes {
		want[name] = value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the refusal (-want +got):\n%s", diff)
	}
	acceptedAt, refusedAt := instant(t, got[order.AttrAcceptedAt]), instant(t, got[order.AttrRefusedAt])
	expires, err := strconv.ParseInt(got[order.AttrExpiresAt], 10, 64)
	if lives := time.Unix(expires, 0).Sub(refusedAt); err != nil || refusedAt.Before(acceptedAt) || (lives-order.RefusalLifetime).Abs() > time.Second {
		t.Errorf("accepted %v, refused %v, lives %v (%v)", acceptedAt, refusedAt, lives, err)
	}
}
