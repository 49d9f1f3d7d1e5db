//go:build emulator

package operate

import (
	"crypto/rand"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// world is the deployment under test.
var world *pipeline.System

func TestMain(m *testing.M) {
	pipeline.Run(m, func(s *pipeline.System) error { world = s; return nil }, func() error { return nil })
}

// queue of a subscriber.
func queue(subscriber string) string { return world.Subscriber(subscriber).QueueURL }

// fresh leaves nothing of an earlier test on the way or on a queue.
func fresh(t *testing.T) {
	t.Helper()
	settle(t)
	urls := []string{world.DeadLetterQueueURL, world.RejectedQueueURL, world.OnFailureQueueURL}
	for _, s := range world.Subscribers {
		urls = append(urls, s.QueueURL, s.DeadLetterQueueURL)
	}
	for _, url := range urls {
		empty(t, url)
	}
}

// empty takes everything from a queue, what is in flight too.
func empty(t *testing.T, url string) {
	t.Helper()
	pipeline.Eventually(t, func() error {
		world.Drain(t, url)
		return world.Empty(t.Context(), url)
	})
}

// settle waits until all that was accepted before has been worked off, to its event, and takes the
// events.
func settle(t *testing.T) {
	t.Helper()
	mark(t, world.Inbox(queue("Billing")), world.Inbox(queue("Shipping")))
}

// mark is settle for events that are kept. One shard keeps the order in which orders were stored:
// the event of a last order comes after theirs.
func mark(t *testing.T, inboxes ...*pipeline.Inbox) {
	t.Helper()
	world.AwaitEmpty(t, world.QueueURL)
	id := newID(marker)
	world.Post(t, newOrder(id, "web"))
	for _, inbox := range inboxes {
		inbox.Await(t, id)
	}
}

const marker = "marker"

// orders runs the command, which must exit with a status and write some texts.
func orders(t *testing.T, status int, args string, texts ...string) pipeline.Output {
	t.Helper()
	return finish(t, status, world.Command(t, strings.Fields(args)...), texts...)
}

func finish(t *testing.T, status int, cmd *exec.Cmd, texts ...string) pipeline.Output {
	t.Helper()
	out := pipeline.Finish(t, cmd)
	if err := out.Want(status, texts...); err != nil {
		t.Fatalf("orders %q: %v", cmd.Args[1:], err)
	}
	return out
}

// again runs a command that may be repeated until it writes the texts: a run does not see the
// messages of a receive call whose answer got lost; they come again after a minute.
func again(t *testing.T, args string, texts ...string) {
	t.Helper()
	pipeline.Eventually(t, func() error {
		return pipeline.Finish(t, world.Command(t, strings.Fields(args)...)).Want(0, texts...)
	})
}

var movedMessages = regexp.MustCompile(`(\d+) messages? moved`)

// move redrives until so many messages have been moved, in one run or, as above, more. It gives how
// many were.
func move(t *testing.T, want int, args string) (moved int) {
	t.Helper()
	pipeline.Eventually(t, func() error {
		out := orders(t, 0, args+" --yes")
		found := movedMessages.FindStringSubmatch(out.Stderr)
		if found == nil {
			t.Fatalf("it does not say how many messages it has moved:\n%s", out.Stderr)
		}
		n, _ := strconv.Atoi(found[1])
		if moved += n; moved < want {
			return fmt.Errorf("%d messages moved, want %d", moved, want)
		}
		return nil
	})
	return moved
}

// count is a number of things as the command writes it.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func newID(kind string) string { return "operate-" + kind + "-" + strings.ToLower(rand.Text()[:10]) }

// newOrder is an order whose bytes any decoding and encoding would change.
func newOrder(id, channel string) string {
	return fmt.Sprintf(`{ "own" : [1.00 , "\ud800<>&"],"orderId":%q,"currency":"EUR", "channel":%q,"items":[{"sku":"a","quantity":1,"unitPrice":1999}]}`, id, channel)
}

func send(t *testing.T, url, body string, attributes map[string]string) {
	t.Helper()
	world.Send(t, url, pipeline.Message{Body: body, Attributes: attributes})
}

// post posts orders with the command.
func post(t *testing.T, documents ...string) {
	t.Helper()
	cmd := world.Command(t, "post", "--no-check", "-")
	cmd.Stdin = strings.NewReader(strings.Join(documents, "\n"))
	finish(t, 0, cmd)
}

// wantDepth: so many messages in all, and soon none of them in flight.
func wantDepth(t *testing.T, url string, want int) {
	t.Helper()
	pipeline.Eventually(t, func() error {
		visible, inFlight := world.Depth(t, url)
		if visible+inFlight != want {
			t.Errorf("%d messages and %d in flight on %s, want %d", visible, inFlight, url, want)
			return nil
		}
		if inFlight > 0 {
			return fmt.Errorf("%d messages of %s are in flight", inFlight, url)
		}
		return nil
	})
}

// wantNoEvents: nothing has been published to a subscriber since it was looked at.
func wantNoEvents(t *testing.T, subscriber string) {
	t.Helper()
	for _, m := range world.Drain(t, queue(subscriber)) {
		if !strings.Contains(m.Body, marker) {
			t.Errorf("%s got %s", subscriber, m.Body)
		}
	}
}

// item gives the order that is stored under an id, nil for none.
func item(t *testing.T, id string) pipeline.Item { return world.Items(t, id)[order.ItemOrder] }

// awaitStored waits until documents stand in the table under their ids, byte for byte.
func awaitStored(t *testing.T, documents map[string]string) {
	t.Helper()
	for id, document := range documents {
		pipeline.Eventually(t, func() error {
			if item(t, id) == nil {
				return fmt.Errorf("order %s is not stored", id)
			}
			return nil
		})
		if got := item(t, id)[order.AttrDocument]; got != document {
			t.Errorf("order %s: stored is %q, want %q", id, got, document)
		}
	}
}

// collect takes events of a subscriber until all of the ids have come, and gives them by id.
func collect(t *testing.T, subscriber string, ids ...string) map[string]pipeline.Message {
	t.Helper()
	return world.Inbox(queue(subscriber)).Await(t, ids...)
}

// wantEvent: a message is the event of a stored order.
func wantEvent(t *testing.T, m pipeline.Message, id, document string) {
	t.Helper()
	e := pipeline.Parse(t, m.Body)
	if e.ID != order.EventID(id) || e.Time != item(t, id)[order.AttrStoredAt] || string(e.Data) != document {
		t.Errorf("the event of %s is %s", id, m.Body)
	}
}

// instant is when an order was stored.
func instant(t *testing.T, id string) time.Time {
	t.Helper()
	at, err := time.Parse(order.TimeFormat, item(t, id)[order.AttrStoredAt])
	if err != nil {
		t.Fatal(err)
	}
	return at
}
