package publishing

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// The rules of publishing itself are tested through the publisher function.

// An item that makes Event panic is reported, not retried until its record expires.
func TestEventOfWhatMakesItPanic(t *testing.T) {
	var broken *Publisher // its settings cannot be read
	got := broken.Event(Stored{OrderID: "o1", StoredAt: "t", Document: "{}"})
	if got.Unpublishable != contract.FailureInternal || got.OrderID != "o1" {
		t.Errorf("%+v", got)
	}
}

type topic struct{ ids [][]string }

func (f *topic) PublishBatch(
	_ context.Context, in *sns.PublishBatchInput, _ ...func(*sns.Options),
) (*sns.PublishBatchOutput, error) {
	var ids []string
	out := &sns.PublishBatchOutput{}
	for _, e := range in.PublishBatchRequestEntries {
		ids = append(ids, aws.ToString(e.Id))
		out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: e.Id})
	}
	f.ids = append(f.ids, ids)
	return out, nil
}

// The hook comes before every call, also before that of the callback, and its error names the first
// event that is not done. Indexes are the caller's.
func TestPublishStopsWhenTheHookSaysSo(t *testing.T) {
	for calls, want := range []struct {
		result Result
		failed []int
		ids    [][]string
	}{
		{Result{Unfinished: 1}, nil, nil},
		{Result{Published: 2, Unfinished: 7}, nil, [][]string{{"1", "4"}}},
		{Result{Published: 2, Failed: 1, Unfinished: 9}, []int{7}, [][]string{{"1", "4"}}},
		{Result{Published: 3, Failed: 1}, []int{7}, [][]string{{"1", "4"}, {"9"}}},
	} {
		stop, sns := errors.New("stop"), &topic{}
		p := &Publisher{
			Topic: sns, MaxEventBytes: 1000, Format: order.EventFormat{Source: "s", Type: "t"},
			BeforeCall: func(context.Context) error {
				if calls--; calls < 0 {
					return stop
				}
				return nil
			},
		}
		var failed []int
		got, err := p.Publish(t.Context(), func(yield func(int, Event) bool) {
			for _, i := range []int{1, 4, 7, 9} {
				stored := Stored{OrderID: "o", StoredAt: "t", Document: "{}"}
				if i == 7 {
					stored.Document = ""
				}
				if !yield(i, p.Event(stored)) {
					return
				}
			}
		}, func(_ context.Context, i int, _ Event) error {
			failed = append(failed, i)
			return nil
		})
		if (err == nil) != (want.result.Unfinished == 0) || err != nil && !errors.Is(err, stop) {
			t.Errorf("error %v", err)
		}
		if diff := cmp.Diff(want.result, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want.failed, failed); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want.ids, sns.ids); diff != "" {
			t.Error(diff)
		}
	}
}
