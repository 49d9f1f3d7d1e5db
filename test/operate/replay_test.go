//go:build emulator

package operate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// stored posts orders of a channel, and gives their ids and the events that Billing got. No more of
// them come by themselves.
func stored(t *testing.T, n int, channel string) (ids []string, events map[string]pipeline.Message) {
	t.Helper()
	var documents []string
	for range n {
		id := newID(channel)
		ids, documents = append(ids, id), append(documents, newOrder(id, channel))
	}
	post(t, documents...)
	events = collect(t, "Billing", ids...)
	for i, id := range ids {
		wantEvent(t, events[id], id, documents[i])
	}
	settle(t)
	return ids, events
}

// wantSame: the same events again, attributes too, and no others.
func wantSame(t *testing.T, subscriber string, first map[string]pipeline.Message, ids []string) {
	t.Helper()
	for id, m := range collect(t, subscriber, ids...) {
		if !slices.Contains(ids, id) && !strings.Contains(id, marker) {
			t.Errorf("%s got the event of %s", subscriber, id)
		}
		if diff := cmp.Diff(first[id], m); diff != "" && slices.Contains(ids, id) {
			t.Errorf("the event of %s at %s (-first +replayed):\n%s", id, subscriber, diff)
		}
	}
}

func TestReplayByID(t *testing.T) {
	fresh(t)
	web, events := stored(t, 2, "web")
	list := strings.Join(web, ",")
	orders(t, 0, "replay --id "+list, "2 orders to publish", web[0], web[1], "nothing was published")
	orders(t, 1, "replay --id no-such-order,"+web[0], "1 order to publish", "no order is stored under no-such-order", "nothing was published")
	var report struct {
		Orders    []struct{ OrderID string }
		Missing   []string
		Published int
	}
	out := orders(t, 1, "replay --json --id no-such-order,"+web[0])
	if err := json.Unmarshal([]byte(out.Stdout), &report); err != nil || len(report.Orders) != 1 || report.Orders[0].OrderID != web[0] ||
		!slices.Equal(report.Missing, []string{"no-such-order"}) || report.Published != 0 {
		t.Errorf("--json prints %s (%v)", out.Stdout, err)
	}
	wantNoEvents(t, "Billing")
	for range 2 { // whenever it is run, it is the same
		orders(t, 0, "replay --yes --id "+list, "2 events published to the topic")
		wantSame(t, "Billing", events, web)
		wantSame(t, "Shipping", events, web)
	}
	orders(t, 1, "replay --yes --id no-such-order,"+web[0], "1 event published", "no order is stored under no-such-order")
	wantSame(t, "Billing", events, web[:1])
}

// TestReplayToSubscriber: one subscriber alone, with its filter, and the very messages that SNS
// delivers.
func TestReplayToSubscriber(t *testing.T) {
	fresh(t)
	web, events := stored(t, 1, "web")
	store, storeEvents := stored(t, 1, "store")
	both := web[0] + "," + store[0]
	orders(t, 0, "replay --yes --to-subscriber shipping --id "+both, "1 event published to shipping", "1 event not sent: the subscriber's filter policy")
	wantSame(t, "Shipping", events, web)
	wantNoEvents(t, "Billing")
	events[store[0]] = storeEvents[store[0]]
	orders(t, 0, "replay --yes --to-subscriber Billing --id "+both, "2 events published to Billing")
	wantSame(t, "Billing", events, append(web, store...))
	wantNoEvents(t, "Shipping")
}

var publishedEvents = regexp.MustCompile(`(\d+) events? published to the topic`)

// TestReplayRange: the orders of a stretch of time; an interrupted scan goes on where it was.
func TestReplayRange(t *testing.T) {
	fresh(t)
	stored(t, 1, "store") // before
	ids, events := stored(t, 20, "store")
	stored(t, 1, "store") // after

	var times []time.Time
	for _, id := range ids {
		times = append(times, instant(t, id))
	}
	slices.SortFunc(times, time.Time.Compare)
	span := fmt.Sprintf("replay --from %s --to %s", times[0].Format(order.TimeFormat), times[len(times)-1].Add(time.Millisecond).Format(order.TimeFormat))
	orders(t, 0, span, "the scan reads the whole table", "USD", ids[0], "20 orders to publish", "nothing was published")
	wantNoEvents(t, "Billing")

	notes := filepath.Join(t.TempDir(), "notes.json")
	for _, file := range [][]string{nil, {"--state", notes}} {
		cmd := world.Command(t, append(append(strings.Fields(span), "--yes", "--segments", "40", "--rate", "1/s"), file...)...)
		out := pipeline.Finish(t, cmd, func() {
			pipeline.Eventually(t, func() error {
				if visible, _ := world.Depth(t, queue("Billing")); visible < 3 {
					return fmt.Errorf("%d events are published", visible)
				}
				return nil
			})
			_ = cmd.Process.Signal(os.Interrupt)
		})
		if err := out.Want(130, "interrupted", "goes on where it stopped"); err != nil {
			t.Fatal(err)
		}
		found := publishedEvents.FindStringSubmatch(out.Stderr)
		if found == nil {
			t.Fatalf("the interrupted run does not say how many events it published:\n%s", out.Stderr)
		}
		first, _ := strconv.Atoi(found[1])
		if first < 1 || first >= len(ids) {
			t.Errorf("the interrupted run published %d events, want some of %d", first, len(ids))
		}
		resumed := finish(t, 0, world.Command(t, append(append(strings.Fields(span), "--yes", "--resume"), file...)...),
			"\n"+count(len(ids)-first, "event")+" published to the topic")
		if says := "resuming the run of"; !strings.HasPrefix(resumed.Stderr, says) {
			t.Errorf("its first line does not say %q:\n%s", says, resumed.Stderr)
		}
		wantSame(t, "Billing", events, ids)
	}
	left, err := filepath.Glob(filepath.Join(world.Home, "*", "replay-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("notes of finished runs are left: %v, %v", left, err)
	}
	orders(t, 0, span+" --yes", "20 events published") // a later one is a run of its own
	wantSame(t, "Billing", events, ids)
	orders(t, 1, span+" --yes --resume", "no interrupted run of this command is left")

	if err := os.WriteFile(notes, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	finish(t, 1, world.Command(t, append(strings.Fields(span), "--state", notes)...), "is not the state file of a replay")
}

// TestReplayOnFailure: from what the publisher put aside and from what Lambda gave up, each message
// deleted then. One that nobody can read stays and is told.
func TestReplayOnFailure(t *testing.T) {
	fresh(t)
	orders(t, 0, "replay --on-failure --yes", "0 messages on the on-failure queue", "0 events published")
	other, events := stored(t, 1, "store")
	from := time.Now()
	ids, more := stored(t, 5, "store")
	for _, id := range ids {
		events[id] = more[id]
	}
	all := append(slices.Clone(ids), other...)
	body, err := json.Marshal(contract.FailureRecord{Source: contract.FailureSource, Version: 1, OrderID: other[0], EventID: order.EventID(other[0]), Reason: "invalid-parameter"})
	if err != nil {
		t.Fatal(err)
	}
	// The span that a message names has a minute to spare; so this one has all that was stored lately,
	// the other order too.
	envelope := fmt.Sprintf(`{"requestContext":{"condition":"RecordAgeExceeded"},"DDBStreamBatchInfo":{"approximateArrivalOfFirstRecord":%q,"approximateArrivalOfLastRecord":%q}}`,
		from.UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339))
	failures := world.OnFailureQueueURL
	for _, body := range []string{string(body), envelope, envelope} {
		send(t, failures, body, nil)
	}
	// JSON lists them all; the span also has the orders that other tests have just stored.
	again(t, "replay --on-failure --json", "3 messages on the on-failure queue; they name 1 order and 1 span of time",
		other[0], "invalid-parameter", "RecordAgeExceeded", "nothing was published")
	again(t, "replay --on-failure", "ORDER", "REASON", "RecordAgeExceeded", "nothing was published")
	wantDepth(t, failures, 3)
	again(t, "replay --on-failure --to-subscriber Billing --yes", "3 messages on the on-failure queue")
	wantDepth(t, failures, 3) // the others still miss it
	collect(t, "Billing", all...)

	send(t, failures, "nonsense", nil)
	pipeline.Eventually(t, func() error { // a run that did not see them all leaves some
		out := pipeline.Finish(t, world.Command(t, "replay", "--on-failure", "--yes"))
		if visible, inFlight := world.Depth(t, failures); visible != 1 || inFlight != 0 {
			return fmt.Errorf("%d messages and %d in flight are left, want the nonsense:\n%s%s", visible, inFlight, out.Stdout, out.Stderr)
		}
		return out.Want(1, "published to the topic", "it stays on the on-failure queue")
	})
	replayed := collect(t, "Billing", all...)
	for _, id := range all {
		if diff := cmp.Diff(events[id], replayed[id]); diff != "" {
			t.Errorf("the event of %s (-first +replayed):\n%s", id, diff)
		}
	}
	if left := world.Drain(t, failures); len(left) != 1 || left[0].Body != "nonsense" {
		t.Errorf("on the on-failure queue is %v, want the nonsense", left)
	}
	orders(t, 0, "replay --on-failure --yes", "0 events published")
	wantNoEvents(t, "Billing")
}

func TestReplayMistakes(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   []string
	}{
		{"replay", 2, []string{"which orders", "--on-failure"}},
		{"replay --id A --on-failure", 2, []string{"one of --id, --from and --on-failure"}},
		{"replay --to 1h", 2, []string{"--to needs --from"}},
		{"replay --from yesterday", 2, []string{`"yesterday" is not a time`, "36h"}},
		{"replay --from 1h --to 2h", 2, []string{"is not before"}},
		{"replay --from 2999-01-01", 2, []string{"in the future"}},
		{"replay --id a/b", 2, []string{`"a/b" cannot be an order id`}},
		{"replay --id A --resume", 2, []string{"--resume continues a scan"}},
		{"replay --id A --rate 0", 2, []string{"is not a rate"}},
		{"replay --from 1h --segments 0", 2, []string{"--segments"}},
		{"replay --id A --to-subscriber Nobody", 2, []string{`"Nobody"`, "Billing"}},
		{"replay --id A --env dev", 1, []string{`"dev" is not deployed`}},
	} {
		t.Run(c.args, func(t *testing.T) { orders(t, c.status, c.args, c.says...) })
	}
	orders(t, 0, "replay --help", "Usage: orders replay", "on-failure")
}
