package recovery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/orderpipeline/orderpipeline/order"
)

// Span is a span of time that includes both ends.
type Span struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// Checkpoint is the progress of a scan of a table, per segment. Its JSON is kept in files.
type Checkpoint []Segment

// Segment is the progress of a scan in one part of a table.
type Segment struct {
	// Next is the key after which the scan continues. It is nil at the start of the segment.
	Next map[string]string `json:"next,omitempty"`
	// Done says that the segment was scanned to its end.
	Done bool `json:"done,omitempty"`
	// Published counts the orders of the segment, up to Next, whose events were published.
	Published int `json:"published,omitempty"`
}

// Published returns the number of orders whose events were published up to the checkpoint.
func (c Checkpoint) Published() (orders int) {
	for _, s := range c {
		orders += s.Published
	}
	return orders
}

// Between publishes the events of all orders again that were stored within one of the spans. It
// scans the whole table once, whatever the spans are. A Checkpoint must be of the same table and
// the same spans. replayed counts the events of this run only.
func (r *Replay) Between(ctx context.Context, spans ...Span) (replayed int, err error) {
	if len(spans) == 0 {
		return 0, nil
	}
	checkpoint := slices.Clone(r.Checkpoint)
	if len(checkpoint) == 0 {
		checkpoint = make(Checkpoint, max(1, r.Segments))
	}
	var total atomic.Int64
	var mu sync.Mutex
	update := func(segment int, change func(*Segment)) error {
		mu.Lock()
		defer mu.Unlock()
		change(&checkpoint[segment])
		if r.Save == nil {
			return nil
		}
		if err := r.Save(slices.Clone(checkpoint)); err != nil {
			return fmt.Errorf("save the checkpoint: %w", err)
		}
		return nil
	}
	if r.Workers <= 1 {
		for n := range checkpoint {
			replayed, err = r.segment(ctx, spans, n, len(checkpoint), checkpoint[n], update)
			total.Add(int64(replayed))
			if err != nil {
				break
			}
		}
	} else {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(r.Workers)
		for n, from := range slices.Clone(checkpoint) {
			group.Go(func() error {
				replayed, err := r.segment(ctx, spans, n, len(checkpoint), from, update)
				total.Add(int64(replayed))
				return err
			})
		}
		err = group.Wait()
	}
	return int(total.Load()), err
}

// segment scans one segment, from where an earlier run left it.
func (r *Replay) segment(
	ctx context.Context, spans []Span, n, of int, from Segment,
	update func(int, func(*Segment)) error,
) (replayed int, err error) {
	if from.Done {
		return 0, nil
	}
	first, last := spans[0].First, spans[0].Last
	for _, s := range spans[1:] {
		first, last = earlier(first, s.First), later(last, s.Last)
	}
	input := &dynamodb.ScanInput{
		TableName:        aws.String(r.TableName),
		FilterExpression: aws.String("#kind = :order AND #storedAt BETWEEN :first AND :last"),
		ExpressionAttributeNames: map[string]string{
			"#kind": order.AttrKind, "#storedAt": order.AttrStoredAt,
		},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":order": &types.AttributeValueMemberS{Value: order.KindOrder},
			":first": &types.AttributeValueMemberS{Value: clock(first)},
			":last":  &types.AttributeValueMemberS{Value: clock(last)},
		},
		ConsistentRead:         aws.Bool(true), // so that an order stored just now is not missed
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	if of > 1 {
		input.Segment, input.TotalSegments = aws.Int32(int32(n)), aws.Int32(int32(of))
	}
	input.ExclusiveStartKey = startKey(from.Next)
	for {
		if err := ctx.Err(); err != nil {
			return replayed, err
		}
		out, err := r.Orders.Scan(ctx, input)
		if err != nil {
			return replayed, fmt.Errorf("scan orders: %w", err)
		}
		items := slices.DeleteFunc(out.Items, func(i item) bool {
			return textOf(i, order.AttrKind) != order.KindOrder ||
				!within(textOf(i, order.AttrStoredAt), spans)
		})
		published, err := r.publish(ctx, items, func(done []item) error {
			return update(n, func(s *Segment) {
				s.Published += len(done)
				s.Next = nextKey(keyOf(done[len(done)-1]))
			})
		})
		replayed += published
		if err != nil {
			return replayed, err
		}
		input.ExclusiveStartKey = out.LastEvaluatedKey
		if err := update(n, func(s *Segment) {
			s.Next, s.Done = nextKey(out.LastEvaluatedKey), len(out.LastEvaluatedKey) == 0
		}); err != nil || len(out.LastEvaluatedKey) == 0 {
			return replayed, err
		}
		if r.WaitRead != nil && out.ConsumedCapacity != nil {
			if err := r.WaitRead(ctx, aws.ToFloat64(out.ConsumedCapacity.CapacityUnits)); err != nil {
				return replayed, err
			}
		}
	}
}

func clock(t time.Time) string { return t.UTC().Format(order.TimeFormat) }

// within compares texts, as DynamoDB's filter does.
func within(storedAt string, spans []Span) bool {
	return slices.ContainsFunc(spans, func(s Span) bool {
		return clock(s.First) <= storedAt && storedAt <= clock(s.Last)
	})
}

// keyOf is the key of an item, after which a scan can continue like after a page's last key.
func keyOf(i item) item {
	return item{order.AttrOrderID: i[order.AttrOrderID], order.AttrItem: i[order.AttrItem]}
}

// startKey and nextKey convert a key of the table, which consists of texts, from and to the form in
// a checkpoint.
func startKey(next map[string]string) item {
	if next == nil {
		return nil
	}
	key := item{}
	for name, value := range next {
		key[name] = &types.AttributeValueMemberS{Value: value}
	}
	return key
}

func nextKey(key item) map[string]string {
	if len(key) == 0 {
		return nil
	}
	next := map[string]string{}
	for name := range key {
		next[name] = textOf(key, name)
	}
	return next
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Merge joins spans that overlap or touch, and sorts them.
func Merge(spans []Span) (merged []Span) {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b Span) int { return a.First.Compare(b.First) })
	for _, s := range spans {
		if n := len(merged); n > 0 && !s.First.After(merged[n-1].Last) {
			merged[n-1].Last = later(merged[n-1].Last, s.Last)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}
