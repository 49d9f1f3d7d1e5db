package orderapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/orderpipeline/orderpipeline/order"
)

// batchSchema is the schema of an array of orders. The order's definitions move to the top, where "#/definitions/…" finds
// them; what else an order's schema refers to in itself is now one level down.
func batchSchema(schema []byte) (string, error) {
	var one map[string]any
	if err := json.Unmarshal(schema, &one); err != nil {
		return "", fmt.Errorf("the order's schema: %w", err)
	}
	many := map[string]any{
		"$schema":     "http://json-schema.org/draft-04/schema#",
		"description": fmt.Sprintf("A batch of 1 to %d orders. Each is stored or refused on its own.", order.MaxBatchOrders),
		"type":        "array",
		"minItems":    1,
		"maxItems":    order.MaxBatchOrders,
		"items":       one,
	}
	if definitions, ok := one["definitions"]; ok {
		many["definitions"] = definitions
		delete(one, "definitions")
	}
	// Draft-04 knows both at the root of a document only.
	delete(one, "$schema")
	delete(one, "id")
	moveRefs(one)
	if definitions, ok := many["definitions"].(map[string]any); ok {
		for _, definition := range definitions {
			moveRefs(definition)
		}
	}
	text, err := json.Marshal(many)
	return string(text), err
}

// ascii writes a JSON text in ASCII alone: CloudFormation makes "?" of other characters. The value stays the same, and so do
// the bytes of a text that is ASCII.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// moveRefs lets references to the order, or into it, find it among the items.
func moveRefs(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if ref, ok := s["$ref"].(string); ok && (ref == "#" || strings.HasPrefix(ref, "#/")) && !strings.HasPrefix(ref, "#/definitions/") {
			s["$ref"] = "#/items" + strings.TrimPrefix(ref, "#")
		}
		for keyword, sub := range s {
			switch keyword {
			case "properties", "patternProperties", "dependencies", "definitions":
				// The keys below are names of members, even one that is called $ref.
				if members, ok := sub.(map[string]any); ok {
					for _, member := range members {
						moveRefs(member)
					}
				}
			case "enum", "default":
				// Values, not schemas.
			default:
				moveRefs(sub)
			}
		}
	case []any:
		for _, sub := range s {
			moveRefs(sub)
		}
	}
}
