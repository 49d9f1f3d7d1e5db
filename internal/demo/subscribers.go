package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/documents"
	"github.com/orderpipeline/orderpipeline/internal/queues"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
	"github.com/orderpipeline/orderpipeline/order"
)

// received is what a demo subscriber received.
type received struct {
	subscriber deployment.Subscriber
	run        string // prefix of this run's order ids
	wanted     []documents.Document
	bodies     map[string][]string // every message, by order id
	others     int                 // messages that are not events of this run
}

// await empties the queue until an event of each wanted order has arrived, and then until nothing
// more arrives.
func (r *received) await(ctx context.Context, client *sqs.Client) error {
	r.bodies = map[string][]string{}
	take := func(body string) bool {
		var e queues.Event
		if json.Unmarshal([]byte(body), &e) != nil || !strings.HasPrefix(e.Subject, r.run+"-") {
			r.others++
			return true
		}
		r.bodies[e.Subject] = append(r.bodies[e.Subject], body)
		return true
	}
	for !r.complete() {
		if err := queues.Consume(ctx, client, r.subscriber, time.Second, take); err != nil {
			if ctx.Err() != nil {
				return context.DeadlineExceeded
			}
			return err
		}
	}
	// What should not arrive (a second event, another channel's) has this long to do so.
	return queues.Consume(ctx, client, r.subscriber, 2*time.Second, take)
}

func (r *received) complete() bool {
	for _, d := range r.wanted {
		if len(r.bodies[d.ID]) == 0 {
			return false
		}
	}
	return true
}

func (r *received) summary() string {
	messages := 0
	for _, bodies := range r.bodies {
		messages += len(bodies)
	}
	line := fmt.Sprintf("subscriber %s: events of %d of %d orders",
		r.subscriber.Name, len(r.bodies), len(r.wanted))
	if extra := messages - len(r.bodies); extra > 0 {
		line += fmt.Sprintf(", %s more than once (delivery is at least once)",
			terminal.Count(extra, "event"))
	}
	if r.others > 0 {
		line += fmt.Sprintf("; %s of earlier orders removed", terminal.Count(r.others, "event"))
	}
	return line
}

// check compares the events with those that the posted documents must have.
func (r *received) check(stored map[string]storedOrder) (problems []string) {
	problem := func(format string, args ...any) {
		problems = append(problems,
			"subscriber "+r.subscriber.Name+": "+fmt.Sprintf(format, args...))
	}
	left := maps.Clone(r.bodies)
	for _, d := range r.wanted {
		bodies := left[d.ID]
		delete(left, d.ID)
		if len(bodies) == 0 {
			problem("no event of order %s", d.ID)
		}
		for _, body := range bodies {
			var e queues.Event
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				problem("the event of order %s is not JSON: %v", d.ID, err)
				continue
			}
			format := order.EventFormat{Source: e.Source, Type: e.Type}
			want := string(format.Encode(d.ID, stored[d.ID].storedAt, d.Bytes))
			if body != want {
				problem("the event of order %s differs:\n  want %q\n  got  %q", d.ID, want, body)
			}
		}
	}
	for id := range left {
		problem("unexpected event of order %s, which its filter excludes", id)
	}
	return problems
}
