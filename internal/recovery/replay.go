package recovery

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/publishing"
	"github.com/orderpipeline/orderpipeline/order"
)

// Orders is what Replay needs of DynamoDB.
type Orders interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (
		*dynamodb.GetItemOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (
		*dynamodb.ScanOutput, error)
}

// Replay publishes the events of stored orders again. It reads the orders from the table: the
// events have the same ids and bytes as the first time. What it returns as replayed are the events
// that are out by then, also after an error, and those that can never be published.
type Replay struct {
	// Orders is the DynamoDB client. Required.
	Orders Orders
	// TableName is the table of the orders. Required.
	TableName string
	// Publisher makes and publishes the events, with the settings of the deployed publisher.
	// Required.
	Publisher *publishing.Publisher
	// Unpublishable receives each event that can never be published. It must be safe for concurrent
	// use when there are several Workers. Default: not called.
	Unpublishable func(publishing.Event)
	// Queues is the SQS client. Required by Failures and OnFailure.
	Queues Queues
	// Now returns the time. Default: time.Now.
	Now func() time.Time
	// Batch is how many orders are published at a time, 1 to 100. With a slow Wait it should be
	// small. Default: 100.
	Batch int
	// Wait is called before each batch of orders is published, for a rate limit. Default: no limit.
	Wait func(ctx context.Context, orders int) error
	// WaitRead is called after each page of a scan with its cost in read request units. Default: no
	// limit.
	WaitRead func(ctx context.Context, units float64) error
	// Published is called with the number of events of each batch that are out. It must be safe for
	// concurrent use when there are several Workers. Default: not called.
	Published func(events int)
	// DryRun is called with each event, instead of publishing it. It must be safe for concurrent use
	// when there are several Workers. Default: the events are published.
	DryRun func(publishing.Event)
	// Segments is the number of parts into which a scan divides the table. Default: 1.
	Segments int
	// Workers is the number of segments that are scanned at a time. Default: 1.
	Workers int
	// Checkpoint is the progress of an earlier run's scan, from which this one continues. Default:
	// the start.
	Checkpoint Checkpoint
	// Save keeps a checkpoint after each batch of events that is out. It is called by one worker at
	// a time. Default: not called.
	Save func(Checkpoint) error

	// onFailureURL is the queue for failure records. Empty: none are sent.
	onFailureURL string
}

// ByID publishes the events of orders again, by order id. missing are the ids under which no order
// is stored.
func (r *Replay) ByID(
	ctx context.Context, orderIDs ...string,
) (replayed int, missing []string, err error) {
	for ids := range slices.Chunk(orderIDs, r.batch()) {
		var items []item
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return replayed, missing, err
			}
			out, err := r.Orders.GetItem(ctx, &dynamodb.GetItemInput{
				TableName: aws.String(r.TableName),
				Key: item{
					order.AttrOrderID: &types.AttributeValueMemberS{Value: id},
					order.AttrItem:    &types.AttributeValueMemberS{Value: order.ItemOrder},
				},
				ConsistentRead: aws.Bool(true),
			})
			if err != nil {
				return replayed, missing, fmt.Errorf("read order %s: %w", id, err)
			}
			if textOf(out.Item, order.AttrKind) != order.KindOrder { // a tombstone has the same key
				missing = append(missing, id)
				continue
			}
			items = append(items, out.Item)
		}
		n, err := r.publish(ctx, items, nil)
		replayed += n
		if err != nil {
			return replayed, missing, err
		}
	}
	return replayed, missing, nil
}

type item = map[string]types.AttributeValue

func (r *Replay) batch() int {
	if r.Batch < 1 || r.Batch > contract.StreamBatchSize {
		return contract.StreamBatchSize
	}
	return r.Batch
}

// publish publishes the events of items, and calls out with the items whose events are out, in
// order and each once. The end of ctx does not cut off a batch.
func (r *Replay) publish(
	ctx context.Context, items []item, out func([]item) error,
) (replayed int, err error) {
	for chunk := range slices.Chunk(items, r.batch()) {
		if err := ctx.Err(); err != nil {
			return replayed, err
		}
		n, done, err := r.publishBatch(ctx, chunk)
		replayed += n
		if r.Published != nil {
			r.Published(n)
		}
		if out != nil && done > 0 {
			if err := out(chunk[:done]); err != nil {
				return replayed, err
			}
		}
		if err != nil {
			return replayed, err
		}
	}
	return replayed, nil
}

// publishBatch publishes one batch. replayed counts the events that are out, done the first items
// of the batch of which all are.
func (r *Replay) publishBatch(ctx context.Context, items []item) (replayed, done int, err error) {
	if r.DryRun != nil {
		for _, e := range r.events(items) {
			r.DryRun(e)
		}
		return len(items), len(items), nil
	}
	if r.Wait != nil {
		if err := r.Wait(ctx, len(items)); err != nil {
			return 0, 0, err
		}
	}
	result, err := r.Publisher.Publish(context.WithoutCancel(ctx), r.events(items), r.fail)
	replayed = result.Published + result.Failed
	if err != nil {
		return replayed, result.Unfinished, fmt.Errorf("publish events: %w", err)
	}
	return replayed, len(items), nil
}

// events makes the events of items.
func (r *Replay) events(items []item) iter.Seq2[int, publishing.Event] {
	return func(yield func(int, publishing.Event) bool) {
		for i, stored := range items {
			event := r.Publisher.Event(publishing.Stored{
				OrderID:  textOf(stored, order.AttrOrderID),
				StoredAt: textOf(stored, order.AttrStoredAt),
				Document: textOf(stored, order.AttrDocument),
			})
			if !yield(i, event) {
				return
			}
		}
	}
}

// fail reports an event that can never be published. Its failure record goes back to the on-failure
// queue, when the replay is of that queue.
func (r *Replay) fail(ctx context.Context, _ int, e publishing.Event) error {
	if r.onFailureURL != "" {
		if err := publishing.SendFailure(ctx, r.Queues, r.onFailureURL, e, ""); err != nil {
			return err
		}
	}
	if r.Unpublishable != nil {
		r.Unpublishable(e)
	}
	return nil
}

func textOf(i item, name string) string {
	if value, ok := i[name].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return ""
}
