package shopify

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/orderpipeline/orderpipeline/order"
)

// webhookOrder is what the mapping reads of Shopify's Order resource. json.Number keeps the digits
// of an id, which float64 would round above 2^53.
type webhookOrder struct {
	ID       json.Number `json:"id"`
	Name     string      `json:"name"`
	Currency string      `json:"currency"`
	Customer struct {
		ID json.Number `json:"id"`
	} `json:"customer"`
	LineItems []struct {
		ID        json.Number `json:"id"`
		VariantID json.Number `json:"variant_id"`
		SKU       string      `json:"sku"`
		Quantity  json.Number `json:"quantity"`
		Price     string      `json:"price"`
	} `json:"line_items"`
}

// document is the order document, as order.DefaultSchema describes it. It has only fields that are
// the same in every delivery of the webhook: a document with a time of the delivery, or with a
// status that changes, would be refused as a conflict when the platform sends the order again.
type document struct {
	OrderID    string            `json:"orderId"`
	Currency   string            `json:"currency"`
	Channel    string            `json:"channel"`
	CustomerID string            `json:"customerId,omitempty"`
	Items      []item            `json:"items"`
	Metadata   map[string]string `json:"metadata"`
}

type item struct {
	SKU       string      `json:"sku"`
	Quantity  json.Number `json:"quantity"`
	UnitPrice json.Number `json:"unitPrice"`
}

// decodeError says what is wrong without the text that the decoder quotes.
func decodeError(err error) error {
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return fmt.Errorf("the body is not JSON, at byte %d", syntax.Offset)
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		return fmt.Errorf("%s: wrong type, %s", wrong.Field, wrong.Value)
	}
	return errors.New("an id or a quantity is not a number")
}

// Map converts the payload of Shopify's webhook orders/create to an order document that fits
// order.DefaultSchema. The error says which field is in the way; it quotes nothing of the payload,
// so that it can be logged. The order id is returned as soon as it is known, with an error as well.
func Map(payload []byte) (orderID string, mapped []byte, err error) {
	var in webhookOrder
	if err := json.Unmarshal(payload, &in); err != nil {
		return "", nil, decodeError(err)
	}
	id := in.ID.String()
	if !allDigits(id) {
		return "", nil, errors.New("id: not a positive integer")
	}
	if !order.ValidID(id) {
		return "", nil, fmt.Errorf("id: more than %d digits", order.MaxIDLength)
	}
	out := document{
		OrderID:    id,
		Currency:   in.Currency,
		Channel:    "shopify",
		CustomerID: in.Customer.ID.String(),
		Items:      []item{},
		// The number that the customer knows, "#1001". It is not the id: each shop has its own #1001.
		Metadata: map[string]string{"name": in.Name},
	}
	for i, line := range in.LineItems {
		price, err := MinorUnits(line.Price, in.Currency)
		if err != nil {
			return id, nil, fmt.Errorf("line_items/%d/price: %w", i, err)
		}
		sku := line.SKU
		switch { // a merchant may leave it empty, and a custom item has no variant
		case sku != "":
		case line.VariantID != "":
			sku = "variant-" + line.VariantID.String()
		default:
			sku = "line-" + line.ID.String()
		}
		out.Items = append(out.Items, item{SKU: sku, Quantity: line.Quantity, UnitPrice: price})
	}
	mapped, err = json.Marshal(out)
	if err != nil {
		return id, nil, errors.New("the mapped order is not JSON")
	}
	// The processor would refuse it too, but the platform would not learn of it.
	if _, refusal := order.DefaultSchema().Parse(mapped); refusal != nil {
		return id, nil, refusal
	}
	return id, mapped, nil
}
