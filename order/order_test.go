package order_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/order"
)

const good = `{"orderId":"A-1","currency":"EUR","items":[{"sku":"tea","quantity":2,"unitPrice":450}]}`

// goodWith is the good order with a part replaced.
func goodWith(old, replacement string) string {
	if !strings.Contains(good, old) {
		panic("no " + old)
	}
	return strings.Replace(good, old, replacement, 1)
}

// goodAnd is the good order with further members.
func goodAnd(members string) string { return goodWith("{", "{"+members+",") }

func hashOf(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}

func TestParse(t *testing.T) {
	refused := func(code order.Code, pointer string) *order.Refusal {
		return &order.Refusal{Code: code, Pointer: pointer}
	}
	nested := func(depth int) string {
		return goodAnd(`"x":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1))
	}
	digits := func(n int) string { return "1" + strings.Repeat("0", n-1) }
	tests := []struct {
		name, document string
		id             string
		refusal        *order.Refusal
		canonical      string // "": the hash is of the document as it is; "?": not looked at
	}{
		{"good", good, "A-1", nil,
			`{"currency":"EUR","items":[{"quantity":2,"sku":"tea","unitPrice":450}],"orderId":"A-1"}`},
		{"white space around it", " \r\n\t" + good + "\n", "A-1", nil,
			`{"currency":"EUR","items":[{"quantity":2,"sku":"tea","unitPrice":450}],"orderId":"A-1"}`},
		{"unknown members", goodAnd(`"x":{"orderId":7}`), "A-1", nil, "?"},
		{"metadata", goodAnd(`"metadata":{"a":[null,true,false,{}]}`), "A-1", nil, "?"},
		{"signs", goodAnd(`"note":"a&b=c+d%20<e>'\"\\\n\r\t\u0000/\/😀"`), "A-1", nil, "?"},
		{"the case of a name counts", goodAnd(`"ORDERID":"B","OrderId":"C"`), "A-1", nil, "?"},
		{"an escaped name", goodWith("orderId", `\u006frderId`), "A-1", nil, "?"},
		{"an escaped id", goodWith("A-1", `\u0041-1`), "A-1", nil, "?"},
		{"an integer with a fraction of nought", goodWith(":450", ":450.00"), "A-1", nil, "?"},
		{"an integer with an exponent", goodWith(":450", ":45e1"), "A-1", nil, "?"},
		{"an integer of 40 digits", goodWith(":450", ":"+digits(40)), "A-1", nil, "?"},
		{"the longest number", goodWith(":450", ":"+digits(order.MaxNumberLength)), "A-1", nil, "?"},
		{"the largest exponent", goodWith(":450", ":1e+000999"), "A-1", nil, "?"},
		{"a lone surrogate", goodAnd(`"note":"\ud800"`), "A-1", nil, "?"},
		{"a lone surrogate in a name", goodAnd(`"\ud800":1,"\ud801":2,"\ufffd":3`), "A-1", nil, "?"},
		{"a noncharacter", goodAnd(`"note":"\ufffe"`), "A-1", nil, "?"},
		{"the longest id", goodWith("A-1", strings.Repeat("a", 128)), strings.Repeat("a", 128), nil, "?"},
		{"the deepest", nested(order.MaxDepth), "A-1", nil, "?"},
		{"a surrogate is one character", goodWith(`"tea"`, `"`+strings.Repeat(`\ud800`, 64)+`"`), "A-1",
			nil, "?"},
		{"an emoji is one character", goodWith(`"tea"`, `"`+strings.Repeat("😀", 64)+`"`), "A-1", nil,
			"?"},

		{"nothing", "", "", refused(order.NotJSON, ""), ""},
		{"white space", " \n", "", refused(order.NotJSON, ""), ""},
		{"cut off", good[:len(good)-1], "", refused(order.NotJSON, ""), ""},
		{"more behind it", good + "}", "", refused(order.NotJSON, ""), ""},
		{"two", good + good, "", refused(order.NotJSON, ""), ""},
		{"a byte order mark", "\ufeff" + good, "", refused(order.NotJSON, ""), ""},
		{"invalid UTF-8", goodWith("tea", "\xff"), "", refused(order.NotJSON, ""), ""},
		{"a surrogate in UTF-8", goodWith("tea", "\xed\xa0\x80"), "", refused(order.NotJSON, ""), ""},
		{"not JSON is found before anything else", strings.Repeat("[", 2000) + `{"a":1,"a":2}`, "",
			refused(order.NotJSON, ""), ""},

		{"too deep", nested(order.MaxDepth + 1), "A-1", refused(order.TooDeep, ""), ""},
		{"far too deep", strings.Repeat("[", 100000) + strings.Repeat("]", 100000), "",
			refused(order.TooDeep, ""), ""},
		{"too deep is found before duplicates",
			goodAnd(`"x":{"a":1,"a":2},"y":` + strings.Repeat("[", 600) + strings.Repeat("]", 600)), "A-1",
			refused(order.TooDeep, ""), ""},

		{"an id twice", goodAnd(`"orderId":"A-1"`), "", refused(order.DuplicateMember, "/orderId"), ""},
		{"an id twice, once escaped", goodAnd(`"\u006frderId":"B"`), "",
			refused(order.DuplicateMember, "/orderId"), ""},
		{"another member twice", goodAnd(`"currency":"USD"`), "A-1",
			refused(order.DuplicateMember, "/currency"), ""},
		{"a member twice deep inside", goodWith(`"sku"`, `"quantity":2,"sku"`), "A-1",
			refused(order.DuplicateMember, "/items/0/quantity"), ""},
		{"an unknown member twice", goodAnd(`"metadata":{"secret":{"more":1,"more":2}}`), "A-1",
			refused(order.DuplicateMember, "/metadata"), ""},
		{"an unknown member twice, on top", goodAnd(`"a\ud800":1,"\u0061\uD800":2`), "A-1",
			refused(order.DuplicateMember, ""), ""},
		{"duplicates are found before the schema", `{"items":[],"items":[]}`, "",
			refused(order.DuplicateMember, "/items"), ""},

		{"a number too long", goodAnd(`"metadata":{"n":` + digits(order.MaxNumberLength+1) + `}`), "A-1",
			refused(order.Invalid, "/metadata"), "?"},
		{"an exponent too large", goodWith(":450", ":1e1000"), "A-1",
			refused(order.Invalid, "/items/0/unitPrice"), "?"},
		{"an exponent too small", goodWith(":450", ":1E-1000"), "A-1",
			refused(order.Invalid, "/items/0/unitPrice"), "?"},
		{"an exponent that fits no int", goodWith(":450", ":1e99999999999999999999"), "A-1",
			refused(order.Invalid, "/items/0/unitPrice"), "?"},
		{"the first of several such numbers", goodAnd(`"note":1e1000,"channel":[1,1e1000]`), "A-1",
			refused(order.Invalid, "/channel/1"), "?"},
		{"such a number is found before the schema",
			strings.Replace(goodWith(`"EUR"`, "1"), ":450", ":1e1000", 1), "A-1",
			refused(order.Invalid, "/items/0/unitPrice"), "?"},

		{"no object", "[" + good + "]", "", refused(order.Invalid, ""), "?"},
		{"a string", `"orderId"`, "", refused(order.Invalid, ""), `"orderId"`},
		{"null", "null", "", refused(order.Invalid, ""), "null"},
		{"empty", "{}", "", refused(order.Invalid, ""), "{}"},
		{"a member is missing", goodWith(`"currency":"EUR",`, ""), "A-1",
			refused(order.Invalid, "/currency"), "?"},
		{"a member is missing inside", goodWith(`"sku":"tea",`, ""), "A-1",
			refused(order.Invalid, "/items/0/sku"), "?"},
		{"two are missing", goodWith(`"sku":"tea","quantity":2,`, ""), "A-1",
			refused(order.Invalid, "/items/0/quantity"), "?"},
		{"no id", goodWith(`"orderId":"A-1",`, ""), "", refused(order.Invalid, "/orderId"), "?"},
		{"an id in another case", goodWith("orderId", "ORDERID"), "", refused(order.Invalid, "/orderId"),
			"?"},
		{"an id inside only", goodWith(`"orderId":"A-1"`, `"metadata":{"orderId":"A-1"}`), "",
			refused(order.Invalid, "/orderId"), "?"},
		{"an id that is no string", goodWith(`"A-1"`, "1"), "", refused(order.Invalid, "/orderId"), "?"},
		{"an empty id", goodWith("A-1", ""), "", refused(order.Invalid, "/orderId"), "?"},
		{"an id of a dot", goodWith("A-1", "."), "", refused(order.Invalid, "/orderId"), "?"},
		{"an id of two dots", goodWith("A-1", ".."), "", refused(order.Invalid, "/orderId"), "?"},
		{"an id of three dots", goodWith("A-1", "..."), "...", nil, "?"},
		{"an id too long", goodWith("A-1", strings.Repeat("a", 129)), "",
			refused(order.Invalid, "/orderId"), "?"},
		{"an id with a slash", goodWith("A-1", "A/1"), "", refused(order.Invalid, "/orderId"), "?"},
		{"an id with a line feed", goodWith("A-1", `A\n`), "", refused(order.Invalid, "/orderId"), "?"},
		{"an id with a surrogate", goodWith("A-1", `A\ud800`), "", refused(order.Invalid, "/orderId"),
			"?"},
		{"a currency in small letters", goodWith("EUR", "eur"), "A-1",
			refused(order.Invalid, "/currency"), "?"},
		{"a currency with a line feed", goodWith("EUR", `EUR\n`), "A-1",
			refused(order.Invalid, "/currency"), "?"},
		{"no items", goodWith(`{"sku":"tea","quantity":2,"unitPrice":450}`, ""), "A-1",
			refused(order.Invalid, "/items"), "?"},
		{"100 items", goodWith("]", strings.Repeat(`,{"sku":"a","quantity":1,"unitPrice":0}`, 99)+"]"),
			"A-1", nil, "?"},
		{"101 items", goodWith("]", strings.Repeat(`,{"sku":"a","quantity":1,"unitPrice":0}`, 100)+"]"),
			"A-1", refused(order.Invalid, "/items"), "?"},
		{"the third item", goodWith("]",
			`,{"sku":"a","quantity":1,"unitPrice":0},{"sku":"","quantity":1,"unitPrice":0}]`), "A-1",
			refused(order.Invalid, "/items/2/sku"), "?"},
		{"a quantity of nought", goodWith(":2", ":0"), "A-1", refused(order.Invalid, "/items/0/quantity"),
			"?"},
		{"a quantity and a half", goodWith(":2", ":1.5"), "A-1",
			refused(order.Invalid, "/items/0/quantity"), "?"},
		{"a negative price", goodWith(":450", ":-1"), "A-1", refused(order.Invalid, "/items/0/unitPrice"),
			"?"},
		{"an article too long", goodWith("tea", strings.Repeat("é", 65)), "A-1",
			refused(order.Invalid, "/items/0/sku"), "?"},
		{"an article of too many surrogates", goodWith("tea", strings.Repeat(`\ud800`, 65)), "A-1",
			refused(order.Invalid, "/items/0/sku"), "?"},
		{"metadata is no object", goodAnd(`"metadata":[]`), "A-1", refused(order.Invalid, "/metadata"),
			"?"},
		{"the first by name", goodAnd(`"note":1,"channel":2,"customerId":3`), "A-1",
			refused(order.Invalid, "/channel"), "?"},
		{"the first by index", goodWith("]", strings.Repeat(`,{}`, 12)+"]"), "A-1",
			refused(order.Invalid, "/items/1/quantity"), "?"},
	}
	s := order.DefaultSchema()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := []byte(test.document)
			o, refusal := s.Parse(document)
			if diff := cmp.Diff(test.refusal, refusal); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
			if o.ID != test.id {
				t.Errorf("got id %q, want %q", o.ID, test.id)
			}
			if len(document) > 0 && &o.Document[0] != &document[0] || string(o.Document) != test.document {
				t.Error("Document is not what was given")
			}
			switch test.canonical {
			case "?":
				if o.Hash == hashOf(test.document) {
					t.Error("hashed as it is, not in its canonical form")
				}
			case "":
				if want := hashOf(test.document); o.Hash != want {
					t.Errorf("got hash %s, want %s, of the document as it is", o.Hash, want)
				}
			default:
				if want := hashOf(test.canonical); o.Hash != want {
					t.Errorf("got hash %s, want %s", o.Hash, want)
				}
			}

			hash, err := s.Hash(document)
			if hash != o.Hash {
				t.Errorf("Hash says %s, Parse %s", hash, o.Hash)
			}
			var got *order.Refusal
			if err != nil && !errors.As(err, &got) {
				t.Fatal(err)
			}
			if want := refusal; test.canonical != "" {
				if got != nil {
					t.Errorf("Hash of a document that has a canonical form: %v", got)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Hash refuses otherwise (-want +got):\n%s", diff)
			}
		})
	}
}

// The verdict of keywords that the default schema does not have, and where a refusal points.
func TestParseKeywords(t *testing.T) {
	long := strings.Repeat("n", 100)
	nest := func(depth int, inner object) object {
		for range depth {
			inner = object{"properties": object{long: inner}}
		}
		return inner
	}
	s := newSchema(t, object{
		"any": object{"anyOf": []any{object{"required": []any{"a"}},
			object{"properties": object{"b": object{"type": "null"}}}}},
		"all": object{"allOf": []any{object{"properties": object{"b": object{"type": "null"}}},
			object{"required": []any{"a"}}}},
		"one": object{"oneOf": []any{object{"type": "integer"}, object{"minimum": 2}}},
		"not": object{"not": object{"required": []any{"a"}}},
		"depends": object{"dependencies": object{"a": []any{"c", "b"},
			"x": object{"required": []any{"y"}}}},
		"ref":   object{"$ref": "#/definitions/short"},
		"exact": object{"additionalProperties": false, "properties": object{"a": object{}}},
		"map":   object{"additionalProperties": object{"properties": object{"a": object{"type": "string"}}}},
		"by":    object{"patternProperties": object{"^[0-9]+$": object{"type": "string"}}},
		"list": object{"type": "array",
			"items": object{"patternProperties": object{"": object{"type": "string"}}}},
		"enum":     object{"enum": []any{"\uFFFD", 1, object{"a": []any{1.5}}}},
		"unique":   object{"uniqueItems": true},
		"mail":     object{"format": "email"},
		"when":     object{"format": "date-time"},
		"one char": object{"pattern": "^.$"},
		"two":      object{"minLength": 2, "maxLength": 2.0},
		"a/b~c":    object{"type": "string"},
		"line\n":   object{"type": "string"},
		"tuple":    object{"items": []any{object{"type": "string"}}, "additionalItems": false},
		"deep":     nest(3, object{"type": "string"}),
		"step":     object{"multipleOf": 0.05},
	}, object{"definitions": object{"short": object{"type": "string", "maxLength": 1}}})
	tests := []struct{ members, want string }{ // want "-": good
		{`"any":{"a":1}`, "-"},
		{`"any":{"b":1}`, "/any"},
		{`"all":{"b":1}`, "/all/a"},
		{`"all":{"a":1,"b":1}`, "/all/b"},
		{`"one":1`, "-"},
		{`"one":1.5`, "/one"},
		{`"one":2`, "/one"},
		{`"not":{"a":1}`, "/not"},
		{`"depends":{"a":1,"b":1}`, "/depends/c"},
		{`"depends":{"a":1}`, "/depends/b"},
		{`"depends":{"x":1}`, "/depends/y"},
		{`"ref":"ab"`, "/ref"},
		{`"ref":"\udfff"`, "-"},
		{`"exact":{"a":1}`, "-"},
		{`"exact":{"secret":1}`, "/exact"},
		{`"exact":{"a":1,"A":1}`, "/exact"},
		{`"map":{"secret":{"a":1}}`, "/map"},
		{`"map":{"any":{"a":1}}`, "/map/any/a"},
		{`"by":{"4111111111111111":1}`, "/by"},
		{`"list":["a",{"0":1}]`, "/list/1"},
		{`"list":[{"0":""}]`, "-"},
		{`"enum":"\ufffd"`, "-"},
		{`"enum":"\ud800"`, "/enum"},
		{`"enum":1.0`, "-"},
		{`"enum":{"a":[15e-1]}`, "-"},
		{`"unique":["\ud800","\ud801","\ufffd"]`, "-"},
		{`"unique":["\ud800",0,"\uD800"]`, "/unique"},
		{`"unique":[1,1.0]`, "/unique"},
		{`"mail":"a@example.com"`, "-"},
		{`"mail":"a"`, "/mail"},
		{`"mail":"\ud800@\ud800"`, "/mail"},
		{`"when":"2030-01-02T03:04:05Z"`, "-"},
		{`"when":"2030-01-02"`, "/when"},
		{`"one char":"\ud800"`, "-"},
		{`"one char":"\ud800\ud800"`, "/one char"},
		{`"one char":"😀"`, "-"},
		{`"two":"\ud800😀"`, "-"},
		{`"two":"\ud800"`, "/two"},
		{`"two":"\ud83d\ude00"`, "/two"},
		{`"two":"\ude00\ud83d\ude00\ud83d"`, "/two"},
		{`"two":3`, "-"},
		{`"a/b~c":1`, "/a~1b~0c"},
		{`"line\n":1`, ""}, // a name that an attribute or a log line cannot carry
		{`"tuple":["a"]`, "-"},
		{`"tuple":[1]`, "/tuple/0"},
		{`"tuple":["a",1]`, "/tuple"},
		{`"deep":{"` + long + `":{"` + long + `":{"` + long + `":1}}}`, "/deep/" + long + "/" + long},
		{`"step":0.15`, "-"},
		{`"step":0.151`, "/step"},
	}
	for _, test := range tests {
		document := `{"id":"A",` + test.members + `}`
		o, refusal := s.Parse([]byte(document))
		got := "-"
		if refusal != nil {
			got = refusal.Pointer
			if refusal.Code != order.Invalid {
				t.Errorf("%s: refused as %s", document, refusal.Code)
			}
			if len(got) > order.MaxPointerLength {
				t.Errorf("%s: a pointer of %d bytes", document, len(got))
			}
		}
		if got != test.want {
			t.Errorf("%s: got %s, want %s", document, got, test.want)
		}
		if o.ID != "A" {
			t.Errorf("%s: got id %q", document, o.ID)
		}
	}
}

// The id rule is all that the schema says of the id, not only its pattern.
func TestParseIDFitsTheSchema(t *testing.T) {
	document := schemaWith(t, func(_, id object) { id["enum"] = []any{"A", "B"} })
	s, err := order.NewSchema(document, "id")
	if err != nil {
		t.Fatal(err)
	}
	for document, want := range map[string]string{`{"id":"A"}`: "A", `{"id":"C"}`: "",
		`{"id":"A","id":"A"}`: "", `{"id":"B","x":1,"x":2}`: "B"} {
		if o, _ := s.Parse([]byte(document)); o.ID != want {
			t.Errorf("%s: got %q, want %q", document, o.ID, want)
		}
	}
}

// Go's maps have no order: the pointer must not depend on it.
func TestParseIsDeterministic(t *testing.T) {
	document := []byte(
		`{"orderId":1,"currency":2,"items":3,"note":4,"channel":5,"customerId":6,"metadata":7}`)
	for range 100 {
		if _, refusal := order.DefaultSchema().Parse(document); refusal == nil ||
			refusal.Pointer != "/channel" {
			t.Fatal(refusal)
		}
	}
}

func TestParseConcurrently(t *testing.T) {
	s := order.DefaultSchema()
	want, _ := s.Parse([]byte(good))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				if got, refusal := s.Parse([]byte(good)); refusal != nil || got.Hash != want.Hash {
					t.Error(got, refusal)
				}
			}
		})
	}
	group.Wait()
}

func TestValidID(t *testing.T) {
	for _, id := range []string{"a", "A-Z_0.9~", "...", "-", strings.Repeat("x", order.MaxIDLength)} {
		if !order.ValidID(id) {
			t.Errorf("%q is one", id)
		}
	}
	bad := []string{"", ".", "..", strings.Repeat("x", order.MaxIDLength+1), "é", "a\xff", "A\u212a",
		"a\n"}
	for r := rune(0); r < 0x80; r++ {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-",
			r) {
			bad = append(bad, "a"+string(r)+"b")
		}
	}
	for _, id := range bad {
		if order.ValidID(id) {
			t.Errorf("%q is none", id)
		}
	}
}

func TestRefusalError(t *testing.T) {
	for want, refusal := range map[string]*order.Refusal{
		"order refused: not-json":              {Code: order.NotJSON},
		"order refused: invalid at /items/0/a": {Code: order.Invalid, Pointer: "/items/0/a"},
	} {
		if got := refusal.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Codes are kept in the table and read by others: they never change.
func TestCodes(t *testing.T) {
	got := []order.Code{order.NotJSON, order.EmptyBatch, order.BatchTooLong, order.DuplicateMember,
		order.TooDeep, order.Invalid, order.TooLarge, order.Conflict, order.Internal}
	want := []order.Code{"not-json", "empty-batch", "batch-too-long", "duplicate-member", "too-deep",
		"invalid", "too-large", "conflict", "internal"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestItem(t *testing.T) {
	hash := hashOf(good)
	if got, want := order.RefusalItem(hash), "refusal#"+hash; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func BenchmarkParse(b *testing.B) {
	s := order.DefaultSchema()
	line := `{"sku":"art-0000-00","quantity":2,"unitPrice":1999}`
	documents := []struct{ name, document string }{
		{"1 item", good},
		{"100 items", goodWith("]", strings.Repeat(","+line, 99)+"]")},
		{"240 KB of note", goodAnd(`"note":"` + strings.Repeat("note ", 800) + `","metadata":{"a":"` +
			strings.Repeat("blob ", 48000) + `"}`)},
		{"240 KB of hostile members", `{"metadata":[` + strings.Repeat(`{"":[-1e-9]},`, 18000) + `0]}`},
		{"240 KB of hostile numbers", `{"items":[` +
			strings.Repeat(`{"quantity":-1e-999,"unitPrice":-1e-999},`, 5700) + `0]}`},
		{"240 KB of hostile items", `{"items":[` + strings.Repeat(`{},`, 80000) + `0]}`},
	}
	for _, d := range documents {
		b.Run(d.name, func(b *testing.B) {
			document := []byte(d.document)
			b.SetBytes(int64(len(document)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = s.Parse(document)
			}
		})
	}
}
