package recovery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// fakeQueues is SQS: queues by URL, with its own clock.
type fakeQueues struct {
	now    time.Time
	queues map[string][]*fakeMessage
	// refuse holds the errors of sends, by body.
	refuse map[string]error
}

type fakeMessage struct {
	types.Message
	sentAt, visibleAt time.Time
	receives          int
}

func newFake(bodies ...string) *fakeQueues {
	f := &fakeQueues{now: time.Date(2026, 11, 14, 0, 0, 0, 0, time.UTC),
		queues: map[string][]*fakeMessage{}}
	for _, body := range bodies {
		f.put("from", body, nil)
	}
	f.now = f.now.Add(time.Hour)
	return f
}

func (f *fakeQueues) put(url, body string, attributes map[string]types.MessageAttributeValue) {
	f.queues[url] = append(f.queues[url], &fakeMessage{
		Message: types.Message{MessageId: aws.String("m-" + body), ReceiptHandle: aws.String(body),
			Body: aws.String(body), MessageAttributes: attributes},
		sentAt: f.now, visibleAt: f.now,
	})
}

func (f *fakeQueues) ReceiveMessage(_ context.Context, in *sqs.ReceiveMessageInput,
	_ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	out := &sqs.ReceiveMessageOutput{}
	for _, m := range f.queues[*in.QueueUrl] {
		if len(out.Messages) == int(in.MaxNumberOfMessages) || m.visibleAt.After(f.now) {
			continue
		}
		m.receives++
		m.visibleAt = f.now.Add(time.Duration(in.VisibilityTimeout) * time.Second)
		m.Attributes = map[string]string{"SentTimestamp": fmt.Sprint(m.sentAt.UnixMilli()),
			"ApproximateReceiveCount": fmt.Sprint(m.receives)}
		out.Messages = append(out.Messages, m.Message)
	}
	return out, nil
}

func (f *fakeQueues) SendMessage(_ context.Context, in *sqs.SendMessageInput,
	_ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	if err := f.refuse[*in.MessageBody]; err != nil {
		return nil, err
	}
	f.put(*in.QueueUrl, *in.MessageBody, in.MessageAttributes)
	return &sqs.SendMessageOutput{}, nil
}

func (f *fakeQueues) DeleteMessage(_ context.Context, in *sqs.DeleteMessageInput,
	_ ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	var kept []*fakeMessage
	for _, m := range f.queues[*in.QueueUrl] {
		if *m.ReceiptHandle != *in.ReceiptHandle {
			kept = append(kept, m)
		}
	}
	f.queues[*in.QueueUrl] = kept
	return &sqs.DeleteMessageOutput{}, nil
}

func (f *fakeQueues) ChangeMessageVisibilityBatch(_ context.Context,
	in *sqs.ChangeMessageVisibilityBatchInput,
	_ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	for _, entry := range in.Entries {
		for _, m := range f.queues[*in.QueueUrl] {
			if *m.ReceiptHandle == *entry.ReceiptHandle {
				m.visibleAt = f.now.Add(time.Duration(entry.VisibilityTimeout) * time.Second)
			}
		}
	}
	return &sqs.ChangeMessageVisibilityBatchOutput{}, nil
}

// left returns the bodies on a queue, with how often each was received, and "hidden" when it is not
// visible.
func (f *fakeQueues) left(url string) (left []string) {
	for _, m := range f.queues[url] {
		text := fmt.Sprintf("%s %d", *m.Body, m.receives)
		if m.visibleAt.After(f.now) {
			text += " hidden"
		}
		left = append(left, text)
	}
	return left
}

func (f *fakeQueues) redrive() *Redrive {
	return &Redrive{Queues: f, From: "from", To: "to", Now: func() time.Time { return f.now }}
}

func TestRedrive(t *testing.T) {
	refused := &smithy.GenericAPIError{Code: "InvalidParameterValue"}
	denied := &smithy.GenericAPIError{Code: "AccessDenied"}
	for name, test := range map[string]struct {
		change         func(*fakeQueues, *Redrive)
		from, to, errs []string
	}{
		"all": {func(*fakeQueues, *Redrive) {}, nil, []string{"a 0", "b 0", "c 0"}, nil},
		"match": {func(_ *fakeQueues, r *Redrive) {
			r.Match = func(m Message) bool { return m.Body == "b" }
		}, []string{"a 1", "c 1"}, []string{"b 0"}, nil},
		"limit": {func(_ *fakeQueues, r *Redrive) { r.Limit = 2 }, []string{"c 1"},
			[]string{"a 0", "b 0"}, nil},
		"a message that arrives during the run stays": {func(f *fakeQueues, r *Redrive) {
			r.Moved = func(m Message) {
				f.now = f.now.Add(time.Millisecond)
				f.put("from", m.Body+"-again", nil)
			}
		}, []string{"a-again 1", "b-again 1", "c-again 1"}, []string{"a 0", "b 0", "c 0"}, nil},
		// Without renewed visibility timeouts, a would be received again and again.
		"slow": {func(f *fakeQueues, r *Redrive) {
			r.Batch = 1
			r.Match = func(m Message) bool { f.now = f.now.Add(25 * time.Second); return m.Body == "c" }
		}, []string{"a 1", "b 1"}, []string{"c 0"}, nil},
		"one is refused": {func(f *fakeQueues, _ *Redrive) { f.refuse = map[string]error{"b": refused} },
			[]string{"b 1"}, []string{"a 0", "c 0"}, []string{"message m-b cannot be sent"}},
		"denied": {func(f *fakeQueues, _ *Redrive) { f.refuse = map[string]error{"b": denied} },
			[]string{"b 1", "c 1"}, []string{"a 0"}, []string{"AccessDenied"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake("a", "b", "c")
			r := f.redrive()
			test.change(f, r)
			result, err := r.Run(t.Context())
			for _, want := range test.errs {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q", err, want)
				}
			}
			if err != nil && test.errs == nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.from, f.left("from")); diff != "" {
				t.Errorf("on the first queue (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.to, f.left("to")); diff != "" {
				t.Errorf("on the second queue (-want +got):\n%s", diff)
			}
			if result.Moved != len(test.to) {
				t.Errorf("%d moved, want %d", result.Moved, len(test.to))
			}
		})
	}
}

// TestRedriveInterrupted: it ends between two messages and makes what it has received visible.
func TestRedriveInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake("a", "b", "c")
	r := f.redrive()
	r.Moved = func(Message) { cancel() }
	if _, err := r.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{"b 1", "c 1"}, f.left("from")); diff != "" {
		t.Error(diff)
	}
}

func TestReadMessage(t *testing.T) {
	text := func(value string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	good := `{"orderId":"A","currency":"EUR","items":[{"sku":"s","quantity":1,"unitPrice":1}]}`
	for name, test := range map[string]struct {
		body       string
		attributes map[string]types.MessageAttributeValue
		want       Message
		forwarded  []string
	}{
		"order": {good, nil, Message{OrderIDs: []string{"A"}}, nil},
		"batch": {"[" + good + "," + strings.Replace(good, "A", "B", 1) + "," + good + "]", nil,
			Message{OrderIDs: []string{"A", "B"}}, nil},
		"not JSON": {"x", nil, Message{}, nil},
		"refused": {"x", map[string]types.MessageAttributeValue{"reason": text("invalid"),
			"pointer": text("/items"), "orderId": text("A"), "messageId": text("m"),
			"batchIndex": text("1")},
			Message{OrderIDs: []string{"A"}, Reason: "invalid", Pointer: "/items"}, nil},
		"event": {`{"specversion":"1.0","subject":"A","data":` + good + `}`,
			map[string]types.MessageAttributeValue{"type": text("t"), "channel": text("web"),
				"ErrorCode": text("E"), "ErrorMessage": text("m"), "RequestID": text("r")},
			Message{OrderIDs: []string{"A"}, Reason: "E"}, []string{"channel", "type"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := readMessage(types.Message{Body: &test.body, MessageAttributes: test.attributes})
			test.want.Body = test.body
			if diff := cmp.Diff(test.want.OrderIDs, got.OrderIDs); diff != "" ||
				got.Reason != test.want.Reason || got.Pointer != test.want.Pointer {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			forwarded := got.forwarded()
			for _, name := range test.forwarded {
				if _, ok := forwarded[name]; !ok {
					t.Errorf("%s is not forwarded", name)
				}
			}
			if len(forwarded) != len(test.forwarded) {
				t.Errorf("forwarded: %v, want %v", forwarded, test.forwarded)
			}
		})
	}
}
