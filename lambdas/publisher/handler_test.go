package publisher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// fakeTopic answers each entry with a code, "" for success, "?" for an entry that the answer does
// not name.
type fakeTopic struct {
	calls     [][]types.PublishBatchRequestEntry
	published map[string]string // message by the id of its order
	call      func(n int, entries []types.PublishBatchRequestEntry) error
	entry     func(call int, orderID string) (code string)
}

func (f *fakeTopic) PublishBatch(_ context.Context, in *sns.PublishBatchInput,
	_ ...func(*sns.Options)) (*sns.PublishBatchOutput, error) {
	f.calls = append(f.calls, in.PublishBatchRequestEntries)
	n := len(f.calls)
	if f.call != nil {
		if err := f.call(n, in.PublishBatchRequestEntries); err != nil {
			return nil, err
		}
	}
	out := &sns.PublishBatchOutput{}
	for _, e := range in.PublishBatchRequestEntries {
		code := ""
		if f.entry != nil {
			code = f.entry(n, subject(e))
		}
		switch code {
		case "":
			f.published[subject(e)] = aws.ToString(e.Message)
			out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: e.Id})
		case "?":
		default:
			out.Failed = append(out.Failed,
				types.BatchResultErrorEntry{Id: e.Id, Code: &code, SenderFault: true})
		}
	}
	return out, nil
}

func subject(e types.PublishBatchRequestEntry) string {
	var event struct{ Subject string }
	if err := json.Unmarshal([]byte(aws.ToString(e.Message)), &event); err != nil {
		panic(err)
	}
	return event.Subject
}

type fakeQueue struct {
	sent []contract.FailureRecord
	err  error
}

func (f *fakeQueue) SendMessage(_ context.Context, in *sqs.SendMessageInput,
	_ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	if f.err != nil {
		return nil, f.err
	}
	var record contract.FailureRecord
	if err := json.Unmarshal([]byte(*in.MessageBody), &record); err != nil {
		return nil, err
	}
	f.sent = append(f.sent, record)
	return &sqs.SendMessageOutput{}, nil
}

type harness struct {
	*Handler
	topic *fakeTopic
	queue *fakeQueue
	slept time.Duration
	log   bytes.Buffer
}

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func newHarness(t *testing.T, mutate ...func(*Config)) *harness {
	t.Helper()
	h := &harness{topic: &fakeTopic{published: map[string]string{}}, queue: &fakeQueue{}}
	config := Config{
		Topic: h.topic, Queue: h.queue, TopicARN: "topic", OnFailureQueueURL: "on-failure",
		MaxEventBytes: 10_000,
		Attributes:    []string{"channel"},
		Now:           func() time.Time { return now },
		Sleep:         func(_ context.Context, d time.Duration) error { h.slept += d; return nil },
		Logger:        slog.New(slog.NewJSONHandler(&h.log, nil)),
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

const storedAt = "2026-11-01T11:59:59.000Z"

// insert is the stream record of a stored order with sequence number seq.
func insert(seq, id, document string) events.DynamoDBEventRecord {
	return events.DynamoDBEventRecord{EventName: "INSERT", Change: events.DynamoDBStreamRecord{
		SequenceNumber: seq,
		NewImage: map[string]events.DynamoDBAttributeValue{
			order.AttrOrderID:  events.NewStringAttribute(id),
			order.AttrKind:     events.NewStringAttribute(order.KindOrder),
			order.AttrDocument: events.NewStringAttribute(document),
			order.AttrStoredAt: events.NewStringAttribute(storedAt),
		},
	}}
}

func doc(id string) string {
	return fmt.Sprintf(`{ "orderId":%q, "channel":"web", "note":"<>&\u2028", "n":1.00}`, id)
}

// records makes orders o1, o2, … with sequence numbers s1, s2, ….
func records(n int) (list []events.DynamoDBEventRecord) {
	for i := 1; i <= n; i++ {
		id := fmt.Sprintf("o%d", i)
		list = append(list, insert(fmt.Sprintf("s%d", i), id, doc(id)))
	}
	return list
}

// handle returns the sequence number from which Lambda delivers again, "" for none.
func (h *harness) handle(t *testing.T, list []events.DynamoDBEventRecord) (from string, err error) {
	t.Helper()
	response, err := h.Handle(context.Background(), events.DynamoDBEvent{Records: list})
	if response.BatchItemFailures == nil {
		t.Error("batchItemFailures is null, must be []")
	}
	if len(response.BatchItemFailures) > 1 {
		t.Errorf("%d failures, Lambda needs only the first", len(response.BatchItemFailures))
	}
	for _, f := range response.BatchItemFailures {
		from = f.ItemIdentifier
	}
	return from, err
}

func TestHandlePublishesEachEvent(t *testing.T) {
	h := newHarness(t)
	if from, err := h.handle(t, records(23)); from != "" || err != nil {
		t.Fatal(from, err)
	}
	if len(h.topic.calls) != 3 || len(h.topic.published) != 23 {
		t.Fatalf("%d calls, %d events", len(h.topic.calls), len(h.topic.published))
	}
	want := string(order.EventFormat{Source: order.DefaultEventSource,
		Type: order.DefaultEventType}.Encode("o7", storedAt, []byte(doc("o7"))))
	if got := h.topic.published["o7"]; got != want || !strings.Contains(got, doc("o7")) {
		t.Errorf("event %s\nwant  %s", got, want)
	}
	attributes := map[string]string{}
	for name, a := range h.topic.calls[0][0].MessageAttributes {
		attributes[name] = aws.ToString(a.StringValue)
	}
	if diff := cmp.Diff(map[string]string{"type": order.DefaultEventType, "channel": "web"},
		attributes); diff != "" {
		t.Error(diff)
	}
}

func TestHandleKeepsCallsWithinTheLimit(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.MaxEventBytes = 1000 })
	big := insert("s2", "o2", `{"orderId":"o2","note":"`+strings.Repeat("x", 1000)+`"}`)
	list := records(5)
	list[1] = big
	if from, err := h.handle(t, list); from != "" || err != nil {
		t.Fatal(from, err)
	}
	for _, call := range h.topic.calls {
		size := 0
		for _, e := range call {
			size += len(*e.Message)
		}
		if size > 1000 {
			t.Errorf("a call of %d bytes", size)
		}
	}
	if len(h.topic.published) != 4 {
		t.Errorf("published %v", h.topic.published)
	}
	want := []contract.FailureRecord{{Source: contract.FailureSource, Version: contract.FailureVersion,
		OrderID: "o2", EventID: order.EventID("o2"), SequenceNumber: "s2",
		Reason: contract.FailureTooLarge}}
	if diff := cmp.Diff(want, h.queue.sent); diff != "" {
		t.Error(diff)
	}
}

func TestHandleIgnoresAllButNewOrders(t *testing.T) {
	h := newHarness(t)
	list := records(3)
	list[0].EventName = "MODIFY"
	list[1].Change.NewImage[order.AttrKind] = events.NewStringAttribute(order.KindRefusal)
	if from, err := h.handle(t, list); from != "" || err != nil || len(h.topic.published) != 1 {
		t.Error(from, err, h.topic.published)
	}
}

func TestHandleFailures(t *testing.T) {
	api := func(code, message string) error {
		return fmt.Errorf("wrapped as the SDK does: %w",
			&smithy.GenericAPIError{Code: code, Message: message})
	}
	for name, test := range map[string]struct {
		call      func(n int, entries []types.PublishBatchRequestEntry) error
		entry     func(call int, orderID string) string
		queueErr  error
		from      string
		wantErr   bool
		published int
		failed    []string // order ids
	}{
		"entries that fail once are tried again": {
			entry: func(call int, id string) string {
				return choose(call == 1 &&
					id != "o2", "InternalError")
			},
			published: 12,
		},
		"an entry that keeps failing is delivered again": {
			entry: func(_ int, id string) string { return choose(id == "o5", "ThrottlingException") },
			from:  "s5", published: 9, // the other entries of its call, not the next call
		},
		"the first of several": {
			entry: func(_ int, id string) string {
				return choose(id == "o7" ||
					id == "o3", "InternalError")
			},
			from: "s3", published: 8,
		},
		"an entry that the answer does not name": {
			entry: func(_ int, id string) string { return choose(id == "o4", "?") },
			from:  "s4", published: 9,
		},
		"an authorization error does not go to the on-failure queue": {
			entry: func(_ int, id string) string { return choose(id == "o4", "AuthorizationError") },
			from:  "s4", published: 9,
		},
		"an invalid entry goes to the on-failure queue": {
			entry:     func(_ int, id string) string { return choose(id == "o4", "InvalidParameter") },
			published: 11, failed: []string{"o4"},
		},
		"an invalid entry, and the on-failure queue is down": {
			entry:    func(_ int, id string) string { return choose(id == "o4", "InvalidParameter") },
			queueErr: errors.New("outage"), from: "s4", published: 9,
		},
		"an outage": {
			call:    func(int, []types.PublishBatchRequestEntry) error { return api("InternalError", "") },
			wantErr: true,
		},
		"an outage after the first call": {
			call: func(n int, _ []types.PublishBatchRequestEntry) error {
				if n > 1 {
					return api("ServiceUnavailable", "")
				}
				return nil
			},
			from: "s11", published: 10,
		},
		"a call refused for one of its entries": {
			call: func(_ int, entries []types.PublishBatchRequestEntry) error {
				for _, e := range entries {
					if subject(e) == "o6" {
						return api("InvalidParameter", "Invalid parameter: Message")
					}
				}
				return nil
			},
			published: 11, failed: []string{"o6"},
		},
		"a call refused for an attribute of one entry": {
			call: func(_ int, entries []types.PublishBatchRequestEntry) error {
				for _, e := range entries {
					if subject(e) == "o6" {
						return api("ParameterValueInvalid", "SECRET")
					}
				}
				return nil
			},
			published: 11, failed: []string{"o6"},
		},
		"a call refused for the topic's name": {
			call: func(int, []types.PublishBatchRequestEntry) error {
				return api("InvalidParameter", "Invalid parameter: TopicArn")
			},
			wantErr: true,
		},
		"access denied": {
			call: func(int, []types.PublishBatchRequestEntry) error {
				return api("AuthorizationError",
					"not allowed")
			},
			wantErr: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.topic.call, h.topic.entry, h.queue.err = test.call, test.entry, test.queueErr
			from, err := h.handle(t, records(12))
			if from != test.from || (err != nil) != test.wantErr {
				t.Errorf("from %q, error %v; want %q, error %v", from, err, test.from, test.wantErr)
			}
			if len(h.topic.published) != test.published {
				t.Errorf("%d published, want %d", len(h.topic.published), test.published)
			}
			var failed []string
			for _, a := range h.queue.sent {
				failed = append(failed, a.OrderID)
				if a.Reason != contract.FailureInvalidParameter {
					t.Errorf("reason %q", a.Reason)
				}
			}
			if diff := cmp.Diff(test.failed, failed); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func choose(when bool, code string) string {
	if when {
		return code
	}
	return ""
}

func TestHandleFailsAnInvalidImage(t *testing.T) {
	h := newHarness(t)
	list := records(2)
	delete(list[0].Change.NewImage, order.AttrDocument)
	if from, err := h.handle(t, list); from != "" || err != nil || len(h.topic.published) != 1 {
		t.Error(from, err, h.topic.published)
	}
	if len(h.queue.sent) != 1 || h.queue.sent[0].Reason != contract.FailureInvalidImage ||
		h.queue.sent[0].OrderID != "o1" {
		t.Errorf("failure records %v", h.queue.sent)
	}
}

func TestHandleStopsBeforeTheDeadline(t *testing.T) {
	clock := now
	h := newHarness(t, func(c *Config) { c.Now = func() time.Time { return clock } })
	h.topic.call = func(int, []types.PublishBatchRequestEntry) error {
		clock = clock.Add(15 * time.Second)
		return nil
	}
	ctx, cancel := context.WithDeadline(context.Background(), now.Add(20*time.Second))
	defer cancel()
	response, err := h.Handle(ctx, events.DynamoDBEvent{Records: records(25)})
	if err != nil || len(response.BatchItemFailures) != 1 ||
		response.BatchItemFailures[0].ItemIdentifier != "s11" {
		t.Errorf("%v, %v; want to go on from s11", response, err)
	}
	if len(h.topic.calls) != 1 {
		t.Errorf("%d calls, want 1", len(h.topic.calls))
	}
}

func TestLogHoldsNoOrderContents(t *testing.T) {
	h := newHarness(t)
	secret := insert("s1", "SECRET-1", `{"orderId":"SECRET-1","note":"SECRET"}`)
	h.topic.call = func(int, []types.PublishBatchRequestEntry) error {
		return &smithy.GenericAPIError{Code: "Throttled", Message: "SECRET"}
	}
	if _, err := h.handle(t, []events.DynamoDBEventRecord{secret}); err == nil ||
		strings.Contains(err.Error(), "SECRET") || !strings.Contains(err.Error(), "Throttled") {
		t.Errorf("error %v", err)
	}
	if strings.Contains(h.log.String(), "SECRET") || strings.Count(h.log.String(), "\n") != 1 {
		t.Errorf("log %s", h.log.String())
	}
}

// The one log line carries the metrics.
func TestMetricsInTheLog(t *testing.T) {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "publisher-1")
	h := newHarness(t)
	if _, err := h.handle(t, []events.DynamoDBEventRecord{insert("s1", "A", doc("A")),
		insert("s2", "B", `{"note":"`+strings.Repeat("x", 20_000)+`"}`)}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"FunctionName":"publisher-1","EventsPublished":1,"EventsFailed":1,"_aws":{`,
		`"Metrics":[{"Name":"EventsPublished","Unit":"Count"},{"Name":"EventsFailed","Unit":"Count"}]`,
	} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("%s is not in the log %s", want, h.log.String())
		}
	}
}

func TestNewReportsEverything(t *testing.T) {
	_, err := New(Config{Attributes: make([]string, contract.MaxEventAttributes+1),
		Format: order.EventFormat{Source: "\n"}})
	for _, field := range []string{"Topic", "Queue", "TopicARN", "OnFailureQueueURL", "MaxEventBytes",
		"Format", "Attributes"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named in: %v", field, err)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	required := []string{contract.EnvTopicARN, contract.EnvOnFailureQueueURL,
		contract.EnvMaxEventBytes, contract.EnvEventSource, contract.EnvEventType}
	for _, name := range required {
		t.Setenv(name, "")
	}
	_, err := FromEnvironment(context.Background())
	for _, name := range required {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in: %v", name, err)
		}
		t.Setenv(name, "1")
	}
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv(contract.EnvEventAttributes, "currency,channel")
	h, err := FromEnvironment(context.Background())
	if err != nil || cmp.Diff([]string{"currency", "channel"}, h.Attributes) != "" ||
		h.MaxEventBytes != 1 {
		t.Errorf("%+v, %v", h, err)
	}
}
