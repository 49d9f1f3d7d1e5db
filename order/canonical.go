package order

import (
	"encoding/json"
	"slices"
)

// HashVersion is the version of the canonical form behind [Order.Hash], which is
// the SHA-256, in lower-case hex, of the document written as follows.
//
//   - No white space. null, true and false as they are; arrays in their order.
//   - A number is its token, unchanged: 1, 1.0, 1.00 and 1e0 are four numbers, 0
//     and -0 are two.
//   - An object's members are sorted by the UTF-8 bytes of their unescaped names,
//     which is the order of their code points. A lone surrogate counts as its code
//     point (D800 to DFFF). JavaScript sorts by UTF-16 units instead.
//   - A string is written as ECMAScript's JSON.stringify writes it. \" and \\ are
//     escaped; the control characters below U+0020 are \b \t \n \f \r, else
//     \u00 and two lower-case hex digits; a surrogate without its other half is \u and
//     four lower-case hex digits. Everything else is its UTF-8 bytes: /, DEL, U+2028 and
//     U+FFFE too, and a surrogate pair, however it was written, is its one code point.
//   - No Unicode normalization, of values or names.
//
// The canonical form is itself JSON in UTF-8, and its own canonical form. Two
// documents have the same canonical form exactly when they have the same members,
// elements, strings and number tokens. testdata/hash_vectors.json has examples
// for implementations in other languages.
//
// The hash of a document without a canonical form (not JSON, too deep, duplicate
// members) is of its bytes, so that such documents can be told apart too.
const HashVersion = 1

// appendCanonical appends the canonical form of a value that reader read.
func appendCanonical(out []byte, value any) []byte {
	switch value := value.(type) {
	case map[string]any:
		names := make([]string, 0, len(value))
		for name := range value {
			names = append(names, name)
		}
		slices.Sort(names)
		out = append(out, '{')
		for i, name := range names {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendString(out, name)
			out = append(out, ':')
			out = appendCanonical(out, value[name])
		}
		return append(out, '}')
	case []any:
		out = append(out, '[')
		for i, element := range value {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendCanonical(out, element)
		}
		return append(out, ']')
	case string:
		return appendString(out, value)
	case json.Number:
		return append(out, value...)
	case bool:
		if value {
			return append(out, "true"...)
		}
		return append(out, "false"...)
	}
	return append(out, "null"...)
}

// appendString appends a string token, escaped as JSON.stringify does.
func appendString(out []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	out = append(out, '"')
	from := 0 // the start of the bytes that are copied unchanged
	for i := 0; i < len(s); i++ {
		c, size := s[i], 1
		if c >= ' ' && c != '"' && c != '\\' && c != 0xED {
			continue
		}
		escape := [6]byte{'\\', c}
		escaped := escape[:2]
		switch c {
		case '"', '\\':
		case '\b':
			escape[1] = 'b'
		case '\t':
			escape[1] = 't'
		case '\n':
			escape[1] = 'n'
		case '\f':
			escape[1] = 'f'
		case '\r':
			escape[1] = 'r'
		default:
			r := rune(c)
			if c == 0xED {
				var lone bool
				if r, lone = loneSurrogate(s, i); !lone {
					continue
				}
				size = 3
			}
			escape = [6]byte{'\\', 'u',
				hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15]}
			escaped = escape[:]
		}
		out = append(out, s[from:i]...)
		out = append(out, escaped...)
		from = i + size
		i = from - 1
	}
	out = append(out, s[from:]...)
	return append(out, '"')
}
