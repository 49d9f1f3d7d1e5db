// Package shopify receives Shopify's webhook orders/create: it checks the signature, and maps the
// order to an order document for the pipeline's queue.
package shopify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

// signatureHeader is X-Shopify-Hmac-Sha256; a function URL passes header names in lower case.
const signatureHeader = "x-shopify-hmac-sha256"

// ErrUnsendable says that sending the same document again cannot succeed.
var ErrUnsendable = errors.New("the queue cannot carry the document")

// Handler receives the calls of a shop.
type Handler struct {
	// Keys returns the keys that a call may be signed with: one, or two while the key is rotated.
	Keys func(context.Context) ([][]byte, error)
	// Send sends an order document to the pipeline's queue. An error that wraps ErrUnsendable is
	// answered with 400, any other with 503.
	Send func(ctx context.Context, document []byte) error
	// Logger gets one line per call, with the order id and without the contents of the order.
	Logger *slog.Logger
}

// statuses are the words that the pipeline's own API uses.
var statuses = map[int]string{
	http.StatusOK:                 "ACCEPTED",
	http.StatusBadRequest:         "INVALID",
	http.StatusUnauthorized:       "UNAUTHORIZED",
	http.StatusServiceUnavailable: "UNAVAILABLE",
}

// Handle answers 200 once the order is in the queue, 401 when the signature is missing or wrong,
// 400 when the order cannot be mapped, and 503 when the platform should send it again. The error is
// always nil: an error would be answered with 502.
func (h *Handler) Handle(
	ctx context.Context, request events.LambdaFunctionURLRequest,
) (events.LambdaFunctionURLResponse, error) {
	id, status, err := h.receive(ctx, request)
	answer := map[string]string{"status": statuses[status]}
	if err == nil {
		answer["orderId"] = id
		h.Logger.InfoContext(ctx, "order accepted", "status", status, "orderId", id)
	} else {
		answer["message"] = http.StatusText(status)
		if status == http.StatusBadRequest { // the caller is the platform, as its signature shows
			answer["message"] = err.Error()
		}
		h.Logger.WarnContext(ctx, "order not accepted",
			"status", status, "orderId", id, "error", err.Error())
	}
	body, _ := json.Marshal(answer) // a map of strings
	return events.LambdaFunctionURLResponse{
		StatusCode: status,
		Headers:    map[string]string{"content-type": "application/json"},
		Body:       string(body),
	}, nil
}

func (h *Handler) receive(
	ctx context.Context, request events.LambdaFunctionURLRequest,
) (orderID string, status int, err error) {
	body := []byte(request.Body)
	if request.IsBase64Encoded {
		if body, err = base64.StdEncoding.DecodeString(request.Body); err != nil {
			return "", http.StatusUnauthorized, errors.New("the body is not base64")
		}
	}
	keys, err := h.Keys(ctx)
	if err != nil {
		return "", http.StatusServiceUnavailable, err
	}
	if !signed(body, request.Headers[signatureHeader], keys) {
		return "", http.StatusUnauthorized, errors.New("signature missing or wrong")
	}
	orderID, document, err := Map(body)
	if err != nil {
		return orderID, http.StatusBadRequest, err
	}
	if err := h.Send(ctx, document); errors.Is(err, ErrUnsendable) {
		return orderID, http.StatusBadRequest, ErrUnsendable
	} else if err != nil {
		return orderID, http.StatusServiceUnavailable, err
	}
	return orderID, http.StatusOK, nil
}

// signed reports whether signature is the HMAC of the body, byte for byte as it was received, under
// one of the keys. JSON that was decoded and encoded again has other bytes.
func signed(body []byte, signature string, keys [][]byte) bool {
	got, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		if hmac.Equal(got, mac.Sum(nil)) { // in constant time: == would tell how much of it is right
			return true
		}
	}
	return false
}
