package shopify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orderpipeline/orderpipeline/order"
)

const key, nextKey = "current-key", "next-key"

// sign gives the header that Shopify would send.
func sign(body, key string) map[string]string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return map[string]string{signatureHeader: base64.StdEncoding.EncodeToString(mac.Sum(nil))}
}

// orderWith is the smallest order, with one thing changed.
func orderWith(old, changed string) string {
	const smallest = `{"id":5551234567890,"name":"#9999","currency":"EUR",` +
		`"line_items":[{"id":1,"variant_id":2,"sku":"TEA-250","quantity":2,"price":"19.99"}]}`
	if !strings.Contains(smallest, old) {
		panic("the order has no " + old)
	}
	return strings.Replace(smallest, old, changed, 1)
}

// call runs one call. It returns the response, what was sent to the queue, and the log.
func call(t *testing.T, request events.LambdaFunctionURLRequest, keysErr, sendErr error) (events.LambdaFunctionURLResponse, []string, string) {
	t.Helper()
	var sent []string
	var log bytes.Buffer
	h := &Handler{
		Keys: func(context.Context) ([][]byte, error) {
			return [][]byte{[]byte(key), []byte(nextKey)}, keysErr
		},
		Send: func(_ context.Context, document []byte) error {
			sent = append(sent, string(document))
			return sendErr
		},
		Logger: slog.New(slog.NewJSONHandler(&log, nil)),
	}
	response, err := h.Handle(context.Background(), request)
	if err != nil {
		t.Fatalf("error %v, which Lambda would answer with 502", err)
	}
	if want := fmt.Sprintf(`"status":%d`, response.StatusCode); !strings.Contains(log.String(), want) || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("log %q, want one line with %s, which the alarm filters for", log.String(), want)
	}
	if !strings.Contains(response.Body, `"status":"`+statuses[response.StatusCode]+`"`) || statuses[response.StatusCode] == "" {
		t.Errorf("%d %s", response.StatusCode, response.Body)
	}
	return response, sent, log.String()
}

// TestMapped: the whole order of Shopify's documentation becomes the document that is sent.
func TestMapped(t *testing.T) {
	payload, err := os.ReadFile("testdata/orders-create.json")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"orderId":"820982911946154508","currency":"USD","channel":"shopify","customerId":"115310627314723954",` +
		`"items":[{"sku":"IPOD2008GREEN","quantity":1,"unitPrice":19900},{"sku":"variant-808950811","quantity":3,"unitPrice":995}],` +
		`"metadata":{"name":"#9999"}}`
	response, sent, _ := call(t, events.LambdaFunctionURLRequest{Headers: sign(string(payload), key), Body: string(payload)}, nil, nil)
	if response.StatusCode != 200 || len(sent) != 1 || sent[0] != want {
		t.Errorf("%d %s, sent %q, want %s", response.StatusCode, response.Body, sent, want)
	}
	if o, refusal := order.DefaultSchema().Parse([]byte(want)); refusal != nil || o.ID != "820982911946154508" {
		t.Errorf("the processor reads the order %q (%v)", o.ID, refusal)
	}
}

// TestSignature: only a body that was signed, as it was signed, with a current key, gets anywhere.
func TestSignature(t *testing.T) {
	body := orderWith("", "")
	for name, test := range map[string]struct {
		headers map[string]string
		body    string
		base64  bool
		want    int
	}{
		"good":                        {sign(body, key), body, false, 200},
		"good, with the next key":     {sign(body, nextKey), body, false, 200},
		"good, base64 body":           {sign(body, key), base64.StdEncoding.EncodeToString([]byte(body)), true, 200},
		"tampered":                    {sign(body, key), orderWith("19.99", "00.01"), false, 401},
		"same JSON, other bytes":      {sign(body, key), body + "\n", false, 401},
		"signature of the base64":     {sign(base64.StdEncoding.EncodeToString([]byte(body)), key), base64.StdEncoding.EncodeToString([]byte(body)), true, 401},
		"body is no base64":           {sign(body, key), body, true, 401},
		"wrong key":                   {sign(body, "another"), body, false, 401},
		"no header":                   {nil, body, false, 401},
		"empty header":                {map[string]string{signatureHeader: ""}, body, false, 401},
		"header is no base64":         {map[string]string{signatureHeader: "%%%"}, body, false, 401},
		"hex":                         {map[string]string{signatureHeader: fmt.Sprintf("%x", sha256.Sum256([]byte(body)))}, body, false, 401},
		"a part of the signature":     {map[string]string{signatureHeader: sign(body, key)[signatureHeader][:20]}, body, false, 401},
		"not an order, and no header": {nil, "", false, 401},
	} {
		t.Run(name, func(t *testing.T) {
			response, sent, _ := call(t, events.LambdaFunctionURLRequest{Headers: test.headers, Body: test.body, IsBase64Encoded: test.base64}, nil, nil)
			if response.StatusCode != test.want || (len(sent) == 1) != (test.want == 200) {
				t.Errorf("%d %s, sent %q, want %d", response.StatusCode, response.Body, sent, test.want)
			}
		})
	}
}

// TestBody: what is signed and cannot be mapped is answered with 400 and the field; the log has no
// contents.
func TestBody(t *testing.T) {
	huge := strings.Repeat("9", 128)
	for name, test := range map[string]struct {
		body, want string // want "" is accepted; else a part of the reason
		sent       string // a part of the document
	}{
		"id above 2^53":         {orderWith("5551234567890", "9007199254740993"), "", `"orderId":"9007199254740993"`},
		"id of 128 digits":      {orderWith("5551234567890", huge), "", `"orderId":"` + huge + `"`},
		"id of 129 digits":      {orderWith("5551234567890", huge+"9"), "id: more than 128 digits", ""},
		"id in quotes":          {orderWith("5551234567890", `"5551234567890"`), "", `"orderId":"5551234567890"`},
		"id with a fraction":    {orderWith("5551234567890", "1.0"), "id: not a positive integer", ""},
		"id with an exponent":   {orderWith("5551234567890", "1e3"), "id: not a positive integer", ""},
		"id with a sign":        {orderWith("5551234567890", "-1"), "id: not a positive integer", ""},
		"gid as id":             {orderWith("5551234567890", `"gid://shopify/Order/1"`), "not a number", ""},
		"no id":                 {orderWith(`"id":5551234567890,`, ""), "id: not a positive integer", ""},
		"null id":               {orderWith("5551234567890", "null"), "id: not a positive integer", ""},
		"yen":                   {orderWith(`"EUR","line_items":[{"id":1,"variant_id":2,"sku":"TEA-250","quantity":2,"price":"19.99"`, `"JPY","line_items":[{"id":1,"sku":"X","quantity":2,"price":"1999"`), "", `"unitPrice":1999}`},
		"one decimal":           {orderWith("19.99", "19.9"), "", `"unitPrice":1990}`},
		"three decimals":        {orderWith("19.99", "19.999"), "line_items/0/price: more than the 2 decimals", ""},
		"price is a number":     {orderWith(`"19.99"`, "19.99"), "line_items.price: wrong type, number", ""},
		"no price":              {orderWith(`,"price":"19.99"`, ""), "line_items/0/price: not a decimal amount", ""},
		"no currency":           {orderWith(`"EUR"`, `""`), "invalid at /currency", ""},
		"no lines":              {orderWith(`{"id":1,"variant_id":2,"sku":"TEA-250","quantity":2,"price":"19.99"}`, ""), "invalid at /items", ""},
		"no quantity":           {orderWith(`"quantity":2,`, ""), "invalid at /items/0/quantity", ""},
		"guest":                 {orderWith(`"name"`, `"customer":null,"name"`), "", `"channel":"shopify","items"`},
		"sku left empty":        {orderWith("TEA-250", ""), "", `"sku":"variant-2"`},
		"sku null":              {orderWith(`"TEA-250"`, "null"), "", `"sku":"variant-2"`},
		"a custom item":         {orderWith(`"variant_id":2,"sku":"TEA-250"`, `"variant_id":null,"sku":null`), "", `"sku":"line-1"`},
		"an envelope around it": {`{"data":{"order":` + orderWith("", "") + `}}`, "id: not a positive integer", ""},
		"not JSON":              {`{"id":`, "not JSON", ""},
		"nothing":               {"", "not JSON", ""},
		"an array":              {`[` + orderWith("", "") + `]`, "wrong type, array", ""},
	} {
		t.Run(name, func(t *testing.T) {
			response, sent, log := call(t, events.LambdaFunctionURLRequest{Headers: sign(test.body, key), Body: test.body}, nil, nil)
			if test.want == "" {
				if response.StatusCode != 200 || len(sent) != 1 || !strings.Contains(sent[0], test.sent) {
					t.Errorf("%d %s, sent %q, want %s", response.StatusCode, response.Body, sent, test.sent)
				}
				return
			}
			if response.StatusCode != 400 || !strings.Contains(response.Body, test.want) || len(sent) != 0 {
				t.Errorf("%d %s, sent %q, want 400 with %q", response.StatusCode, response.Body, sent, test.want)
			}
			for _, content := range []string{"19.99", "TEA-250", "gid:"} {
				if strings.Contains(log, content) {
					t.Errorf("log %s has %s of the order", log, content)
				}
			}
		})
	}
}

// TestSameDocument: a delivery that comes again is the same document, whatever else changed in the
// payload, so that the pipeline counts a duplicate and not a conflict.
func TestSameDocument(t *testing.T) {
	var documents []string
	for _, body := range []string{
		orderWith("", ""),
		orderWith(`"name"`, `"updated_at":"2026-11-23T18:31:01Z","financial_status":"paid","name"`),
		" " + orderWith("", ""),
	} {
		_, sent, _ := call(t, events.LambdaFunctionURLRequest{Headers: sign(body, key), Body: body}, nil, nil)
		documents = append(documents, sent...)
	}
	if len(documents) != 3 || documents[0] != documents[1] || documents[0] != documents[2] {
		t.Errorf("sent %q, want the same document three times", documents)
	}
}

// TestOutage: the platform sends again whatever a repetition can fix, and learns no details.
func TestOutage(t *testing.T) {
	body := orderWith("", "")
	request := events.LambdaFunctionURLRequest{Headers: sign(body, key), Body: body}
	down := errors.New("dial tcp 10.0.0.1: connection refused")
	for name, test := range map[string]struct {
		keys, send error
		want       int
	}{
		"SQS is down":                    {nil, down, 503},
		"the keys cannot be read":        {down, nil, 503},
		"the document cannot be carried": {nil, fmt.Errorf("%w: %w", ErrUnsendable, down), 400},
	} {
		t.Run(name, func(t *testing.T) {
			response, sent, log := call(t, request, test.keys, test.send)
			if response.StatusCode != test.want || strings.Contains(response.Body, "10.0.0.1") {
				t.Errorf("%d %s, want %d without details", response.StatusCode, response.Body, test.want)
			}
			if test.keys != nil && len(sent) != 0 {
				t.Errorf("sent %q without a check of the signature", sent)
			}
			if test.want == 503 && !strings.Contains(log, "10.0.0.1") {
				t.Errorf("log %s does not say what failed", log)
			}
		})
	}
}
