package processor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// fakeTable keeps items as the real table does, for the calls that the processor makes.
type fakeTable struct {
	items map[string]item
	put   func(*dynamodb.PutItemInput) error // a fault before the write
	// canceled is the code with which the next transactions are canceled, "" for none.
	canceled string
}

func (f *fakeTable) PutItem(_ context.Context, in *dynamodb.PutItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if f.put != nil {
		if err := f.put(in); err != nil {
			return nil, err
		}
	}
	if got := aws.ToString(in.ConditionExpression); got != "attribute_not_exists(orderId)" {
		return nil, fmt.Errorf("condition %q", got)
	}
	key := textOf(in.Item, order.AttrOrderID) + " " + textOf(in.Item, order.AttrItem)
	if existing, ok := f.items[key]; ok {
		return nil, fmt.Errorf("wrapped as the SDK does: %w",
			&types.ConditionalCheckFailedException{Item: existing})
	}
	f.items[key] = in.Item
	return &dynamodb.PutItemOutput{}, nil
}

// TransactWriteItems knows the two transactions of the processor by their second item's condition.
func (f *fakeTable) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	put, check := in.TransactItems[0].Put, in.TransactItems[1].ConditionCheck
	reasons := []types.CancellationReason{{Code: aws.String("None")}, {Code: aws.String("None")}}
	place := textOf(put.Item, order.AttrOrderID) + " " + textOf(put.Item, order.AttrItem)
	failed := false
	if existing, ok := f.items[place]; ok {
		reasons[0], failed = types.CancellationReason{Code: aws.String("ConditionalCheckFailed"),
			Item: existing}, true
	}
	other, ok := f.items[textOf(check.Key, order.AttrOrderID)+" "+textOf(check.Key, order.AttrItem)]
	switch condition := aws.ToString(check.ConditionExpression); condition {
	case "attribute_not_exists(orderId)":
	case "attribute_not_exists(orderId) OR #hash <> :hash AND #version = :version":
		version := func(i item, name string) string {
			return i[name].(*types.AttributeValueMemberN).Value
		}
		ok = ok && (textOf(other, order.AttrHash) == textOf(check.ExpressionAttributeValues, ":hash") ||
			version(other, order.AttrHashVersion) != version(check.ExpressionAttributeValues, ":version"))
	default:
		return nil, fmt.Errorf("condition %q", condition)
	}
	if ok {
		reasons[1], failed = types.CancellationReason{Code: aws.String("ConditionalCheckFailed"),
			Item: other}, true
	}
	if failed {
		return nil, fmt.Errorf("wrapped as the SDK does: %w",
			&types.TransactionCanceledException{CancellationReasons: reasons})
	}
	if f.canceled != "" {
		reasons[0].Code = &f.canceled
		return nil, &types.TransactionCanceledException{CancellationReasons: reasons}
	}
	f.items[place] = put.Item
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

type fakeQueue struct {
	sent []*sqs.SendMessageInput
	err  error
}

func (f *fakeQueue) SendMessage(_ context.Context, in *sqs.SendMessageInput,
	_ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	if f.err != nil {
		return nil, f.err
	}
	f.sent = append(f.sent, in)
	return &sqs.SendMessageOutput{}, nil
}

type harness struct {
	*Handler
	table *fakeTable
	queue *fakeQueue
	log   *bytes.Buffer
}

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func newHarness(t *testing.T, mutate ...func(*Config)) *harness {
	t.Helper()
	h := &harness{table: &fakeTable{items: map[string]item{}}, queue: &fakeQueue{},
		log: &bytes.Buffer{}}
	config := Config{
		Table: h.table, Queue: h.queue, TableName: "orders", RejectedQueueURL: "rejected",
		MaxDocumentBytes: 1000,
		Now:              func() time.Time { return now },
		Logger:           slog.New(slog.NewJSONHandler(h.log, nil)),
	}
	for _, m := range mutate {
		m(&config)
	}
	handler, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	h.Handler = handler
	return h
}

// batch makes an SQS event with messages m1, m2, ….
func batch(bodies ...string) (event events.SQSEvent) {
	for i, body := range bodies {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: fmt.Sprintf("m%d", i+1), Body: body,
			Attributes: map[string]string{"SentTimestamp": "1793534399000"},
		})
	}
	return event
}

func (h *harness) handle(t *testing.T, bodies ...string) (failed []string, err error) {
	t.Helper()
	response, err := h.Handle(context.Background(), batch(bodies...))
	if response.BatchItemFailures == nil {
		t.Error("batchItemFailures is null, must be []")
	}
	for _, f := range response.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed, err
}

func (h *harness) stored(id string) string {
	return textOf(h.table.items[id+" order"], order.AttrDocument)
}

// refusals lists the rejected queue: reason, order id, message id, index and document of each
// message.
func (h *harness) refusals() (list []string) {
	for _, in := range h.queue.sent {
		attribute := func(name string) string {
			return aws.ToString(in.MessageAttributes[name].StringValue)
		}
		list = append(list, strings.Join([]string{attribute("reason"), attribute("orderId"),
			attribute("messageId"),
			attribute("batchIndex"), aws.ToString(in.MessageBody)}, "|"))
	}
	return list
}

func doc(id, note string) string {
	return fmt.Sprintf(
		`{"orderId":%q,"currency":"EUR","items":[{"sku":"a","quantity":1,"unitPrice":100}],"note":%q}`,
		id, note)
}

func TestHandleStoresOnceAndKeepsTheFirst(t *testing.T) {
	h := newHarness(t)
	first, other := doc("A", "first"), doc("A", "other")
	for range 3 {
		if failed, err := h.handle(t, first, other); err != nil || failed != nil {
			t.Fatalf("failed %v, error %v", failed, err)
		}
	}
	if got := h.stored("A"); got != first {
		t.Errorf("stored %s, want %s", got, first)
	}
	want := "conflict|A|m2||" + other
	if diff := cmp.Diff([]string{want, want, want}, h.refusals()); diff != "" {
		t.Error(diff)
	}
	if len(h.table.items) != 2 { // the order, and one refusal however often it was refused
		t.Errorf("%d items, want 2", len(h.table.items))
	}
	stored := h.table.items["A order"]
	for name, want := range map[string]string{
		order.AttrKind: "order", order.AttrMessageID: "m1",
		order.AttrStoredAt: "2026-11-01T12:00:00.000Z", order.AttrAcceptedAt: "2026-11-01T11:59:59.000Z",
	} {
		if got := textOf(stored, name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestHandleBatchOfOrders(t *testing.T) {
	h := newHarness(t)
	good, bad := doc("A", ""), `{"orderId":"B","currency":"EUR","items":[]}`
	if failed, err := h.handle(t, "[ "+good+" ,"+bad+", 7 ]"); err != nil || failed != nil {
		t.Fatalf("failed %v, error %v", failed, err)
	}
	if got := h.stored("A"); got != good {
		t.Errorf("stored %q", got)
	}
	want := []string{"invalid|B|m1|1|" + bad, "invalid||m1|2|7"}
	if diff := cmp.Diff(want, h.refusals()); diff != "" {
		t.Error(diff)
	}
	for key, i := range h.table.items {
		if key != "A order" && (textOf(i, order.AttrKind) != "refusal" ||
			textOf(i, order.AttrReason) != "invalid" ||
			textOf(i, order.AttrPointer) != "/items") {
			t.Errorf("%s: %v", key, i)
		}
	}
}

func TestHandleRejects(t *testing.T) {
	array := func(n int) string { return "[" + strings.Repeat("1,", n-1) + "1]" }
	for name, test := range map[string]struct{ body, want string }{
		"not JSON":    {"order!", "not-json||m1||order!"},
		"empty array": {"[]", "empty-batch||m1||[]"},
		"too many orders": {array(order.MaxMessageOrders + 1),
			"batch-too-long||m1||" + array(order.MaxMessageOrders+1)},
		"too large": {doc("A", strings.Repeat("x", 1000)),
			"too-large|A|m1||" + doc("A", strings.Repeat("x", 1000))},
		"duplicate name": {`{"orderId":"A","orderId":"B"}`,
			`duplicate-member||m1||{"orderId":"A","orderId":"B"}`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			if failed, err := h.handle(t, test.body); err != nil || failed != nil {
				t.Fatalf("failed %v, error %v", failed, err)
			}
			if diff := cmp.Diff([]string{test.want}, h.refusals()); diff != "" {
				t.Error(diff)
			}
			if h.stored("A")+h.stored("B") != "" {
				t.Error("stored, though refused")
			}
		})
	}
}

func TestHandleFailures(t *testing.T) {
	fault := errors.New("throttled")
	t.Run("a failed write fails its message only", func(t *testing.T) {
		h := newHarness(t)
		h.table.put = func(in *dynamodb.PutItemInput) error {
			if textOf(in.Item, order.AttrOrderID) == "A" {
				return fault
			}
			return nil
		}
		failed, err := h.handle(t, doc("A", ""), doc("B", ""), "["+doc("A", "")+","+doc("C", "")+"]")
		if diff := cmp.Diff([]string{"m1", "m3"}, failed); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if h.stored("B") == "" || h.stored("C") == "" || h.stored("A") != "" {
			t.Errorf("items %v", h.table.items)
		}
	})
	t.Run("all failed is an error", func(t *testing.T) {
		h := newHarness(t)
		h.table.put = func(*dynamodb.PutItemInput) error { return fault }
		if _, err := h.handle(t, doc("A", ""), doc("B", "")); !errors.Is(err, fault) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no acknowledgement when the rejected queue fails", func(t *testing.T) {
		h := newHarness(t)
		h.queue.err = fault
		failed, _ := h.handle(t, "not JSON", doc("A", ""), `{"orderId":"B"}`)
		if diff := cmp.Diff([]string{"m1", "m3"}, failed); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a panic in an AWS call is no verdict", func(t *testing.T) {
		h := newHarness(t)
		h.table.put = func(in *dynamodb.PutItemInput) error {
			if textOf(in.Item, order.AttrOrderID) == "A" {
				panic("secret")
			}
			return nil
		}
		failed, err := h.handle(t, doc("A", ""), doc("B", ""))
		if diff := cmp.Diff([]string{"m1"}, failed); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if len(h.queue.sent) != 0 || h.stored("B") == "" {
			t.Error("refused, or its neighbor was not stored")
		}
	})
	t.Run("a panic during validation is refused", func(t *testing.T) {
		h := newHarness(t)
		h.Schema = nil // dereferenced by Parse
		if failed, err := h.handle(t, doc("A", "")); err != nil || failed != nil {
			t.Fatalf("failed %v, error %v", failed, err)
		}
		if diff := cmp.Diff([]string{"internal||m1||" + doc("A", "")}, h.refusals()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("out of time: no more calls, the rest is delivered again", func(t *testing.T) {
		clock := now
		h := newHarness(t, func(c *Config) { c.Now = func() time.Time { return clock } })
		h.table.put = func(*dynamodb.PutItemInput) error {
			clock = clock.Add(10 * time.Second)
			return nil
		}
		ctx, cancel := context.WithDeadline(context.Background(), now.Add(20*time.Second))
		defer cancel()
		response, err := h.Handle(deadlineOnly{ctx},
			batch(doc("A", ""), "["+doc("B", "")+","+doc("C", "")+"]", doc("D", "")))
		var failed []string
		for _, f := range response.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		if diff := cmp.Diff([]string{"m2", "m3"}, failed); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if len(h.table.items) != 2 {
			t.Errorf("%d writes, want 2", len(h.table.items))
		}
	})
}

// deadlineOnly has the deadline of virtual time, and never ends by real time.
type deadlineOnly struct{ context.Context }

func (deadlineOnly) Done() <-chan struct{} { return nil }
func (deadlineOnly) Err() error            { return nil }

func TestSameDocument(t *testing.T) {
	schema := order.DefaultSchema()
	o, _ := schema.Parse([]byte(doc("A", "x")))
	respaced := strings.ReplaceAll(doc("A", "x"), ",", " ,\n")
	for name, test := range map[string]struct {
		stored  item
		want    bool
		wantErr bool
	}{
		"same hash":  {item{"hash": text(o.Hash), "hashVersion": number(order.HashVersion)}, true, false},
		"other hash": {item{"hash": text("0"), "hashVersion": number(order.HashVersion)}, false, false},
		"tombstone":  {item{"kind": text("tombstone"), "hash": text(o.Hash)}, true, false},
		"hashed by another release, same document": {item{"hash": text("v0"), "hashVersion": number(0),
			"document": text(respaced)}, true, false},
		"tombstone of another release": {item{"kind": text("tombstone"),
			"hash": text("v0"), "hashVersion": number(0)}, true, false},
		"hashed by another release, another document": {item{"hash": text(o.Hash),
			"hashVersion": number(0), "document": text(doc("A", "y"))}, false, false},
		"no hash at all": {item{"kind": text("order")}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newHarness(t).sameDocument(test.stored, o)
			if got != test.want || (err != nil) != test.wantErr {
				t.Errorf("got %v, %v; want %v, error %v", got, err, test.want, test.wantErr)
			}
		})
	}
}

// stale makes the stored order A one that another release has hashed.
func (h *harness) stale() {
	h.table.items["A order"][order.AttrHash] = text("of another release")
	h.table.items["A order"][order.AttrHashVersion] = number(0)
}

func TestRefusalNeverMeetsTheStoredDocument(t *testing.T) {
	small := doc("A", "x")
	padded := small + strings.Repeat(" ", 1000)
	t.Run("stored, then the same with too much white space", func(t *testing.T) {
		h := newHarness(t)
		for _, body := range []string{small, padded} {
			if failed, err := h.handle(t, body); err != nil || failed != nil {
				t.Fatal(failed, err)
			}
		}
		if len(h.table.items) != 1 || len(h.queue.sent) != 0 {
			t.Errorf("%v, %v", h.table.items, h.refusals())
		}
	})
	t.Run("too much white space, then the same without", func(t *testing.T) {
		for _, step := range []Step{nil, steps(output("1"))} {
			h := newHarness(t, func(c *Config) { c.Step = step })
			for _, body := range []string{padded, small} {
				if failed, err := h.handle(t, body); err != nil || failed != nil {
					t.Fatal(failed, err)
				}
			}
			if h.stored("A") != small {
				t.Errorf("not stored: %v", h.refusals())
			}
			o, _ := h.Schema.Parse([]byte(small))
			if h.table.items["A "+order.RefusalItem(o.Hash)] != nil {
				t.Error("the stored document has a refusal")
			}
		}
	})
	t.Run("stored, then a release with a lower limit", func(t *testing.T) {
		h := newHarness(t)
		_, _ = h.handle(t, small)
		h.MaxDocumentBytes = 10
		if failed, err := h.handle(t, small); err != nil || failed != nil || len(h.queue.sent) != 0 {
			t.Errorf("failed %v, error %v, rejected %v", failed, err, h.refusals())
		}
	})
	t.Run("hashed by another release", func(t *testing.T) {
		h := newHarness(t, func(c *Config) { c.Step = steps(output("1"), decline("too-dear")) })
		_, _ = h.handle(t, small)
		h.stale()
		if failed, err := h.handle(t, small); err != nil || failed != nil || len(h.queue.sent) != 0 {
			t.Errorf("the same: failed %v, error %v, rejected %v", failed, err, h.refusals())
		}
		if failed, err := h.handle(t, doc("A", "y")); err != nil || failed != nil {
			t.Errorf("another: failed %v, error %v", failed, err)
		}
		if diff := cmp.Diff([]string{"too-dear|A|m1||" + doc("A", "y")}, h.refusals()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRefusalItem(t *testing.T) {
	h := newHarness(t)
	bad := `{"orderId":"A","currency":"EUR","items":[]}`
	if failed, err := h.handle(t, "["+doc("B", "")+","+bad+"]"); err != nil || failed != nil {
		t.Fatal(failed, err)
	}
	o, _ := h.Schema.Parse([]byte(bad))
	want := item{
		"orderId": text("A"), "item": text("refusal#" + o.Hash), "kind": text("refusal"),
		"reason": text("invalid"), "pointer": text("/items"), "batchIndex": number(1),
		"hash": text(o.Hash), "hashVersion": number(order.HashVersion), "messageId": text("m1"),
		"acceptedAt": text("2026-11-01T11:59:59.000Z"), "refusedAt": text("2026-11-01T12:00:00.000Z"),
		"expiresAt": number(now.Add(30 * 24 * time.Hour).Unix()),
	}
	if diff := cmp.Diff(want, h.table.items["A refusal#"+o.Hash],
		cmpopts.IgnoreUnexported(types.AttributeValueMemberS{},
			types.AttributeValueMemberN{})); diff != "" {
		t.Error(diff)
	}
	if got := aws.ToString(h.queue.sent[0].MessageAttributes["pointer"].StringValue); got != "/items" {
		t.Errorf("pointer %q on the rejected queue", got)
	}
}

func TestNothingIsParsedWithoutTime(t *testing.T) {
	h := newHarness(t)
	h.Schema = nil // would panic, and be refused as internal
	ctx, cancel := context.WithDeadline(context.Background(), now.Add(time.Second))
	defer cancel()
	if _, err := h.Handle(deadlineOnly{ctx}, batch("not JSON", doc("A", ""))); err == nil ||
		len(h.queue.sent) != 0 {
		t.Errorf("error %v, rejected %v", err, h.refusals())
	}
}

func TestRejectAFullMessage(t *testing.T) {
	h := newHarness(t)
	full := strings.Repeat("x", contract.MaxMessageBytes)
	if failed, err := h.handle(t, full); err != nil || failed != nil {
		t.Fatal(failed, err)
	}
	if got := h.queue.sent[0]; len(got.MessageAttributes) != 0 || *got.MessageBody != full {
		t.Errorf("%d attributes on a message that has no room for them", len(got.MessageAttributes))
	}
}

func TestLogHoldsNoOrderContents(t *testing.T) {
	h := newHarness(t)
	h.table.put = func(in *dynamodb.PutItemInput) error {
		if textOf(in.Item, order.AttrOrderID) == "SECRET-P" {
			panic("SECRET panic")
		}
		return nil
	}
	_, _ = h.handle(t, doc("SECRET-A", "SECRET"), `{"orderId":"SECRET-B","SECRET":1}`, "SECRET",
		doc("SECRET-P", "SECRET"))
	if strings.Contains(h.log.String(), "SECRET") {
		t.Errorf("order contents in the log: %s", h.log)
	}
	var line struct {
		Messages, Orders, Stored, FailedMessages int
		Refused                                  map[string]int
	}
	if err := json.Unmarshal(h.log.Bytes(), &line); err != nil { // fails for more than one line, too
		t.Fatal(err)
	}
	if line.Messages != 4 || line.Orders != 3 || line.Stored != 1 || line.FailedMessages != 1 ||
		line.Refused["invalid"] != 1 || line.Refused["not-json"] != 1 {
		t.Errorf("log %s", h.log)
	}
}

func TestNewReportsEverything(t *testing.T) {
	_, err := New(Config{})
	for _, field := range []string{"Table", "Queue", "TableName", "RejectedQueueURL",
		"MaxDocumentBytes"} {
		if err == nil || !strings.Contains(err.Error(), "processor.Config."+field+": required") {
			t.Errorf("%s is not named in: %v", field, err)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	for _, name := range []string{contract.EnvTableName, contract.EnvRejectedQueueURL,
		contract.EnvMaxDocumentBytes} {
		t.Setenv(name, "")
	}
	_, err := FromEnvironment(context.Background(), nil)
	for _, name := range []string{contract.EnvTableName, contract.EnvRejectedQueueURL,
		contract.EnvMaxDocumentBytes} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in: %v", name, err)
		}
	}
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv(contract.EnvTableName, "orders")
	t.Setenv(contract.EnvRejectedQueueURL, "rejected")
	t.Setenv(contract.EnvMaxDocumentBytes, "1000")
	h, err := FromEnvironment(context.Background(), nil)
	if err != nil || h.TableName != "orders" || h.RejectedQueueURL != "rejected" ||
		h.MaxDocumentBytes != 1000 ||
		h.Lifetime != 0 || len(h.IndexedFields) != 0 || h.Schema != order.DefaultSchema() {
		t.Errorf("%+v, %v", h, err)
	}

	folder := t.TempDir()
	schema := strings.ReplaceAll(string(order.DefaultSchema().JSON()), `"orderId"`, `"number"`)
	if err := os.WriteFile(filepath.Join(folder, contract.SchemaFile), []byte(schema),
		0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LAMBDA_TASK_ROOT", folder)
	t.Setenv(contract.EnvOrderIDField, "number")
	t.Setenv(contract.EnvIndexedFields, "channel,currency")
	t.Setenv(contract.EnvOrderTTLSeconds, "2592000")
	h, err = FromEnvironment(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	numbered := strings.Replace(doc("A", ""), "orderId", "number", 1)
	if o, refusal := h.Schema.Parse([]byte(numbered)); refusal != nil || o.ID != "A" {
		t.Errorf("custom schema: %+v, %v", o, refusal)
	}
	if h.Lifetime != 30*24*time.Hour ||
		cmp.Diff([]string{"channel", "currency"}, h.IndexedFields) != "" {
		t.Errorf("%+v", h.Config)
	}
	t.Setenv(contract.EnvOrderIDField, "nothing")
	if _, err := FromEnvironment(context.Background(), nil); err == nil ||
		!strings.Contains(err.Error(), "nothing") {
		t.Errorf("error %v", err)
	}
	t.Setenv(contract.EnvOrderIDField, "number")
	t.Setenv(contract.EnvOrderTTLSeconds, "86400")
	if _, err := FromEnvironment(context.Background(), nil); err == nil ||
		!strings.Contains(err.Error(), "Lifetime: 24h0m0s") {
		t.Errorf("error %v", err)
	}
}

func TestOrderItem(t *testing.T) {
	h := newHarness(t, func(c *Config) {
		c.IndexedFields, c.Lifetime = []string{"note", "items"}, 40*24*time.Hour
	})
	if failed, err := h.handle(t, doc("A", "indexed")); err != nil || failed != nil {
		t.Fatal(failed, err)
	}
	i := h.table.items["A order"]
	if got := textOf(i, "index_note"); got != "indexed" || i["index_items"] != nil {
		t.Errorf("indexed %q, items %v", got, i["index_items"])
	}
	got := i[order.AttrExpiresAt].(*types.AttributeValueMemberN).Value
	if want := fmt.Sprint(now.Add(40 * 24 * time.Hour).Unix()); got != want {
		t.Errorf("expires at %s, want %s", got, want)
	}
}

// The one log line carries the metrics, and they add up.
func TestMetricsInTheLog(t *testing.T) {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "processor-1")
	h := newHarness(t)
	good := doc("A", "")
	if failed, err := h.handle(t, good, good, `{}`, `[]`, `nonsense`); err != nil || failed != nil {
		t.Fatal(failed, err)
	}
	var line struct {
		FunctionName                                                 string
		OrdersReceived, OrdersStored, OrdersDuplicate, OrdersRefused int
		AWS                                                          struct {
			CloudWatchMetrics []struct{ Metrics []struct{ Name string } }
		} `json:"_aws"`
	}
	if err := json.Unmarshal(h.log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.FunctionName != "processor-1" || line.OrdersReceived != 5 || line.OrdersStored != 1 ||
		line.OrdersDuplicate != 1 || line.OrdersRefused != 3 {
		t.Errorf("log %s", h.log)
	}
	if m := line.AWS.CloudWatchMetrics; len(m) != 1 || len(m[0].Metrics) != 4 {
		t.Errorf("log %s", h.log)
	}
}

// The age of the oldest message that fails is a metric of its own, so that an order that fails again
// and again is seen. A batch without failures does not emit it.
func TestAgeOfTheOldestFailure(t *testing.T) {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "processor-1")
	for name, test := range map[string]struct {
		failing string // ids
		want    string
	}{
		"no failure":        {"", ""},
		"one of them":       {"B", `"OldestFailureAge":300,`},
		"the oldest counts": {"BC", `"OldestFailureAge":7200,`},
		"all":               {"ABC", `"OldestFailureAge":7200,`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.table.put = func(in *dynamodb.PutItemInput) error {
				if strings.Contains(test.failing, textOf(in.Item, order.AttrOrderID)) {
					return errors.New("throttled")
				}
				return nil
			}
			event := batch(doc("A", ""), doc("C", ""), doc("B", ""))
			for i, age := range []time.Duration{time.Second, 2 * time.Hour, 5 * time.Minute} {
				sent := fmt.Sprint(now.Add(-age).UnixMilli())
				event.Records[i].Attributes = map[string]string{"SentTimestamp": sent}
			}
			_, _ = h.Handle(context.Background(), event)
			got := h.log.String()
			if test.want == "" && strings.Contains(got, contract.MetricOldestFailureAge) ||
				!strings.Contains(got, test.want) {
				t.Errorf("want %s in %s", test.want, got)
			}
		})
	}
}
