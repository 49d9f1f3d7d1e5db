package recovery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/order"
)

// Orders is what Replay needs of DynamoDB.
type Orders interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Publisher publishes a batch of a table's stream, as publisher.Handler does.
type Publisher interface {
	Handle(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error)
}

// Replay publishes the events of stored orders again. It reads the orders from the table and gives them to the publisher
// itself, as if the stream had brought them: the events have the same ids and bytes as the first time.
type Replay struct {
	Orders    Orders
	TableName string
	Publisher Publisher
	Queues    Queues
}

// ByID publishes one order's event again. Replayed is 0 when no order is stored under the id.
func (r *Replay) ByID(ctx context.Context, orderID string) (replayed int, err error) {
	out, err := r.Orders.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(r.TableName),
		Key: map[string]types.AttributeValue{
			order.AttrOrderID: &types.AttributeValueMemberS{Value: orderID},
			order.AttrItem:    &types.AttributeValueMemberS{Value: order.ItemOrder},
		},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return 0, fmt.Errorf("read order: %w", err)
	}
	if len(out.Item) == 0 {
		return 0, nil
	}
	return r.publish(ctx, []map[string]types.AttributeValue{out.Item})
}

// Between publishes the events of all orders stored from first to last, both included, again. It scans the whole table.
func (r *Replay) Between(ctx context.Context, first, last time.Time) (replayed int, err error) {
	input := &dynamodb.ScanInput{
		TableName:        aws.String(r.TableName),
		FilterExpression: aws.String("#kind = :order AND #storedAt BETWEEN :first AND :last"),
		ExpressionAttributeNames: map[string]string{
			"#kind": order.AttrKind, "#storedAt": order.AttrStoredAt,
		},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":order": &types.AttributeValueMemberS{Value: order.KindOrder},
			":first": &types.AttributeValueMemberS{Value: first.UTC().Format(order.TimeFormat)},
			":last":  &types.AttributeValueMemberS{Value: last.UTC().Format(order.TimeFormat)},
		},
		ConsistentRead: aws.Bool(true),
	}
	for {
		out, err := r.Orders.Scan(ctx, input)
		if err != nil {
			return replayed, fmt.Errorf("scan orders: %w", err)
		}
		n, err := r.publish(ctx, out.Items)
		replayed += n
		if err != nil || len(out.LastEvaluatedKey) == 0 {
			return replayed, err
		}
		input.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// OnFailure publishes what the messages of the on-failure queue name, each deleted once its events are out. Messages sent
// after before stay: what can never be published is put aside once more by the replay itself, and a run that took its own
// messages up would not end. A message that nobody can read stays too, does not hold up the others, and is part of the error.
func (r *Replay) OnFailure(ctx context.Context, url string, before time.Time) (replayed int, err error) {
	var unreadable []error
	err = drain(ctx, r.Queues, url, math.MaxInt, func(message sqstypes.Message) error {
		sent, err := strconv.ParseInt(message.Attributes[string(sqstypes.MessageSystemAttributeNameSentTimestamp)], 10, 64)
		if err == nil && time.UnixMilli(sent).After(before) {
			return errLeave
		}
		failure, err := ParseFailure([]byte(aws.ToString(message.Body)))
		if err != nil {
			unreadable = append(unreadable, fmt.Errorf("message %s: %w", aws.ToString(message.MessageId), err))
			return errLeave
		}
		var n int
		if failure.OrderID != "" {
			n, err = r.ByID(ctx, failure.OrderID)
		} else {
			n, err = r.Between(ctx, failure.First, failure.Last)
		}
		replayed += n
		return err
	})
	return replayed, errors.Join(append(unreadable, err)...)
}

// publish gives the items to the publisher in batches as the stream does.
func (r *Replay) publish(ctx context.Context, items []map[string]types.AttributeValue) (published int, err error) {
	for len(items) > 0 {
		batch := events.DynamoDBEvent{}
		for i := 0; i < len(items) && i < 100; i++ {
			batch.Records = append(batch.Records, record(i, items[i]))
		}
		response, err := r.Publisher.Handle(ctx, batch)
		if err != nil {
			return published, err
		}
		if len(response.BatchItemFailures) > 0 {
			return published, errors.New("some events could not be published; run it again")
		}
		published, items = published+len(batch.Records), items[len(batch.Records):]
	}
	return published, nil
}

func record(index int, item map[string]types.AttributeValue) events.DynamoDBEventRecord {
	image := map[string]events.DynamoDBAttributeValue{}
	for name, value := range item {
		if s, ok := value.(*types.AttributeValueMemberS); ok {
			image[name] = events.NewStringAttribute(s.Value)
		}
	}
	return events.DynamoDBEventRecord{
		EventName: string(events.DynamoDBOperationTypeInsert),
		Change:    events.DynamoDBStreamRecord{SequenceNumber: fmt.Sprint(index), NewImage: image},
	}
}
