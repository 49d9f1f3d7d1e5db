package order

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding/json is not used to read documents: it replaces lone surrogates and
// invalid UTF-8 with U+FFFD, keeps the last of two members with the same name,
// and stops at a depth of 10000.

// scan reports whether text is one JSON value (RFC 8259, in valid UTF-8) and how
// deep it is nested; a scalar has depth 0. For every member or element of the
// outermost value it calls each with the name's token ("" in an array) and with
// where the value is: text[start:end]. Those calls mean nothing when ok is false.
//
// It does not recurse: the depth of a hostile document must not cost stack.
func scan(text string, each func(name string, start, end int)) (depth int, ok bool) {
	if !utf8.ValidString(text) {
		return 0, false
	}
	var (
		open  []byte // the brackets that are open at i
		name  string // of the current top-level member
		start int    // of the current top-level member or element
	)
	i := skipSpace(text, 0)
	for {
		// A member (inside an object) or a value begins at i.
		if len(open) > 0 && open[len(open)-1] == '{' {
			end := scanString(text, i)
			if end < 0 {
				return 0, false
			}
			if len(open) == 1 {
				name = text[i:end]
			}
			if i = skipSpace(text, end); i == len(text) || text[i] != ':' {
				return 0, false
			}
			i = skipSpace(text, i+1)
		}
		if len(open) == 1 {
			start = i
		}
		if i == len(text) {
			return 0, false
		}
		if c := text[i]; c == '{' || c == '[' {
			i = skipSpace(text, i+1)
			depth = max(depth, len(open)+1)
			if i == len(text) || text[i] != closer(c) {
				open = append(open, c)
				continue
			}
			i++
		} else if i = scanScalar(text, i); i < 0 {
			return 0, false
		}
		// A value has ended before i, and perhaps those around it.
		for {
			if len(open) == 1 && each != nil {
				each(name, start, i)
			}
			i = skipSpace(text, i)
			if len(open) == 0 {
				return depth, i == len(text)
			}
			if i == len(text) {
				return 0, false
			}
			i++
			if text[i-1] == ',' {
				i = skipSpace(text, i)
				break
			}
			if text[i-1] != closer(open[len(open)-1]) {
				return 0, false
			}
			open = open[:len(open)-1]
		}
	}
}

// closer is the bracket that closes c: in ASCII, both pairs are two apart.
func closer(c byte) byte { return c + 2 }

func skipSpace(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t') {
		i++
	}
	return i
}

// scanScalar returns the end of the string, number or literal at i, or -1.
func scanScalar(text string, i int) int {
	switch text[i] {
	case '"':
		return scanString(text, i)
	case 't':
		return scanLiteral(text, i, "true")
	case 'f':
		return scanLiteral(text, i, "false")
	case 'n':
		return scanLiteral(text, i, "null")
	}
	return scanNumber(text, i)
}

func scanLiteral(text string, i int, literal string) int {
	if !strings.HasPrefix(text[i:], literal) {
		return -1
	}
	return i + len(literal)
}

// scanString returns the end of the string at i, behind its closing quote, or -1.
func scanString(text string, i int) int {
	if i == len(text) || text[i] != '"' {
		return -1
	}
	for i++; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c == '\\':
			i++
			if i == len(text) {
				return -1
			}
			switch text[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(text[i+1:]); !ok {
					return -1
				}
				i += 4
			default:
				return -1
			}
		}
	}
	return -1
}

// scanNumber returns the end of the number at i, or -1.
func scanNumber(text string, i int) int {
	digits := func() bool {
		from := i
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		return i > from
	}
	at := func(chars string) bool {
		if i < len(text) && strings.IndexByte(chars, text[i]) >= 0 {
			i++
			return true
		}
		return false
	}
	at("-")
	if !at("0") && !digits() {
		return -1
	}
	if at(".") && !digits() {
		return -1
	}
	if at("eE") {
		at("+-")
		if !digits() {
			return -1
		}
	}
	return i
}

func hex4(text string) (r rune, ok bool) {
	if len(text) < 4 {
		return 0, false
	}
	for _, c := range []byte(text[:4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unquote returns the value of a string token. A surrogate that is escaped without its
// other half, which UTF-8 cannot hold, becomes its three bytes of generalized UTF-8 (WTF-8).
func unquote(token string) string {
	token = token[1 : len(token)-1]
	i := strings.IndexByte(token, '\\')
	if i < 0 {
		return token
	}
	out := make([]byte, 0, len(token))
	for ; i >= 0; i = strings.IndexByte(token, '\\') {
		out = append(out, token[:i]...)
		c := token[i+1]
		token = token[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(token)
			token = token[4:]
			if utf16.IsSurrogate(r) {
				if strings.HasPrefix(token, `\u`) {
					low, _ := hex4(token[2:])
					if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
						out = utf8.AppendRune(out, pair)
						token = token[6:]
						continue
					}
				}
				out = append(out, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
				continue
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		out = append(out, c)
	}
	return string(append(out, token...))
}

// loneSurrogate returns the surrogate whose three bytes of WTF-8 are at i. In
// valid UTF-8, ED is never followed by A0 or more.
func loneSurrogate(s string, i int) (r rune, ok bool) {
	if s[i] != 0xED || i+2 >= len(s) || s[i+1] < 0xA0 {
		return 0, false
	}
	return 0xD000 | rune(s[i+1]&0x3F)<<6 | rune(s[i+2]&0x3F), true
}

// step is one step from a JSON value to a value inside it.
type step struct {
	name  string // of a member; "" with an index
	index int    // of an element; -1 with a name
}

// reader reads a text that scan has accepted as JSON that is not too deep.
type reader struct {
	text string
	i    int
	// limits is set when a number is beyond MaxNumberLength or MaxExponent.
	limits bool
	// duplicate is the path, backwards, to the first member whose name occurs twice.
	duplicate []step
}

// value reads the value at i: a map[string]any, []any, string (WTF-8, see
// unquote), json.Number (the token), bool or nil. It returns false at a duplicate
// member.
func (r *reader) value() (any, bool) {
	r.i = skipSpace(r.text, r.i)
	switch r.text[r.i] {
	case '{':
		return r.object()
	case '[':
		return r.array()
	}
	token := r.text[r.i:scanScalar(r.text, r.i)]
	r.i += len(token)
	switch token[0] {
	case '"':
		return unquote(token), true
	case 't':
		return true, true
	case 'f':
		return false, true
	case 'n':
		return nil, true
	}
	r.limits = r.limits || beyondLimits(token)
	return json.Number(token), true
}

func (r *reader) object() (any, bool) {
	object := map[string]any{}
	for !r.atClose() {
		token := r.text[r.i:scanString(r.text, r.i)]
		r.i = skipSpace(r.text, r.i+len(token)) + 1 // the colon
		name := unquote(token)
		value, ok := r.value()
		if ok {
			_, has := object[name]
			ok = !has
		}
		if !ok {
			r.duplicate = append(r.duplicate, step{name: name, index: -1})
			return nil, false
		}
		object[name] = value
	}
	return object, true
}

func (r *reader) array() (any, bool) {
	array := []any{}
	for !r.atClose() {
		value, ok := r.value()
		if !ok {
			r.duplicate = append(r.duplicate, step{index: len(array)})
			return nil, false
		}
		array = append(array, value)
	}
	return array, true
}

// atClose skips the opening bracket or the comma before a member or element. After
// the last one it skips the closing bracket and returns true.
func (r *reader) atClose() bool {
	r.i = skipSpace(r.text, r.i)
	c := r.text[r.i]
	r.i++
	if c == '{' || c == '[' || c == ',' {
		r.i = skipSpace(r.text, r.i)
		if c == ',' || r.text[r.i] != closer(c) {
			return false
		}
		r.i++
	}
	return true
}

// beyondLimits reports whether a number token is longer than MaxNumberLength
// bytes or has an exponent beyond MaxExponent. Comparing such numbers can take
// minutes.
func beyondLimits(token string) bool {
	if len(token) > MaxNumberLength {
		return true
	}
	e := strings.IndexAny(token, "eE")
	if e < 0 {
		return false
	}
	exponent := 0
	for _, c := range []byte(strings.TrimLeft(token[e+1:], "+-")) {
		exponent = min(exponent*10+int(c-'0'), MaxExponent+1)
	}
	return exponent > MaxExponent
}
