package order

import (
	"strings"
	"testing"
)

func TestCheckTextField(t *testing.T) {
	const schema = `{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","required":["id"],` +
		`"definitions":{"text":{"type":"string"}},` +
		`"properties":{"id":{"type":"string","pattern":"^[a-z]{1,9}$","maxLength":9},"city":{"type":["string","null"]},"total":{"type":"integer"},` +
		`"lines":{"type":["array","null"]},"other":{"$ref":"#/definitions/text"},"beside":{"$ref":"#/definitions/text","type":"integer"}}OPEN}`
	for _, test := range []struct{ open, field, want string }{
		{`,"additionalProperties":false`, "id", ""},
		{`,"additionalProperties":false`, "city", ""},
		{`,"additionalProperties":false`, "other", ""},  // not looked at
		{`,"additionalProperties":false`, "beside", ""}, // draft-04 ignores what stands beside a $ref
		{`,"additionalProperties":false`, "total",
			`"total" is of type integer in the schema (its text members: city, id)`},
		{`,"additionalProperties":false`, "lines",
			`"lines" is of type array or null in the schema (its text members: city, id)`},
		{`,"additionalProperties":false`, "chanel",
			`the schema has no member "chanel" and allows no others (its text members: city, id)`},
		{``, "chanel", ""},
		{``, "total", `"total" is of type integer in the schema`},
		{`,"additionalProperties":true`, "chanel", ""},
		{`,"additionalProperties":{"type":"string"}`, "chanel", ""},
		{`,"additionalProperties":false,"patternProperties":{"^x":{"type":"string"}}`, "chanel", ""},
	} {
		s, err := NewSchema([]byte(strings.Replace(schema, "OPEN", test.open, 1)), "id")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CheckTextField(test.field); test.want == "" && err != nil ||
			test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s with %q: %v, want %q", test.field, test.open, err, test.want)
		}
	}
}
