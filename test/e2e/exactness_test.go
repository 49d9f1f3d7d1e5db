//go:build emulator

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// hostile are JSON values, as they stand in a document, that break what decodes and encodes again
// on the way, or builds forms, templates or markup from them.
var hostile = map[string]string{
	"form encoding":              `"a&b=c+d%20e%&f"`,
	"injected attribute":         `"x&MessageAttribute.1.Name=x&MessageAttribute.1.Value.StringValue=y"`,
	"injected action":            `"&Action=DeleteQueue&QueueUrl=x"`,
	"markup":                     `"<script>&amp;</script> <>&"`,
	"escaped markup":             `"\u003c\u003e\u0026"`,
	"quotes":                     `"\"quoted\" 'single' \u0022"`,
	"backslashes":                `"\\ \\\\ \/ C:\\dir"`,
	"line breaks":                `"one\ntwo\r\nthree\u2028four"`,
	"emoji":                      `"😀 \ud83d\ude00 👩‍👩‍👧"`,
	"other scripts":              "\"Gr\u00f6\u00dfe 注文 \u00e9 e\u0301 \\u00e9\"",
	"lone surrogate":             `"\ud800"`,
	"lone low surrogate":         `"\udc00 \ud800\ud800"`,
	"not a character":            `"\ufffe \uffff"`,
	"control characters":         `"\u0000 \u001f \b\f \u007f"`,
	"fraction":                   `1.00`,
	"40 digits":                  `1234567890123456789012345678901234567890`,
	"numbers":                    `[1, 1.0, 1e2, 1E+2, -0, -0.0, 0.1, 5e-324, 123456789.123456789012345678]`,
	"template language":          `"$input.body #set($x = 1) ${x} $util.escapeJavaScript('a') #if(true) #end"`,
	"white space inside":         "[ 1 ,\t2 ,\n3\r\n]",
	"nothing":                    `[null, true, false, "", {}, [], [[]]]`,
	"odd names":                  `{"": 1, "a.b": 2, "$ref": 3, "\u0061": 4, "document": 5, "é": 6}`,
	"looks like the answer":      `"\",\"document\":{}}"`,
	"deep":                       strings.Repeat("[", 200) + strings.Repeat("]", 200),
	"placeholder of a template":  `"{{x}} %s %d {0} ${AWS::Region}"`,
	"path and query":             `"../../x?y=z#frag;jsessionid=1"`,
	"percent-encoded line break": `"%0a%0D%00"`,
}

// layouts are ways to write the same members.
var layouts = map[string]func(members []string) string{
	"dense":             func(m []string) string { return "{" + strings.Join(m, ",") + "}" },
	"white space ahead": func(m []string) string { return " \t\r\n{" + strings.Join(m, ",") + "}" },
	"white space after": func(m []string) string { return "{" + strings.Join(m, ",") + "} \r\n\t" },
	"pretty":            func(m []string) string { return "{\n  " + strings.Join(m, ",\n  ") + "\n}" },
	"spaced":            func(m []string) string { return "{ " + strings.Join(m, " , ") + " }" },
	"CRLF, reversed": func(m []string) string {
		reversed := make([]string, len(m))
		for i := range m {
			reversed[len(m)-1-i] = m[i]
		}
		return "{\r\n" + strings.Join(reversed, ",\r\n") + "\r\n}"
	},
}

// posted is a document that was accepted.
type posted struct {
	id, document, channel, messageID string
}

// TestExactness: what was posted is what everybody gets, byte for byte.
func TestExactness(t *testing.T) {
	t.Parallel()
	for name, value := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := newID("exact")
			members := []string{
				`"currency":"EUR"`, `"channel":"web"`, oneItem,
				`"ORDERID":"B"`, `"orderId":"` + id + `"`, `"OrderId":{"orderId":"C"}`,
				`"metadata":{"value":` + value + `}`, `"own":` + value,
			}
			if strings.HasPrefix(value, `"`) {
				members = append(members, `"note":`+value, `"customerId":`+value)
			}
			document := layouts["dense"](members)
			p := posted{id: id, document: document, channel: "web"}
			p.messageID = accepted(t, mustCall(t, request{Body: document, ContentType: "application/json; charset=utf-8"}))
			p.check(t)
		})
	}
	for name, layout := range layouts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := newID("layout")
			members := []string{`"orderId":"` + id + `"`, `"currency":"EUR"`, `"channel":"store"`, oneItem, `"metadata":{"a&b":"+%"}`}
			document := layout(members)
			p := posted{id: id, document: document, channel: "store"}
			p.messageID = post(t, document)
			p.check(t)
		})
	}
	t.Run("an id in escapes", func(t *testing.T) {
		t.Parallel()
		id := newID("escapes")
		document := strings.Replace(newOrder(id), `"e2e-`, `"\u00652e\u002D`, 1)
		p := posted{id: id, document: document, channel: "web"}
		p.messageID = post(t, document)
		p.check(t)
	})
	t.Run("ids of every character, and of another case", func(t *testing.T) {
		t.Parallel()
		lower := newID("A.b_c~d-") + strings.Repeat("z", 80)
		for _, id := range []string{lower, strings.ToUpper(lower), lower + "."} {
			p := posted{id: id, document: newOrder(id, `"own":"`+id+`"`), channel: "web"}
			p.messageID = post(t, p.document)
			p.check(t)
		}
	})
	t.Run("no channel", func(t *testing.T) {
		t.Parallel()
		id := newID("plain")
		p := posted{id: id, document: `{"orderId":"` + id + `","currency":"USD",` + oneItem + `}`}
		p.messageID = post(t, p.document)
		p.check(t)
	})
}

// TestExactnessInBatch: the same through the batch call, every value in one request.
func TestExactnessInBatch(t *testing.T) {
	t.Parallel()
	var all []posted
	for _, value := range hostile {
		p := posted{id: newID("batch"), channel: []string{"web", "store"}[len(all)%2]}
		p.document = "{ " + strings.Join([]string{
			`"orderId":"` + p.id + `"`, `"ORDERID":"B"`, `"currency":"EUR"`, `"channel":"` + p.channel + `"`, oneItem, `"own":` + value,
		}, " ,\n") + "\t}"
		all = append(all, p)
	}
	for len(all) > 0 {
		batch := all[:min(len(all), order.MaxBatchOrders)]
		all = all[len(batch):]
		var documents []string
		for _, p := range batch {
			documents = append(documents, p.document)
		}
		body := "\n[ " + strings.Join(documents, "\r\n , \t") + " ]\n"
		messageID := accepted(t, mustCall(t, request{Path: "/orders/batch", Body: body, ContentType: "application/json; charset=utf-8"}))
		for _, p := range batch {
			p.messageID = messageID
			p.check(t)
		}
	}
}

// check compares the document with the table, the answer of GET, and the events.
func (p posted) check(t *testing.T) {
	t.Helper()
	same := func(where, got string) {
		t.Helper()
		if got != p.document {
			t.Errorf("%s: %s\n got %q\nwant %q", p.id, where, got, p.document)
		}
	}
	a := awaitStored(t, p.id)
	same("the answer of GET", a.document())
	if a.OrderID != p.id || a.RefusedDocuments != 0 || a.Refusals == nil || len(a.Refusals) > 0 {
		t.Errorf("%s: GET answers %v", p.id, a)
	}

	hash, err := order.DefaultSchema().Hash([]byte(p.document))
	if err != nil {
		t.Fatal(err)
	}
	wantItems := map[string]pipeline.Item{order.ItemOrder: {
		order.AttrOrderID: p.id, order.AttrItem: order.ItemOrder, order.AttrKind: order.KindOrder, order.AttrDocument: p.document,
		order.AttrHash: hash, order.AttrHashVersion: fmt.Sprint(order.HashVersion), order.AttrMessageID: p.messageID,
		order.AttrStoredAt: a.StoredAt, order.AttrAcceptedAt: a.AcceptedAt,
	}}
	if diff := cmp.Diff(wantItems, world.Items(t, p.id)); diff != "" {
		t.Errorf("%s: the table (-want +got):\n%s", p.id, diff)
	}
	acceptedAt, storedAt := instant(t, a.AcceptedAt), instant(t, a.StoredAt)
	if storedAt.Before(acceptedAt) || time.Since(acceptedAt) > 10*time.Minute || time.Until(storedAt) > time.Second {
		t.Errorf("%s: accepted at %s, stored at %s, now it is %v", p.id, a.AcceptedAt, a.StoredAt, time.Now().UTC())
	}

	wantAttributes := map[string]string{"type": "orderpipeline.order.created.v1", "currency": "EUR", "channel": p.channel}
	if p.channel == "" {
		wantAttributes["currency"] = "USD"
		delete(wantAttributes, "channel")
	}
	subscribers := []*collector{world.billing}
	if p.channel == "web" {
		subscribers = append(subscribers, world.shipping)
	}
	for _, s := range subscribers {
		m := s.awaitEvent(t, p.id)
		_, data, _ := strings.Cut(m.Body, `,"data":`)
		same("the event at "+s.name, strings.TrimSuffix(data, "}"))
		want := pipeline.Event{
			SpecVersion: "1.0", ID: order.EventID(p.id), Source: "urn:orderpipeline", Type: "orderpipeline.order.created.v1",
			Subject: p.id, Time: a.StoredAt, DataContentType: "application/json", Data: m.event.Data,
		}
		if diff := cmp.Diff(want, m.event); diff != "" {
			t.Errorf("%s: the event at %s (-want +got):\n%s", p.id, s.name, diff)
		}
		if diff := cmp.Diff(wantAttributes, m.Attributes); diff != "" {
			t.Errorf("%s: the attributes at %s (-want +got):\n%s", p.id, s.name, diff)
		}
	}
}

// TestSubscribersGetTheirShare: Billing gets all events, Shipping those of channel web and no
// other.
func TestSubscribersGetTheirShare(t *testing.T) {
	t.Parallel()
	channels := []string{"web", "store", "Web", "web ", "", "phone", "web"}
	ids := make([]string, len(channels))
	var documents []string
	for i, channel := range channels {
		ids[i] = newID("share")
		documents = append(documents, strings.Replace(newOrder(ids[i], `"CHANNEL":"web"`), `"channel":"web"`, `"channel":"`+channel+`"`, 1))
	}
	postBatch(t, documents...)
	for _, id := range ids {
		world.billing.awaitEvent(t, id)
	}
	awaitSettled(t)
	for i, channel := range channels {
		want := 0
		if channel == "web" {
			want = 1
		}
		if got := len(world.shipping.events(ids[i])); got != want {
			t.Errorf("Shipping has %d different events of channel %q, want %d", got, channel, want)
		}
	}
}
