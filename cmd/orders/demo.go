package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/order"
)

const (
	demoOrders  = 20
	demoPatient = 60 * time.Second // for all orders to arrive everywhere; it takes a second or two
)

type demoCmd struct {
	Orders int `help:"How many sample orders (${default})." default:"20" placeholder:"N"`
}

// Help is the long help.
func (demoCmd) Help() string {
	return `Posts sample orders with nasty values, half of them one by one and half through the batch call, and half of them twice. Then it reads
the table and empties the queues of both demo subscribers with the AWS SDK and compares: each order stored once, its event at every
subscriber that asked for it (Billing: all; Shipping: channel "web"), document and event byte for byte. Environments local and dev only.

Example:

  orders demo --orders 200`
}

// Run runs the demo.
func (cmd *demoCmd) Run(ctx context.Context, a *app) error {
	if err := a.wantDemo("the demo posts made-up orders and empties queues"); err != nil {
		return err
	}
	if cmd.Orders < 1 {
		return &failure{what: "--orders must be at least 1", next: "leave it out for 20", status: usageStatus}
	}
	return demo(ctx, a, newClock(a.stdout), cmd.Orders)
}

// demoSubscribers says which events a demo subscriber asked for.
var demoSubscribers = map[string]func(document) bool{
	"Billing":  func(document) bool { return true },
	"Shipping": func(d document) bool { return sampleChannel(d) == "web" },
}

func demo(ctx context.Context, a *app, c *clock, n int) error {
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	for name := range demoSubscribers {
		if d.Subscriber(name) == nil {
			return &failure{what: fmt.Sprintf("the deployment has no demo subscriber %s", name), next: "deploy this version: " + a.self() + " up"}
		}
	}
	documents := make([]document, n)
	run := sampleRun("demo")
	for i := range documents {
		documents[i] = sampleOrder(run, i)
	}
	if err := checkDocuments(order.DefaultSchema(), documents); err != nil {
		return fmt.Errorf("the sample orders are not valid: %w", err) // a fault in sample.go
	}

	// Post: the first half one by one, the second half in batches; then half of them again, from both halves.
	half := n / 2
	singles, batched := documents[:half], documents[half:]
	again := slices.Concat(singles[:half/2], batched[:(n-half)/2])
	posts := []struct {
		documents []document
		batch     bool
		what      string
	}{
		{singles, false, "posted one by one"},
		{batched, true, "posted through the batch call"},
		{again[:half/2], false, "posted a second time, one by one"},
		{again[half/2:], true, "posted a second time, through the batch call"},
	}
	started := time.Now()
	for _, post := range posts {
		if len(post.documents) == 0 {
			continue
		}
		p := &poster{app: a, client: newClient(cfg, d, time.Minute), parallel: 4, batch: post.batch}
		if err := p.postAll(ctx, post.documents); err != nil {
			return err
		}
		c.step("%s %s, %s answered with 202", count(len(post.documents), "order"), post.what, count(int(p.calls.Load()), "request"))
	}

	// Wait for table and subscribers at once, each with the SDK.
	wait, cancel := context.WithTimeoutCause(ctx, demoPatient, errors.New("time is up"))
	defer cancel()
	group, wait := errgroup.WithContext(wait)
	stored := map[string]storedOrder{}
	group.Go(func() error {
		err := awaitStored(wait, dynamodb.NewFromConfig(cfg), d.TableName, documents, stored)
		c.step("table %s: %d of %d orders stored", d.TableName, len(stored), n)
		return err
	})
	var queues []*received
	for _, name := range slices.Sorted(maps.Keys(demoSubscribers)) {
		r := &received{subscriber: *d.Subscriber(name), run: run}
		for _, document := range documents {
			if demoSubscribers[name](document) {
				r.wanted = append(r.wanted, document)
			}
		}
		queues = append(queues, r)
		group.Go(func() error {
			err := r.await(wait, sqs.NewFromConfig(cfg))
			c.step("%s", r.summary())
			return err
		})
	}
	late := group.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	if late != nil && !errors.Is(late, context.DeadlineExceeded) {
		return late
	}

	// Read the table once more, now that the second posts have been worked off as well: has anything been added or changed?
	for id := range stored {
		if stored[id], _, err = readOrder(ctx, dynamodb.NewFromConfig(cfg), d.TableName, id); err != nil {
			return err
		}
	}

	// Compare.
	problems := checkStored(documents, stored)
	for _, r := range queues {
		problems = append(problems, r.check(stored)...)
	}
	if late != nil {
		problems = append(problems, fmt.Sprintf("not everything arrived within %v", demoPatient))
	}
	if len(problems) > 0 {
		for _, problem := range problems[:min(len(problems), maxProblems)] {
			fmt.Fprintln(a.stderr, problem)
		}
		return &failure{what: fmt.Sprintf("the demo found %s", count(len(problems), "fault")), next: "look at the functions' logs and at the queues: " + a.self() + " describe" + a.envFlag()}
	}
	c.step("every document in the table and every event is, byte for byte, what was posted; %.1f s from the first post", time.Since(started).Seconds())
	if d.Env != contract.EnvironmentLocal {
		return nil
	}
	a.printf(`
It keeps running at %[2]s. Next:
  %[1]s status %[3]s
  %[1]s post --sample 3
  %[1]s events
  %[1]s describe
  %[1]s --help
  make local-down
`, a.self(), d.Endpoint, documents[0].id)
	return nil
}

// storedOrder is what the table has under an order id.
type storedOrder struct {
	document, hash, storedAt string
	others                   int // items beside the order: refusals
}

// awaitStored polls the table until each order is in it.
func awaitStored(ctx context.Context, client *dynamodb.Client, table string, documents []document, stored map[string]storedOrder) error {
	for {
		for _, d := range documents {
			if _, done := stored[d.id]; done {
				continue
			}
			found, ok, err := readOrder(ctx, client, table, d.id)
			if err != nil {
				return err
			}
			if ok {
				stored[d.id] = found
			}
		}
		if len(stored) == len(documents) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.DeadlineExceeded
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func readOrder(ctx context.Context, client *dynamodb.Client, table, id string) (found storedOrder, ok bool, err error) {
	got, err := client.Query(ctx, &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("#id = :id"),
		ExpressionAttributeNames:  map[string]string{"#id": order.AttrOrderID},
		ExpressionAttributeValues: map[string]ddb.AttributeValue{":id": &ddb.AttributeValueMemberS{Value: id}},
	})
	if err != nil {
		return found, false, fmt.Errorf("read order %s from the table: %w", id, err)
	}
	for _, item := range got.Items {
		if text(item[order.AttrItem]) != order.ItemOrder {
			found.others++
			continue
		}
		ok = true
		found.document, found.hash, found.storedAt = text(item[order.AttrDocument]), text(item[order.AttrHash]), text(item[order.AttrStoredAt])
	}
	return found, ok, nil
}

func text(value ddb.AttributeValue) string {
	if s, ok := value.(*ddb.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// checkStored compares the table with what was posted.
func checkStored(documents []document, stored map[string]storedOrder) (problems []string) {
	for _, d := range documents {
		s, ok := stored[d.id]
		switch {
		case !ok:
			problems = append(problems, fmt.Sprintf("table: order %s is missing", d.id))
		case s.document != string(d.bytes):
			problems = append(problems, fmt.Sprintf("table: order %s differs from what was posted:\n  posted %q\n  stored %q", d.id, d.bytes, s.document))
		case s.others > 0:
			problems = append(problems, fmt.Sprintf("table: %s of order %s", count(s.others, "refusal"), d.id))
		}
	}
	return problems
}

// received is what a demo subscriber's queue gave.
type received struct {
	subscriber deployment.Subscriber
	run        string // what this run's order ids begin with
	wanted     []document
	bodies     map[string][]string // by order id: every message
	strangers  int                 // events of other orders, and what is no event
}

// await empties the queue until an event of each wanted order has come, and then until nothing more comes.
func (r *received) await(ctx context.Context, client *sqs.Client) error {
	r.bodies = map[string][]string{}
	take := func(message types.Message) bool {
		var e event
		body := aws.ToString(message.Body)
		if err := json.Unmarshal([]byte(body), &e); err != nil || !strings.HasPrefix(e.Subject, r.run+"-") {
			r.strangers++
			return true
		}
		r.bodies[e.Subject] = append(r.bodies[e.Subject], body)
		return true
	}
	for !r.complete() {
		if err := receive(ctx, client, r.subscriber, time.Second, take); err != nil {
			if ctx.Err() != nil {
				return context.DeadlineExceeded
			}
			return err
		}
	}
	// What should not come (a second event, another channel's) has this long to show itself.
	return receive(ctx, client, r.subscriber, 2*time.Second, take)
}

func (r *received) complete() bool {
	for _, d := range r.wanted {
		if len(r.bodies[d.id]) == 0 {
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
	line := fmt.Sprintf("subscriber %s: events of %d of %d orders", r.subscriber.Name, len(r.bodies), len(r.wanted))
	if extra := messages - len(r.bodies); extra > 0 {
		line += fmt.Sprintf(", %d of them more than once (at least once is the promise)", extra)
	}
	if r.strangers > 0 {
		line += fmt.Sprintf("; %s of earlier orders removed", count(r.strangers, "event"))
	}
	return line
}

// check compares the events with what they must be, made here from the posted document.
func (r *received) check(stored map[string]storedOrder) (problems []string) {
	fault := func(format string, args ...any) {
		problems = append(problems, "subscriber "+r.subscriber.Name+": "+fmt.Sprintf(format, args...))
	}
	left := maps.Clone(r.bodies)
	for _, d := range r.wanted {
		bodies := left[d.id]
		delete(left, d.id)
		if len(bodies) == 0 {
			fault("no event of order %s", d.id)
			continue
		}
		for _, body := range bodies {
			var e event
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				fault("the event of order %s is not JSON: %v", d.id, err)
				continue
			}
			want := order.EventFormat{Source: e.Source, Type: e.Type}.Encode(d.id, stored[d.id].storedAt, d.bytes)
			if !bytes.Equal([]byte(body), want) {
				fault("the event of order %s differs:\n  want %q\n  got  %q", d.id, want, body)
			}
		}
	}
	for id := range left {
		fault("an event of order %s, which it did not ask for", id)
	}
	return problems
}
