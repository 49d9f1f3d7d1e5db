package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/orderpipeline/orderpipeline/order"
)

// document is one order document to post: its bytes as they stand in the input.
type document struct {
	source string // file name, or "standard input"
	line   int    // of its first byte, from 1
	id     string // "" when unknown (--no-check)
	bytes  []byte
}

func (d document) place() string { return fmt.Sprintf("%s:%d", d.source, d.line) }

// name is how to call it in a message.
func (d document) name() string {
	if d.id == "" {
		return d.place()
	}
	return d.id
}

// readDocuments cuts an input into its order documents: JSON values one after the other (so one document, or JSON lines, or several
// pretty-printed ones); an array stands for its elements. Bytes are neither decoded nor changed, only the white space between
// documents falls away.
func readDocuments(source string, content []byte) ([]document, error) {
	if bytes.HasPrefix(content, []byte("\xef\xbb\xbf")) {
		return nil, fmt.Errorf("%s:1: begins with a byte order mark, which JSON does not allow", source)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	lines := lineCounter{content: content, line: 1}
	var documents []document
	// next is where the next value begins: after what the decoder has read and these bytes.
	next := func(skip string) int {
		at := int(decoder.InputOffset())
		for at < len(content) && strings.IndexByte(skip, content[at]) >= 0 {
			at++
		}
		return at
	}
	const space = " \t\r\n"
	value := func(skip string) error {
		start := next(skip)
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return syntaxError(source, content, start, err)
		}
		documents = append(documents, document{source: source, line: lines.at(start), bytes: raw})
		return nil
	}
	for {
		start := next(space)
		switch {
		case start >= len(content):
			if len(documents) == 0 {
				return nil, fmt.Errorf("%s: no order in it", source)
			}
			return documents, nil
		case content[start] != '[':
			if err := value(space); err != nil {
				return nil, err
			}
		default:
			if _, err := decoder.Token(); err != nil {
				return nil, syntaxError(source, content, start, err)
			}
			for decoder.More() {
				if err := value(space + ","); err != nil {
					return nil, err
				}
			}
			if _, err := decoder.Token(); err != nil { // ]
				return nil, syntaxError(source, content, len(content), err)
			}
		}
	}
}

// syntaxError names the line of what is not JSON. start is where the value in question begins.
func syntaxError(source string, content []byte, start int, err error) error {
	at := start
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		at = int(syntax.Offset) - 1
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s:%d: not JSON: it ends in the middle of a value", source, 1+bytes.Count(bytes.TrimSpace(content), []byte("\n")))
	}
	at = max(0, min(at, len(content)))
	return fmt.Errorf("%s:%d: not JSON: %v", source, 1+bytes.Count(content[:at], []byte("\n")), err)
}

// lineCounter gives line numbers of growing offsets without counting from the start each time.
type lineCounter struct {
	content    []byte
	line, upTo int
}

func (l *lineCounter) at(offset int) int {
	l.line += bytes.Count(l.content[l.upTo:offset], []byte("\n"))
	l.upTo = offset
	return l.line
}

// maxProblems is how many problems of an input are told; a wrong file has thousands.
const maxProblems = 20

// checkDocuments holds the documents against the schema, as the processor will, and fills in their ids. Every problem is named
// with its place; two different documents of one id are one (the second would be refused as a conflict).
func checkDocuments(schema *order.Schema, documents []document) error {
	var problems []error
	type first struct{ hash, place string }
	seen := map[string]first{}
	for i := range documents {
		d := &documents[i]
		parsed, refusal := schema.Parse(d.bytes)
		d.id = parsed.ID
		if refusal != nil {
			problems = append(problems, fmt.Errorf("%s: %v", d.place(), refusal))
			continue
		}
		if before, ok := seen[d.id]; ok && before.hash != parsed.Hash {
			problems = append(problems, fmt.Errorf("%s: another document has the same %s %q (%s): it would be refused as a conflict", d.place(), schema.IDField(), d.id, before.place))
			continue
		}
		seen[d.id] = first{parsed.Hash, d.place()}
	}
	if more := len(problems) - maxProblems; more > 0 {
		problems = append(problems[:maxProblems], fmt.Errorf("and %d more", more))
	}
	return errors.Join(problems...)
}
