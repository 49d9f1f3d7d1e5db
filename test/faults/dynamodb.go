package faults

import (
	"context"
	"hash/fnv"
	"maps"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/orderpipeline/orderpipeline/order"
)

type item = map[string]types.AttributeValue

type key struct{ orderID, item string }

// table models DynamoDB: conditional writes, and a stream of what was inserted.
type table struct {
	items map[key]item
	keys  []key // in the order of their first write
	// unfiltered is a stream whose event source mapping has lost its filter.
	unfiltered bool
	// rehashed is a table in which another release has hashed the items.
	rehashed bool
}

// PutItem is the processor's write.
func (w *World) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	k := key{text(in.Item, order.AttrOrderID), text(in.Item, order.AttrItem)}
	site := PutOrder
	if strings.HasPrefix(k.item, order.ItemRefusalPrefix) {
		site = PutRefusal
	}
	return call(w, ctx, site, k.orderID,
		func(Kind) (*dynamodb.PutItemOutput, error) { return w.put(k, in) })
}

func (w *World) put(k key, in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
	existing, taken := w.table.items[k]
	if condition := aws.ToString(in.ConditionExpression); condition != "" && condition != notTaken {
		w.violated("condition", "the model does not know %q", condition)
	}
	if taken && in.ConditionExpression != nil {
		failed := &types.ConditionalCheckFailedException{}
		if in.ReturnValuesOnConditionCheckFailure == types.ReturnValuesOnConditionCheckFailureAllOld {
			failed.Item = existing
		}
		return nil, failed
	}
	if taken && k.item == order.ItemOrder {
		w.violated("stored-once", "order %s was written again", k.orderID)
	}
	if w.table.rehashed && k.item == order.ItemOrder {
		in.Item = maps.Clone(in.Item)
		in.Item[order.AttrHash] = &types.AttributeValueMemberS{Value: "another"}
		in.Item[order.AttrHashVersion] = &types.AttributeValueMemberN{Value: "0"}
	}
	w.table.items[k] = in.Item
	if !taken {
		w.table.keys = append(w.table.keys, k)
		w.stream(k, in.Item)
	}
	return &dynamodb.PutItemOutput{}, nil
}

// notTaken is the condition that a key is free.
const notTaken = "attribute_not_exists(orderId)"

func digits(i item, name string) string {
	if value, ok := i[name].(*types.AttributeValueMemberN); ok {
		return value.Value
	}
	return ""
}

// TransactWriteItems is the processor's write of a refusal, and of an order when there is a
// business step: an item, with a condition on another item.
func (w *World) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	put, check := in.TransactItems[0].Put, in.TransactItems[1].ConditionCheck
	k := key{text(put.Item, order.AttrOrderID), text(put.Item, order.AttrItem)}
	site := PutOrder
	if strings.HasPrefix(k.item, order.ItemRefusalPrefix) {
		site = PutRefusal
	}
	done := false // the SDK sends a token with a transaction, so that a second try has no effect
	return call(w, ctx, site, k.orderID, func(Kind) (*dynamodb.TransactWriteItemsOutput, error) {
		if done {
			return &dynamodb.TransactWriteItemsOutput{}, nil
		}
		reasons := []types.CancellationReason{{Code: aws.String("None")}, {Code: aws.String("None")}}
		failed := false
		if existing, taken := w.table.items[k]; taken && put.ConditionExpression != nil {
			reasons[0], failed = types.CancellationReason{Code: aws.String("ConditionalCheckFailed"),
				Item: existing}, true
		}
		other, ok := w.table.items[key{text(check.Key, order.AttrOrderID),
			text(check.Key, order.AttrItem)}]
		switch condition := aws.ToString(check.ConditionExpression); condition {
		case notTaken:
		case notTaken + " OR #hash <> :hash AND #version = :version":
			ok = ok && (text(other, order.AttrHash) == text(check.ExpressionAttributeValues, ":hash") ||
				digits(other, order.AttrHashVersion) != digits(check.ExpressionAttributeValues, ":version"))
		default:
			w.violated("condition", "the model does not know %q", condition)
		}
		if ok {
			reasons[1], failed = types.CancellationReason{Code: aws.String("ConditionalCheckFailed"),
				Item: other}, true
		}
		if !failed && !w.quiet && w.rng.IntN(40) == 0 {
			ctx.Value(invocationKey{}).(*invocation).failed[k.orderID] = true
			reasons[0], failed = types.CancellationReason{Code: aws.String("TransactionConflict")}, true
		}
		if failed {
			return nil, &types.TransactionCanceledException{CancellationReasons: reasons}
		}
		done = true
		_, err := w.put(k, &dynamodb.PutItemInput{Item: put.Item})
		return &dynamodb.TransactWriteItemsOutput{}, err
	})
}

// stream appends a new item to the stream, unless the mapping's filter drops it.
func (w *World) stream(k key, i item) {
	if text(i, order.AttrKind) != order.KindOrder && !w.table.unfiltered {
		return
	}
	image := map[string]events.DynamoDBAttributeValue{}
	for name, value := range i {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			image[name] = events.NewStringAttribute(v.Value)
		case *types.AttributeValueMemberN:
			image[name] = events.NewNumberAttribute(v.Value)
		}
	}
	h := fnv.New32()
	h.Write([]byte(k.orderID))
	s := w.shards[h.Sum32()%uint32(len(w.shards))]
	s.records = append(s.records, record{w.clock, events.DynamoDBEventRecord{
		EventName: "INSERT",
		Change:    events.DynamoDBStreamRecord{SequenceNumber: w.id("seq"), NewImage: image},
	}})
}

// GetItem is the operator's read.
func (w *World) GetItem(_ context.Context, in *dynamodb.GetItemInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{Item: w.table.items[key{text(in.Key, order.AttrOrderID),
		text(in.Key, order.AttrItem)}]}, nil
}

// Scan is the operator's read of the orders stored within a span of time. It returns a segment of
// the table, two items per page.
func (w *World) Scan(_ context.Context, in *dynamodb.ScanInput,
	_ ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	const page = 2
	first, last := text(in.ExpressionAttributeValues, ":first"), text(in.ExpressionAttributeValues,
		":last")
	var segment []key
	for n, k := range w.table.keys {
		if in.TotalSegments == nil || int32(n)%*in.TotalSegments == *in.Segment {
			segment = append(segment, k)
		}
	}
	start := 0
	if in.ExclusiveStartKey != nil {
		for start < len(segment) && segment[start].orderID+
			segment[start].item != text(in.ExclusiveStartKey, "at") {
			start++
		}
	}
	out := &dynamodb.ScanOutput{}
	for n, k := range segment[start:] {
		if n == page {
			out.LastEvaluatedKey = item{"at": &types.AttributeValueMemberS{Value: k.orderID + k.item}}
			break
		}
		i := w.table.items[k]
		if at := text(i, order.AttrStoredAt); text(i, order.AttrKind) == order.KindOrder && first <= at &&
			at <= last {
			out.Items = append(out.Items, i)
		}
	}
	return out, nil
}

func text(i item, name string) string {
	if value, ok := i[name].(*types.AttributeValueMemberS); ok {
		return value.Value
	}
	return ""
}
