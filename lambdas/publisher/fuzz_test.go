package publisher

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orderpipeline/orderpipeline/order"
)

// FuzzStreamImage: whatever an image holds, its record is published with the document's bytes,
// named in a failure record, or ignored because it is not a new order.
func FuzzStreamImage(f *testing.F) {
	f.Add("INSERT", "order", "A", doc("A"), storedAt)
	f.Add("INSERT", "refusal", "A", "", "")
	f.Add("MODIFY", "order", "A", doc("A"), storedAt)
	f.Add("INSERT", "order", "", `{"channel":"\ud800\u0000"}`, "x")
	f.Fuzz(func(t *testing.T, name, kind, id, document, at string) {
		record := insert("s1", id, document)
		record.EventName = name
		record.Change.NewImage[order.AttrKind] = events.NewStringAttribute(kind)
		record.Change.NewImage[order.AttrStoredAt] = events.NewStringAttribute(at)
		h := newHarness(t)
		ignored, made := 0, 0
		for _, e := range h.events([]events.DynamoDBEventRecord{record}, &ignored) {
			made++
			if e.Unpublishable != "" {
				continue
			}
			if e.Size > h.MaxEventBytes || !strings.Contains(string(e.Bytes), document) {
				t.Errorf("event %q", e.Bytes)
			}
			for name, value := range e.Attributes {
				if value == "" || strings.ContainsRune(value, 0) {
					t.Errorf("attribute %s is %q, which SNS refuses", name, value)
				}
			}
			_, refusal := order.DefaultSchema().Parse([]byte(document))
			if refusal == nil && order.ValidID(id) && !json.Valid(e.Bytes) {
				t.Errorf("event %q is not JSON", e.Bytes)
			}
		}
		if isOrder := name == "INSERT" && kind == "order"; isOrder != (made == 1) || made+ignored != 1 {
			t.Fatalf("%d events, %d ignored", made, ignored)
		}
	})
}
