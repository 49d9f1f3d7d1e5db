package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Message is one of a queue.
type Message struct {
	Body       string
	Attributes map[string]string
}

// Send puts messages on a queue, each just once, all in one call. It gives their ids.
func (s *System) Send(t testing.TB, url string, messages ...Message) (ids []string) {
	t.Helper()
	var entries []types.SendMessageBatchRequestEntry
	for i, m := range messages {
		entry := types.SendMessageBatchRequestEntry{
			Id: aws.String(
				strconv.Itoa(i),
			),
			MessageBody:       &m.Body,
			MessageAttributes: map[string]types.MessageAttributeValue{},
		}
		for name, value := range m.Attributes {
			entry.MessageAttributes[name] = types.MessageAttributeValue{
				DataType:    aws.String("String"),
				StringValue: &value,
			}
		}
		entries = append(entries, entry)
	}
	out, err := s.once.SendMessageBatch(
		t.Context(),
		&sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries},
	)
	if err != nil || len(out.Successful) != len(messages) {
		t.Fatalf("send %d messages to %s: %v, %+v", len(messages), url, err, out)
	}
	ids = make([]string, len(messages))
	for _, sent := range out.Successful {
		i, err := strconv.Atoi(aws.ToString(sent.Id))
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = aws.ToString(sent.MessageId)
	}
	return ids
}

// Depth counts the messages of a queue that can be received, and those in flight.
func (s *System) Depth(t testing.TB, url string) (visible, inFlight int) {
	t.Helper()
	visible, inFlight, err := s.depth(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return visible, inFlight
}

func (s *System) depth(ctx context.Context, url string) (visible, inFlight int, err error) {
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}
	out, err := s.Queues.GetQueueAttributes(
		ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names},
	)
	if err != nil {
		return 0, 0, err
	}
	if visible, err = strconv.Atoi(out.Attributes[string(names[0])]); err == nil {
		inFlight, err = strconv.Atoi(out.Attributes[string(names[1])])
	}
	return visible, inFlight, err
}

// Empty says what is on a queue, nil for nothing.
func (s *System) Empty(ctx context.Context, url string) error {
	visible, inFlight, err := s.depth(ctx, url)
	if err == nil && visible+inFlight > 0 {
		err = fmt.Errorf("%s has %d messages and %d in flight", QueueName(url), visible, inFlight)
	}
	return err
}

// AwaitEmpty waits until a queue has been worked off.
func (s *System) AwaitEmpty(t testing.TB, url string) {
	t.Helper()
	Eventually(t, func() error { return s.Empty(t.Context(), url) })
}

// Drain takes what is on a queue by now.
func (s *System) Drain(t testing.TB, url string) []Message {
	t.Helper()
	return s.Inbox(url).Take(t)
}

// Inbox keeps the messages that were taken from a queue, each once however often it is delivered.
// Its methods are safe for concurrent use.
type Inbox struct {
	// URL of the queue.
	URL string

	s     *System
	mu    sync.Mutex
	all   []Message
	known map[string]bool // message ids
}

// Inbox of a queue, with nothing in it yet.
func (s *System) Inbox(
	url string,
) *Inbox {
	return &Inbox{URL: url, s: s, known: map[string]bool{}}
}

// Take takes what is on the queue by now, and gives what is new.
func (i *Inbox) Take(t testing.TB) []Message {
	t.Helper()
	before := i.Len()
	for {
		n, err := i.Receive(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return i.All()[before:]
		}
	}
}

// Receive takes up to ten messages, and waits some seconds for the first. One whose receipt got
// lost on the way comes again in ten seconds, not in the queue's minutes; so does one that could
// not be deleted.
func (i *Inbox) Receive(ctx context.Context, wait int32) (n int, err error) {
	out, err := i.s.Queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:              &i.URL,
		MaxNumberOfMessages:   10,
		WaitTimeSeconds:       wait,
		MessageAttributeNames: []string{"All"},
		VisibilityTimeout:     10,
	})
	if err != nil || len(out.Messages) == 0 {
		return 0, err
	}
	var done []types.DeleteMessageBatchRequestEntry
	i.mu.Lock()
	for k, m := range out.Messages {
		done = append(
			done,
			types.DeleteMessageBatchRequestEntry{
				Id:            aws.String(strconv.Itoa(k)),
				ReceiptHandle: m.ReceiptHandle,
			},
		)
		if id := aws.ToString(m.MessageId); !i.known[id] {
			i.known[id] = true
			got := Message{aws.ToString(m.Body), map[string]string{}}
			for name, value := range m.MessageAttributes {
				got.Attributes[name] = aws.ToString(value.StringValue)
			}
			i.all = append(i.all, got)
		}
	}
	i.mu.Unlock()
	_, _ = i.s.Queues.DeleteMessageBatch(
		ctx,
		&sqs.DeleteMessageBatchInput{QueueUrl: &i.URL, Entries: done},
	)
	return len(out.Messages), nil
}

// Len is how many messages there are so far.
func (i *Inbox) Len() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.all)
}

// All are the messages so far.
func (i *Inbox) All() []Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clip(i.all)
}

// Await takes messages until the events of all orders have come, and gives the last one of each
// order that sent any.
func (i *Inbox) Await(t testing.TB, orderIDs ...string) map[string]Message {
	t.Helper()
	events := map[string]Message{}
	for _, m := range i.All() {
		events[Parse(t, m.Body).Subject] = m
	}
	Eventually(t, func() error {
		for _, m := range i.Take(t) {
			events[Parse(t, m.Body).Subject] = m
		}
		for _, id := range orderIDs {
			if _, ok := events[id]; !ok {
				return fmt.Errorf("the event of %s has not come; %w", id, i.s.state(t, i.URL))
			}
		}
		return nil
	})
	return events
}

// state is what a queue has, as part of an error.
func (s *System) state(t testing.TB, url string) error {
	visible, inFlight := s.Depth(t, url)
	return fmt.Errorf("%s has %d messages and %d in flight", QueueName(url), visible, inFlight)
}

// SetQueue changes attributes of a queue until the test ends, or the returned function is called.
func (s *System) SetQueue(t testing.TB, url string, attributes map[string]string) (back func()) {
	t.Helper()
	out, err := s.Queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	before := maps.Clone(attributes)
	for name := range before {
		before[name] = out.Attributes[name]
	}
	return s.change(t, func(ctx context.Context, changed bool) error {
		set := before
		if changed {
			set = attributes
		}
		_, err := s.Queues.SetQueueAttributes(
			ctx,
			&sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: set},
		)
		return err
	})
}

// change does something to the system, and undoes it when the test ends or the returned function is
// called.
func (s *System) change(
	t testing.TB,
	do func(ctx context.Context, changed bool) error,
) (back func()) {
	t.Helper()
	if err := do(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	back = sync.OnceFunc(func() {
		if err := do(context.WithoutCancel(t.Context()), false); err != nil {
			t.Errorf("undo: %v", err)
		}
	})
	t.Cleanup(back)
	return back
}

// Event is what the topic publishes of a stored order (CloudEvents).
type Event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"` // the order's id
	Time            string          `json:"time"`    // when the order was stored
	DataContentType string          `json:"datacontenttype"`
	Data            json.RawMessage `json:"data"` // the order's document
}

// Parse reads an event.
func Parse(t testing.TB, body string) (e Event) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("event %s: %v", body, err)
	}
	return e
}
