package status

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/orderpipeline/orderpipeline/order"
)

type item = map[string]types.AttributeValue

// answer makes the answer from the items of one order id. more says that the table has more items.
func (h *Handler) answer(orderID string, items []item, more bool) events.APIGatewayProxyResponse {
	var stored item
	refusals := []refusal{}
	for _, i := range items {
		switch textOf(i, order.AttrKind) {
		case order.KindOrder, order.KindTombstone:
			stored = i
		case order.KindRefusal:
			refusals = append(refusals, refusalOf(i))
		}
	}
	// A document that was refused and, after a fix and a redrive, stored is not another document.
	hash := textOf(stored, order.AttrHash)
	others := refusals[:0:0]
	for _, r := range refusals {
		if stored == nil || r.Hash != hash {
			others = append(others, r)
		}
	}
	if len(others) > MaxRefusals {
		others, more = others[:MaxRefusals], true
	}
	head := head{
		OrderID: orderID, RefusedDocuments: len(others), MoreRefusals: more, Refusals: others,
	}
	switch {
	case stored == nil && len(others) == 0:
		return retryLater(http.StatusNotFound, "UNKNOWN",
			"No order with this id is stored or refused. If it was accepted a moment ago, ask again.", 1)
	case stored == nil:
		head.Status = "REFUSED"
		return respond(http.StatusOK, encode(head))
	case textOf(stored, order.AttrKind) == order.KindTombstone:
		head.Status = "ERASED"
		return respond(http.StatusGone, encode(head))
	}
	head.Status = "STORED"
	head.AcceptedAt = textOf(stored, order.AttrAcceptedAt)
	head.StoredAt = textOf(stored, order.AttrStoredAt)
	body := encode(head)
	if output := textOf(stored, order.AttrOutput); output != "" {
		body = splice(body, "output", output)
	}
	return respond(http.StatusOK, splice(body, "document", textOf(stored, order.AttrDocument)))
}

// head is an answer without the document.
type head struct {
	Status           string    `json:"status"`
	OrderID          string    `json:"orderId"`
	AcceptedAt       string    `json:"acceptedAt,omitempty"`
	StoredAt         string    `json:"storedAt,omitempty"`
	RefusedDocuments int       `json:"refusedDocuments"`
	MoreRefusals     bool      `json:"moreRefusals,omitempty"`
	Refusals         []refusal `json:"refusals"`
}

type refusal struct {
	Reason     string `json:"reason"`
	Pointer    string `json:"pointer"`
	Hash       string `json:"hash"`
	AcceptedAt string `json:"acceptedAt"`
	RefusedAt  string `json:"refusedAt"`
}

func refusalOf(i item) refusal {
	return refusal{
		Reason:     textOf(i, order.AttrReason),
		Pointer:    textOf(i, order.AttrPointer),
		Hash:       textOf(i, order.AttrHash),
		AcceptedAt: textOf(i, order.AttrAcceptedAt),
		RefusedAt:  textOf(i, order.AttrRefusedAt),
	}
}

// splice adds a JSON value as the last member, byte for byte: encoding/json would compact and
// escape it.
func splice(object []byte, name, value string) []byte {
	object = append(object[:len(object)-1], `,"`+name+`":`...)
	return append(append(object, value...), '}')
}

func message(status int, name, text string) events.APIGatewayProxyResponse {
	return respond(status, encode(map[string]string{"status": name, "message": text}))
}

func retryLater(status int, name, text string, seconds int) events.APIGatewayProxyResponse {
	response := message(status, name, text)
	response.Headers["Retry-After"] = strconv.Itoa(seconds)
	return response
}

func respond(status int, body []byte) events.APIGatewayProxyResponse {
	return events.APIGatewayProxyResponse{
		StatusCode: status,
		Headers:    map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"},
		Body:       string(body),
	}
}

// encode cannot fail for the types it is used with: strings, numbers and lists of them.
func encode(value any) []byte {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return body
}

func textOf(i item, name string) string {
	value, _ := i[name].(*types.AttributeValueMemberS)
	if value == nil {
		return ""
	}
	return value.Value
}
