//go:build emulator

package operate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// receives lists the dead-letter queue, and gives how often each order's message was received.
func receives(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for line := range strings.Lines(orders(t, 0, "redrive dlq --json").Stdout) {
		var m struct {
			MessageID string
			OrderIDs  []string
			Receives  int
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.MessageID == "" || len(m.OrderIDs) == 0 {
			t.Fatalf("it lists %s (%v)", line, err)
		}
		counts[m.OrderIDs[0]] = m.Receives
	}
	return counts
}

// TestRedriveDeadLetters: a listing changes nothing, filters choose, --yes brings each document to
// the table, and a second run has nothing to do.
func TestRedriveDeadLetters(t *testing.T) {
	fresh(t)
	orders(t, 0, "redrive", "dead-letter queue", "rejected queue", "on-failure queue", "dead-letter queue of Billing")
	orders(t, 0, "redrive dlq", "0 messages on the dead-letter queue")

	ids := []string{newID("dead"), newID("dead"), newID("dead"), newID("dead")}
	documents := map[string]string{}
	for _, id := range ids {
		documents[id] = newOrder(id, "web")
	}
	dlq := world.DeadLetterQueueURL
	world.Send(t, dlq, pipeline.Message{Body: documents[ids[0]]}, pipeline.Message{Body: documents[ids[1]]},
		pipeline.Message{Body: pipeline.Array(documents[ids[2]]+" ", "\n"+documents[ids[3]])})

	orders(t, 0, "redrive", "orders redrive dlq")
	pipeline.Eventually(t, func() error { // what it looked at it gives back at once
		out := pipeline.Finish(t, world.Command(t, "redrive", "dlq"))
		if visible, inFlight := world.Depth(t, dlq); visible != 3 || inFlight != 0 {
			return fmt.Errorf("after a listing %d messages are on the queue, and %d in flight", visible, inFlight)
		}
		return out.Want(0, ids[0], ids[1], ids[2]+" and 1 more", "received-too-often", "3 messages on the dead-letter queue", "nothing was moved")
	})
	pipeline.Eventually(t, func() error { // each listing is a receive
		first, second := receives(t), receives(t)
		for _, id := range ids[:3] {
			if first[id] == 0 || second[id] <= first[id] {
				return fmt.Errorf("the messages were received %v times, then %v", first, second)
			}
		}
		return nil
	})
	again(t, "redrive dlq --show --order-id "+ids[3], documents[ids[2]], "1 message of 3 on the dead-letter queue match", "  received ")
	again(t, "redrive dlq --older-than 1h", "0 messages of 3")
	again(t, "redrive dlq --limit 2", "the first 2; there are more")

	again(t, "redrive dlq --yes --older-than 1h", "0 messages moved", "3 left there")
	wantDepth(t, dlq, 3)
	before := time.Now().UTC().Format(order.TimeFormat)
	if got := move(t, 1, "redrive dlq --order-id "+ids[0]); got != 1 {
		t.Errorf("%d messages moved, want 1", got)
	}
	awaitStored(t, map[string]string{ids[0]: documents[ids[0]]})
	// It was accepted when it was first sent, not when it was redriven.
	if at := item(t, ids[0])[order.AttrAcceptedAt]; at == "" || at >= before {
		t.Errorf("accepted at %q, want a time before %s", at, before)
	}
	wantDepth(t, dlq, 2)
	if item(t, ids[1]) != nil {
		t.Error("a message that does not match was moved")
	}

	if got := move(t, 2, "redrive dlq"); got != 2 {
		t.Errorf("%d messages moved, want 2", got)
	}
	awaitStored(t, documents)
	orders(t, 0, "redrive dlq --yes", "0 messages moved")
	wantDepth(t, dlq, 0)
	collect(t, "Billing", ids...)
}

// TestRedriveRejected: a document that is still bad is refused again; one that is good by now is
// stored.
func TestRedriveRejected(t *testing.T) {
	fresh(t)
	bad, good := newID("bad"), newID("good")
	badDocument, goodDocument := strings.Replace(newOrder(bad, "web"), "EUR", "euro", 1), newOrder(good, "web")
	rejected := func() (n int) { // the processor sends at least once
		t.Helper()
		pipeline.Eventually(t, func() (err error) {
			if n, _ = world.Depth(t, world.RejectedQueueURL); n == 0 {
				err = fmt.Errorf("nothing is rejected")
			}
			return err
		})
		world.AwaitEmpty(t, world.QueueURL)
		n, inFlight := world.Depth(t, world.RejectedQueueURL)
		return n + inFlight
	}
	send(t, world.QueueURL, badDocument, nil)
	n := rejected()
	// As if a release with a mistake had refused it.
	send(t, world.RejectedQueueURL, goodDocument, map[string]string{"reason": "internal", "orderId": good, "messageId": "m"})

	again(t, "redrive rejected", bad, "invalid at /currency", good, "internal", count(n+1, "message")+" on the rejected queue")
	again(t, "redrive rejected --reason internal --show", goodDocument, fmt.Sprintf("1 message of %d", n+1))
	if got := move(t, 1, "redrive rejected --reason internal"); got != 1 {
		t.Errorf("%d messages moved, want 1", got)
	}
	awaitStored(t, map[string]string{good: goodDocument})
	wantDepth(t, world.RejectedQueueURL, n)

	move(t, n, "redrive rejected")
	rejected()
	for _, m := range world.Drain(t, world.RejectedQueueURL) {
		if m.Body != badDocument || m.Attributes["reason"] != "invalid" {
			t.Errorf("the bad document came back as %v", m)
		}
	}
	if item(t, bad) != nil {
		t.Error("the bad document is stored")
	}
	collect(t, "Billing", good)
}

// TestRedriveSubscriber: an event goes back as it was delivered first, without what SNS said about
// its failure.
func TestRedriveSubscriber(t *testing.T) {
	fresh(t)
	billing := world.Subscriber("Billing")
	id := newID("undelivered")
	post(t, newOrder(id, "web"))
	delivered := collect(t, "Billing", id)[id]
	settle(t)
	failed := maps.Clone(delivered.Attributes)
	maps.Copy(failed, map[string]string{"ErrorCode": "AWS.SimpleQueueService.NonExistentQueue", "ErrorMessage": "gone", "RequestID": "r"})
	send(t, billing.DeadLetterQueueURL, delivered.Body, failed)

	again(t, "redrive subscriber billing", id, "NonExistentQueue")
	if got := move(t, 1, "redrive subscriber Billing"); got != 1 {
		t.Errorf("%d messages moved, want 1", got)
	}
	if diff := cmp.Diff(delivered, collect(t, "Billing", id)[id]); diff != "" {
		t.Errorf("the event (-first +redriven):\n%s", diff)
	}
	orders(t, 0, "redrive subscriber Billing --yes", "0 messages moved")
	// By its queue's name, as one that is not of this project.
	name := pipeline.QueueName(billing.QueueURL)
	orders(t, 0, "redrive subscriber "+name, "0 messages on the dead-letter queue of "+name)
}

// TestRedriveInterrupted: what an interrupted run leaves, the next one moves; nothing is lost,
// nothing doubled.
func TestRedriveInterrupted(t *testing.T) {
	fresh(t)
	documents := map[string]string{}
	for range 20 {
		id := newID("interrupted")
		documents[id] = newOrder(id, "store")
		send(t, world.DeadLetterQueueURL, documents[id], nil)
	}
	cmd := world.Command(t, "redrive", "dlq", "--yes", "--json", "--rate", "2/s")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	moved := 0
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if moved++; moved == 3 {
			_ = cmd.Process.Signal(os.Interrupt)
		}
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("interrupted, it exited with %d, want 130", got)
	}
	if moved < 3 || moved >= len(documents) {
		t.Errorf("%d messages were moved, want 3 or some more", moved)
	}
	wantDepth(t, world.DeadLetterQueueURL, len(documents)-moved)
	if got := move(t, len(documents)-moved, "redrive dlq"); got != len(documents)-moved {
		t.Errorf("%d messages were moved and then %d, want %d in all", moved, got, len(documents))
	}
	awaitStored(t, documents)
	orders(t, 0, "redrive dlq --yes", "0 messages moved")
	events := collect(t, "Billing", slices.Collect(maps.Keys(documents))...)
	for id, document := range documents {
		wantEvent(t, events[id], id, document)
	}
}

func TestRedriveMistakes(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   []string
	}{
		{"redrive nowhere", 2, []string{`"nowhere"`, "dlq, rejected, subscriber NAME"}},
		{"redrive on-failure", 2, []string{"replay --on-failure"}},
		{"redrive subscriber", 2, []string{"which subscriber"}},
		{"redrive subscriber Nobody", 2, []string{`"Nobody"`, "Billing", "Shipping"}},
		{"redrive dlq Billing", 2, []string{`unexpected argument "Billing"`}},
		{"redrive --yes", 2, []string{"which queue"}},
		{"redrive dlq --order-id a/b", 2, []string{`"a/b" cannot be an order id`}},
		{"redrive dlq --rate fast", 2, []string{`"fast" is not a rate`}},
		{"redrive dlq --rate 0", 2, []string{`"0" is not a rate`}},
		{"redrive dlq --older-than yesterday", 2, []string{"--older-than"}},
		{"redrive dlq --limit=-1", 2, []string{"--limit"}},
		{"redrive dlq --env dev", 1, []string{`"dev" is not deployed`}},
	} {
		t.Run(c.args, func(t *testing.T) {
			orders(t, c.status, c.args, c.says...)
		})
	}
	orders(t, 0, "redrive --help", "Usage: orders redrive", "--yes", "receive counts")
}
