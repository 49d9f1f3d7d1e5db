package order_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orderpipeline/orderpipeline/order"
)

// The vectors were made, and their hashes computed, by an implementation in another language.
func TestHashVectors(t *testing.T) {
	file, err := os.ReadFile("testdata/hash_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Name, Document, Canonical, Hash string }
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatal(err)
	}
	canonicals := map[string]string{}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			for _, document := range []string{v.Document, v.Canonical} {
				got, err := order.DefaultSchema().Hash([]byte(document))
				if err != nil {
					t.Fatal(err)
				}
				if got != v.Hash {
					t.Errorf("%s: got %s, want %s", document, got, v.Hash)
				}
			}
			if got := hashOf(v.Canonical); got != v.Hash {
				t.Errorf("the canonical form's hash is %s, not %s", got, v.Hash)
			}
		})
		if other, ok := canonicals[v.Hash]; ok && other != v.Canonical {
			t.Errorf("%s and %s have one hash", other, v.Canonical)
		}
		canonicals[v.Hash] = v.Canonical
	}
}

// Pairs that must, or must not, be one document.
func TestHash(t *testing.T) {
	tests := []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":2}`, "{ \"b\" : 2 ,\n\"a\" : 1 }", true},
		{`{"a":"\ud83d\ude00"}`, `{"\u0061":"😀"}`, true},
		{`{"a":"\/\u002f"}`, `{"a":"//"}`, true},
		{`{"a":"\u00e9"}`, `{"a":"é"}`, true},
		{`{"a":"\uD800"}`, `{"a":"\ud800"}`, true},
		{`{"a":"\ud800"}`, `{"a":"\ud801"}`, false},
		{`{"a":"\ud800"}`, `{"a":"\ufffd"}`, false},
		{`{"a":"\ud800"}`, `{"a":"\\ud800"}`, false},
		{`{"\ud800":1}`, `{"\ud801":1}`, false},
		{`{"a":"\ud83d","b":"\ude00"}`, `{"a":"\ud83d\ude00","b":""}`, false},
		{`{"a":"\ufffe"}`, `{"a":"\uffff"}`, false},
		{`{"a":"e\u0301"}`, `{"a":"\u00e9"}`, false},
		{`{"a":1}`, `{"a":1.0}`, false},
		{`{"a":1.0}`, `{"a":1.00}`, false},
		{`{"a":1e1}`, `{"a":1E1}`, false},
		{`{"a":1}`, `{"a":"1"}`, false},
		{`{"a":null}`, `{"a":"null"}`, false},
		{`{"a":null}`, `{}`, false},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, false},
		{`{"a":[1,[2]]}`, `{"a":[[1],2]}`, false},
		{`{"a":["b","c"]}`, `{"a":["b\",\"c"]}`, false},
		{`{"a":"b","c":"d"}`, `{"a":"b\",\"c\":\"d"}`, false},
		{`{"orderId":"A"}`, `{"ORDERID":"A"}`, false},
		{`{"a":" "}`, `{"a":""}`, false},
		{`[]`, `{}`, false},
	}
	for _, test := range tests {
		a, err := order.DefaultSchema().Hash([]byte(test.a))
		if err != nil {
			t.Fatal(err)
		}
		b, err := order.DefaultSchema().Hash([]byte(test.b))
		if err != nil {
			t.Fatal(err)
		}
		if (a == b) != test.same {
			t.Errorf("%s and %s: same hash %v, want %v", test.a, test.b, a == b, test.same)
		}
	}
}

// value is a JSON value: nil, bool, number, text, []value or map[text]value.
type (
	value  any
	number string
	text   string // its code points, each as %x and a comma: lone surrogates are among them
)

// drawText draws what a string means: code points, none of them a surrogate
// before one that would make a pair with it.
func drawText(t *rapid.T) text {
	points := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]int32{0, '\b', '\t', '\n', '\f', '\r', 0x1F, ' ', '"', '\\', '/', '&', '<',
			'a', 'b', 0x7F, 0xE9, 0x2028, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000, 0xFFFD, 0xFFFE,
			0x10000, 0x1F600, 0x10FFFF}),
		rapid.Int32Range(0, 0x10FFFF),
	), 0, 4).Draw(t, "points")
	var out strings.Builder
	high := false
	for _, p := range points {
		if high && p >= 0xDC00 && p < 0xE000 {
			p -= 0x400
		}
		high = p >= 0xD800 && p < 0xDC00
		fmt.Fprintf(&out, "%x,", p)
	}
	return text(out.String())
}

func drawValue(t *rapid.T, depth int) value {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,2})?([eE][+-]?[0-9])?`).Draw(
			t, "number"))
	case 3:
		return drawText(t)
	case 4:
		array := []value{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			array = append(array, drawValue(t, depth-1))
		}
		return array
	}
	object := map[text]value{}
	for range rapid.IntRange(0, 3).Draw(t, "size") {
		object[drawText(t)] = drawValue(t, depth-1)
	}
	return object
}

// write writes a value in one of the many ways that JSON has.
func write(t *rapid.T, out *strings.Builder, v value) {
	space := func() {
		out.WriteString(rapid.SampledFrom([]string{"", "", " ", "\n", "\r\t"}).Draw(t, "space"))
	}
	space()
	switch v := v.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		fmt.Fprint(out, v)
	case number:
		out.WriteString(string(v))
	case text:
		writeText(t, out, v)
	case []value:
		out.WriteByte('[')
		space()
		for i, element := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			write(t, out, element)
		}
		out.WriteByte(']')
	case map[text]value:
		out.WriteByte('{')
		space()
		for i, name := range rapid.Permutation(slices.Sorted(maps.Keys(v))).Draw(t, "order") {
			if i > 0 {
				out.WriteByte(',')
			}
			write(t, out, name)
			out.WriteByte(':')
			write(t, out, v[name])
		}
		out.WriteByte('}')
	}
	space()
}

func writeText(t *rapid.T, out *strings.Builder, v text) {
	escape := func(unit int32) {
		fmt.Fprintf(out, rapid.SampledFrom([]string{`\u%04x`, `\u%04X`}).Draw(t, "case"), unit)
	}
	out.WriteByte('"')
	for token := range strings.SplitSeq(strings.TrimSuffix(string(v), ","), ",") {
		var p int32
		if n, _ := fmt.Sscanf(token, "%x", &p); n == 0 {
			continue
		}
		short := strings.IndexRune("\"\\/\b\f\n\r\t", p)
		switch literal := rapid.Bool().Draw(t, "literal"); {
		case literal && short >= 0:
			out.WriteString(`\` + `"\/bfnrt`[short:short+1])
		case literal && p >= ' ' && (p < 0xD800 || p > 0xDFFF):
			out.WriteRune(p)
		case p > 0xFFFF:
			escape(0xD800 + (p-0x10000)>>10)
			escape(0xDC00 + (p-0x10000)&0x3FF)
		default:
			escape(p)
		}
	}
	out.WriteByte('"')
}

// Two ways to write one value have one hash; two values have two.
func TestHashProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := func(v value) (string, string) {
			var out strings.Builder
			write(t, &out, v)
			document := out.String()
			hash, err := order.DefaultSchema().Hash([]byte(document))
			if err != nil {
				t.Fatalf("%s: %v", document, err)
			}
			if !json.Valid([]byte(document)) {
				t.Fatalf("encoding/json does not read %s", document)
			}
			return document, hash
		}
		a, b := drawValue(t, 3), drawValue(t, 3)
		a1, hash1 := hash(a)
		a2, hash2 := hash(a)
		if hash1 != hash2 {
			t.Errorf("%q and %q are one value, with two hashes", a1, a2)
		}
		b1, hash3 := hash(b)
		if equal := cmp.Equal(a, b); equal != (hash1 == hash3) {
			t.Errorf("%q and %q: equal %v, same hash %v", a1, b1, equal, hash1 == hash3)
		}
	})
}
