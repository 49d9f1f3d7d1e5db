package demo

import (
	"strings"
	"testing"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/documents"
	"github.com/orderpipeline/orderpipeline/order"
)

// The comparison must see every kind of difference.
func TestDemoSeesDifferences(t *testing.T) {
	const storedAt = "2026-11-23T12:00:00.140Z"
	a, b := documents.Sample("demo-x", 0), documents.Sample("demo-x", 1)
	format := order.EventFormat{Source: order.DefaultEventSource, Type: order.DefaultEventType}
	body := func(d documents.Document) string { return string(format.Encode(d.ID, storedAt, d.Bytes)) }
	stored := func() map[string]storedOrder {
		return map[string]storedOrder{
			a.ID: {document: string(a.Bytes), storedAt: storedAt},
			b.ID: {document: string(b.Bytes), storedAt: storedAt},
		}
	}
	queue := func() *received {
		return &received{
			subscriber: deployment.Subscriber{Name: "Billing"}, run: "demo-x", wanted: []documents.Document{a, b},
			bodies: map[string][]string{a.ID: {body(a), body(a)}, b.ID: {body(b)}}, // twice is allowed
		}
	}
	if problems := append(checkStored([]documents.Document{a, b}, stored()), queue().check(stored())...); len(problems) > 0 {
		t.Fatalf("problems where there are none: %q", problems)
	}
	for want, spoil := range map[string]func(map[string]storedOrder, *received){
		"is missing": func(s map[string]storedOrder, _ *received) { delete(s, a.ID) },
		"differs from what was posted": func(s map[string]storedOrder, _ *received) {
			s[a.ID] = storedOrder{document: string(a.Bytes) + " ", storedAt: storedAt}
		},
		"1 refusal of": func(s map[string]storedOrder, _ *received) {
			s[a.ID] = storedOrder{document: string(a.Bytes), storedAt: storedAt, others: 1}
		},
		"no event of":      func(_ map[string]storedOrder, r *received) { delete(r.bodies, b.ID) },
		"unexpected event": func(_ map[string]storedOrder, r *received) { r.wanted = r.wanted[:1] },
		"differs:": func(_ map[string]storedOrder, r *received) {
			r.bodies[b.ID][0] = strings.Replace(r.bodies[b.ID][0], "990", "991", 1) + " "
		},
		"the event of order " + a.ID: func(_ map[string]storedOrder, r *received) {
			r.bodies[a.ID][1] = strings.Replace(body(a), storedAt, "2026-11-23T12:00:00.141Z", 1)
		},
		"the event of order " + b.ID + " is not JSON": func(_ map[string]storedOrder, r *received) { r.bodies[b.ID][0] = "{" },
	} {
		s, r := stored(), queue()
		spoil(s, r)
		problems := strings.Join(append(checkStored([]documents.Document{a, b}, s), r.check(s)...), "\n")
		if !strings.Contains(problems, want) {
			t.Errorf("want %q, got %q", want, problems)
		}
	}
}
