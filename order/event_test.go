package order_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/orderpipeline/orderpipeline/order"
)

var format = order.EventFormat{Source: order.DefaultEventSource, Type: order.DefaultEventType}

// The bytes of a stored order's event never change: this is one.
func TestEncode(t *testing.T) {
	got := string(format.Encode("A-1", "2030-01-02T03:04:05.678Z",
		[]byte(`{ "orderId":"A-1","n":1.00,"s":"\ud800<&>é" }`)))
	want := `{"specversion":"1.0","id":"34cee3cf-ddc0-53f1-87ee-cdf367573cb3","source":"urn:orderpipeline","type":"orderpipeline.order.created.v1","subject":"A-1",` +
		`"time":"2030-01-02T03:04:05.678Z","datacontenttype":"application/json","data":{ "orderId":"A-1","n":1.00,"s":"\ud800<&>é" }}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeEscapes(t *testing.T) {
	event := order.EventFormat{Source: `a"b`, Type: `c\d`}.Encode("e\"\n\xff", `"`, []byte("null"))
	if !utf8.Valid(event) {
		t.Errorf("%q is not UTF-8", event)
	}
	var got map[string]any
	if err := json.Unmarshal(event, &got); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	want := map[string]any{
		"specversion": "1.0", "id": order.EventID("e\"\n\xff"), "source": `a"b`, "type": `c\d`,
		"subject": "e\"\n\uFFFD", "time": `"`, "datacontenttype": "application/json", "data": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeFitsTheReserve(t *testing.T) {
	text := strings.Repeat("x", 256)
	event := order.EventFormat{Source: text, Type: text}.Encode(strings.Repeat("x", order.MaxIDLength),
		order.TimeFormat, nil)
	// Ten attributes (SNS's most for raw delivery), each a name, a type and a value.
	if attributes := 10 * (256 + len("String") + 256); len(event)+attributes > order.EnvelopeReserve {
		t.Errorf("an envelope of %d bytes and attributes of %d", len(event), attributes)
	}
}

func TestEventID(t *testing.T) {
	namespace := uuid.NewSHA1(uuid.NameSpaceURL, []byte(order.DefaultEventSource))
	for _, id := range []string{"A-1", "a-1", "A-2"} {
		want := uuid.NewSHA1(namespace, []byte(id)).String()
		if got := order.EventID(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

func TestEventFormatValidate(t *testing.T) {
	tests := []struct {
		name string
		f    order.EventFormat
		want string
	}{
		{"the defaults", format, ""},
		{"a URL", order.EventFormat{Source: "https://example.com/shop?a=b#c", Type: "a"}, ""},
		{"a path", order.EventFormat{Source: "/shop/%20", Type: "a"}, ""},
		{"the longest", order.EventFormat{Source: strings.Repeat("a", 256),
			Type: strings.Repeat("a", 256)}, ""},
		{"both empty", order.EventFormat{},
			"EventFormat.Source: empty (CloudEvents requires it)\nEventFormat.Type: empty (CloudEvents requires it)"},
		{"too long", order.EventFormat{Source: "a", Type: strings.Repeat("a", 257)},
			"EventFormat.Type: 257 bytes (at most 256 fit in the envelope)"},
		{"a space", order.EventFormat{Source: "a b", Type: "a b"},
			"EventFormat.Source: not printable ASCII without spaces\nEventFormat.Type: not printable ASCII without spaces"},
		{"not ASCII", order.EventFormat{Source: "a", Type: "é"},
			"EventFormat.Type: not printable ASCII without spaces"},
		{"a control character", order.EventFormat{Source: "a", Type: "a\x7f"},
			"EventFormat.Type: not printable ASCII without spaces"},
		{"no URI", order.EventFormat{Source: "%", Type: "a"},
			`EventFormat.Source: not a URI reference (RFC 3986: parse "%": invalid URL escape "%")`},
		{"no URI either", order.EventFormat{Source: "{shop}", Type: "a"},
			`EventFormat.Source: not a URI reference (RFC 3986: '{' must be percent-encoded)`},
	}
	for _, test := range tests {
		got := ""
		if err := test.f.Validate(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestAttributes(t *testing.T) {
	fields := []string{"currency", "channel", "é"}
	tests := []struct {
		name, document string
		want           map[string]string
	}{
		{"two", `{"channel":"web","currency":"EUR","note":"n"}`,
			map[string]string{"channel": "web", "currency": "EUR"}},
		{"one", `{"channel":"web"}`, map[string]string{"channel": "web"}},
		{"escaped", `{"ch\u0061nnel":"\u0077eb\t😀","\u00e9":"\ud83d\ude00"}`,
			map[string]string{"channel": "web\t😀", "é": "😀"}},
		{"in another case", `{"Channel":"web"}`, map[string]string{}},
		{"inside", `{"a":{"channel":"web"}}`, map[string]string{}},
		{"no strings", `{"channel":1,"currency":["EUR"],"é":null}`, map[string]string{}},
		{"empty", `{"channel":""}`, map[string]string{}},
		{"the longest", `{"channel":"` + strings.Repeat("é", 128) + `"}`,
			map[string]string{"channel": strings.Repeat("é", 128)}},
		{"too long", `{"channel":"` + strings.Repeat("é", 128) + `a"}`, map[string]string{}},
		{"a control character", `{"channel":"a\u0000"}`, map[string]string{}},
		{"white space", `{"channel":"\t\r\n\u0020"}`, map[string]string{"channel": "\t\r\n "}},
		{"a lone surrogate", `{"channel":"\ud800"}`, map[string]string{}},
		{"noncharacters", `{"channel":"\ufffe","currency":"\uffff"}`, map[string]string{}},
		{"the replacement character is one", `{"channel":"\ufffd"}`,
			map[string]string{"channel": "\ufffd"}},
		{"twice", `{"channel":"web","channel":"store"}`, map[string]string{}},
		{"three times", `{"channel":1,"channel":"web","channel":"store"}`, map[string]string{}},
		{"no object", `["channel"]`, map[string]string{}},
		{"not JSON", `{"channel":"web"`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, order.Attributes([]byte(test.document), fields)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := order.Attributes([]byte(good), nil); len(got) != 0 {
		t.Errorf("no fields: got %v", got)
	}
}
