package order

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// CheckMember returns an error if no document that fits the schema can have, at a
// path of member names, a value of one of the JSON Schema types. Arrays on the path
// count as their elements. It is nil when that is not certain: CheckMember does not
// evaluate $ref, allOf, patternProperties and similar keywords, and a schema that
// allows unnamed members allows any value in them.
func (s *Schema) CheckMember(path []string, types ...string) error {
	root, _ := readSchema(s.document) // NewSchema has read it
	at := root
	for i, name := range path {
		at = elementOf(at)
		schema, _ := at.(map[string]any)
		if _, elsewhere := schema["$ref"]; elsewhere {
			return nil // draft-04 ignores everything beside it
		}
		parent := strings.Join(path[:i], ".")
		if kinds := kindsOf(at); len(kinds) > 0 && !slices.Contains(kinds, "object") {
			return fmt.Errorf("%q is of type %s in the schema", parent, strings.Join(kinds, " or "))
		}
		properties, _ := schema["properties"].(map[string]any)
		declared, known := properties[name]
		if !known {
			_, patterns := schema["patternProperties"]
			if allowed, set := schema["additionalProperties"].(bool); patterns || !set || allowed {
				return nil
			}
			return fmt.Errorf("the schema has no member %q and allows no others",
				strings.Join(path[:i+1], "."))
		}
		at = declared
	}
	kinds := kindsOf(elementOf(at))
	if len(kinds) == 0 || slices.ContainsFunc(kinds, func(kind string) bool {
		return slices.Contains(types, kind)
	}) {
		return nil
	}
	return fmt.Errorf("%q is of type %s in the schema",
		strings.Join(path, "."), strings.Join(kinds, " or "))
}

// elementOf returns the schema of an array's elements, and any other schema as it
// is. The schema of the elements is nil when they have none, or each its own.
func elementOf(schema any) any {
	for {
		if kinds := kindsOf(schema); !slices.Equal(kinds, []string{"array"}) {
			return schema
		}
		items, _ := schema.(map[string]any)["items"].(map[string]any)
		schema = any(items)
		if items == nil {
			return nil
		}
	}
}

// AllowsText reports whether a document that fits the schema can have a text in its
// top-level member name. It is true when that is not certain.
func (s *Schema) AllowsText(name, text string) bool {
	var invalid *jsonschema.ValidationError
	if !errors.As(s.order.Validate(map[string]any{name: text}), &invalid) {
		return true
	}
	allowed := true
	eachProblem(invalid, func(path []string) {
		if slices.Equal(path, []string{name}) {
			allowed = false
		}
	})
	return allowed
}
