package order

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CheckTextField reports that no document which fits the schema has a text in its outermost member name, and which members
// may have one. It says so only where that is certain: what $ref, allOf, patternProperties and the like make of a member is not
// looked at, and a schema that allows members it does not name may get any.
func (s *Schema) CheckTextField(name string) error {
	root, _ := readSchema(s.document) // NewSchema has read it
	outermost, _ := root.(map[string]any)
	if _, elsewhere := outermost["$ref"]; elsewhere {
		return nil // draft-04 ignores what stands beside it
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
		return fmt.Errorf("the schema has no member %q and allows none that it does not name; %s", name, textFields(properties))
	}
	if kinds := kindsOf(declared); len(kinds) > 0 && !slices.Contains(kinds, "string") {
		return fmt.Errorf("the schema makes %q of type %s; %s", name, strings.Join(kinds, " or "), textFields(properties))
	}
	return nil
}

// kindsOf are the types that a schema names itself, if any.
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
		return "it names no text"
	}
	return "its texts are " + strings.Join(names, ", ")
}
