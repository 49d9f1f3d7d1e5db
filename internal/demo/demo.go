// Package demo posts sample orders and compares, byte by byte, what arrives in the table and at the
// demo subscribers.
package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/sync/errgroup"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/documents"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/ordersapi"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
	"github.com/orderpipeline/orderpipeline/order"
)

// patience is how long all orders may take to arrive everywhere. They take a second or two.
const patience = 60 * time.Second

// subscribers says which orders each demo subscriber has asked for.
var subscribers = map[string]func(documents.Document) bool{
	"Billing":  func(documents.Document) bool { return true },
	"Shipping": func(d documents.Document) bool { return d.Channel() == "web" },
}

// Demo is one run.
type Demo struct {
	// Config is the AWS configuration. Deployment is where to post.
	Config     aws.Config
	Deployment *deployment.Deployment
	// Step reports progress. It must be safe for concurrent use.
	Step func(format string, args ...any)
	// Command returns a command line of the operator's command.
	Command func(args string) string

	run       string // prefix of this run's order ids
	documents []documents.Document
	table     *dynamodb.Client
}

// Run posts n sample orders and returns the id of the first one, and every difference between what
// was posted and what arrived.
func (d *Demo) Run(ctx context.Context, n int) (firstID string, problems []string, err error) {
	for name := range subscribers {
		if d.Deployment.Subscriber(name) == nil {
			return "", nil, &failure.Error{
				What: fmt.Sprintf("the deployment has no demo subscriber %s", name),
				Next: "deploy this version: " + d.Command("up"),
			}
		}
	}
	d.run, d.table = documents.NewRun("demo"), dynamodb.NewFromConfig(d.Config)
	for i := range n {
		d.documents = append(d.documents, documents.Sample(d.run, i))
	}
	if err := documents.Check(order.DefaultSchema(), d.documents); err != nil {
		return "", nil, fmt.Errorf("sample orders: %w", err) // a fault in the samples
	}
	started := time.Now()
	if err := d.post(ctx); err != nil {
		return "", nil, err
	}
	stored, queues, late := d.await(ctx)
	if err := ctx.Err(); err != nil {
		return "", nil, err
	}
	if late != nil && !errors.Is(late, context.DeadlineExceeded) {
		return "", nil, late
	}
	// By now the second posts are processed too: they must not have added or changed anything.
	for id := range stored {
		if stored[id], _, err = d.readOrder(ctx, id); err != nil {
			return "", nil, err
		}
	}
	problems = checkStored(d.documents, stored)
	for _, r := range queues {
		problems = append(problems, r.check(stored)...)
	}
	if late != nil {
		problems = append(problems, fmt.Sprintf("not everything arrived within %v", patience))
	}
	if len(problems) == 0 {
		d.Step("every document in the table and every event is, byte for byte, what was posted; "+
			"%.1f s from the first post", time.Since(started).Seconds())
	}
	return d.documents[0].ID, problems, nil
}

// post posts the first half one by one and the second half in batches, then half of both again.
func (d *Demo) post(ctx context.Context) error {
	n := len(d.documents)
	singles, batched := d.documents[:n/2], d.documents[n/2:]
	again := slices.Concat(singles[:n/4], batched[:(n-n/2)/2])
	for _, post := range []struct {
		documents []documents.Document
		batch     bool
		what      string
	}{
		{singles, false, "posted one by one"},
		{batched, true, "posted through the batch call"},
		{again[:n/4], false, "posted a second time, one by one"},
		{again[n/4:], true, "posted a second time, through the batch call"},
	} {
		if len(post.documents) == 0 {
			continue
		}
		requests := ordersapi.Requests(post.documents, post.batch)
		client := ordersapi.New(d.Config, d.Deployment.APIURL, time.Minute)
		err := client.Post(ctx, requests, 4,
			func(_ ordersapi.Request, a *ordersapi.Answer, err error) error {
				if err != nil || a.Code == http.StatusAccepted {
					return err
				}
				return &failure.Error{What: "the API does not accept orders: " + a.String(),
					Next: a.Next(d.Command)}
			})
		if err != nil {
			return err
		}
		d.Step("%s %s, %s answered with 202", terminal.Count(len(post.documents), "order"), post.what,
			terminal.Count(len(requests), "request"))
	}
	return nil
}

// await waits for the table and the subscribers at the same time. Its error is DeadlineExceeded
// when something did not arrive in time.
func (d *Demo) await(ctx context.Context) (map[string]storedOrder, []*received, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	stored := map[string]storedOrder{}
	group.Go(func() error {
		err := d.awaitStored(ctx, stored)
		d.Step("table %s: %d of %d orders stored", d.Deployment.TableName, len(stored), len(d.documents))
		return err
	})
	var queues []*received
	for _, name := range slices.Sorted(maps.Keys(subscribers)) {
		r := &received{subscriber: *d.Deployment.Subscriber(name), run: d.run}
		for _, document := range d.documents {
			if subscribers[name](document) {
				r.wanted = append(r.wanted, document)
			}
		}
		queues = append(queues, r)
		group.Go(func() error {
			err := r.await(ctx, sqs.NewFromConfig(d.Config))
			d.Step("%s", r.summary())
			return err
		})
	}
	err := group.Wait()
	return stored, queues, err
}

// storedOrder is what the table holds under an order id.
type storedOrder struct {
	document, storedAt string
	others             int // items besides the order: refusals
}

// awaitStored polls the table until it holds each order.
func (d *Demo) awaitStored(ctx context.Context, stored map[string]storedOrder) error {
	for {
		for _, document := range d.documents {
			if _, done := stored[document.ID]; done {
				continue
			}
			found, ok, err := d.readOrder(ctx, document.ID)
			if err != nil {
				return err
			}
			if ok {
				stored[document.ID] = found
			}
		}
		if len(stored) == len(d.documents) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.DeadlineExceeded
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (d *Demo) readOrder(ctx context.Context, id string) (found storedOrder, ok bool, err error) {
	got, err := d.table.Query(ctx, &dynamodb.QueryInput{
		TableName: &d.Deployment.TableName, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:   aws.String("#id = :id"),
		ExpressionAttributeNames: map[string]string{"#id": order.AttrOrderID},
		ExpressionAttributeValues: map[string]ddb.AttributeValue{
			":id": &ddb.AttributeValueMemberS{Value: id},
		},
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
		found.document, found.storedAt = text(item[order.AttrDocument]), text(item[order.AttrStoredAt])
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
func checkStored(all []documents.Document, stored map[string]storedOrder) (problems []string) {
	for _, d := range all {
		s, ok := stored[d.ID]
		switch {
		case !ok:
			problems = append(problems, fmt.Sprintf("table: order %s is missing", d.ID))
		case s.document != string(d.Bytes):
			problems = append(problems, fmt.Sprintf(
				"table: order %s differs from what was posted:\n  posted %q\n  stored %q",
				d.ID, d.Bytes, s.document))
		case s.others > 0:
			problems = append(problems, fmt.Sprintf("table: %s of order %s",
				terminal.Count(s.others, "refusal"), d.ID))
		}
	}
	return problems
}
