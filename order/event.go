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

// EventFormat is what all events of a pipeline have in common.
type EventFormat struct {
	// Source is the CloudEvents source: a URI reference, at most 256 bytes.
	Source string
	// Type is the CloudEvents type: printable ASCII without spaces, at most 256 bytes.
	Type string
}

// Validate gives every problem at once, each naming the field.
func (f EventFormat) Validate() error {
	return errors.Join(
		validateEventText("Source", f.Source, func(s string) error {
			_, err := url.Parse(s)
			if i := strings.IndexAny(s, "\"<>\\^`{|}"); err == nil && i >= 0 {
				err = fmt.Errorf("%q must be percent-encoded", s[i])
			}
			if err != nil {
				return fmt.Errorf("must be a URI reference (RFC 3986): %w", err)
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
		problem = errors.New("must not be empty: CloudEvents requires it")
	case len(value) > maxText:
		problem = fmt.Errorf("must be at most %d bytes, is %d: the envelope has a fixed room in a message", maxText, len(value))
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
		problem = errors.New("must be printable ASCII without spaces")
	}
	if problem == nil {
		return nil
	}
	return fmt.Errorf("EventFormat.%s %w", field, problem)
}

// Encode gives the CloudEvents 1.0 event, in structured JSON, of a stored order:
// specversion, id, source, type, subject, time, datacontenttype, data, in this
// order, with no white space around them. The document, which must be JSON, is
// spliced in unchanged as data, so the same arguments always give the same
// bytes. storedAt becomes the event's time, in [TimeFormat].
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
// RFC 9562's namespace for URLs. It never changes: event ids are made in it.
var eventNamespace = uuid.MustParse("f7ea50a7-55f4-5bc6-8002-4fe4c3f52762")

// EventID is the id of an order's event: the name-based UUID (version 5, RFC
// 9562) of the order id, and of nothing else, so that a subscriber recognizes a
// redelivered or replayed event by it.
func EventID(orderID string) string {
	return uuid.NewSHA1(eventNamespace, []byte(orderID)).String()
}

// Attributes gives the message attributes, of type String, that subscribers can
// filter by: the document's outermost members of these names, as far as they are
// strings that SNS and SQS can carry (1 to 256 bytes of the characters they
// allow). Anything else, or a member that is there twice, is left out. It is nil
// for what is not JSON. That the names can be names of attributes is for the caller to see to.
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
				if value := unquote(text[start:end]); value != "" && len(value) <= maxText && messageText(value) {
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
