package order

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	`{"orderId":"A-1","currency":"EUR","items":[{"sku":"tea","quantity":2,"unitPrice":450}]}`,
	"[ {\"orderId\":\"A-1\"} ,\n{\"orderId\" : \"\\u0041-2\"} ]",
	`{"orderId":"A","ORDERID":"B","currency":"EUR","items":[{"sku":"&=+%<>\"\\\n😀","quantity":1.00,"unitPrice":1234567890123456789012345678901234567890}]}`,
	`{"orderId":"A","note":"\ud800\ud801\udc00\ufffd\ufffe\ud83d\ude00\/","\ud800":1,"\ud801":2}`,
	`{"orderId":"A","orderId":"B"}`,
	`{"orderId":"A","x":{"a":1,"\u0061":2}}`,
	`{"orderId":".","x":[-0,0.0,1e9999999,1E-2,-1.5e+3]}`,
	"{\"orderId\":\"\xff\"}", "\ufeff{}", "\"\xed\xa0\x80\"", `"\ud800`, `[1,]`, `{"a":1,}`, `{,}`,
	`01`, `-`, `1.`, `tru`, " ", "\"\t\"", `{"a" 1}`, `[}`, "[]\x00", `"\x"`, `"\u00g0"`, `"\u00`,
	`"\`, `"a`, `1e`, `1e+`, `.5`, `+1`, `nul`,
	strings.Repeat("[", 600) + strings.Repeat("]", 600),
}

var hexHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

func FuzzParse(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	s := DefaultSchema()
	f.Fuzz(func(t *testing.T, document []byte) {
		given := bytes.Clone(document)
		o, refusal := s.Parse(document)
		if !bytes.Equal(document, given) || !bytes.Equal(o.Document, given) {
			t.Fatal("Document is not what was given")
		}
		if !hexHash.MatchString(o.Hash) {
			t.Fatalf("hash %q", o.Hash)
		}
		if o.ID != "" && !ValidID(o.ID) || o.ID == "" && refusal == nil {
			t.Fatalf("id %q, refusal %v", o.ID, refusal)
		}
		// encoding/json takes invalid UTF-8, and gives up at a depth of 10000, which is JSON.
		if len(document) < 10000 {
			if valid := json.Valid(document) &&
				utf8.Valid(document); valid == (refusal != nil && refusal.Code == NotJSON) {
				t.Fatalf("encoding/json says %v, refusal %v", valid, refusal)
			}
		}
		if refusal != nil {
			checkPointer(t, s, refusal.Pointer)
			if refusal.Code != Invalid {
				if o.Hash != sum(document) {
					t.Fatal("without a canonical form, the hash is of the bytes")
				}
				return
			}
		}
		for name, variant := range variants(t, string(document)) {
			v, again := s.Parse(variant)
			if v.Hash != o.Hash || v.ID != o.ID {
				t.Errorf("%s: id %q, hash %s; was %q, %s", name, v.ID, v.Hash, o.ID, o.Hash)
			}
			if (again == nil) != (refusal == nil) || again != nil && *again != *refusal {
				t.Errorf("%s: refused with %v; was %v", name, again, refusal)
			}
		}
	})
}

// checkPointer: a pointer has indexes and names of the schema in it, nothing else.
func checkPointer(t *testing.T, s *Schema, pointer string) {
	if len(pointer) > MaxPointerLength || pointer != "" && pointer[0] != '/' {
		t.Fatalf("pointer %q", pointer)
	}
	for _, token := range strings.Split(pointer, "/")[1:] {
		if !s.names[token] && strings.Trim(token, "0123456789") != "" {
			t.Fatalf("pointer %q has what the document's writer chose", pointer)
		}
	}
}

// variants writes a document that has a canonical form in other ways.
func variants(t *testing.T, text string) map[string][]byte {
	var indented, compact bytes.Buffer
	if err := json.Indent(&indented, []byte(text), "\r", "\t"); err != nil {
		t.Fatal(err)
	}
	if err := json.Compact(&compact, []byte(text)); err != nil {
		t.Fatal(err)
	}
	r := reader{text: text}
	value, _ := r.value()
	return map[string][]byte{
		"with white space":    indented.Bytes(),
		"without white space": compact.Bytes(),
		"members reversed":    []byte(reverseMembers(text)),
		"canonical":           appendCanonical(nil, value),
	}
}

// reverseMembers turns the order of the members around, in every object, and keeps every token as
// it is.
func reverseMembers(text string) string {
	text = strings.Trim(text, " \t\r\n")
	if text[0] != '{' && text[0] != '[' {
		return text
	}
	var parts []string
	scan(text, func(name string, start, end int) {
		if name != "" {
			name += ":"
		}
		parts = append(parts, name+reverseMembers(text[start:end]))
	})
	if text[0] == '{' {
		slices.Reverse(parts)
	}
	return text[:1] + strings.Join(parts, ",") + string(closer(text[0]))
}

func FuzzSplit(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
		f.Add([]byte("[" + seed + ", " + seed + "]"))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		documents, batch, refusal := Split(body)
		if (refusal == nil) != (len(documents) > 0) {
			t.Fatalf("%d documents, refusal %v", len(documents), refusal)
		}
		if valid := json.Valid(body) && utf8.Valid(body); len(body) < 10000 &&
			valid == (refusal != nil && refusal.Code == NotJSON) {
			t.Fatalf("encoding/json says %v, refusal %v", valid, refusal)
		}
		if refusal != nil {
			if refusal.Pointer != "" {
				t.Fatal(refusal)
			}
			return
		}
		if !batch {
			if len(documents) != 1 || !bytes.Equal(documents[0], body) {
				t.Fatalf("one document became %q", documents)
			}
			return
		}
		var want []json.RawMessage
		if json.Unmarshal(body, &want) == nil { // not so when deeper than it goes
			if len(want) != len(documents) {
				t.Fatalf("%d documents, encoding/json finds %d", len(documents), len(want))
			}
			for i := range want {
				if !bytes.Equal(want[i], documents[i]) {
					t.Errorf("document %d: %q, encoding/json finds %q", i, documents[i], want[i])
				}
			}
		}
		for _, document := range documents {
			if _, ok := scan(string(document), nil); !ok {
				t.Errorf("%q is not JSON", document)
			}
		}
		again, batch, refusal := Split(slices.Concat([]byte("[ "), bytes.Join(documents, []byte("\n,")),
			[]byte("]")))
		if refusal != nil || !batch || !slices.EqualFunc(documents, again, bytes.Equal) {
			t.Errorf("%q became %q, refusal %v", documents, again, refusal)
		}
	})
}

func FuzzEvent(f *testing.F) {
	for _, seed := range seeds {
		f.Add("A-1", "2030-01-02T03:04:05.678Z", "urn:a", []byte(seed))
	}
	f.Add("\"\xff\xed\xa0\x80\n", "\\", "é", []byte("1"))
	f.Fuzz(func(t *testing.T, id, storedAt, source string, document []byte) {
		Attributes(document, []string{"channel", "currency", id})
		if !json.Valid(document) {
			return
		}
		format := EventFormat{Source: source, Type: DefaultEventType}
		encoded := format.Encode(id, storedAt, document)
		if !bytes.Equal(encoded, format.Encode(id, storedAt, document)) {
			t.Fatal("two events of one order differ")
		}
		if !bytes.HasSuffix(encoded, append(bytes.Clone(document), '}')) {
			t.Fatalf("the document's bytes are not in %q", encoded)
		}
		if len(document) > 9000 {
			return // encoding/json goes as deep as 10000 only
		}
		var event struct {
			Specversion, ID, Source, Type, Subject, Time, Datacontenttype string
			Data                                                          json.RawMessage
		}
		if err := json.Unmarshal(encoded, &event); err != nil {
			t.Fatalf("%q: %v", encoded, err)
		}
		if !bytes.Equal(event.Data, bytes.Trim(document, " \t\r\n")) {
			t.Errorf("data %q of document %q", event.Data, document)
		}
		if event.ID != EventID(id) || event.Specversion != "1.0" ||
			event.Datacontenttype != "application/json" {
			t.Errorf("%q", encoded)
		}
		if utf8.ValidString(id) && event.Subject != id ||
			utf8.ValidString(storedAt) && event.Time != storedAt ||
			utf8.ValidString(source) && event.Source != source {
			t.Errorf("%q of %q, %q, %q", encoded, id, storedAt, source)
		}
	})
}

// A schema is the embedding application's: it must not panic either, nor let an
// id through that is none.
func FuzzNewSchema(f *testing.F) {
	f.Add(defaultSchema, "A-1")
	for _, id := range []string{
		`{"type":"string","maxLength":128,"pattern":"^[A-Za-z0-9_-]+$"}`,
		`{"type":"string","maxLength":9,"pattern":"^(a|b[^c])$"}`,
		`{"type":"string","maxLength":9,"minLength":2,"pattern":"^a.*$","not":{"enum":["."]}}`,
	} {
		f.Add([]byte(`{"$schema":"`+draft04+
			`","type":"object","required":["orderId"],"properties":{"orderId":`+id+`}}`), "bé")
	}
	f.Add([]byte(`{"$schema":"`+draft04+
		`","id":"a#b","$ref":"#","allOf":[{"$ref":"#/definitions/a"}],"definitions":{"a":{"id":"#"}}}`),
		"")
	f.Fuzz(func(t *testing.T, document []byte, id string) {
		s, err := NewSchema(document, "orderId")
		if err != nil {
			return
		}
		encoded, _ := json.Marshal(map[string]string{"orderId": id})
		o, refusal := s.Parse(encoded)
		if refusal == nil && (o.ID != id || !ValidID(id)) {
			t.Errorf("id %q of %q passed as %q", id, document, o.ID)
		}
		if s.id.Validate(id) == nil && !ValidID(id) {
			t.Errorf("%q allows id %q", document, id)
		}
		if _, err := NewSchema(s.JSON(), "orderId"); err != nil {
			t.Errorf("not twice: %v", err)
		}
		s.BatchJSON()
	})
}
