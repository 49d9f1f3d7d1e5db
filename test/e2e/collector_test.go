//go:build emulator

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// collector takes all messages from a queue, all the time, so that tests that share the queue find each its own.
type collector struct {
	name, url string

	receiving sync.Mutex // held during a receive; see pause

	mu       sync.Mutex
	messages []message
	known    map[string]bool // message ids
	err      error           // it ended
}

// message is one that was collected.
type message struct {
	body       string
	attributes map[string]string
	event      event // when the body is one
}

// event is a CloudEvents event.
type event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            string          `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Data            json.RawMessage `json:"data"`
}

func newCollector(name, url string) *collector {
	return &collector{name: name, url: url, known: map[string]bool{}}
}

// collect runs collectors until stop.
func collect(collectors ...*collector) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, c := range collectors {
		running.Go(func() {
			for ctx.Err() == nil {
				if err := c.receive(ctx); err != nil && ctx.Err() == nil {
					c.mu.Lock()
					c.err = err
					c.mu.Unlock()
					return
				}
			}
		})
	}
	return func() { cancel(); running.Wait() }
}

// receive takes what comes within a second.
func (c *collector) receive(ctx context.Context) error {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	out, err := world.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &c.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"},
		VisibilityTimeout: 10, // a message whose receipt got lost on the way comes again, and soon
	})
	if err != nil || len(out.Messages) == 0 {
		return err
	}
	var done []types.DeleteMessageBatchRequestEntry
	for i, m := range out.Messages {
		got := message{body: aws.ToString(m.Body), attributes: map[string]string{}}
		for name, value := range m.MessageAttributes {
			got.attributes[name] = aws.ToString(value.StringValue)
		}
		_ = json.Unmarshal([]byte(got.body), &got.event) // a rejected document is none
		c.mu.Lock()
		if id := aws.ToString(m.MessageId); !c.known[id] {
			c.known[id] = true
			c.messages = append(c.messages, got)
		}
		c.mu.Unlock()
		done = append(done, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	// An entry that fails was deleted by a try whose answer got lost, or comes again: known either way.
	_, err = world.queues.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &c.url, Entries: done})
	return err
}

// pause leaves the queue to the test until it ends.
func (c *collector) pause(t *testing.T) {
	c.receiving.Lock()
	t.Cleanup(c.receiving.Unlock)
}

// count is how many messages there are so far: a mark for find.
func (c *collector) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.messages)
}

// find gives the messages after a mark that match.
func (c *collector) find(t *testing.T, mark int, match func(message) bool) (found []message) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		t.Fatalf("receive from %s: %v", c.name, c.err)
	}
	for _, m := range c.messages[mark:] {
		if match(m) {
			found = append(found, m)
		}
	}
	return found
}

// await waits for a message.
func (c *collector) await(t *testing.T, what string, match func(message) bool) (found message) {
	t.Helper()
	eventually(t, func() error {
		matching := c.find(t, 0, match)
		if len(matching) == 0 {
			return fmt.Errorf("%s has no %s", c.name, what)
		}
		found = matching[0]
		return nil
	})
	return found
}

// events gives all events of an order.
func (c *collector) events(t *testing.T, id string) []message {
	t.Helper()
	return c.find(t, 0, func(m message) bool { return m.event.Subject == id })
}

// awaitEvent waits for the event of an order.
func (c *collector) awaitEvent(t *testing.T, id string) message {
	t.Helper()
	return c.await(t, "event of order "+id, func(m message) bool { return m.event.Subject == id })
}

// awaitRejected waits in the rejected queue for what came with a message.
func awaitRejected(t *testing.T, messageID string) message {
	t.Helper()
	return world.rejected.await(t, "document of message "+messageID, func(m message) bool { return m.attributes["messageId"] == messageID })
}
