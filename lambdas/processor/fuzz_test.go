package processor

import (
	"context"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/order"
)

// FuzzMessage: whatever is on the queue, the message is acknowledged, and each document in it is
// either stored under its order id or on the rejected queue.
func FuzzMessage(f *testing.F) {
	for _, body := range []string{
		doc("A", "x"), "[" + doc("A", "x") + "," + doc("A", "y") + ",{}]", "[]", "", "{", "[1,2",
		`"\ud800"`,
		`{"orderId":"A","ORDERID":"B","currency":"EUR","items":[{"sku":"a","quantity":1.00,"unitPrice":1}]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		h := newHarness(t, func(c *Config) { c.MaxDocumentBytes = 10_000 })
		if failed, err := h.handle(t, body); err != nil || failed != nil {
			t.Fatalf("failed %v, error %v", failed, err)
		}
		documents, _, refusal := order.Split([]byte(body))
		if refusal != nil {
			documents = [][]byte{[]byte(body)}
		}
		kept := map[string]bool{}
		for _, in := range h.queue.sent {
			kept[aws.ToString(in.MessageBody)] = true
			for name, attribute := range in.MessageAttributes {
				if v := aws.ToString(attribute.StringValue); v == "" || !utf8.ValidString(v) {
					t.Errorf("attribute %s is %q, which SQS refuses", name, v)
				}
			}
		}
		for _, document := range documents {
			o, _ := h.Schema.Parse(document)
			stored := h.stored(o.ID)
			same := false
			if stored != "" {
				s, refusal := h.Schema.Parse([]byte(stored))
				same = refusal == nil && s.Hash == o.Hash
			}
			if !same && !kept[string(document)] {
				t.Errorf("%q is neither stored nor rejected", document)
			}
		}
	})
}

func TestMessageIDsDoNotMatter(t *testing.T) {
	h := newHarness(t)
	// A redriven message has a new id.
	for _, id := range []string{"m1", "m2"} {
		event := batch(doc("A", ""))
		event.Records[0].MessageId = id
		if _, err := h.Handle(context.Background(), event); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.table.items) != 1 || len(h.queue.sent) != 0 {
		t.Errorf("%d items, %d rejected", len(h.table.items), len(h.queue.sent))
	}
}
