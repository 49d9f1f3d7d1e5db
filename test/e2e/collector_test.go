//go:build emulator

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// collector takes all messages from a queue, all the time, so that tests that share the queue find
// each its own.
type collector struct {
	*pipeline.Inbox
	name  string
	pause sync.Mutex // held during a receive; a test that holds it has the queue to itself

	mu     sync.Mutex
	read   int // of the inbox
	unique []message
	known  map[string]bool
}

// message is one that was collected.
type message struct {
	pipeline.Message
	event pipeline.Event // when the body is one
}

func newCollector(name, url string) *collector {
	return &collector{Inbox: world.Inbox(url), name: name, known: map[string]bool{}}
}

func (c *collector) collect(ctx context.Context) {
	for ctx.Err() == nil {
		c.pause.Lock()
		_, _ = c.Receive(ctx, 1) // what is not there is missed by the test that waits for it
		c.pause.Unlock()
	}
}

// find gives the messages that match, each once: sending is at least once.
func (c *collector) find(match func(message) bool) (found []message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.All()
	for _, m := range all[c.read:] {
		if key := fmt.Sprint(m); !c.known[key] {
			c.known[key] = true
			parsed := message{Message: m}
			_ = json.Unmarshal([]byte(m.Body), &parsed.event) // a rejected document is none
			c.unique = append(c.unique, parsed)
		}
	}
	c.read = len(all)
	for _, m := range c.unique {
		if match(m) {
			found = append(found, m)
		}
	}
	return found
}

// await waits for a message.
func (c *collector) await(t *testing.T, what string, match func(message) bool) (found message) {
	t.Helper()
	pipeline.Eventually(t, func() error {
		matching := c.find(match)
		if len(matching) == 0 {
			return fmt.Errorf("%s has no %s", c.name, what)
		}
		found = matching[0]
		return nil
	})
	return found
}

// events gives all different events of an order.
func (c *collector) events(id string) []message {
	return c.find(func(m message) bool { return m.event.Subject == id })
}

// awaitEvent waits for the event of an order.
func (c *collector) awaitEvent(t *testing.T, id string) message {
	t.Helper()
	return c.await(t, "event of order "+id, func(m message) bool { return m.event.Subject == id })
}

// awaitRejected waits in the rejected queue for what came with a message.
func awaitRejected(t *testing.T, messageID string) message {
	t.Helper()
	return world.rejected.await(t, "document of message "+messageID, func(m message) bool { return m.Attributes["messageId"] == messageID })
}
