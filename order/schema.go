package order

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema is the compiled schema of an order document. It is immutable and safe
// for concurrent use.
type Schema struct {
	document []byte
	idField  string
	order    *jsonschema.Schema
	id       *jsonschema.Schema // of the id member alone
	names    map[string]bool    // the member names that a refusal may name
}

//go:embed order.schema.json
var defaultSchema []byte

var compileDefault = sync.OnceValue(func() *Schema {
	s, err := NewSchema(defaultSchema, "orderId")
	if err != nil {
		panic(err) // not possible: the tests compile the same bytes
	}
	return s
})

// DefaultSchema returns the schema in order.schema.json, whose id is the member
// orderId. It is compiled once, by the first call.
func DefaultSchema() *Schema { return compileDefault() }

// NewSchema compiles a JSON Schema for order documents, whose id is the string
// in the top-level member idField. The same bytes are API Gateway's model and the
// processor's schema, so the processor must be able to store what API Gateway
// accepts. The error lists every violation of these rules:
//
//   - The schema is valid draft-04, says so in $schema, and has draft-04's
//     keywords only: API Gateway refuses a model with any other (const, if,
//     contains, $id, $defs, examples, ...). exclusiveMinimum is a boolean.
//   - Every $ref leads to a schema in the same document ("#/definitions/..."), and
//     only the outermost schema has an id.
//   - Patterns are RE2 and mean the same in ECMA 262.
//   - The outermost type is object. The id field is required, so that {} is
//     refused: API Gateway reads an empty body as {}.
//   - The id field's schema is written in place. It has type string, a maxLength of
//     at most [MaxIDLength], and a pattern that is anchored at both ends and
//     allows URL-safe characters only (A-Z a-z 0-9 . _ ~ -). It refuses "", "."
//     and "..". So what it accepts is a [ValidID].
func NewSchema(document []byte, idField string) (*Schema, error) {
	root, err := readSchema(document)
	if err != nil {
		return nil, fmt.Errorf("order schema: %w", err)
	}
	s := &Schema{document: bytes.Clone(document), idField: idField}
	c := checker{names: map[string]bool{}, schemas: map[string]bool{}}
	c.check(root, idField)
	s.names = c.names
	if !c.broken {
		s.order, s.id, err = compile(root, idField)
		if err != nil {
			c.problem("#", "%v", err)
		} else if s.id != nil {
			for _, id := range []string{"", ".", ".."} {
				if s.id.Validate(id) == nil {
					c.problem(idAt(idField), `must refuse %q, which disappears from a URL's path `+
						`(add "minLength": 1 and "not": {"enum": [".", ".."]})`, id)
				}
			}
		}
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// JSON returns a copy of the bytes that the schema was made of.
func (s *Schema) JSON() []byte { return bytes.Clone(s.document) }

// IDField is the name of the member that holds the order id.
func (s *Schema) IDField() string { return s.idField }

// BatchJSON returns the schema of the body of POST /orders/batch: an array of 1 to [MaxBatchOrders]
// orders. It is API Gateway's model; the processor validates each order on its own. Numbers stay
// the tokens that they are in the order's schema.
func (s *Schema) BatchJSON() []byte {
	root, _ := readSchema(s.document) // NewSchema has read it
	eachSchema("#", root, func(_ string, schema map[string]any) {
		// The order's schema moves to #/items, its definitions stay where "#/definitions/" finds them.
		if ref, ok := schema["$ref"].(string); ok && !strings.HasPrefix(ref, "#/definitions/") {
			schema["$ref"] = "#/items" + strings.TrimPrefix(ref, "#")
		}
	})
	order, _ := root.(map[string]any)
	batch := map[string]any{
		"$schema": draft04,
		"description": fmt.Sprintf(
			"A batch of 1 to %d orders. Each is stored or refused on its own.", MaxBatchOrders),
		"type":     "array",
		"minItems": json.Number("1"),
		"maxItems": json.Number(strconv.Itoa(MaxBatchOrders)),
		"items":    order,
	}
	if definitions, ok := order["definitions"]; ok {
		batch["definitions"] = definitions
	}
	// Draft-04 has $schema and id at the root of a document only.
	for _, keyword := range []string{"$schema", "id", "definitions"} {
		delete(order, keyword)
	}
	return appendCanonical(nil, batch)
}

// readSchema reads a schema as Parse reads a document.
func readSchema(document []byte) (any, error) {
	text := string(document)
	depth, ok := scan(text, nil)
	if !ok {
		return nil, errors.New("not JSON")
	}
	if depth > MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	r := reader{text: text}
	root, ok := r.value()
	if !ok {
		slices.Reverse(r.duplicate)
		return nil, fmt.Errorf("duplicate member at #%s", formatPointer(r.duplicate))
	}
	if r.limits {
		return nil, fmt.Errorf("number too long, or its exponent too large, at #%s",
			formatPointer(firstBeyondLimits(root)))
	}
	return root, nil
}
