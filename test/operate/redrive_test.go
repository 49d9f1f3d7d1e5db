//go:build emulator

package operate

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/order"
)

// TestRedriveDeadLetters: a listing changes nothing, filters choose, --yes brings each document to the table, and a second
// run has nothing to do.
func TestRedriveDeadLetters(t *testing.T) {
	orders(t, 0, "redrive", "dead-letter queue", "rejected queue", "on-failure queue", "dead-letter queue of Billing")
	orders(t, 0, "redrive dlq", "0 messages on the dead-letter queue")

	ids := []string{newID("dead"), newID("dead"), newID("dead"), newID("dead")}
	documents := map[string]string{}
	for _, id := range ids {
		documents[id] = newOrder(id, "web")
	}
	send(t, world.DeadLetterQueueURL, documents[ids[0]], nil)
	send(t, world.DeadLetterQueueURL, documents[ids[1]], nil)
	send(t, world.DeadLetterQueueURL, "["+documents[ids[2]]+" ,\n"+documents[ids[3]]+"]", nil)

	orders(t, 0, "redrive", "orders redrive dlq")
	for receives := 1; receives <= 2; receives++ {
		out := orders(t, 0, "redrive dlq", ids[0], ids[1], ids[2]+" and 1 more", "received-too-often", "3 messages on the dead-letter queue", "nothing was moved")
		if got := len(regexp.MustCompile(fmt.Sprintf(`(?m)^\d+s +%d  received`, receives)).FindAllString(out.stdout, -1)); got != 3 {
			t.Errorf("%d messages have %d receives, want 3:\n%s", got, receives, out.stdout)
		}
		wantDepth(t, world.DeadLetterQueueURL, 3)
	}
	orders(t, 0, "redrive dlq --show --order-id "+ids[3], documents[ids[2]], "1 message of 3 on the dead-letter queue match")
	orders(t, 0, "redrive dlq --json", `"messageId":"`, `"orderIds":["`+ids[0])
	orders(t, 0, "redrive dlq --older-than 1h", "0 messages of 3")
	orders(t, 0, "redrive dlq --limit 2", "the first 2; there are more")

	orders(t, 0, "redrive dlq --yes --older-than 1h", "0 messages moved", "3 looked at and left")
	wantDepth(t, world.DeadLetterQueueURL, 3)
	orders(t, 0, "redrive dlq --yes --order-id "+ids[0], "1 message moved", "2 looked at and left")
	awaitStored(t, ids[0], documents[ids[0]])
	wantDepth(t, world.DeadLetterQueueURL, 2)
	if item(t, ids[1]) != nil {
		t.Error("a message that does not match was moved")
	}

	orders(t, 0, "redrive dlq --yes", "2 messages moved")
	for id, document := range documents {
		awaitStored(t, id, document)
	}
	orders(t, 0, "redrive dlq --yes", "0 messages moved")
	wantDepth(t, world.DeadLetterQueueURL, 0)
	collect(t, world.Subscriber("Billing").QueueURL, ids...)
	drain(t, world.Subscriber("Shipping").QueueURL)
}

// TestRedriveRejected: a document that is still bad is refused again, once; one that is good by now is stored.
func TestRedriveRejected(t *testing.T) {
	bad, good := newID("bad"), newID("good")
	badDocument := strings.Replace(newOrder(bad, "web"), "EUR", "euro", 1)
	send(t, world.QueueURL, badDocument, nil)
	eventually(t, func() error {
		if visible, _ := depth(t, world.RejectedQueueURL); visible != 1 {
			return fmt.Errorf("%d messages are rejected", visible)
		}
		return nil
	})
	// As if a release with a mistake had refused it.
	send(t, world.RejectedQueueURL, newOrder(good, "web"), map[string]string{"reason": "internal", "orderId": good, "messageId": "m"})

	orders(t, 0, "redrive rejected", bad, "invalid at /currency", good, "internal", "2 messages on the rejected queue")
	orders(t, 0, "redrive rejected --reason internal --show", newOrder(good, "web"), "1 message of 2")
	orders(t, 0, "redrive rejected --reason internal --yes", "1 message moved", "1 looked at and left")
	awaitStored(t, good, newOrder(good, "web"))

	orders(t, 0, "redrive rejected --yes", "1 message moved")
	eventually(t, func() error {
		if visible, inFlight := depth(t, world.RejectedQueueURL); visible != 1 || inFlight != 0 {
			return fmt.Errorf("%d messages are rejected, %d in flight", visible, inFlight)
		}
		return nil
	})
	left := drain(t, world.RejectedQueueURL)
	if left[0].body != badDocument || left[0].attributes["reason"] != "invalid" {
		t.Errorf("the bad document came back as %v", left[0])
	}
	if item(t, bad) != nil {
		t.Error("the bad document is stored")
	}
	collect(t, world.Subscriber("Billing").QueueURL, good)
	drain(t, world.Subscriber("Shipping").QueueURL)
}

// TestRedriveSubscriber: an event goes back as it was delivered first, without what SNS said about its failure.
func TestRedriveSubscriber(t *testing.T) {
	billing := world.Subscriber("Billing")
	id := newID("undelivered")
	document := newOrder(id, "web")
	post(t, document)
	delivered := collect(t, billing.QueueURL, id)[id]
	failed := map[string]string{"ErrorCode": "AWS.SimpleQueueService.NonExistentQueue", "ErrorMessage": "gone", "RequestID": "r"}
	for name, value := range delivered.attributes {
		failed[name] = value
	}
	send(t, billing.DeadLetterQueueURL, delivered.body, failed)

	orders(t, 0, "redrive subscriber billing", id, "NonExistentQueue")
	orders(t, 0, "redrive subscriber Billing --yes", "1 message moved")
	again := collect(t, billing.QueueURL, id)[id]
	if diff := cmp.Diff(delivered, again, cmp.AllowUnexported(message{})); diff != "" {
		t.Errorf("the event (-first +redriven):\n%s", diff)
	}
	orders(t, 0, "redrive subscriber Billing --yes", "0 messages moved")
	// By its queue's name, as one that is not of this project.
	queue := billing.QueueURL[strings.LastIndex(billing.QueueURL, "/")+1:]
	orders(t, 0, "redrive subscriber "+queue, "0 messages on the dead-letter queue of "+queue)
	drain(t, world.Subscriber("Shipping").QueueURL)
}

// TestRedriveInterrupted: what an interrupted run leaves, the next one moves; nothing is lost, nothing doubled.
func TestRedriveInterrupted(t *testing.T) {
	var ids []string
	for range 20 {
		ids = append(ids, newID("interrupted"))
		send(t, world.DeadLetterQueueURL, newOrder(ids[len(ids)-1], "store"), nil)
	}
	cmd := command(t, "redrive", "dlq", "--yes", "--json", "--rate", "4/s")
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
	if moved < 3 || moved > 5 {
		t.Errorf("%d messages were moved, want 3 or a few more", moved)
	}
	wantDepth(t, world.DeadLetterQueueURL, 20-moved) // at once: the interrupted run has given back what it held
	orders(t, 0, "redrive dlq --yes", fmt.Sprintf("%d messages moved", 20-moved))
	for _, id := range ids {
		awaitStored(t, id, newOrder(id, "store"))
	}
	orders(t, 0, "redrive dlq --yes", "0 messages moved")
	events := collect(t, world.Subscriber("Billing").QueueURL, ids...)
	for _, id := range ids {
		if e := parse(t, events[id].body); e.ID != order.EventID(id) || string(e.Data) != newOrder(id, "store") {
			t.Errorf("the event of %s is %s", id, events[id].body)
		}
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
		{"redrive dlq Billing", 2, []string{`"Billing" is one word too many`}},
		{"redrive --yes", 2, []string{"which queue"}},
		{"redrive dlq --order-id a/b", 2, []string{`"a/b" cannot be an order id`}},
		{"redrive dlq --rate fast", 2, []string{`"fast" is no rate`}},
		{"redrive dlq --rate 0", 2, []string{`"0" is no rate`}},
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
