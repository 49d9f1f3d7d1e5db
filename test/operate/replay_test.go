//go:build emulator

package operate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// stored posts orders of a channel, and gives their ids and the events that Billing got.
func stored(t *testing.T, n int, channel string) (ids []string, events map[string]message) {
	t.Helper()
	var documents []string
	for range n {
		id := newID(channel)
		ids, documents = append(ids, id), append(documents, newOrder(id, channel))
	}
	post(t, documents...)
	events = collect(t, world.Subscriber("Billing").QueueURL, ids...)
	if channel == "web" {
		collect(t, world.Subscriber("Shipping").QueueURL, ids...)
	}
	for i, id := range ids {
		if e := parse(t, events[id].body); e.ID != order.EventID(id) || string(e.Data) != documents[i] {
			t.Fatalf("the event of %s is %s", id, events[id].body)
		}
	}
	return ids, events
}

// wantSame: the same events again, attributes too, each once.
func wantSame(t *testing.T, who string, first map[string]message, ids []string) {
	t.Helper()
	again := collect(t, world.Subscriber(who).QueueURL, ids...)
	for _, id := range ids {
		if diff := cmp.Diff(first[id], again[id], cmp.AllowUnexported(message{})); diff != "" {
			t.Errorf("the event of %s at %s (-first +replayed):\n%s", id, who, diff)
		}
	}
	if len(again) != len(ids) {
		t.Errorf("%s got events of %d orders, want %d", who, len(again), len(ids))
	}
}

func TestReplayByID(t *testing.T) {
	web, events := stored(t, 2, "web")
	list := strings.Join(web, ",")
	orders(t, 0, "replay --id "+list, "2 orders to publish", "nothing was published")
	wantDepth(t, world.Subscriber("Billing").QueueURL, 0)
	for range 2 { // whenever it is run, it is the same
		orders(t, 0, "replay --yes --id "+list, "2 events published to the topic")
		wantSame(t, "Billing", events, web)
		wantSame(t, "Shipping", events, web)
	}
	orders(t, 1, "replay --yes --id no-such-order,"+web[0], "1 event published", "no order is stored under no-such-order")
	wantSame(t, "Billing", events, web[:1])
	drain(t, world.Subscriber("Shipping").QueueURL)
}

// TestReplayToSubscriber: one subscriber alone, with its filter, and the very messages that SNS delivers.
func TestReplayToSubscriber(t *testing.T) {
	web, events := stored(t, 1, "web")
	store, storeEvents := stored(t, 1, "store")
	both := web[0] + "," + store[0]
	orders(t, 0, "replay --yes --to-subscriber shipping --id "+both, "1 event published to shipping", "1 event not sent: the subscriber's filter policy")
	wantSame(t, "Shipping", events, web)
	wantDepth(t, world.Subscriber("Billing").QueueURL, 0)
	events[store[0]] = storeEvents[store[0]]
	orders(t, 0, "replay --yes --to-subscriber Billing --id "+both, "2 events published to Billing")
	wantSame(t, "Billing", events, append(web, store...))
	wantDepth(t, world.Subscriber("Shipping").QueueURL, 0)
}

// TestReplayRange: the orders of a stretch of time; an interrupted scan goes on where it was.
func TestReplayRange(t *testing.T) {
	before, _ := stored(t, 1, "store")
	time.Sleep(10 * time.Millisecond)
	from := time.Now()
	ids, events := stored(t, 20, "store")
	to := time.Now()
	time.Sleep(10 * time.Millisecond)
	after, _ := stored(t, 1, "store")

	span := fmt.Sprintf("replay --from %s --to %s", from.UTC().Format(order.TimeFormat), to.UTC().Format(order.TimeFormat))
	orders(t, 0, span, "the scan reads the whole table", "USD", "nothing was published")
	wantDepth(t, world.Subscriber("Billing").QueueURL, 0)

	notes := filepath.Join(t.TempDir(), "notes.json")
	interrupted := append(strings.Fields(span), "--yes", "--segments", "40", "--rate", "4/s")
	for _, resume := range [][]string{nil, {"--resume", notes}} {
		cmd := command(t, append(interrupted, resume...)...)
		time.AfterFunc(3*time.Second, func() { _ = cmd.Process.Signal(os.Interrupt) })
		out := finish(t, 130, cmd, "interrupted", "goes on where it was")
		var first int
		if _, err := fmt.Sscan(out.stderr[strings.Index(out.stderr, "USD a million")+len("USD a million; us-east-1, November 2026)\n"):], &first); err != nil || first < 3 || first > 18 {
			t.Fatalf("the interrupted run published %d events (%v):\n%s", first, err, out.stderr)
		}
		out = finish(t, 0, command(t, append(append(strings.Fields(span), "--yes"), resume...)...), "going on with the run of")
		if !strings.Contains(out.stderr, fmt.Sprintf("\n%d events published to the topic", 20-first)) {
			t.Errorf("the first run published %d of 20 events, the second one says:\n%s", first, out.stderr)
		}
		wantSame(t, "Billing", events, ids)
	}
	left, err := filepath.Glob(filepath.Join(world.state, "*", "replay-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("notes of finished runs are left: %v, %v", left, err)
	}
	orders(t, 0, span+" --yes", "20 events published") // a later one is a run of its own
	wantSame(t, "Billing", events, ids)
	_, _ = before, after

	if err := os.WriteFile(notes, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	finish(t, 1, command(t, append(strings.Fields(span), "--resume", notes)...), "is not the file of a replay")
}

// TestReplayOnFailure: from what the publisher put aside and from what Lambda gave up, each message deleted then. One that
// nobody can read stays and is told.
func TestReplayOnFailure(t *testing.T) {
	orders(t, 0, "replay --on-failure --yes", "0 messages on the on-failure queue", "0 events published")
	other, _ := stored(t, 1, "store")
	from := time.Now()
	ids, events := stored(t, 5, "store")
	body, err := json.Marshal(contract.FailureRecord{Source: contract.FailureSource, Version: 1, OrderID: other[0], EventID: order.EventID(other[0]), Reason: "invalid-parameter"})
	if err != nil {
		t.Fatal(err)
	}
	send(t, world.OnFailureQueueURL, string(body), nil)
	// The span that a message names has a minute to spare; so this one has all that was stored lately, the other order too.
	envelope := fmt.Sprintf(`{"requestContext":{"condition":"RecordAgeExceeded"},"DDBStreamBatchInfo":{"approximateArrivalOfFirstRecord":%q,"approximateArrivalOfLastRecord":%q}}`,
		from.UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339))
	send(t, world.OnFailureQueueURL, envelope, nil)
	send(t, world.OnFailureQueueURL, envelope, nil)
	orders(t, 0, "replay --on-failure", "3 messages on the on-failure queue; they name 1 order and 1 span of time", "nothing was published")
	wantDepth(t, world.OnFailureQueueURL, 3)
	orders(t, 0, "replay --on-failure --to-subscriber Billing --yes")
	wantDepth(t, world.OnFailureQueueURL, 3) // the others still miss it
	collect(t, world.Subscriber("Billing").QueueURL, append(ids, other...)...)

	send(t, world.OnFailureQueueURL, "nonsense", nil)
	orders(t, 1, "replay --on-failure --yes", "events published to the topic", "it stays on the on-failure queue")
	again := collect(t, world.Subscriber("Billing").QueueURL, append(ids, other...)...)
	for _, id := range ids {
		if diff := cmp.Diff(events[id], again[id], cmp.AllowUnexported(message{})); diff != "" {
			t.Errorf("the event of %s (-first +replayed):\n%s", id, diff)
		}
	}
	if left := drain(t, world.OnFailureQueueURL); len(left) != 1 || left[0].body != "nonsense" {
		t.Errorf("on the on-failure queue is %v, want the nonsense", left)
	}
	orders(t, 0, "replay --on-failure --yes", "0 events published")
	wantDepth(t, world.Subscriber("Billing").QueueURL, 0)
	drain(t, world.Subscriber("Shipping").QueueURL)
}

func TestReplayMistakes(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   []string
	}{
		{"replay", 2, []string{"which orders", "--on-failure"}},
		{"replay --id A --on-failure", 2, []string{"one of the three"}},
		{"replay --to 1h", 2, []string{"--to needs --from"}},
		{"replay --from yesterday", 2, []string{`"yesterday" is no time`, "36h"}},
		{"replay --from 1h --to 2h", 2, []string{"is not before"}},
		{"replay --from 2999-01-01", 2, []string{"in the future"}},
		{"replay --id a/b", 2, []string{`"a/b" cannot be an order id`}},
		{"replay --id A --rate 0", 2, []string{"no rate"}},
		{"replay --from 1h --segments 0", 2, []string{"--segments"}},
		{"replay --id A --to-subscriber Nobody", 2, []string{`"Nobody"`, "Billing"}},
		{"replay --id A --env dev", 1, []string{`"dev" is not deployed`}},
	} {
		t.Run(c.args, func(t *testing.T) { orders(t, c.status, c.args, c.says...) })
	}
	orders(t, 0, "replay --help", "Usage: orders replay", "on-failure")
}
