package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

type fakeTable func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error)

func (f fakeTable) Query(_ context.Context, in *dynamodb.QueryInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return f(in)
}

func of(attributes ...string) item {
	i := item{}
	for n := 0; n < len(attributes); n += 2 {
		i[attributes[n]] = &types.AttributeValueMemberS{Value: attributes[n+1]}
	}
	return i
}

func refusalItem(hash string) item {
	return of("kind", "refusal", "item", "refusal#"+hash, "reason", "conflict", "pointer", "/items/0",
		"hash", hash, "acceptedAt", "t3", "refusedAt", "t4")
}

// get asks for an order in a table that holds these items.
func get(t *testing.T, id string, items []item, err error) events.APIGatewayProxyResponse {
	t.Helper()
	h, newErr := New(Config{
		TableName: "orders", Logger: slog.New(slog.DiscardHandler),
		Table: fakeTable(func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
			if !aws.ToBool(in.ConsistentRead) {
				t.Error("not a consistent read")
			}
			if got := in.ExpressionAttributeValues[":id"].(*types.AttributeValueMemberS).Value; got != id {
				t.Errorf("asked for %q", got)
			}
			return &dynamodb.QueryOutput{Items: items}, err
		}),
	})
	if newErr != nil {
		t.Fatal(newErr)
	}
	response, handleErr := h.Handle(context.Background(),
		events.APIGatewayProxyRequest{PathParameters: map[string]string{"orderId": id}})
	if handleErr != nil {
		t.Fatal(handleErr)
	}
	if !json.Valid([]byte(response.Body)) || response.Headers["Content-Type"] != "application/json" {
		t.Errorf("not JSON: %s", response.Body)
	}
	return response
}

func TestHandle(t *testing.T) {
	const document = "{\"orderId\":\"A\", \"n\":1.00, \"s\":\"<>&\\ud800\u2028\"}\n"
	stored := of("kind", "order", "item", "order", "hash", "h0", "acceptedAt", "t1", "storedAt", "t2",
		"document", document)
	const refusals = `"refusedDocuments":1,"refusals":[{"reason":"conflict","pointer":"/items/0","hash":"h1","acceptedAt":"t3","refusedAt":"t4"}]`
	for name, test := range map[string]struct {
		id     string
		items  []item
		err    error
		status int
		retry  string
		body   string // "" where only the status word counts
		word   string
	}{
		"stored": {id: "A", items: []item{stored}, status: 200, word: "STORED",
			body: `{"status":"STORED","orderId":"A","acceptedAt":"t1","storedAt":"t2","refusedDocuments":0,"refusals":[],"document":` + document + `}`},
		"stored, with the output of a step": {id: "A",
			items: []item{of("kind", "order", "acceptedAt", "t1", "storedAt", "t2", "document", "{}",
				"output", `{ "price":1.00}`)},
			status: 200, word: "STORED",
			body: `{"status":"STORED","orderId":"A","acceptedAt":"t1","storedAt":"t2","refusedDocuments":0,"refusals":[],"output":{ "price":1.00},"document":{}}`},
		"stored, another refused": {id: "A", items: []item{stored, refusalItem("h1")}, status: 200,
			word: "STORED",
			body: `{"status":"STORED","orderId":"A","acceptedAt":"t1","storedAt":"t2",` + refusals +
				`,"document":` + document + `}`},
		"refused, then stored: not another document": {id: "A", items: []item{stored, refusalItem("h0")},
			status: 200, word: "STORED",
			body: `{"status":"STORED","orderId":"A","acceptedAt":"t1","storedAt":"t2","refusedDocuments":0,"refusals":[],"document":` + document + `}`},
		"refused": {id: "A", items: []item{refusalItem("h1")}, status: 200, word: "REFUSED",
			body: `{"status":"REFUSED","orderId":"A",` + refusals + `}`},
		"erased": {id: "A", items: []item{of("kind", "tombstone", "hash", "h0")}, status: 410,
			word: "ERASED"},
		"unknown": {id: "A", status: 404, retry: "1", word: "UNKNOWN"},
		"table down": {id: "A", err: errors.New("throttled"), status: 503, retry: "5",
			word: "UNAVAILABLE"},
		"bad id":   {id: "A B", status: 400, word: "INVALID"},
		"empty id": {id: "", status: 400, word: "INVALID"},
	} {
		t.Run(name, func(t *testing.T) {
			got := get(t, test.id, test.items, test.err)
			var body struct{ Status string }
			_ = json.Unmarshal([]byte(got.Body), &body)
			if got.StatusCode != test.status || got.Headers["Retry-After"] != test.retry ||
				body.Status != test.word {
				t.Errorf("got %d %v %s", got.StatusCode, got.Headers, got.Body)
			}
			if test.body != "" {
				if diff := cmp.Diff(test.body, got.Body); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestHandleAnOrderCalledBatch(t *testing.T) {
	var asked string
	h, err := New(Config{TableName: "orders",
		Table: fakeTable(func(in *dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
			asked = in.ExpressionAttributeValues[":id"].(*types.AttributeValueMemberS).Value
			return &dynamodb.QueryOutput{}, nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	response, _ := h.Handle(context.Background(), events.APIGatewayProxyRequest{Path: "/orders/batch"})
	if asked != "batch" || response.StatusCode != 404 {
		t.Errorf("asked for %q, answered %d", asked, response.StatusCode)
	}
}

func TestCORS(t *testing.T) {
	const shop, admin = "https://shop.example", "https://admin.shop.example"
	for _, test := range []struct {
		name    string
		allowed []string
		header  string
		from    string
		want    string
	}{
		{"no CORS", nil, "Origin", shop, ""},
		{"one origin", []string{shop}, "Origin", shop, shop},
		{"another page", []string{shop}, "Origin", admin, shop},
		{"every origin", []string{"*"}, "Origin", admin, "*"},
		{"the first of two", []string{shop, admin}, "Origin", shop, shop},
		{"the second of two", []string{shop, admin}, "Origin", admin, admin},
		{"in lower case", []string{shop, admin}, "origin", admin, admin},
		{"neither of two", []string{shop, admin}, "Origin", "https://evil.example", shop},
		{"no page", []string{shop, admin}, "Accept", "*/*", shop},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, err := New(Config{TableName: "orders", AllowOrigins: test.allowed,
				Table: fakeTable(func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
					return &dynamodb.QueryOutput{}, nil
				})})
			if err != nil {
				t.Fatal(err)
			}
			exposed, vary := "Retry-After", "Origin"
			switch test.want {
			case "":
				exposed, vary = "", ""
			case "*":
				vary = ""
			}
			for _, id := range []string{"A", "bad id"} {
				response, _ := h.Handle(context.Background(), events.APIGatewayProxyRequest{
					PathParameters: map[string]string{"orderId": id},
					Headers:        map[string]string{test.header: test.from},
				})
				got := response.Headers
				if got["Access-Control-Allow-Origin"] != test.want || got["Vary"] != vary ||
					got["Access-Control-Expose-Headers"] != exposed {
					t.Errorf("%s: headers %v", id, got)
				}
			}
		})
	}
}

func TestHandleManyRefusals(t *testing.T) {
	var items []item
	for n := range MaxRefusals + 1 {
		items = append(items, refusalItem(fmt.Sprintf("h%d", n)))
	}
	var body struct {
		RefusedDocuments int
		MoreRefusals     bool
		Refusals         []any
	}
	if err := json.Unmarshal([]byte(get(t, "A", items, nil).Body), &body); err != nil {
		t.Fatal(err)
	}
	if body.RefusedDocuments != MaxRefusals || !body.MoreRefusals ||
		len(body.Refusals) != MaxRefusals {
		t.Errorf("%d refused, more %v, %d listed", body.RefusedDocuments, body.MoreRefusals,
			len(body.Refusals))
	}
}

func TestTheCauseIsLoggedNotReturned(t *testing.T) {
	var log bytes.Buffer
	h, err := New(Config{TableName: "orders", Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		Table: fakeTable(func(*dynamodb.QueryInput) (*dynamodb.QueryOutput, error) {
			return nil,
				errors.New("table orders-123")
		})})
	if err != nil {
		t.Fatal(err)
	}
	response, _ := h.Handle(context.Background(),
		events.APIGatewayProxyRequest{PathParameters: map[string]string{"orderId": "A"}})
	if strings.Contains(response.Body, "orders-123") || !strings.Contains(log.String(), "orders-123") {
		t.Errorf("body %s, log %s", response.Body, log.String())
	}
}

func TestConfiguration(t *testing.T) {
	if _, err := New(Config{}); err == nil ||
		!strings.Contains(err.Error(), "Config.Table: required") ||
		!strings.Contains(err.Error(), "Config.TableName: required") {
		t.Errorf("error %v", err)
	}
	t.Setenv(contract.EnvTableName, "")
	if _, err := FromEnvironment(context.Background()); err == nil ||
		!strings.Contains(err.Error(), contract.EnvTableName) {
		t.Errorf("error %v", err)
	}
	t.Setenv(contract.EnvTableName, "orders")
	t.Setenv("AWS_REGION", "us-east-1")
	if h, err := FromEnvironment(context.Background()); err != nil || h.TableName != "orders" {
		t.Errorf("%v, %v", h, err)
	}
}
