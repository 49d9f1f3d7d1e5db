package order

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

const (
	// MaxIDLength is the longest order id, in bytes.
	MaxIDLength = 128
	// MaxDepth is how deep a document may be nested: {} is 1 deep, {"a":[]} 2.
	MaxDepth = 512
	// MaxNumberLength is the longest number, in bytes of its token.
	MaxNumberLength = 256
	// MaxExponent is the largest exponent of a number, and -MaxExponent the
	// smallest: arithmetic on 1e999999999 takes longer than a function's timeout.
	MaxExponent = 999
)

// Order is the result of parsing an order document.
type Order struct {
	// ID is the order id: a [ValidID] that fits the schema of the id field. A
	// refused document has one too, if it is JSON and has the id field exactly
	// once at its top level. Otherwise ID is empty.
	ID string
	// Document is the slice given to Parse, neither copied nor changed.
	Document []byte
	// Hash is the hash of the document's canonical form, or of its bytes if it
	// has no canonical form. See [HashVersion].
	Hash string
}

// ValidID reports whether id can be an order id, whatever the schema says: 1 to
// [MaxIDLength] characters of A-Z a-z 0-9 . _ ~ - (those that a URL leaves as
// they are), but neither "." nor "..", which disappear from a URL's path.
func ValidID(id string) bool {
	if id == "" || len(id) > MaxIDLength || id == "." || id == ".." {
		return false
	}
	for _, r := range id {
		if !urlSafe(r) {
			return false
		}
	}
	return true
}

// urlSafe reports whether r is an unreserved character (RFC 3986, section 2.3).
func urlSafe(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' ||
		r < 0x80 && strings.IndexByte("._~-", byte(r)) >= 0
}

// Parse parses and validates one order document. The refusal is nil for a valid
// order. The Order is filled in as far as possible in any case. The package
// comment has the order of the checks. Of several violations of the schema, the
// refusal names the one whose pointer sorts first (elements by index, members by
// name), so that it does not depend on the order of the document's members.
func (s *Schema) Parse(document []byte) (Order, *Refusal) {
	o := Order{Document: document}
	value, steps, code := s.read(document, &o)
	if code != "" {
		return o, &Refusal{Code: code, Pointer: s.pointer(steps)}
	}
	if steps, ok := s.check(value); !ok {
		return o, &Refusal{Code: Invalid, Pointer: s.pointer(steps)}
	}
	return o, nil
}

// Hash returns the hash that Parse computes, whether or not the document fits the
// schema. The error, a [*Refusal], means that the document has no canonical form;
// the hash is then of its bytes.
func (s *Schema) Hash(document []byte) (string, error) {
	var o Order
	if _, steps, code := s.read(document, &o); code != "" && code != Invalid {
		return o.Hash, &Refusal{Code: code, Pointer: s.pointer(steps)}
	}
	return o.Hash, nil
}

// read does everything that Parse does except for the schema. It fills in the id
// and the hash.
func (s *Schema) read(document []byte, o *Order) (value any, problem []step, code Code) {
	text := string(document)
	id, ids := "", 0
	depth, ok := scan(text, func(name string, start, end int) {
		if name != "" && unquote(name) == s.idField {
			ids++
			if text[start] == '"' {
				id = unquote(text[start:end])
			}
		}
	})
	if !ok {
		o.Hash = sum(document)
		return nil, nil, NotJSON
	}
	// NewSchema refuses a schema that allows other ids. This check does not depend on it.
	if ids == 1 && ValidID(id) && s.id.Validate(id) == nil {
		o.ID = id
	}
	if depth > MaxDepth {
		o.Hash = sum(document)
		return nil, nil, TooDeep
	}
	r := reader{text: text}
	value, ok = r.value()
	if !ok {
		o.Hash = sum(document)
		slices.Reverse(r.duplicate)
		return nil, r.duplicate, DuplicateMember
	}
	o.Hash = sum(appendCanonical(make([]byte, 0, len(document)), value))
	if r.limits {
		return nil, firstBeyondLimits(value), Invalid
	}
	return value, nil, ""
}

func sum(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}
