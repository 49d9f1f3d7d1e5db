package order

import (
	"strings"
	"testing"
)

const memberSchema = `{
	"$schema": "http://json-schema.org/draft-04/schema#",
	"type": "object",
	"additionalProperties": false,
	"required": ["id"],
	"properties": {
		"id": {"type": "string", "maxLength": 20, "minLength": 1, "pattern": "^[A-Z]{1,20}$"},
		"kind": {"type": "string", "enum": ["web", "store"]},
		"total": {"type": ["integer", "null"]},
		"tags": {"type": "array", "items": {"type": "string"}},
		"lines": {"type": "array", "items": {
			"type": "object", "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}}}},
		"free": {"type": "array"},
		"other": {"$ref": "#/definitions/other"},
		"open": {"type": "object"},
		"any": {}
	},
	"definitions": {"other": {"type": "integer"}}
}`

func TestCheckMember(t *testing.T) {
	schema, err := NewSchema([]byte(memberSchema), "id")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, types string
		want        string // "" for no error
	}{
		{"kind", "string", ""},
		{"kind", "integer number", `"kind" is of type string in the schema`},
		{"total", "integer number", ""},
		{"total", "string", `"total" is of type integer or null in the schema`},
		{"tags", "string", ""},
		{"tags", "integer", `"tags" is of type string in the schema`},
		{"lines", "string", `"lines" is of type object in the schema`},
		{"lines sku", "string", ""},
		{"lines count", "string", `"lines.count" is of type integer in the schema`},
		{"lines other", "string", ""}, // unnamed members are allowed
		{"kind below", "string", `"kind" is of type string in the schema`},
		{"free", "string", ""},
		{"free below", "string", ""},
		{"other", "string", ""},
		{"other below", "string", ""},
		{"open", "string", `"open" is of type object in the schema`},
		{"open below deep", "string", ""},
		{"any", "string", ""},
		{"any below", "string", ""},
		{"unknown", "string", `the schema has no member "unknown" and allows no others`},
	} {
		err := schema.CheckMember(strings.Fields(test.path), strings.Fields(test.types)...)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s as %s: error %q, want %q", test.path, test.types, got, test.want)
		}
	}
}

func TestAllowsText(t *testing.T) {
	schema, err := NewSchema([]byte(memberSchema), "id")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, text string
		want       bool
	}{
		{"kind", "web", true},
		{"kind", "phone", false},
		{"id", "ABC", true},
		{"id", "abc", false},
		{"any", "x", true},
		{"total", "1", false},
		{"unknown", "x", true}, // the schema's root refuses it: CheckMember says so
	} {
		if got := schema.AllowsText(test.name, test.text); got != test.want {
			t.Errorf("%s %q is allowed: %t, want %t", test.name, test.text, got, test.want)
		}
	}
	if DefaultSchema().AllowsText("currency", "eur") || !DefaultSchema().AllowsText("currency", "EUR") {
		t.Error("the default schema's currency has capital letters")
	}
}
