//go:build emulator

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/order"
)

// patience is how long a test waits for what takes the emulator well under a second. It is far less than the queue's
// visibility timeout (180 s): what only succeeds at a second delivery is a failure here.
const patience = 30 * time.Second

// poll asks until the answer is nil, or gives the last one when the time is up.
func poll(within time.Duration, ask func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := ask()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// eventually waits for what must come.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	if err := poll(patience, ask); err != nil {
		t.Fatalf("after %v: %v", patience, err)
	}
}

// newID is an order id that no other test has.
func newID(kind string) string { return "e2e-" + kind + "-" + strings.ToLower(rand.Text()[:10]) }

// newOrder is a valid order of channel web with further members, each `"name":value`.
func newOrder(id string, members ...string) string {
	members = append([]string{`"orderId":"` + id + `"`, `"currency":"EUR"`, `"channel":"web"`, oneItem}, members...)
	return "{" + strings.Join(members, ",") + "}"
}

const oneItem = `"items":[{"sku":"SKU-1","quantity":1,"unitPrice":1999}]`

// array is the body of a batch.
func array(documents ...string) string { return "[" + strings.Join(documents, ",") + "]" }

// repeat is n times the text.
func repeat(n int, text string) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = text
	}
	return texts
}

// request is a call of the API.
type request struct {
	method      string // "": POST
	path        string // "": /orders
	body        string
	contentType string // "": application/json for POST; "none": no such header
	unsigned    bool
}

// answer is what the API answered: always a JSON object.
type answer struct {
	code   int
	header http.Header
	body   []byte

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

// call makes a request, signed (SigV4). An answer that is not JSON with a status, or an error without a message, is an error:
// no answer of this API is.
func call(ctx context.Context, r request) (*answer, error) {
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.path == "" {
		r.path = "/orders"
	}
	if r.contentType == "" && r.method == http.MethodPost {
		r.contentType = "application/json"
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, r.method, world.APIURL+r.path, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	if r.contentType != "" && r.contentType != "none" {
		q.Header.Set("Content-Type", r.contentType)
	}
	if !r.unsigned {
		credentials, err := world.cfg.Credentials.Retrieve(ctx)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(r.body))
		if err := v4.NewSigner().SignHTTP(ctx, credentials, q, hex.EncodeToString(sum[:]), "execute-api", world.Region, time.Now()); err != nil {
			return nil, err
		}
	}
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	a := &answer{code: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	switch err := json.Unmarshal(a.body, a); {
	case err != nil:
		return nil, fmt.Errorf("the answer %v is not JSON: %w", a, err)
	case a.Status == "":
		return nil, fmt.Errorf("the answer %v has no status", a)
	case a.code >= 400 && a.Message == "":
		return nil, fmt.Errorf("the answer %v has no message", a)
	case response.Header.Get("Content-Type") != "application/json":
		return nil, fmt.Errorf("the answer %v is of type %q", a, response.Header.Get("Content-Type"))
	}
	return a, nil
}

func (a *answer) String() string {
	return fmt.Sprintf("%d %s", a.code, a.body[:min(len(a.body), 500)])
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
	return accepted(t, mustCall(t, request{body: document}))
}

// postBatch posts orders in one request, which must be accepted, and gives the message id.
func postBatch(t *testing.T, documents ...string) (messageID string) {
	t.Helper()
	return accepted(t, mustCall(t, request{path: "/orders/batch", body: array(documents...)}))
}

func accepted(t *testing.T, a *answer) (messageID string) {
	t.Helper()
	if a.code != http.StatusAccepted || a.Status != "ACCEPTED" || a.MessageID == "" {
		t.Fatalf("not accepted: %v", a)
	}
	return a.MessageID
}

// get asks for an order.
func get(t *testing.T, id string) *answer {
	t.Helper()
	return mustCall(t, request{method: http.MethodGet, path: "/orders/" + id})
}

// awaitAnswer asks for an order until it has a verdict, which must be the wanted one.
func awaitAnswer(t *testing.T, id, want string) (a *answer) {
	t.Helper()
	eventually(t, func() error {
		if a = get(t, id); a.code == http.StatusNotFound {
			return fmt.Errorf("order %s has no verdict: %v", id, a)
		}
		return nil
	})
	if a.code != http.StatusOK || a.Status != want {
		t.Fatalf("order %s: %v, want %s", id, a, want)
	}
	return a
}

// awaitStored waits until an order is stored.
func awaitStored(t *testing.T, id string) *answer {
	t.Helper()
	return awaitAnswer(t, id, "STORED")
}

// document is the document in an answer of GET, byte for byte: a JSON decoder would drop the white space around it.
func (a *answer) document() string {
	_, document, found := bytes.Cut(a.body, []byte(`,"document":`))
	if !found || !bytes.HasSuffix(document, []byte("}")) {
		return ""
	}
	return string(document[:len(document)-1])
}

// send puts a message straight on the queue and gives its id.
func send(t *testing.T, body string) (messageID string) {
	t.Helper()
	out, err := world.queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &world.QueueURL, MessageBody: &body})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.MessageId)
}

// items gives what the table has under an order id: by sort key, each item's strings and numbers by name.
func items(t *testing.T, id string) map[string]map[string]string {
	t.Helper()
	out, err := world.table.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &world.TableName, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String(order.AttrOrderID + " = :id"),
		ExpressionAttributeValues: map[string]ddb.AttributeValue{":id": &ddb.AttributeValueMemberS{Value: id}},
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]string{}
	for _, item := range out.Items {
		plain := map[string]string{}
		for name, value := range item {
			switch value := value.(type) {
			case *ddb.AttributeValueMemberS:
				plain[name] = value.Value
			case *ddb.AttributeValueMemberN:
				plain[name] = value.Value
			default:
				t.Fatalf("order %s: attribute %s is a %T", id, name, value)
			}
		}
		found[plain[order.AttrItem]] = plain
	}
	return found
}

// emptyQueue says what is in a queue.
func emptyQueue(ctx context.Context, url string) error {
	out, err := world.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}})
	if err != nil {
		return err
	}
	waiting, underWay := out.Attributes["ApproximateNumberOfMessages"], out.Attributes["ApproximateNumberOfMessagesNotVisible"]
	if waiting != "0" || underWay != "0" {
		return fmt.Errorf("%s messages wait, %s are being processed", waiting, underWay)
	}
	return nil
}

// awaitSettled waits until all that was posted before has been worked off, to its event: then what has not happened does not
// happen any more.
func awaitSettled(t *testing.T) {
	t.Helper()
	eventually(t, func() error { return emptyQueue(t.Context(), world.QueueURL) })
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
