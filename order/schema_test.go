package order_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/orderpipeline/orderpipeline/order"
)

// object is a JSON object that a test changes.
type object = map[string]any

// schemaWith returns the smallest valid schema, changed.
func schemaWith(t testing.TB, change func(root, id object)) []byte {
	t.Helper()
	id := object{"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9_-]+$"}
	root := object{
		"$schema":    "http://json-schema.org/draft-04/schema#",
		"type":       "object",
		"required":   []any{"id"},
		"properties": object{"id": id},
	}
	if change != nil {
		change(root, id)
	}
	document, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// newSchema compiles the smallest valid schema with these members added.
func newSchema(t testing.TB, properties, root object) *order.Schema {
	t.Helper()
	s, err := order.NewSchema(schemaWith(t, func(r, _ object) {
		for name, value := range properties {
			r["properties"].(object)[name] = value
		}
		for name, value := range root {
			r[name] = value
		}
	}), "id")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDefaultSchema(t *testing.T) {
	file, err := os.ReadFile("order.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	s := order.DefaultSchema()
	if !bytes.Equal(s.JSON(), file) {
		t.Error("JSON() is not the file, byte for byte")
	}
	if s.IDField() != "orderId" {
		t.Errorf("IDField() = %q", s.IDField())
	}
	s.JSON()[0] = 'x'
	if !bytes.Equal(s.JSON(), file) {
		t.Error("the caller can change the schema through JSON()")
	}
	if order.DefaultSchema() != s {
		t.Error("compiled twice")
	}

	var root any
	if err := json.Unmarshal(file, &root); err != nil {
		t.Fatal(err)
	}
	var described func(at string, schema object)
	described = func(at string, schema object) {
		if text, _ := schema["description"].(string); text == "" {
			t.Errorf("%s has no description: the schema is the documentation", at)
		}
		properties, _ := schema["properties"].(object)
		for name, value := range properties {
			described(at+"/"+name, value.(object))
		}
		if items, ok := schema["items"].(object); ok {
			described(at+"/items", items)
		}
	}
	described("#", root.(object))
}

func TestNewSchemaAccepts(t *testing.T) {
	tests := []struct {
		name   string
		change func(root, id object)
	}{
		{"the smallest", nil},
		{"an id of its own", func(root, _ object) { root["id"] = "https://example.com/order.json" }},
		{"every keyword", func(root, _ object) {
			keywords := object{
				"title": "t", "description": "d", "default": object{}, "enum": []any{object{"id": "a"}},
				"minProperties": 1, "maxProperties": 9,
				"additionalProperties": object{"type": []any{"string", "array", "number"}, "format": "email",
					"minLength": 1.0,
					"items":     object{"not": object{"type": "null"}}, "additionalItems": false, "minItems": 0,
					"maxItems": 9, "uniqueItems": true},
				"patternProperties": object{"^x-[a-z]+$": object{"multipleOf": 0.5, "minimum": 0,
					"exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": true}},
				"dependencies": object{"a": []any{"b"}, "c": object{"required": []any{"d"}}},
				"definitions": object{"a/b%": object{"type": "string", "pattern": "^a"},
					"list": object{"items": []any{object{"$ref": "#/definitions/a~1b%25"}, object{"$ref": "#"}}}},
				"allOf": []any{object{"properties": object{"l": object{"$ref": "#/definitions/list"}}}},
				"anyOf": []any{object{}}, "oneOf": []any{object{"type": "object"}},
			}
			for keyword, value := range keywords {
				root[keyword] = value
			}
		}},
		{"a member named like a later keyword",
			func(root, _ object) { root["properties"].(object)["const"] = object{"type": "string"} }},
		{"values that look like schemas",
			func(root, _ object) { root["default"] = object{"const": 1, "$ref": "https://example.com"} }},
		{"an id of one kind or another",
			func(_, id object) { id["pattern"] = "^A[0-9]{6}$|^(B-[a-f0-9]+)$" }},
		{"an id all in a group", func(_, id object) { id["pattern"] = "(^[a-z]+$)" }},
		{"an id in a group", func(_, id object) { id["pattern"] = "^((?:ORD|INV)-\\d+(\\.[\\w~-]+)?)$" }},
		{"an id that may have dots, but not only them", func(_, id object) {
			id["pattern"] = `^[\w.]+$`
			id["not"] = object{"enum": []any{".", ".."}}
		}},
		{"an id that is one of a few", func(_, id object) { id["enum"] = []any{"a", "b"} }},
		{"patterns", func(root, _ object) {
			patterns := map[string]string{"a": `^[a-z\]\[:(?]+\x41\t\$\\A(?:b)$`, "b": `(a|b)*?[^\]]`,
				"c": `[a:]`, "d": ``}
			for name, pattern := range patterns {
				root["properties"].(object)[name] = object{"pattern": pattern}
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := schemaWith(t, test.change)
			s, err := order.NewSchema(document, "id")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(s.JSON(), document) {
				t.Error("JSON() is not what was given")
			}
			compileJSON(t, s.BatchJSON())
		})
	}
}

func TestNewSchemaRefuses(t *testing.T) {
	set := func(keyword string, value any) func(root, id object) {
		return func(root, _ object) { root[keyword] = value }
	}
	setID := func(keyword string, value any) func(root, id object) {
		return func(_, id object) { id[keyword] = value }
	}
	without := func(keyword string) func(root, id object) {
		return func(root, _ object) { delete(root, keyword) }
	}
	property := func(schema any) func(root, id object) {
		return func(root, _ object) { root["properties"].(object)["p"] = schema }
	}
	tests := []struct {
		name   string
		change func(root, id object)
		want   []string // parts of the lines of the error, one a line
	}{
		{"no $schema", without("$schema"),
			[]string{`#/$schema: must be "http://json-schema.org/draft-04/schema#"`}},
		{"draft-07", set("$schema", "http://json-schema.org/draft-07/schema#"),
			[]string{"#/$schema: must be"}},
		{"draft-04 without its #", set("$schema", "http://json-schema.org/draft-04/schema"),
			[]string{"#/$schema: must be"}},
		{"a $schema inside", property(object{"$schema": "http://json-schema.org/draft-07/schema#"}),
			[]string{"#/properties/p/$schema: only the outermost schema has one"}},
		{"a schema that is no URL", set("$schema", ":"), []string{"#/$schema: must be"}},

		{"const", property(object{"const": 1}),
			[]string{`#/properties/p: "const" is not a keyword of draft-04`}},
		{"if, then, else", set("if", object{}), []string{`#: "if" is not a keyword`}},
		{"$id", set("$id", "a"), []string{`"$id" is not a keyword`}},
		{"$defs", set("$defs", object{}), []string{`"$defs" is not a keyword`}},
		{"in a definition", set("definitions", object{"d": object{"examples": []any{}}}),
			[]string{`#/definitions/d: "examples"`}},
		{"in items", property(object{"items": object{"contains": object{}}}),
			[]string{`#/properties/p/items: "contains"`}},
		{"in a list of items", property(
			object{"items": []any{object{}, object{"propertyNames": object{}}}}),
			[]string{`#/properties/p/items/1: "propertyNames"`}},
		{"in additionalProperties", set("additionalProperties", object{"contentEncoding": "base64"}),
			[]string{`#/additionalProperties: "contentEncoding"`}},
		{"in additionalItems", property(object{"additionalItems": object{"unevaluatedItems": false}}),
			[]string{`"unevaluatedItems"`}},
		{"in allOf", set("allOf", []any{object{"dependentSchemas": object{}}}),
			[]string{`#/allOf/0: "dependentSchemas"`}},
		{"in not", set("not", object{"prefixItems": []any{}}), []string{`#/not: "prefixItems"`}},
		{"in dependencies", set("dependencies", object{"a": object{"readOnly": true}}),
			[]string{`#/dependencies/a: "readOnly"`}},
		{"in patternProperties", set("patternProperties", object{"/": object{"nullable": true}}),
			[]string{`#/patternProperties/~1: "nullable"`}},

		{"exclusiveMinimum is a number", property(object{"exclusiveMinimum": 1}),
			[]string{"#/properties/p: properties 'minimum' required",
				"#/properties/p/exclusiveMinimum: got number, want boolean"}},
		{"a boolean schema", property(true), []string{"#/properties/p: got boolean, want object"}},
		{"a boolean schema in additionalProperties", set("additionalProperties", object{"not": false}),
			[]string{"#/additionalProperties/not: got boolean, want object"}},
		{"neither boolean nor schema", set("additionalProperties", 3),
			[]string{"#/additionalProperties: got number, want boolean",
				"#/additionalProperties: got number, want object"}},
		{"required as in draft-03", property(object{"required": true}),
			[]string{"#/properties/p/required: got boolean, want array"}},
		{"an unknown type", property(object{"type": "int"}),
			[]string{"#/properties/p/type: got string, want array",
				"#/properties/p/type: value must be one of"}},
		{"a negative size", property(object{"minItems": -1}),
			[]string{"#/properties/p/minItems: minimum: got -1, want 0"}},
		{"a size beyond 32 bits", property(object{"maxItems": 3000000000}),
			[]string{"#/properties/p/maxItems: must be at most 2147483647"}},
		{"enum values twice", property(object{"enum": []any{"A", "A"}}),
			[]string{"#/properties/p/enum: items at 0 and 1 are equal"}},

		{"a $ref to elsewhere", property(object{"$ref": "https://example.com/item.json"}),
			[]string{`#/properties/p/$ref: "https://example.com/item.json" is not a schema in this document`}},
		{"a $ref to a file", property(object{"$ref": "item.json#/definitions/a"}),
			[]string{"is not a schema in this document"}},
		{"a $ref to nothing", property(object{"$ref": "#/definitions/a"}),
			[]string{"is not a schema in this document"}},
		{"a $ref to an anchor", property(object{"$ref": "#a"}),
			[]string{"is not a schema in this document"}},
		{"a $ref to no schema", property(object{"$ref": "#/properties"}),
			[]string{"is not a schema in this document"}},
		{"a $ref that is no URL", property(object{"$ref": "#%"}),
			[]string{"is not a schema in this document"}},
		{"an id inside", property(object{"id": "https://example.com/"}),
			[]string{"#/properties/p/id: only the outermost schema has one"}},
		{"an id that is no URL", set("id", "%"), []string{"#: error in parsing id"}},

		{"a pattern with a lookahead", property(object{"pattern": "^(?!a)"}),
			[]string{"#/properties/p/pattern: not RE2"}},
		{"a pattern with a back reference", property(object{"pattern": `(a)\1`}), []string{"not RE2"}},
		{"a pattern of names", set("patternProperties", object{"[": object{}}),
			[]string{"#/patternProperties/[: not RE2"}},
		{"a pattern in a definition", set("definitions", object{"d": object{"pattern": `\`}}),
			[]string{"#/definitions/d/pattern: not RE2"}},
		{`\A`, property(object{"pattern": `\Aa`}), []string{`has another meaning in ECMA 262`}},
		{"flags", property(object{"pattern": `(?i)a`}),
			[]string{`"(?" has another meaning in ECMA 262, which API Gateway uses, than in RE2`}},
		{"a POSIX class", property(object{"pattern": `[[:alpha:]]`}), []string{`"[:"`}},
		{"a Unicode class", property(object{"pattern": `\pL`}), []string{`"\\p"`}},
		{"a braced code point", property(object{"pattern": `\x{41}`}), []string{`"\\x"`}},
		{"an octal", property(object{"pattern": `\012`}), []string{`"\\0"`}},
		{"a class that begins with ]", property(object{"pattern": `[]a]`}), []string{`"[]"`}},

		{"no type", without("type"), []string{`#/type: must be "object"`}},
		{"another type", set("type", []any{"object"}), []string{`#/type: must be "object"`}},
		{"a $ref outermost", func(root, _ object) {
			root["definitions"] = object{"d": object{}}
			root["$ref"] = "#/definitions/d"
		}, []string{"#/$ref: not allowed here"}},
		{"nothing required", without("required"), []string{`#/required: must have the id field "id"`}},
		{"something else required", set("required", []any{"p"}),
			[]string{`#/required: must have the id field "id"`}},
		{"no properties", without("properties"),
			[]string{"#/properties/id: must be the schema of the id field"}},

		{"an id of another type", setID("type", "integer"),
			[]string{`#/properties/id/type: must be "string"`}},
		{"an id that may be null", setID("type", []any{"string", "null"}),
			[]string{`#/properties/id/type: must be "string"`}},
		{"an id without maxLength", func(_, id object) { delete(id, "maxLength") },
			[]string{"#/properties/id/maxLength: required, at most 128"}},
		{"an id too long", setID("maxLength", 129),
			[]string{"#/properties/id/maxLength: required, at most 128"}},
		{"an id without pattern", func(_, id object) { delete(id, "pattern") },
			[]string{"#/properties/id/pattern: required", `#/properties/id: must refuse "."`,
				`#/properties/id: must refuse ".."`}},
		{"an id by $ref", func(root, id object) {
			root["definitions"] = object{"d": object{"type": "string", "pattern": "^a$"}}
			id["$ref"] = "#/definitions/d"
		}, []string{"#/properties/id/$ref: not allowed here"}},
		{"an id that may be empty", func(_, id object) { id["minLength"], id["pattern"] = 0, "^[a-z]*$" },
			[]string{`#/properties/id: must refuse ""`}},
		{"an id that may be a dot", setID("pattern", "^[a-z.]$"),
			[]string{`#/properties/id: must refuse "."`}},
		{"an id that may be two dots", setID("pattern", "^[.]{2}$"),
			[]string{`#/properties/id: must refuse ".."`}},
		{"not anchored", setID("pattern", "[a-z]+"), []string{"must be anchored at both ends"}},
		{"not anchored at the end", setID("pattern", "^[a-z]+"),
			[]string{"must be anchored at both ends"}},
		{"not anchored at the start", setID("pattern", "[a-z]+$"),
			[]string{"must be anchored at both ends"}},
		{"one way not anchored", setID("pattern", "^a$|b$"), []string{"must be anchored at both ends"}},
		{"anchored by the line", setID("pattern", "(?m)^a$"),
			[]string{"ECMA 262", "must be anchored at both ends"}},
		{"anchored perhaps", setID("pattern", "(^a$)+"), []string{"must be anchored at both ends"}},
		{"a slash", setID("pattern", "^a/b$"), []string{`allows '/'`}},
		{"deep inside", setID("pattern", "^ORD-([0-9](a|[ -~]){3})*-[A-Z]$"), []string{"allows ' '"}},
		{"any character", setID("pattern", "^ORD-.{6}$"), []string{"safe in a URL"}},
		{"beyond ASCII", setID("pattern", "^[a-z\u00e9]+$"), []string{"allows 'é'"}},
		{"anything but", setID("pattern", "^[^/]{3}$"), []string{"safe in a URL"}},
		{"white space at the end", setID("pattern", `^\w+\n?$`), []string{`allows '\n'`}},
		{"no RE2 in the id", setID("pattern", `^a(?=b)$`), []string{"#/properties/id/pattern: not RE2"}},

		{"several", func(root, id object) {
			delete(root, "$schema")
			root["type"] = "array"
			root["required"] = []any{"p"}
			root["$comment"] = "c"
			root["properties"].(object)["p"] = object{"pattern": "(", "minimum": "1", "$ref": "#p"}
			delete(id, "maxLength")
		}, []string{"#/$schema", `#/type`, "#/required", `"$comment"`, "#/properties/p/pattern",
			"#/properties/p/minimum", "#/properties/p/$ref", "#/properties/id/maxLength"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := schemaWith(t, test.change)
			s, err := order.NewSchema(document, "id")
			if s != nil || err == nil {
				t.Fatalf("NewSchema(%s) = %v, %v", document, s, err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Errorf("got %d problems, want %d:\n%v", len(lines), len(test.want), err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got:\n%v\nwant in it: %s", err, want)
				}
			}
			for _, line := range lines {
				if !strings.HasPrefix(line, "order schema: #") {
					t.Errorf("%q does not say where", line)
				}
			}
			for range 20 { // Go's maps have no order
				_, again := order.NewSchema(document, "id")
				if diff := cmp.Diff(err.Error(), again.Error()); diff != "" {
					t.Fatalf("the same schema, other words:\n%s", diff)
				}
			}
		})
	}
}

func TestNewSchemaReads(t *testing.T) {
	deep := strings.Repeat(`{"not":`, order.MaxDepth) + "{}" + strings.Repeat("}", order.MaxDepth)
	tests := []struct{ name, document, want string }{
		{"nothing", "", "order schema: not JSON"},
		{"not JSON", "{", "order schema: not JSON"},
		{"not UTF-8", "{\"title\":\"\xff\"}", "order schema: not JSON"},
		{"too deep", deep, "order schema: nested deeper than 512"},
		{"a member twice", `{"properties":{"a":{"type":"string","\u0074ype":"null"}}}`,
			"order schema: duplicate member at #/properties/a/type"},
		{"a number beyond the limits", `{"maximum":1e1000}`,
			"order schema: number too long, or its exponent too large, at #/maximum"},
		{"no object", `[]`, "order schema: #: got array, want object"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := order.NewSchema([]byte(test.document), "id")
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestNewSchemaKeepsACopy(t *testing.T) {
	document := schemaWith(t, nil)
	want := bytes.Clone(document)
	s, err := order.NewSchema(document, "id")
	if err != nil {
		t.Fatal(err)
	}
	clear(document)
	if !bytes.Equal(s.JSON(), want) {
		t.Error("the caller can change the schema through the slice given")
	}
}

func TestIDFieldNames(t *testing.T) {
	for _, field := range []string{"id", "order-id", "a/b", "~", "%41", "#", "é", " ", "\u0000"} {
		document := schemaWith(t, func(root, id object) {
			root["required"] = []any{field}
			root["properties"] = object{field: id}
		})
		s, err := order.NewSchema(document, field)
		if err != nil {
			t.Errorf("%q: %v", field, err)
			continue
		}
		body, _ := json.Marshal(object{field: "A-1"})
		o, refusal := s.Parse(body)
		if refusal != nil || o.ID != "A-1" {
			t.Errorf("%q: got id %q, refusal %v", field, o.ID, refusal)
		}
		body, _ = json.Marshal(object{field: "A 1"})
		if o, refusal := s.Parse(body); refusal == nil || o.ID != "" {
			t.Errorf("%q: got id %q of a bad one, refusal %v", field, o.ID, refusal)
		}
	}
}

func compileJSON(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{})
	if err := compiler.AddResource("https://example.com/schema.json", root); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("https://example.com/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// TestBatchJSONMovesReferences: references follow the order to #/items, and those to definitions,
// and everything that only looks like a reference, stay. Numbers keep their digits.
func TestBatchJSONMovesReferences(t *testing.T) {
	s := newSchema(t, object{
		"$ref":  object{"type": "string"},
		"lines": object{"$ref": "#/definitions/lines"},
		"again": object{"$ref": "#/properties/lines"},
		"gifts": object{"items": object{"$ref": "#"}},
		"total": object{"type": "integer", "maximum": json.Number("9007199254740993")},
	}, object{
		"id":          "https://example.com/order.json",
		"definitions": object{"lines": object{"items": object{"$ref": "#/properties/again"}}},
		"default":     object{"$ref": "#", "price": json.Number("1.00")},
		"enum":        []any{object{"$ref": "#"}},
	})
	items := `"items":{"default":{"$ref":"#","price":1.00},"enum":[{"$ref":"#"}],` +
		`"properties":{"$ref":{"type":"string"},` +
		`"again":{"$ref":"#/items/properties/lines"},` +
		`"gifts":{"items":{"$ref":"#/items"}},` +
		`"id":{"maxLength":128,"minLength":1,"pattern":"^[A-Za-z0-9_-]+$","type":"string"},` +
		`"lines":{"$ref":"#/definitions/lines"},` +
		`"total":{"maximum":9007199254740993,"type":"integer"}},` +
		`"required":["id"],"type":"object"},`
	want := `{"$schema":"http://json-schema.org/draft-04/schema#",` +
		`"definitions":{"lines":{"items":{"$ref":"#/items/properties/again"}}},` +
		`"description":"A batch of 1 to 25 orders. Each is stored or refused on its own.",` +
		items + `"maxItems":25,"minItems":1,"type":"array"}`
	if got := string(s.BatchJSON()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestBatchJSONOfDefault: the default schema's batch is valid for a batch of valid orders only.
func TestBatchJSONOfDefault(t *testing.T) {
	compiled := compileJSON(t, order.DefaultSchema().BatchJSON())
	const good = `{"orderId":"A-1","currency":"EUR","items":[{"sku":"x","quantity":1,"unitPrice":1}]}`
	for body, want := range map[string]bool{
		"[]":                             false,
		good:                             false,
		"[" + good + "]":                 true,
		"[" + good + ",{}]":              false,
		"[" + good + `,{"orderId":"A"}]`: false,
		"[" + strings.Repeat(good+",", order.MaxBatchOrders-1) + good + "]": true,
		"[" + strings.Repeat(good+",", order.MaxBatchOrders) + good + "]":   false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(value); (err == nil) != want {
			t.Errorf("%.60s: %v, want valid %t", body, err, want)
		}
	}
}

func TestBatchJSON(t *testing.T) {
	s := newSchema(t, object{
		"a": object{"$ref": "#/definitions/d"},
		"b": object{"items": object{"$ref": "#"}},
		"c": object{"$ref": "#/properties/a"},
	}, object{"id": "https://example.com/order.json",
		"definitions": object{"d": object{"type": "integer"}}})
	batch := s.BatchJSON()
	if !bytes.Equal(batch, s.BatchJSON()) {
		t.Error("not the same bytes each time")
	}
	compiled := compileJSON(t, batch)
	for _, test := range []struct {
		batch string
		good  bool
	}{
		{`[{"id":"A"}]`, true},
		{`[{"id":"A","a":1,"b":[{"id":"B","c":2}]},{"id":"C"}]`, true},
		{`[` + strings.Repeat(`{"id":"A"},`, order.MaxBatchOrders-1) + `{"id":"A"}]`, true},
		{`[` + strings.Repeat(`{"id":"A"},`, order.MaxBatchOrders) + `{"id":"A"}]`, false},
		{`[]`, false},
		{`{"id":"A"}`, false},
		{`[{"id":"A"},{}]`, false},
		{`[{"id":"A","a":"1"}]`, false},
		{`[{"id":"A","b":[[]]}]`, false},
		{`[{"id":"A","c":"2"}]`, false},
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(test.batch))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(value); (err == nil) != test.good {
			t.Errorf("%s: got %v, want good: %v", test.batch, err, test.good)
		}
	}
}
