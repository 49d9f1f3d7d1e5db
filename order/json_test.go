package order

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// Every text of up to five of JSON's characters: scan and encoding/json agree.
func TestSkimIsRFC8259(t *testing.T) {
	const alphabet = "{}[]\":,\\u0-.e1 a\x1f\xc3\xa9"
	var text [5]byte
	var all func(n int)
	all = func(n int) {
		got, want := false, json.Valid(text[:n]) && utf8.Valid(text[:n])
		if _, got = scan(string(text[:n]), nil); got != want {
			t.Fatalf("%q: got %v, want %v", text[:n], got, want)
		}
		if n == len(text) {
			return
		}
		for i := range len(alphabet) {
			text[n] = alphabet[i]
			all(n + 1)
		}
	}
	all(0)
}

func TestSkimDepth(t *testing.T) {
	for text, want := range map[string]int{`1`: 0, `{}`: 1, `[ ]`: 1, `[1]`: 1, `{"a":[]}`: 2,
		`[[],[[]],{}]`: 3, `[[[]],1]`: 3} {
		if got, ok := scan(text, nil); !ok || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, ok, want)
		}
	}
}

func TestUnquote(t *testing.T) {
	for token, want := range map[string]string{
		`""`: "", `"a"`: "a", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t", `"\u0041\u00e9\u20AC"`: "Aé€",
		`"\ud83d\ude00"`: "😀", `"\uD83D\uDE00x"`: "😀x",
		`"\ud800"`: "\xed\xa0\x80", `"\udbff"`: "\xed\xaf\xbf", `"\udc00"`: "\xed\xb0\x80",
		`"\udfff"`:       "\xed\xbf\xbf",
		`"\ude00\ud83d"`: "\xed\xb8\x80\xed\xa0\xbd", `"\ud83d\ud83d\ude00"`: "\xed\xa0\xbd😀",
		`"\ud83dA"`:  "\xed\xa0\xbdA",
		`"\ud83d\n"`: "\xed\xa0\xbd\n", `"\ud83d\u0041"`: "\xed\xa0\xbdA",
	} {
		if got := unquote(token); got != want {
			t.Errorf("%s: got %q, want %q", token, got, want)
		}
	}
}
