//go:build emulator

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// newID is an order id that no other test has.
func newID(kind string) string { return "e2e-" + kind + "-" + strings.ToLower(rand.Text()[:10]) }

// newOrder is a valid order of channel web with further members, each `"name":value`.
func newOrder(id string, members ...string) string {
	members = append([]string{`"orderId":"` + id + `"`, `"currency":"EUR"`, `"channel":"web"`, oneItem}, members...)
	return "{" + strings.Join(members, ",") + "}"
}

const oneItem = `"items":[{"sku":"SKU-1","quantity":1,"unitPrice":1999}]`

// repeat is n times the text.
func repeat(n int, text string) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = text
	}
	return texts
}

// request is a call of the API.
type request = pipeline.Request

// answer is what the API answered: always a JSON object.
type answer struct {
	pipeline.Answer `json:"-"`

	Status    string `json:"status"`
	Message   string `json:"message"`
	MessageID string `json:"messageId"`

	// Of GET.
	OrderID          string `json:"orderId"`
	AcceptedAt       string `json:"acceptedAt"`
	StoredAt         string `json:"storedAt"`
	RefusedDocuments int    `json:"refusedDocuments"`
	Refusals         []struct {
		Reason     string `json:"reason"`
		Pointer    string `json:"pointer"`
		Hash       string `json:"hash"`
		AcceptedAt string `json:"acceptedAt"`
		RefusedAt  string `json:"refusedAt"`
	} `json:"refusals"`
}

// call makes a request. An answer that is not JSON with a status, or an error without a message, is
// an error: no answer of this API is.
func call(ctx context.Context, r request) (*answer, error) {
	got, err := world.Call(ctx, r)
	if err != nil {
		return nil, err
	}
	a := &answer{Answer: got}
	switch err := json.Unmarshal(a.Body, a); {
	case err != nil:
		return nil, fmt.Errorf("the answer %v is not JSON: %w", a, err)
	case a.Status == "":
		return nil, fmt.Errorf("the answer %v has no status", a)
	case a.Code >= 400 && a.Message == "":
		return nil, fmt.Errorf("the answer %v has no message", a)
	case a.Header.Get("Content-Type") != "application/json":
		return nil, fmt.Errorf("the answer %v is of type %q", a, a.Header.Get("Content-Type"))
	}
	return a, nil
}

// mustCall makes a request that must be answered.
func mustCall(t *testing.T, r request) *answer {
	t.Helper()
	a, err := call(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// post posts one order, which must be accepted, and gives the message id.
func post(t *testing.T, document string) (messageID string) {
	t.Helper()
	return accepted(t, mustCall(t, request{Body: document}))
}

// postBatch posts orders in one request, which must be accepted, and gives the message id.
func postBatch(t *testing.T, documents ...string) (messageID string) {
	t.Helper()
	return accepted(t, mustCall(t, request{Path: "/orders/batch", Body: pipeline.Array(documents...)}))
}

func accepted(t *testing.T, a *answer) (messageID string) {
	t.Helper()
	if a.Code != http.StatusAccepted || a.Status != "ACCEPTED" || a.MessageID == "" {
		t.Fatalf("not accepted: %v", a)
	}
	return a.MessageID
}

// get asks for an order.
func get(t *testing.T, id string) *answer {
	t.Helper()
	return mustCall(t, request{Method: http.MethodGet, Path: "/orders/" + id})
}

// awaitAnswer asks for an order until it has a verdict, which must be the wanted one.
func awaitAnswer(t *testing.T, id, want string) (a *answer) {
	t.Helper()
	pipeline.Eventually(t, func() error {
		if a = get(t, id); a.Code == http.StatusNotFound {
			return fmt.Errorf("order %s has no verdict: %v", id, a)
		}
		return nil
	})
	if a.Code != http.StatusOK || a.Status != want {
		t.Fatalf("order %s: %v, want %s", id, a, want)
	}
	return a
}

// awaitStored waits until an order is stored.
func awaitStored(t *testing.T, id string) *answer {
	t.Helper()
	return awaitAnswer(t, id, "STORED")
}

// document is the document in an answer of GET, byte for byte: a JSON decoder would drop the white
// space around it.
func (a *answer) document() string {
	_, document, found := bytes.Cut(a.Body, []byte(`,"document":`))
	if !found || !bytes.HasSuffix(document, []byte("}")) {
		return ""
	}
	return string(document[:len(document)-1])
}

// send puts a message straight on the queue and gives its id.
func send(t *testing.T, body string) (messageID string) {
	t.Helper()
	return world.Send(t, world.QueueURL, pipeline.Message{Body: body})[0]
}

// awaitSettled waits until all that was posted before has been worked off, to its event: then what
// has not happened does not happen any more.
func awaitSettled(t *testing.T) {
	t.Helper()
	world.AwaitEmpty(t, world.QueueURL)
	// One shard keeps the order in which orders were stored, so this one's event comes after theirs.
	id := newID("marker")
	post(t, newOrder(id))
	world.billing.awaitEvent(t, id)
	world.shipping.awaitEvent(t, id)
}

var errTimes = errors.New("not a time in order.TimeFormat")

// instant reads a time as the system writes it.
func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(order.TimeFormat, text)
	if err != nil || at.Format(order.TimeFormat) != text {
		t.Fatalf("%q: %v", text, errTimes)
	}
	return at
}
