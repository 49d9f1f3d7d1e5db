package processor

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// The time of the first acceptance comes with a redriven message, and goes on with a refusal. The
// queue's own time is 11:59:59.
func TestAcceptedAtOfARedrivenMessage(t *testing.T) {
	const own = "2026-11-01T11:59:59.000Z"
	for kept, want := range map[string]string{
		"":                         own,
		"2026-10-31T08:00:00.123Z": "2026-10-31T08:00:00.123Z",
		"2026-11-01T11:59:59.001Z": own, // nobody accepts after the queue has
		"yesterday":                own,
	} {
		h := newHarness(t)
		event := batch(doc("A", ""), `{"orderId":"B"}`, "x")
		for i := range event.Records {
			event.Records[i].MessageAttributes = map[string]events.SQSMessageAttribute{
				contract.AttributeAcceptedAt: {DataType: "String", StringValue: &kept},
			}
		}
		if _, err := h.Handle(context.Background(), event); err != nil {
			t.Fatal(err)
		}
		for key, i := range h.table.items {
			if got := textOf(i, order.AttrAcceptedAt); got != want {
				t.Errorf("%q: %s was accepted at %q, want %q", kept, key, got, want)
			}
		}
		if len(h.queue.sent) != 2 {
			t.Fatalf("%d rejected, want 2", len(h.queue.sent))
		}
		for _, in := range h.queue.sent {
			got := aws.ToString(in.MessageAttributes[contract.AttributeAcceptedAt].StringValue)
			if got != want {
				t.Errorf("%q: rejected with %q, want %q", kept, got, want)
			}
			if len(in.MessageAttributes) > 10 { // as many as SQS takes
				t.Errorf("%d attributes", len(in.MessageAttributes))
			}
		}
	}
}

// A batch near the 6 MB that Lambda passes to a function at once: every order gets its verdict.
func TestHandleABatchOfSixMegabytes(t *testing.T) {
	const most = 6_000_000
	h := newHarness(t, func(c *Config) { c.MaxDocumentBytes = contract.MaxItemBytes })
	large := func(n int) string { // 3 bytes each, so that characters and bytes differ
		return strings.Replace(doc(fmt.Sprintf("o%d", n), ""), `"note":""`,
			`"more":"`+strings.Repeat("€", 110_000)+`"`, 1)
	}
	var bodies []string
	size, orders := 0, 0
	for {
		// Two orders a message, until no more fit.
		body := "[" + large(orders) + "," + large(orders+1) + "]"
		if size+len(body) > most || len(bodies) == 10 {
			break
		}
		bodies, size, orders = append(bodies, body), size+len(body), orders+2
	}
	if size < most-700_000 {
		t.Fatalf("the batch has only %d bytes", size)
	}
	if failed, err := h.handle(t, bodies...); err != nil || failed != nil {
		t.Fatalf("failed %v, error %v", failed, err)
	}
	for n := range orders {
		if got := h.stored(fmt.Sprintf("o%d", n)); got != large(n) {
			t.Errorf("o%d: %d bytes are stored", n, len(got))
		}
	}
	if len(h.queue.sent) > 0 {
		t.Errorf("%d rejected", len(h.queue.sent))
	}
}
