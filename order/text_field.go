package order

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CheckTextField returns an error if no document that fits the schema can have a
// text in its top-level member name. The error lists the members that can. It is
// nil when that is not certain: CheckTextField does not evaluate $ref, allOf,
// patternProperties and similar keywords, and a schema that allows unnamed members
// allows a text in any of them.
func (s *Schema) CheckTextField(name string) error {
	root, _ := readSchema(s.document) // NewSchema has read it
	outermost, _ := root.(map[string]any)
	if _, elsewhere := outermost["$ref"]; elsewhere {
		return nil // draft-04 ignores everything beside it
	}
	properties, _ := outermost["properties"].(map[string]any)
	declared, known := properties[name]
	if !known {
		if _, patterns := outermost["patternProperties"]; patterns {
			return nil
		}
		if allowed, set := outermost["additionalProperties"].(bool); !set || allowed {
			return nil
		}
		return fmt.Errorf("the schema has no member %q and allows no others (%s)",
			name, textFields(properties))
	}
	if kinds := kindsOf(declared); len(kinds) > 0 && !slices.Contains(kinds, "string") {
		return fmt.Errorf("%q is of type %s in the schema (%s)",
			name, strings.Join(kinds, " or "), textFields(properties))
	}
	return nil
}

// kindsOf returns the types that a schema itself names, if any.
func kindsOf(schema any) (kinds []string) {
	s, _ := schema.(map[string]any)
	if _, elsewhere := s["$ref"]; elsewhere {
		return nil
	}
	switch kind := s["type"].(type) {
	case string:
		return []string{kind}
	case []any:
		for _, k := range kind {
			if k, ok := k.(string); ok {
				kinds = append(kinds, k)
			}
		}
	}
	return kinds
}

func textFields(properties map[string]any) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(kindsOf(properties[name]), "string") {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "it has no text members"
	}
	return "its text members: " + strings.Join(names, ", ")
}
