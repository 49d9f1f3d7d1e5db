package orderapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/orderpipeline/orderpipeline/order"
)

func TestBatchSchemaMovesReferences(t *testing.T) {
	const schema = `{
		"$schema": "http://json-schema.org/draft-04/schema#", "id": "urn:x", "type": "object",
		"properties": {
			"$ref": {"type": "string"},
			"lines": {"$ref": "#/definitions/lines"},
			"again": {"$ref": "#/properties/lines"},
			"gifts": {"items": {"$ref": "#"}}
		},
		"definitions": {"lines": {"items": {"$ref": "#/properties/again"}}},
		"default": {"$ref": "#"}
	}`
	got, err := batchSchema([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal([]byte(got), &value); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"$schema": "http://json-schema.org/draft-04/schema#", "type": "array", "minItems": 1.0, "maxItems": 25.0,
		"description": "A batch of 1 to 25 orders. Each is stored or refused on its own.",
		"definitions": map[string]any{"lines": map[string]any{"items": map[string]any{"$ref": "#/items/properties/again"}}},
		"items": map[string]any{
			"type": "object",
			"properties": map[string]any{
				"$ref":  map[string]any{"type": "string"},
				"lines": map[string]any{"$ref": "#/definitions/lines"},
				"again": map[string]any{"$ref": "#/items/properties/lines"},
				"gifts": map[string]any{"items": map[string]any{"$ref": "#/items"}},
			},
			"default": map[string]any{"$ref": "#"},
		},
	}
	if diff := cmp.Diff(want, value); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := batchSchema([]byte("{")); err == nil {
		t.Error("no error for what is not JSON")
	}
}

func TestBatchSchemaOfDefault(t *testing.T) {
	text, err := batchSchema(order.DefaultSchema().JSON())
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4)
	if err := compiler.AddResource("batch.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("batch.json")
	if err != nil {
		t.Fatal(err)
	}
	const good = `{"orderId":"A-1","currency":"EUR","items":[{"sku":"x","quantity":1,"unitPrice":1}]}`
	for body, want := range map[string]bool{
		"[]":                             false,
		good:                             false,
		"[" + good + "]":                 true,
		"[" + good + ",{}]":              false,
		"[" + good + `,{"orderId":"A"}]`: false,
		fmt.Sprint("[", strings.Repeat(good+",", 24), good, "]"): true,
		fmt.Sprint("[", strings.Repeat(good+",", 25), good, "]"): false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != want {
			t.Errorf("%.60s: %v, want valid %t", body, err, want)
		}
	}
}

func TestASCII(t *testing.T) {
	const text = `{"title":"Bestellung für 日本 😀 \u00e9","x":"a\\"}`
	got := ascii(text)
	if strings.ContainsFunc(got, func(r rune) bool { return r > 127 }) {
		t.Errorf("not ASCII: %s", got)
	}
	var want, value any
	if err := errors.Join(json.Unmarshal([]byte(text), &want), json.Unmarshal([]byte(got), &value)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, value); diff != "" {
		t.Errorf("another value (-want +got):\n%s", diff)
	}
}
