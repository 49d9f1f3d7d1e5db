package publisher

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/order"
)

// FuzzStreamImage: whatever an image holds, its record is published with the document's bytes, put aside, or no order.
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
		e, isOrder := h.read(0, record)
		if isOrder != (name == "INSERT" && kind == "order") {
			t.Fatalf("order: %v", isOrder)
		}
		if !isOrder || e.unpublishable != "" {
			return
		}
		if e.size > h.MaxEventBytes || !strings.Contains(string(e.event), document) {
			t.Errorf("event %q", e.event)
		}
		for name, value := range e.attributes {
			if value == "" || strings.ContainsRune(value, 0) {
				t.Errorf("attribute %s is %q, which SNS refuses", name, value)
			}
		}
		if _, refusal := order.DefaultSchema().Parse([]byte(document)); refusal == nil && order.ValidID(id) {
			if !json.Valid(e.event) {
				t.Errorf("event %q is not JSON", e.event)
			}
		}
		if request([]entry{e})[0].Message == nil || aws.ToString(request([]entry{e})[0].Id) != "0" {
			t.Error("no request")
		}
	})
}
