package documents

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// nasty are values that are valid in an order and break careless code: form encoding, decoding and
// encoding JSON again, templates, character sets. Each is a JSON value as it stands in the
// document.
var nasty = []string{
	`"a&b=c+d%20e%"`,                         // form encoding
	`"&MessageAttribute.1.Name=x&Action="`,   // an attribute injected into the SQS call
	`"<script>&amp;</script> \u003c \u0026"`, // escaped differently by every encoder
	`"\"quoted\" and \\ back\\\\slash\/"`,    // quotes, backslashes, an escaped slash
	`"line one\nline two\r\n\ttabbed"`,       // line breaks
	`"😀 Größe ¥ ünï 注文 \ud83d\ude00"`,        // emoji, raw and escaped
	`"\ud800"`,                      // a lone surrogate, which UTF-8 cannot encode
	`"\ufffe \uffff \u0000 \u007f"`, // characters that SQS does not carry, escaped
	`1.00`,                          // not 1
	`1234567890123456789012345678901234567890`,       // more digits than a float holds
	`[1e2, -0, -0.0, 0.1, 1E+2, 5e-324]`,             // number forms
	`"$util.urlEncode($input.body) #set($x=1) ${x}"`, // a mapping template
	`{"":"empty name","a.b":1,"é":"é","nested":{"deep":[[[]]]}}`,
	`"é composed, é decomposed"`, // two forms of one letter
	`null`,
}

// Sample returns order i of a run: valid, with a nasty value in it, and laid out differently from
// order to order. Every second one is of channel "web".
func Sample(run string, i int) Document {
	id := fmt.Sprintf("%s-%03d", run, i+1)
	channel := []string{"web", "store"}[i%2]
	members := []string{
		fmt.Sprintf(`"orderId":"%s"`, id),
		fmt.Sprintf(`"ORDERID":"not-%s"`, id), // another member: names match exactly
		`"currency":"EUR"`,
		fmt.Sprintf(`"channel":"%s"`, channel),
		fmt.Sprintf(`"items":[{"sku":"SKU-%03d","quantity":%d,"unitPrice":%d}]`, i%7, i%3+1, 990+i),
		fmt.Sprintf(`"metadata":{"value":%s}`, nasty[i%len(nasty)]),
	}
	if text := nasty[i%len(nasty)]; strings.HasPrefix(text, `"`) {
		members = append(members, `"note":`+text)
	}
	var text string
	switch i % 4 { // the bytes between the values count too
	case 0:
		text = "{" + strings.Join(members, ",") + "}"
	case 1:
		text = "{ " + strings.Join(members, " , ") + " }"
	case 2:
		text = "{\n  " + strings.Join(members, ",\n  ") + "\n}"
	default:
		slices.Reverse(members)
		text = "{\r\n\t" + strings.Join(members, ",\r\n\t") + "\r\n}"
	}
	return Document{Source: "sample", Line: i + 1, ID: id, Bytes: []byte(text)}
}

// Channel returns the channel of an order.
func (d Document) Channel() string {
	var fields struct {
		Channel string `json:"channel"`
	}
	_ = json.Unmarshal(d.Bytes, &fields)
	return fields.Channel
}

// NewRun returns a prefix for the order ids of a run that no other run has.
func NewRun(kind string) string { return kind + "-" + strings.ToLower(rand.Text()[:8]) }
