package processor

import (
	"context"
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

type item = map[string]types.AttributeValue

// verdict is what became of an order that is good as such.
type verdict int

const (
	stored    verdict = iota // it was written now
	duplicate                // the same document is there already
	refused
)

// settle writes the order unless its id is taken, or its refusal where it is to be refused (refusal not nil). It gives the
// verdict that stands in the table afterwards, be it this one or one of before.
func (h *Handler) settle(ctx context.Context, from origin, o order.Order, output []byte, refusal *order.Refusal) (verdict, *order.Refusal, error) {
	if refusal != nil {
		return h.settleRefusal(ctx, from, o, refusal)
	}
	if h.Step == nil {
		existing, err := h.putNew(ctx, h.orderItem(from, o, output))
		return h.compare(ctx, from, existing, o, err)
	}
	// A step may decide otherwise the next time, so the order is written on the condition that it was not refused. Without a
	// step the document alone decides, and a plain write, at half the price, is enough.
	existing, refusedBefore, err := h.putNewUnless(ctx, h.orderItem(from, o, output), types.ConditionCheck{
		Key:                 key(o.ID, order.RefusalItem(o.Hash)),
		ConditionExpression: aws.String(isNew),
	})
	if err == nil && existing == nil && refusedBefore != nil {
		return refused, refusalOf(refusedBefore), nil
	}
	return h.compare(ctx, from, existing, o, err)
}

// settleRefusal writes a refusal on the condition that the document is not stored: a step may have decided otherwise, an
// earlier release may have accepted it, or it may be the same order with less white space.
func (h *Handler) settleRefusal(ctx context.Context, from origin, o order.Order, refusal *order.Refusal) (verdict, *order.Refusal, error) {
	if o.ID == "" {
		return refused, refusal, nil
	}
	refusalItem := h.refusalItem(from, o, refusal)
	refusedBefore, storedBefore, err := h.putNewUnless(ctx, refusalItem, types.ConditionCheck{
		Key:                       key(o.ID, order.ItemOrder),
		ConditionExpression:       aws.String(isNew + " OR #hash <> :hash AND #version = :version"),
		ExpressionAttributeNames:  map[string]string{"#hash": order.AttrHash, "#version": order.AttrHashVersion},
		ExpressionAttributeValues: item{":hash": text(o.Hash), ":version": number(order.HashVersion)},
	})
	if err == nil && storedBefore != nil {
		var same bool
		if same, err = h.sameDocument(storedBefore, o); err != nil || same {
			return duplicate, nil, err
		}
		refusedBefore, err = h.putNew(ctx, refusalItem) // another document, hashed by another release
	}
	if err != nil {
		return refused, nil, err
	}
	if refusedBefore != nil {
		refusal = refusalOf(refusedBefore)
	}
	return refused, refusal, nil
}

// compare gives the verdict on an order whose write met an existing item, nil for none.
func (h *Handler) compare(ctx context.Context, from origin, existing item, o order.Order, err error) (verdict, *order.Refusal, error) {
	if err != nil || existing == nil {
		return stored, nil, err
	}
	same, err := h.sameDocument(existing, o)
	if err != nil || same {
		return duplicate, nil, err
	}
	return h.settleRefusal(ctx, from, o, &order.Refusal{Code: order.Conflict})
}

func (h *Handler) orderItem(from origin, o order.Order, output []byte) item {
	now := h.Now().UTC()
	i := item{
		order.AttrOrderID:     text(o.ID),
		order.AttrItem:        text(order.ItemOrder),
		order.AttrKind:        text(order.KindOrder),
		order.AttrDocument:    text(string(o.Document)),
		order.AttrHash:        text(o.Hash),
		order.AttrHashVersion: number(order.HashVersion),
		order.AttrStoredAt:    text(now.Format(order.TimeFormat)),
		order.AttrAcceptedAt:  text(from.acceptedAt),
		order.AttrMessageID:   text(from.messageID),
	}
	for field, value := range order.Attributes(o.Document, h.IndexedFields) {
		i[order.IndexedAttribute(field)] = text(value)
	}
	if len(output) > 0 {
		i[order.AttrOutput] = text(string(output))
	}
	if h.Lifetime > 0 {
		i[order.AttrExpiresAt] = number(now.Add(h.Lifetime).Unix())
	}
	return i
}

// isNew is the condition that a key is not taken.
const isNew = "attribute_not_exists(" + order.AttrOrderID + ")"

// putNew writes an item unless its key is taken; then it gives the item that is there.
//
// A retry by the SDK after a lost answer finds the item that its first attempt wrote: for an order that is a duplicate
// of itself, which is just as well.
func (h *Handler) putNew(ctx context.Context, new item) (existing item, err error) {
	if err := function.TimeLeft(ctx, h.Now()); err != nil {
		return nil, err
	}
	_, err = h.Table.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           aws.String(h.TableName),
		Item:                                new,
		ConditionExpression:                 aws.String(isNew),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var taken *types.ConditionalCheckFailedException
	if !errors.As(err, &taken) {
		return nil, err
	}
	return taken.Item, mustName(taken.Item)
}

// putNewUnless writes an item unless its key is taken or another condition fails, and gives the item for each that did.
func (h *Handler) putNewUnless(ctx context.Context, new item, check types.ConditionCheck) (existing, other item, err error) {
	if err := function.TimeLeft(ctx, h.Now()); err != nil {
		return nil, nil, err
	}
	check.TableName = aws.String(h.TableName)
	check.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	_, err = h.Table.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{
			TableName:                           aws.String(h.TableName),
			Item:                                new,
			ConditionExpression:                 aws.String(isNew),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		{ConditionCheck: &check},
	}})
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || len(canceled.CancellationReasons) != 2 {
		return nil, nil, err
	}
	failed := [2]item{}
	for n, reason := range canceled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "None":
		case "ConditionalCheckFailed":
			if failed[n] = reason.Item; mustName(reason.Item) != nil {
				return nil, nil, mustName(reason.Item)
			}
		default: // throttled, or two transactions met: neither verdict is written
			return nil, nil, err
		}
	}
	return failed[0], failed[1], nil
}

// mustName reports an error for a failed condition that does not say what is there.
func mustName(existing item) error {
	if len(existing) == 0 {
		return errors.New("the table refused a write without saying what is there")
	}
	return nil
}

// sameDocument compares a stored order (or the tombstone that its erasure left) with a document under the same id.
func (h *Handler) sameDocument(stored item, o order.Order) (bool, error) {
	hash := textOf(stored, order.AttrHash)
	if version, ok := stored[order.AttrHashVersion].(*types.AttributeValueMemberN); ok &&
		version.Value != strconv.Itoa(order.HashVersion) {
		// Hashed by another release: only the documents themselves can be compared. A tombstone has none any more; what
		// comes after it is then taken for the order that was erased, so that nothing erased is ever stored again.
		document := textOf(stored, order.AttrDocument)
		if document == "" {
			return true, nil
		}
		var err error
		if hash, err = h.Schema.Hash([]byte(document)); err != nil {
			return false, err
		}
	}
	if hash == "" {
		return false, errors.New("the stored item has no hash to compare with")
	}
	return hash == o.Hash, nil
}

func key(orderID, i string) item {
	return item{order.AttrOrderID: text(orderID), order.AttrItem: text(i)}
}

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func number(value int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(value, 10)}
}

func textOf(i item, name string) string {
	value, _ := i[name].(*types.AttributeValueMemberS)
	if value == nil {
		return ""
	}
	return value.Value
}
