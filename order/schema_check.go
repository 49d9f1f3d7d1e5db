package order

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

const draft04 = "http://json-schema.org/draft-04/schema#"

// holds is which schemas a keyword's value holds.
type holds int

const (
	no     holds = iota
	one          // a schema
	many         // an array of them
	either       // one of the two
	named        // an object of them
)

// keywords are those of draft-04, the only ones that API Gateway accepts. It
// refuses a model with any other ("Unsupported keyword(s)").
var keywords = map[string]holds{
	"$schema": no, "id": no, "$ref": no, "title": no, "description": no, "default": no,
	"type": no, "enum": no, "format": no,
	"multipleOf": no, "maximum": no, "exclusiveMaximum": no, "minimum": no, "exclusiveMinimum": no,
	"maxLength": no, "minLength": no, "pattern": no,
	"maxItems": no, "minItems": no, "uniqueItems": no,
	"maxProperties": no, "minProperties": no, "required": no,
	"not": one, "additionalProperties": one, "additionalItems": one,
	"allOf": many, "anyOf": many, "oneOf": many,
	"items":       either,
	"definitions": named, "properties": named, "patternProperties": named, "dependencies": named,
}

// eachSchema visits the schema at a pointer and every schema inside it.
func eachSchema(at string, value any, visit func(at string, schema map[string]any)) {
	schema, ok := value.(map[string]any)
	if !ok {
		return
	}
	visit(at, schema)
	for keyword, value := range schema {
		held := keywords[keyword]
		at := at + "/" + escapeToken(keyword)
		switch value := value.(type) {
		case map[string]any:
			if held == one || held == either {
				eachSchema(at, value, visit)
			}
			if held == named {
				for name, value := range value {
					eachSchema(at+"/"+escapeToken(name), value, visit)
				}
			}
		case []any:
			if held == many || held == either {
				for i, value := range value {
					eachSchema(at+"/"+strconv.Itoa(i), value, visit)
				}
			}
		}
	}
}

// checker collects what is wrong with a schema.
type checker struct {
	names    map[string]bool // the members that the schema names
	schemas  map[string]bool // where in it schemas are
	problems []string
	broken   bool // so that it cannot be compiled
}

func (c *checker) problem(at, format string, args ...any) {
	c.problems = append(c.problems, at+": "+fmt.Sprintf(format, args...))
}

func (c *checker) fatal(at, format string, args ...any) {
	c.problem(at, format, args...)
	c.broken = true
}

func (c *checker) err() error {
	slices.Sort(c.problems)
	var errs []error
	for _, problem := range slices.Compact(c.problems) {
		errs = append(errs, errors.New("order schema: "+problem))
	}
	return errors.Join(errs...)
}

func (c *checker) check(root any, idField string) {
	eachSchema("#", root, func(at string, _ map[string]any) { c.schemas[at] = true })
	eachSchema("#", root, c.schema)
	c.metaschema(root)
	if root, ok := root.(map[string]any); ok {
		c.root(root, idField)
	}
}

// schema checks in one schema what draft-04's own schema does not.
func (c *checker) schema(at string, schema map[string]any) {
	for keyword, value := range schema {
		if _, ok := keywords[keyword]; !ok {
			c.problem(at, "%q is not a keyword of draft-04 (API Gateway refuses such a model)", keyword)
		}
		at := at + "/" + escapeToken(keyword)
		switch keyword {
		case "$schema":
			if at != "#/$schema" {
				c.fatal(at, "only the outermost schema has one")
			}
		case "id":
			if at != "#/id" {
				c.fatal(at, "only the outermost schema has one (it changes what every $ref below it means)")
			}
		case "$ref":
			if ref, ok := value.(string); ok && !c.refers(ref) {
				c.fatal(at, `%q is not a schema in this document `+
					`(API Gateway's model is one document: use "#/definitions/...")`, ref)
			}
		case "pattern":
			if pattern, ok := value.(string); ok {
				c.pattern(at, pattern)
			}
		case "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties":
			if size(value) > math.MaxInt32 {
				c.fatal(at, "must be at most %d", math.MaxInt32)
			}
		case "properties", "patternProperties", "dependencies":
			members, _ := value.(map[string]any)
			for name, value := range members {
				if keyword == "patternProperties" {
					c.pattern(at+"/"+escapeToken(name), name)
					continue
				}
				c.name(name)
				c.nameAll(value)
			}
		case "required":
			c.nameAll(value)
		}
	}
}

// name remembers a member name that refusals may name: one that logs and message
// attributes can carry.
func (c *checker) name(name string) {
	hidden := func(r rune) bool { return !unicode.IsGraphic(r) }
	if utf8.ValidString(name) && !strings.ContainsFunc(name, hidden) {
		c.names[name] = true
	}
}

func (c *checker) nameAll(value any) {
	array, _ := value.([]any)
	for _, name := range array {
		if name, ok := name.(string); ok {
			c.name(name)
		}
	}
}

func (c *checker) refers(ref string) bool {
	at, err := url.PathUnescape(ref)
	return err == nil && c.schemas[at]
}

// metaschema checks the schema against draft-04's own.
func (c *checker) metaschema(root any) {
	meta, err := jsonschema.NewCompiler().Compile(draft04)
	if err != nil {
		panic(err) // not possible: it is part of the module
	}
	var invalid *jsonschema.ValidationError
	if errors.As(meta.Validate(root), &invalid) {
		c.violations(invalid)
	}
}

func (c *checker) violations(err *jsonschema.ValidationError) {
	switch err.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		// "Boolean or schema", "string or array": of a schema with a problem inside, report only that
		// problem, and not that it is not a boolean.
		var inside []*jsonschema.ValidationError
		for _, cause := range err.Causes {
			if deeper(cause, len(err.InstanceLocation)) {
				inside = append(inside, cause)
			}
		}
		if len(inside) == 0 {
			break
		}
		for _, cause := range inside {
			c.violations(cause)
		}
		return
	case *kind.Format:
		return // a pattern that is not RE2, which pattern reports
	}
	for _, cause := range err.Causes {
		c.violations(cause)
	}
	if len(err.Causes) == 0 {
		at := "#"
		for _, token := range err.InstanceLocation {
			at += "/" + escapeToken(token)
		}
		c.fatal(at, "%s", err.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
	}
}

func deeper(err *jsonschema.ValidationError, than int) bool {
	return len(err.InstanceLocation) > than ||
		slices.ContainsFunc(err.Causes, func(cause *jsonschema.ValidationError) bool {
			return deeper(cause, than)
		})
}

// root checks the outermost schema and that of the id field.
func (c *checker) root(root map[string]any, idField string) {
	if root["$schema"] != draft04 {
		c.problem("#/$schema", "must be %q (API Gateway accepts no other draft)", draft04)
	}
	if root["type"] != "object" {
		c.problem("#/type", `must be "object" (an order is an object)`)
	}
	if _, ok := root["$ref"]; ok {
		c.problem("#/$ref", "not allowed here (draft-04 ignores everything beside it)")
	}
	if required, _ := root["required"].([]any); !slices.Contains(required, any(idField)) {
		c.problem("#/required",
			"must have the id field %q (an order without an id cannot be stored)", idField)
	}

	at := idAt(idField)
	properties, _ := root["properties"].(map[string]any)
	id, ok := properties[idField].(map[string]any)
	if !ok {
		c.problem(at, "must be the schema of the id field")
		return
	}
	if _, ok := id["$ref"]; ok {
		c.problem(at+"/$ref", "not allowed here (the id field's schema is written in place)")
	}
	if id["type"] != "string" {
		c.problem(at+"/type", `must be "string"`)
	}
	if maxLength, ok := id["maxLength"]; !ok || size(maxLength) > MaxIDLength {
		c.problem(at+"/maxLength", "required, at most %d", MaxIDLength)
	}
	pattern, _ := id["pattern"].(string)
	if pattern == "" {
		c.problem(at+"/pattern", "required (it restricts ids to characters that are safe in a URL)")
		return
	}
	expression, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return // reported already
	}
	if !anchored(expression, syntax.OpBeginText) || !anchored(expression, syntax.OpEndText) {
		c.problem(at+"/pattern",
			"must be anchored at both ends, as ^...$ (otherwise the rest of the id can be anything)")
	}
	if r, ok := unsafeRune(expression); ok {
		c.problem(at+"/pattern",
			"allows %q (only A-Z a-z 0-9 . _ ~ - are safe in a URL)", r)
	}
}

// pattern checks that a pattern is RE2, which the processor uses, and that it
// means the same in ECMA 262, which JSON Schema and API Gateway use.
func (c *checker) pattern(at, pattern string) {
	if _, err := regexp.Compile(pattern); err != nil {
		c.fatal(at, "not RE2 (%v)", err)
		return
	}
	class := false
	for i := 0; i < len(pattern); i++ {
		foreign := ""
		switch rest := pattern[i:]; {
		case rest[0] == '\\':
			r := rest[1]
			if r >= '0' && r <= '9' || strings.IndexByte("AaCPpQzE", r) >= 0 ||
				strings.HasPrefix(rest, `\x{`) {
				foreign = rest[:2]
			}
			i++
		case strings.HasPrefix(rest, "(?") && !class && !strings.HasPrefix(rest, "(?:"):
			foreign = "(?"
		case strings.HasPrefix(rest, "[:") && class:
			foreign = "[:"
		case rest[0] == '[' && !class:
			class = true
			// A ] at the start of a class is a literal to RE2, and its end to ECMA 262.
			if strings.HasPrefix(rest, "[]") || strings.HasPrefix(rest, "[^]") {
				foreign = "[]"
			}
		case rest[0] == ']':
			class = false
		}
		if foreign != "" {
			c.problem(at, "%q has another meaning in ECMA 262, which API Gateway uses, than in RE2", foreign)
			return
		}
	}
}

// anchored reports whether every match of the expression begins, or ends, with op.
func anchored(expression *syntax.Regexp, op syntax.Op) bool {
	switch sub := expression.Sub; expression.Op {
	case op:
		return true
	case syntax.OpCapture:
		return anchored(sub[0], op)
	case syntax.OpConcat:
		if op == syntax.OpEndText {
			return anchored(sub[len(sub)-1], op)
		}
		return anchored(sub[0], op)
	case syntax.OpAlternate:
		return !slices.ContainsFunc(sub, func(sub *syntax.Regexp) bool { return !anchored(sub, op) })
	}
	return false
}

// unsafeRune returns a character that the expression allows and a URL does not. It
// reads the syntax, because a probe would need a matching text around the
// character.
func unsafeRune(expression *syntax.Regexp) (rune, bool) {
	switch expression.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return '/', true
	case syntax.OpLiteral:
		if i := slices.IndexFunc(expression.Rune, func(r rune) bool { return !urlSafe(r) }); i >= 0 {
			return expression.Rune[i], true
		}
	case syntax.OpCharClass:
		for i := 0; i < len(expression.Rune); i += 2 {
			for r := expression.Rune[i]; r <= expression.Rune[i+1]; r++ {
				if !urlSafe(r) {
					return r, true
				}
			}
		}
	}
	for _, sub := range expression.Sub {
		if r, ok := unsafeRune(sub); ok {
			return r, true
		}
	}
	return 0, false
}

func idAt(idField string) string { return "#/properties/" + escapeToken(idField) }

// size is the value of a keyword that counts something, 0 if it is not a number.
func size(value any) float64 {
	number, _ := value.(json.Number)
	n, _ := number.Float64()
	return n
}
