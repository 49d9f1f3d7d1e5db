package recovery

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/publishing"
	"github.com/orderpipeline/orderpipeline/order"
)

// fakeOrders is a table of orders by id, with their documents.
type fakeOrders map[string]string

func (f fakeOrders) GetItem(_ context.Context, in *dynamodb.GetItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	id := textOf(in.Key, order.AttrOrderID)
	document, ok := f[id]
	if !ok {
		return &dynamodb.GetItemOutput{}, nil
	}
	stored := item{}
	for name, value := range map[string]string{
		order.AttrOrderID: id, order.AttrKind: order.KindOrder,
		order.AttrDocument: document, order.AttrStoredAt: "2026-11-14T00:00:00.000Z",
	} {
		stored[name] = &types.AttributeValueMemberS{Value: value}
	}
	return &dynamodb.GetItemOutput{Item: stored}, nil
}

func (fakeOrders) Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (
	*dynamodb.ScanOutput, error) {
	return &dynamodb.ScanOutput{}, nil
}

// fakeTopic keeps the messages that it accepts, all of them.
type fakeTopic []string

func (f *fakeTopic) PublishBatch(_ context.Context, in *sns.PublishBatchInput,
	_ ...func(*sns.Options)) (*sns.PublishBatchOutput, error) {
	out := &sns.PublishBatchOutput{}
	for _, e := range in.PublishBatchRequestEntries {
		*f = append(*f, aws.ToString(e.Message))
		out.Successful = append(out.Successful, snstypes.PublishBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

// TestOnFailure: what the queue names is published and its messages are deleted. An event that can
// never be published has a failure record again. A replay by id sends none.
func TestOnFailure(t *testing.T) {
	record := func(id, sequenceNumber string) string {
		body, err := json.Marshal(contract.FailureRecord{
			Source: contract.FailureSource, Version: contract.FailureVersion, OrderID: id,
			EventID: order.EventID(id), Reason: contract.FailureTooLarge,
			SequenceNumber: sequenceNumber,
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	queues := newFake()
	for _, id := range []string{"good", "large", "gone"} {
		queues.put("on-failure", record(id, "1"), nil)
	}
	var topic fakeTopic
	var unpublishable []string
	r := &Replay{
		Orders: fakeOrders{"good": "{}", "large": `"` + strings.Repeat("x", 1000) + `"`},
		Queues: queues, Now: func() time.Time { return queues.now },
		Publisher: &publishing.Publisher{
			Topic: &topic, MaxEventBytes: 1000, Format: order.EventFormat{Source: "s", Type: "t"},
		},
		Unpublishable: func(e publishing.Event) {
			unpublishable = append(unpublishable, e.OrderID+" "+e.Unpublishable)
		},
	}
	failures, err := r.Failures(t.Context(), "on-failure")
	if err != nil {
		t.Fatal(err)
	}
	replayed, missing, err := r.OnFailure(t.Context(), "on-failure", failures)
	if err != nil || replayed != 2 || !slices.Equal(missing, []string{"gone"}) {
		t.Errorf("%d replayed, missing %v, error %v", replayed, missing, err)
	}
	want := string(r.Publisher.Format.Encode("good", "2026-11-14T00:00:00.000Z", []byte("{}")))
	if !slices.Equal(topic, []string{want}) {
		t.Errorf("published %s, want %s", topic, want)
	}
	if diff := cmp.Diff([]string{record("large", "") + " 1"}, queues.left("on-failure")); diff != "" {
		t.Errorf("on the on-failure queue (-want +got):\n%s", diff)
	}
	if replayed, _, err := r.ByID(t.Context(), "large"); err != nil || replayed != 1 {
		t.Errorf("%d replayed, error %v", replayed, err)
	}
	if !slices.Equal(unpublishable, []string{"large too-large", "large too-large"}) {
		t.Errorf("unpublishable: %v", unpublishable)
	}
	if left := queues.left("on-failure"); len(left) != 1 {
		t.Errorf("a replay by id sends failure records: %v", left)
	}
}

func TestMerge(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 14, 0, minute, 0, 0, time.UTC) }
	got := Merge([]Span{{at(10), at(12)}, {at(0), at(5)}, {at(3), at(4)}, {at(5), at(7)}})
	if diff := cmp.Diff([]Span{{at(0), at(7)}, {at(10), at(12)}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestParseFilter: internal/filterpolicy has the tests of the operators.
func TestParseFilter(t *testing.T) {
	for _, test := range []struct {
		policy, channel string // channel "": the attribute is missing
		want            bool
	}{
		{``, "web", true},
		{`{}`, "", true},
		{`{"channel":["web"]}`, "web", true},
		{`{"channel":["web"]}`, "store", false},
		{`{"channel":["web"],"currency":["USD"]}`, "web", false},
		{`{"$or":[{"channel":["web"]},{"currency":["USD"]}]}`, "web", true},
		{`{"$or":[{"channel":["web"]},{"currency":["USD"]}]}`, "store", false},
	} {
		filter, err := ParseFilter(test.policy)
		if err != nil {
			t.Errorf("%s: %v", test.policy, err)
			continue
		}
		attributes := map[string]string{"currency": "EUR"}
		if test.channel != "" {
			attributes["channel"] = test.channel
		}
		if got := filter(attributes); got != test.want {
			t.Errorf("%s lets channel %q through: %t, want %t", test.policy, test.channel, got, test.want)
		}
	}
	for _, policy := range []string{`x`, `{"channel":"web"}`, `{"channel":[]}`,
		`{"channel":[{"wildcard":"*"}]}`} {
		if _, err := ParseFilter(policy); err == nil || !strings.Contains(err.Error(), "filter policy") {
			t.Errorf("%s: %v, want an error", policy, err)
		}
	}
}
