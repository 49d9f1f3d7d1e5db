package order

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

const (
	// EnvelopeReserve is how many bytes of a topic's message size limit are kept
	// free for the event around a document and for the message's attributes.
	EnvelopeReserve = 16 * 1024

	// DefaultEventSource is the source of an event unless the application has its own.
	DefaultEventSource = "urn:orderpipeline"
	// DefaultEventType is the type of the event of a stored order.
	DefaultEventType = "orderpipeline.order.created.v1"

	// maxText bounds a source, a type and an attribute's value, in bytes, so that
	// all of them together stay within EnvelopeReserve.
	maxText = 256
)

// EventFormat holds what all events of a pipeline have in common.
type EventFormat struct {
	// Source is the CloudEvents source: a URI reference, at most 256 bytes.
	Source string
	// Type is the CloudEvents type: printable ASCII without spaces, at most 256 bytes.
	Type string
}

// Validate returns every problem at once, each with the name of its field.
func (f EventFormat) Validate() error {
	return errors.Join(
		validateEventText("Source", f.Source, func(s string) error {
			_, err := url.Parse(s)
			if i := strings.IndexAny(s, "\"<>\\^`{|}"); err == nil && i >= 0 {
				err = fmt.Errorf("%q must be percent-encoded", s[i])
			}
			if err != nil {
				return fmt.Errorf("not a URI reference (RFC 3986: %w)", err)
			}
			return nil
		}),
		validateEventText("Type", f.Type, func(string) error { return nil }),
	)
}

func validateEventText(field, value string, more func(string) error) error {
	problem := more(value)
	switch {
	case value == "":
		problem = errors.New("empty (CloudEvents requires it)")
	case len(value) > maxText:
		problem = fmt.Errorf("%d bytes (at most %d fit in the envelope)", len(value), maxText)
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		problem = errors.New("not printable ASCII without spaces")
	}
	if problem == nil {
		return nil
	}
	return fmt.Errorf("EventFormat.%s: %w", field, problem)
}

// Encode returns the CloudEvents 1.0 event of a stored order in structured JSON:
// specversion, id, source, type, subject, time, datacontenttype and data, in this
// order and without white space. The document, which must be JSON, is inserted
// unchanged as data, so the same arguments always return the same bytes. storedAt
// becomes the event's time, in [TimeFormat].
func (f EventFormat) Encode(orderID, storedAt string, document []byte) []byte {
	out := make([]byte, 0, 512+len(f.Source)+len(f.Type)+len(document))
	out = append(out, `{"specversion":"1.0"`...)
	for _, member := range [...]struct{ name, value string }{
		{"id", EventID(orderID)},
		{"source", f.Source},
		{"type", f.Type},
		{"subject", orderID},
		{"time", storedAt},
		{"datacontenttype", "application/json"},
	} {
		out = append(out, ',')
		out = appendString(out, member.name)
		out = append(out, ':')
		out = appendString(out, strings.ToValidUTF8(member.value, "\uFFFD"))
	}
	out = append(out, `,"data":`...)
	out = append(out, document...)
	return append(out, '}')
}

// eventNamespace is the name-based UUID (version 5) of DefaultEventSource in
// RFC 9562's namespace for URLs. It never changes, since event ids depend on it.
var eventNamespace = uuid.MustParse("f7ea50a7-55f4-5bc6-8002-4fe4c3f52762")

// EventID is the id of an order's event: the name-based UUID (version 5, RFC
// 9562) of the order id, and of nothing else, so that a subscriber recognizes a
// redelivered or replayed event by it.
func EventID(orderID string) string {
	return uuid.NewSHA1(eventNamespace, []byte(orderID)).String()
}

// Attributes returns the message attributes, of type String, that subscribers can
// filter by: the document's top-level members of these names whose values are
// strings that SNS and SQS can carry (1 to 256 bytes of the characters they
// allow). Other members, and members that occur twice, are left out. It returns
// nil for a document that is not JSON. The caller must pass valid attribute names.
func Attributes(document []byte, fields []string) map[string]string {
	text := string(document)
	attributes := map[string]string{}
	seen := map[string]bool{}
	_, ok := scan(text, func(token string, start, end int) {
		if token == "" {
			return
		}
		name := unquote(token)
		for _, field := range fields {
			if name != field {
				continue
			}
			delete(attributes, name)
			if text[start] == '"' && !seen[name] {
				value := unquote(text[start:end])
				if value != "" && len(value) <= maxText && messageText(value) {
					attributes[name] = value
				}
			}
			seen[name] = true
			return
		}
	})
	if !ok {
		return nil
	}
	return attributes
}

// messageText reports whether SQS and SNS accept s: they take the characters of
// XML 1.0 only, #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to
// #x10FFFF (Amazon SQS API Reference, SendMessage).
func messageText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}
