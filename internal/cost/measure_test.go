package cost

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/processor"
	"github.com/orderpipeline/orderpipeline/lambdas/publisher"
	"github.com/orderpipeline/orderpipeline/lambdas/status"
	"github.com/orderpipeline/orderpipeline/order"
)

var measure = flag.Bool("measure", false, "measure the functions again and write measurements.json")

const documentBytes = 1024

// document is an order of exactly documentBytes, with an id as long as a UUID.
func document(n int) string {
	head := fmt.Sprintf(`{"orderId":"00000000-0000-4000-8000-%012d","currency":"EUR","channel":"web",`+
		`"items":[{"sku":"A-1","quantity":1,"unitPrice":1999}],"note":"`, n)
	return head + strings.Repeat("x", documentBytes-len(head)-2) + `"}`
}

// backend answers the SDK's requests as the services do when all goes well, and counts them.
type backend struct {
	calls     map[string]float64
	item      map[string]map[string]any // the last one written
	entries   url.Values                // the last PublishBatch
	queryItem []byte                    // the answer of Query
}

// Do is the HTTP client of the SDK.
func (b *backend) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	target := r.Header.Get("X-Amz-Target")
	answer := []byte(`{}`)
	switch {
	case strings.HasPrefix(target, "DynamoDB"):
		b.calls["dynamodb"]++
		answer = b.dynamodb(target, body)
	case strings.HasPrefix(target, "AmazonSQS"):
		b.calls["sqs"]++
	default:
		b.calls["sns"]++
		answer = b.publish(body)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(answer)),
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
	}, nil
}

func (b *backend) dynamodb(target string, body []byte) []byte {
	switch _, operation, _ := strings.Cut(target, "."); operation {
	case "Query":
		return b.queryItem
	case "BatchExecuteStatement":
		var request struct {
			Statements []struct{ Parameters []map[string]any }
		}
		if json.Unmarshal(body, &request) != nil {
			return []byte(`{}`)
		}
		return fmt.Appendf(nil, `{"Responses":[%s{}]}`, strings.Repeat(`{},`, len(request.Statements)-1))
	case "PutItem":
		var request struct{ Item map[string]map[string]any }
		if b.item == nil && json.Unmarshal(body, &request) == nil {
			b.item = request.Item
		}
	}
	return []byte(`{}`)
}

func (b *backend) publish(body []byte) []byte {
	b.entries, _ = url.ParseQuery(string(body))
	var answer strings.Builder
	answer.WriteString(`<PublishBatchResponse><PublishBatchResult><Failed/><Successful>`)
	for n := 1; ; n++ {
		id := b.entries.Get(fmt.Sprintf("PublishBatchRequestEntries.member.%d.Id", n))
		if id == "" {
			break
		}
		fmt.Fprintf(&answer, `<member><Id>%s</Id><MessageId>m</MessageId></member>`, id)
	}
	answer.WriteString(`</Successful></PublishBatchResult></PublishBatchResponse>`)
	return []byte(answer.String())
}

// harness is the three functions with a backend, and their log.
type harness struct {
	*backend
	log       bytes.Buffer
	processor *processor.Handler
	publisher *publisher.Handler
	status    *status.Handler
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "OrderPipeline-prod-PipelineProcessorD7E2B244-0123456789ab")
	h := &harness{backend: &backend{calls: map[string]float64{}}}
	cfg := aws.Config{
		Region: "us-east-1", HTTPClient: h.backend,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	db, queue := dynamodb.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	logger := slog.New(slog.NewJSONHandler(&h.log, nil))
	var err error
	if h.processor, err = processor.New(processor.Config{
		Table: db, Queue: queue, TableName: "table", RejectedQueueURL: "https://sqs/rejected",
		MaxDocumentBytes: 240 * 1024, Logger: logger,
	}); err != nil {
		t.Fatal(err)
	}
	if h.publisher, err = publisher.New(publisher.Config{
		Topic: sns.NewFromConfig(cfg), Queue: queue, TopicARN: "arn:aws:sns:us-east-1:000000000000:topic",
		OnFailureQueueURL: "https://sqs/on-failure", MaxEventBytes: contract.DefaultTopicBytes,
		Attributes: []string{"currency", "channel"}, Logger: logger,
	}); err != nil {
		t.Fatal(err)
	}
	if h.status, err = status.New(status.Config{Table: db, TableName: "table", Logger: logger}); err != nil {
		t.Fatal(err)
	}
	return h
}

// store runs the processor with messages that hold one order each.
func (h *harness) store(t *testing.T, n int) {
	t.Helper()
	var event events.SQSEvent
	for i := range n {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), Body: document(i),
			Attributes: map[string]string{"SentTimestamp": "1763984400000"},
		})
	}
	if got, err := h.processor.Handle(context.Background(), event); err != nil || len(got.BatchItemFailures) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
}

// publishAll runs the publisher with the records of n orders.
func (h *harness) publishAll(t *testing.T, n int) {
	t.Helper()
	var event events.DynamoDBEvent
	for i := range n {
		event.Records = append(event.Records, events.DynamoDBEventRecord{
			EventName: string(events.DynamoDBOperationTypeInsert),
			Change: events.DynamoDBStreamRecord{
				SequenceNumber: strconv.Itoa(i),
				NewImage: map[string]events.DynamoDBAttributeValue{
					order.AttrOrderID:  events.NewStringAttribute(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)),
					order.AttrKind:     events.NewStringAttribute(order.KindOrder),
					order.AttrStoredAt: events.NewStringAttribute("2026-11-24T11:40:00.000Z"),
					order.AttrDocument: events.NewStringAttribute(document(i)),
				},
			},
		})
	}
	if got, err := h.publisher.Handle(context.Background(), event); err != nil || len(got.BatchItemFailures) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
}

// look runs the status function for the item that the processor wrote.
func (h *harness) look(t *testing.T, _ int) {
	t.Helper()
	h.get(t)
}

func (h *harness) get(t *testing.T) string {
	t.Helper()
	got, err := h.status.Handle(context.Background(), events.APIGatewayProxyRequest{
		PathParameters: map[string]string{"orderId": "00000000-0000-4000-8000-000000000000"},
	})
	if err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%+v, %v", got, err)
	}
	return got.Body
}

// once measures one invocation: what it does is the same each time. With the flag, its processor
// time as well.
func (h *harness) once(t *testing.T, n int, run func(*testing.T, int)) Invocation {
	t.Helper()
	h.log.Reset()
	clear(h.calls)
	run(t, n)
	result := Invocation{
		Orders: float64(n), LogBytes: float64(h.log.Len()), LogLines: float64(bytes.Count(h.log.Bytes(), []byte("\n"))),
		Calls: map[string]float64{},
	}
	for service, calls := range h.calls {
		result.Calls[service] = calls
	}
	if *measure {
		rounds := max(50, 3000/n)
		for range rounds / 5 { // caches, pools
			run(t, n)
		}
		started := cpuTime(t)
		for range rounds {
			run(t, n)
		}
		result.CPUMilliseconds = math.Round(float64((cpuTime(t)-started).Microseconds())/float64(rounds)) / 1000
	}
	return result
}

// cpuTime is this process's processor time, the garbage collector's included. Unlike the clock's
// time it is the same on a busy machine.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestMeasurements: the figures of measurements.json are those of the functions as they are. How
// long they take is only measured with -measure.
func TestMeasurements(t *testing.T) {
	h := newHarness(t)
	want := CurrentMeasurements()
	got := want
	got.DocumentBytes = documentBytes
	got.Processor, got.Publisher, got.Status = nil, nil, nil
	for _, n := range []int{1, 10, 25, 250} {
		got.Processor = append(got.Processor, h.once(t, n, h.store))
		h.metrics(t, &got.CustomMetrics.Processor)
	}
	item := h.storedItem(t)
	got.ItemBytes = itemBytes(item) - documentBytes
	for _, n := range []int{1, 10, 100} {
		got.Publisher = append(got.Publisher, h.once(t, n, h.publishAll))
		h.metrics(t, &got.CustomMetrics.Publisher)
		if n == 1 {
			got.EventBytes = eventBytes(h.entries) - documentBytes
		}
	}
	answer, err := json.Marshal(map[string]any{"Items": []any{item}, "Count": 1, "ScannedCount": 1})
	if err != nil {
		t.Fatal(err)
	}
	h.queryItem = answer
	got.Status = append(got.Status, h.once(t, 1, h.look))
	got.AnswerBytes = len(h.get(t)) - documentBytes
	if *measure {
		got.Date, got.Machine = time.Now().Format(time.DateOnly), cpuModel()+", "+runtime.Version()
		text, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("measurements.json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	again := "; measure again: " + want.Command
	for name, pair := range map[string][2][]Invocation{
		"processor": {got.Processor, want.Processor}, "publisher": {got.Publisher, want.Publisher}, "status": {got.Status, want.Status},
	} {
		if !slices.EqualFunc(pair[0], pair[1], sameWork) {
			t.Errorf("%s: %+v, measured %+v%s", name, pair[0], pair[1], again)
		}
	}
	if !near(got.ItemBytes, want.ItemBytes) || !near(got.EventBytes, want.EventBytes) || !near(got.AnswerBytes, want.AnswerBytes) || got.CustomMetrics != want.CustomMetrics {
		t.Errorf("item, event, answer, metrics: %d %d %d %v, measured %d %d %d %v%s", got.ItemBytes, got.EventBytes, got.AnswerBytes, got.CustomMetrics,
			want.ItemBytes, want.EventBytes, want.AnswerBytes, want.CustomMetrics, again)
	}
	for service, latency := range want.Latency {
		if latency.Milliseconds <= 0 || latency.Source == "" {
			t.Errorf("latency of %s: %+v", service, latency)
		}
	}
}

// sameWork: the same calls and lines, and as many bytes but for the digits of counts and times.
func sameWork(got, want Invocation) bool {
	if got.Orders != want.Orders || got.LogLines != want.LogLines || !near(int(got.LogBytes), int(want.LogBytes)) || want.CPUMilliseconds <= 0 || len(got.Calls) != len(want.Calls) {
		return false
	}
	for service, calls := range got.Calls {
		if calls != want.Calls[service] {
			return false
		}
	}
	return true
}

func near(got, want int) bool { return max(got, want)-min(got, want) <= 16 }

// metrics counts the custom metrics in the log.
func (h *harness) metrics(t *testing.T, n *int) {
	t.Helper()
	var line struct {
		AWS struct {
			CloudWatchMetrics []struct{ Metrics []any }
		} `json:"_aws"`
	}
	for text := range bytes.Lines(h.log.Bytes()) {
		if err := json.Unmarshal(text, &line); err != nil || len(line.AWS.CloudWatchMetrics) != 1 {
			t.Fatalf("no metrics in %s: %v", text, err)
		}
		*n = len(line.AWS.CloudWatchMetrics[0].Metrics)
		return
	}
}

// storedItem returns an item as the processor writes it.
func (h *harness) storedItem(t *testing.T) map[string]map[string]any {
	t.Helper()
	if h.item == nil {
		t.Fatal("no item was written")
	}
	return h.item
}

// itemBytes is the size of an item as DynamoDB counts it (Amazon DynamoDB, "Item sizes and
// formats"): names and texts in UTF-8; numbers, about a byte for two digits, and one more.
func itemBytes(item map[string]map[string]any) (size int) {
	for name, value := range item {
		size += len(name)
		for kind, v := range value {
			text, _ := v.(string)
			if kind == "N" {
				size += (len(text)+1)/2 + 1
			} else {
				size += len(text)
			}
		}
	}
	return size
}

// eventBytes is the size of the first message of a PublishBatch, attributes included.
func eventBytes(entries url.Values) (size int) {
	const prefix = "PublishBatchRequestEntries.member.1."
	for name, values := range entries {
		if strings.HasPrefix(name, prefix) && name != prefix+"Id" {
			size += len(values[0])
		}
	}
	return size
}

// cpuModel is the processor's name, for the record.
func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(line, "model name"); found {
			return strings.Trim(name, "\t :\n")
		}
	}
	return runtime.GOARCH
}
