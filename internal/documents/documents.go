// Package documents reads the order documents that the operator's command posts, and makes sample
// orders.
package documents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/orderpipeline/orderpipeline/order"
)

// Document is an order document to post.
type Document struct {
	// Source is the name of the file, or "standard input". Line is that of the first byte, from 1.
	Source string
	Line   int
	// ID is the order id, "" when it is not known.
	ID string
	// Bytes are those of the input, unchanged.
	Bytes []byte
}

// Place returns source and line.
func (d Document) Place() string { return fmt.Sprintf("%s:%d", d.Source, d.Line) }

// Name returns the order id, or the place of a document whose id is not known.
func (d Document) Name() string {
	if d.ID == "" {
		return d.Place()
	}
	return d.ID
}

// Read splits an input into its documents: JSON values one after the other (one document, JSON
// lines, or several indented ones); an array stands for its elements. Only the white space between
// the documents is dropped.
func Read(source string, content []byte) ([]Document, error) {
	if bytes.HasPrefix(content, []byte("\xef\xbb\xbf")) {
		return nil, fmt.Errorf("%s:1: starts with a byte order mark (JSON does not allow it)", source)
	}
	r := &reader{
		source: source, content: content, line: 1, decoder: json.NewDecoder(bytes.NewReader(content)),
	}
	const space = " \t\r\n"
	for {
		start := r.next(space)
		switch {
		case start >= len(content):
			if len(r.documents) == 0 {
				return nil, fmt.Errorf("%s: contains no order", source)
			}
			return r.documents, nil
		case content[start] != '[':
			if err := r.value(space); err != nil {
				return nil, err
			}
		default:
			if _, err := r.decoder.Token(); err != nil {
				return nil, r.syntaxError(start, err)
			}
			for r.decoder.More() {
				if err := r.value(space + ","); err != nil {
					return nil, err
				}
			}
			if _, err := r.decoder.Token(); err != nil { // ]
				return nil, r.syntaxError(len(content), err)
			}
		}
	}
}

type reader struct {
	source    string
	content   []byte
	decoder   *json.Decoder
	documents []Document

	line, counted int // the line of the byte at offset counted
}

// next returns the offset of the next value: after what the decoder has read, and these bytes.
func (r *reader) next(skip string) int {
	at := int(r.decoder.InputOffset())
	for at < len(r.content) && strings.IndexByte(skip, r.content[at]) >= 0 {
		at++
	}
	return at
}

func (r *reader) value(skip string) error {
	start := r.next(skip)
	var raw json.RawMessage
	if err := r.decoder.Decode(&raw); err != nil {
		return r.syntaxError(start, err)
	}
	// Counted from the last document on, since an input can have a million of them.
	r.line += bytes.Count(r.content[r.counted:start], []byte("\n"))
	r.counted = start
	r.documents = append(r.documents, Document{Source: r.source, Line: r.line, Bytes: raw})
	return nil
}

// syntaxError names the line of what is not JSON. start is the offset of the value.
func (r *reader) syntaxError(start int, err error) error {
	at := start
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		at = int(syntax.Offset) - 1
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		at = len(bytes.TrimRight(r.content, " \t\r\n"))
		err = errors.New("it ends in the middle of a value")
	}
	at = max(0, min(at, len(r.content)))
	line := 1 + bytes.Count(r.content[:at], []byte("\n"))
	return fmt.Errorf("%s:%d: not JSON: %w", r.source, line, err)
}

// MaxProblems is how many problems of an input are reported.
const MaxProblems = 20

// Check validates the documents as the processor will, and fills in their ids. Its error names
// every problem with its place. Two different documents under one id are a problem: the second one
// would be refused as a conflict.
func Check(schema *order.Schema, documents []Document) error {
	var problems []error
	type first struct{ hash, place string }
	seen := map[string]first{}
	for i := range documents {
		d := &documents[i]
		parsed, refusal := schema.Parse(d.Bytes)
		d.ID = parsed.ID
		if refusal != nil {
			problems = append(problems, fmt.Errorf("%s: %w", d.Place(), refusal))
			continue
		}
		if before, ok := seen[d.ID]; ok && before.hash != parsed.Hash {
			problems = append(problems, fmt.Errorf(
				"%s: another document has the same %s %q (%s; this one would be refused as a conflict)",
				d.Place(), schema.IDField(), d.ID, before.place))
			continue
		}
		seen[d.ID] = first{parsed.Hash, d.Place()}
	}
	if more := len(problems) - MaxProblems; more > 0 {
		problems = append(problems[:MaxProblems], fmt.Errorf("and %d more", more))
	}
	return errors.Join(problems...)
}
