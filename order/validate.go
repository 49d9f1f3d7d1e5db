package order

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const (
	// schemaURL is only the base of references. Nothing is fetched from it.
	schemaURL = "https://orderpipeline.invalid/order.schema.json"

	// The jsonschema module counts the bytes of a lone surrogate as characters.
	// Under these names the two keywords are lengths' instead.
	minLength = "order:minLength"
	maxLength = "order:maxLength"
)

// compile compiles a schema that was checked. It changes root. id is the schema of
// the id field, nil if there is none.
func compile(root any, idField string) (order, id *jsonschema.Schema, err error) {
	eachSchema("#", root, func(_ string, schema map[string]any) {
		for from, to := range map[string]string{"minLength": minLength, "maxLength": maxLength} {
			if value, ok := schema[from]; ok {
				schema[to] = value
				delete(schema, from)
			}
		}
	})
	properties := map[string]any{}
	if root, ok := root.(map[string]any); ok {
		root["$schema"] = draft04
		properties, _ = root["properties"].(map[string]any)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // loads nothing
	compiler.UseRegexpEngine(func(pattern string) (jsonschema.Regexp, error) {
		expression, err := regexp.Compile(pattern)
		return matcher{expression}, err
	})
	compiler.RegisterVocabulary(&jsonschema.Vocabulary{
		URL: "urn:orderpipeline:lengths", Compile: compileLengths,
	})
	if err := compiler.AddResource(schemaURL, root); err != nil {
		return nil, nil, err
	}
	if order, err = compiler.Compile(schemaURL); err != nil {
		return nil, nil, err
	}
	if _, ok := properties[idField]; ok {
		id, err = compiler.Compile(schemaURL + "#/properties/" + url.PathEscape(escapeToken(idField)))
	}
	return order, id, err
}

// matcher lets a pattern see a lone surrogate as one character, U+FFFD.
type matcher struct{ *regexp.Regexp }

func (m matcher) MatchString(s string) bool {
	if !utf8.ValidString(s) {
		out := []byte(s)
		for i := range out {
			if _, lone := loneSurrogate(s, i); lone {
				copy(out[i:], "\uFFFD")
			}
		}
		s = string(out)
	}
	return m.Regexp.MatchString(s)
}

// lengths is minLength and maxLength, counted in characters, of which a lone surrogate is one.
type lengths struct{ min, max int }

func compileLengths(
	_ *jsonschema.CompilerContext, schema map[string]any,
) (jsonschema.SchemaExt, error) {
	l := lengths{min: int(size(schema[minLength])), max: -1}
	if value, ok := schema[maxLength]; ok {
		l.max = int(size(value))
	}
	if l.min == 0 && l.max < 0 {
		return nil, nil
	}
	return l, nil
}

// Validate implements [jsonschema.SchemaExt].
func (l lengths) Validate(ctx *jsonschema.ValidatorContext, value any) {
	s, ok := value.(string)
	if !ok {
		return
	}
	count := 0
	for i := range len(s) {
		if s[i]&0xC0 != 0x80 { // not a continuation byte
			count++
		}
	}
	if count < l.min {
		ctx.AddError(&kind.MinLength{Got: count, Want: l.min})
	}
	if l.max >= 0 && count > l.max {
		ctx.AddError(&kind.MaxLength{Got: count, Want: l.max})
	}
}

// check validates a document against the schema and returns the path to the first
// problem, in the order of compareSteps.
func (s *Schema) check(document any) (first []step, ok bool) {
	var invalid *jsonschema.ValidationError
	if !errors.As(s.order.Validate(document), &invalid) {
		return nil, true
	}
	found := false
	eachProblem(invalid, func(path []string) {
		steps := stepsTo(document, path)
		if !found || compareSteps(steps, first) < 0 {
			first, found = steps, true
		}
	})
	return first, false
}

// eachProblem visits the places of the problems in err. When none of several
// schemas fits (anyOf, oneOf), it visits the place of the choice, because the
// intended schema is unknown.
func eachProblem(err *jsonschema.ValidationError, visit func(path []string)) {
	switch k := err.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range err.Causes {
			eachProblem(cause, visit)
		}
	case *kind.Required:
		eachMissing(err, k.Missing, visit)
	case *kind.Dependency:
		eachMissing(err, k.Missing, visit)
	default:
		visit(err.InstanceLocation)
	}
}

// eachMissing visits the places where missing members should be.
func eachMissing(err *jsonschema.ValidationError, names []string, visit func(path []string)) {
	for _, name := range names {
		visit(append(slices.Clone(err.InstanceLocation), name))
	}
}

// stepsTo distinguishes the indexes in a path from the names, since a name can be a
// number too.
func stepsTo(document any, path []string) []step {
	steps := make([]step, len(path))
	for i, token := range path {
		switch value := document.(type) {
		case []any:
			index, _ := strconv.Atoi(token)
			steps[i] = step{index: index}
			document = value[index]
		case map[string]any:
			steps[i] = step{name: token, index: -1}
			document = value[token]
		}
	}
	return steps
}

// compareSteps orders places: a value before what is inside it, elements by
// index, members by the bytes of their names.
func compareSteps(a, b []step) int {
	return slices.CompareFunc(a, b, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.index, b.index), strings.Compare(a.name, b.name))
	})
}

// firstBeyondLimits returns the first number beyond the limits in the order of compareSteps.
func firstBeyondLimits(value any) []step {
	steps, _ := findBeyondLimits(value)
	slices.Reverse(steps)
	return steps
}

func findBeyondLimits(value any) (backwards []step, ok bool) {
	switch value := value.(type) {
	case json.Number:
		return nil, beyondLimits(string(value))
	case []any:
		for i, element := range value {
			if steps, ok := findBeyondLimits(element); ok {
				return append(steps, step{index: i}), true
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if steps, ok := findBeyondLimits(value[name]); ok {
				return append(steps, step{name: name, index: -1}), true
			}
		}
	}
	return nil, false
}

// pointer is the JSON pointer of a path, for a refusal. It ends before the first
// name that the schema does not name, which is content of the document, and before
// it would be longer than MaxPointerLength.
func (s *Schema) pointer(steps []step) string {
	for i, step := range steps {
		if step.index < 0 && !s.names[step.name] || len(formatPointer(steps[:i+1])) > MaxPointerLength {
			steps = steps[:i]
			break
		}
	}
	return formatPointer(steps)
}

func formatPointer(steps []step) string {
	var out strings.Builder
	for _, step := range steps {
		out.WriteByte('/')
		if step.index >= 0 {
			out.WriteString(strconv.Itoa(step.index))
		} else {
			out.WriteString(escapeToken(step.name))
		}
	}
	return out.String()
}

// escapeToken escapes a name for a JSON pointer (RFC 6901).
func escapeToken(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
