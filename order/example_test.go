package order_test

import (
	"fmt"

	"github.com/orderpipeline/orderpipeline/order"
)

func ExampleSchema_Parse() {
	schema := order.DefaultSchema()
	for _, document := range []string{
		`{"orderId":"A-1","currency":"EUR","items":[{"sku":"tea","quantity":2,"unitPrice":450}]}`,
		`{"orderId":"A-2","currency":"EUR","items":[{"sku":"tea","quantity":0,"unitPrice":450}]}`,
	} {
		o, refusal := schema.Parse([]byte(document))
		if refusal != nil {
			fmt.Println(o.ID, refusal)
			continue
		}
		fmt.Println(o.ID, o.Hash[:8])
	}
	// Output:
	// A-1 17d48a6e
	// A-2 order refused: invalid at /items/0/quantity
}

func ExampleNewSchema() {
	_, err := order.NewSchema([]byte(`{
		"$schema": "http://json-schema.org/draft-04/schema#",
		"type": "object",
		"required": ["number"],
		"properties": {
			"number": {"type": "string", "maxLength": 20, "pattern": "^[0-9]+"},
			"country": {"const": "NL"}
		}
	}`), "number")
	fmt.Println(err)
	// Output:
	// order schema: #/properties/country: "const" is not a keyword of draft-04 (API Gateway refuses such a model)
	// order schema: #/properties/number/pattern: must be anchored at both ends, as ^...$ (otherwise the rest of the id can be anything)
}

func ExampleSplit() {
	documents, batch, _ := order.Split([]byte(`[ {"orderId":"A-1"}, {"orderId":"A-2"} ]`))
	fmt.Println(batch)
	for _, document := range documents {
		fmt.Printf("%s\n", document)
	}
	// Output:
	// true
	// {"orderId":"A-1"}
	// {"orderId":"A-2"}
}

func ExampleEventFormat_Encode() {
	format := order.EventFormat{Source: order.DefaultEventSource, Type: order.DefaultEventType}
	fmt.Printf("%s\n", format.Encode("A-1", "2030-01-02T03:04:05.678Z", []byte(`{"orderId":"A-1"}`)))
	// Output:
	// {"specversion":"1.0","id":"34cee3cf-ddc0-53f1-87ee-cdf367573cb3","source":"urn:orderpipeline","type":"orderpipeline.order.created.v1","subject":"A-1","time":"2030-01-02T03:04:05.678Z","datacontenttype":"application/json","data":{"orderId":"A-1"}}
}
