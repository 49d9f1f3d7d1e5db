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

// store writes the order unless its id is taken. isNew says that it was written now; otherwise the same document was
// there before, or the refusal says that another one was.
func (h *Handler) store(ctx context.Context, from origin, o order.Order) (isNew bool, refusal *order.Refusal, err error) {
	existing, err := h.putNew(ctx, item{
		order.AttrOrderID:     text(o.ID),
		order.AttrItem:        text(order.ItemOrder),
		order.AttrKind:        text(order.KindOrder),
		order.AttrDocument:    text(string(o.Document)),
		order.AttrHash:        text(o.Hash),
		order.AttrHashVersion: number(order.HashVersion),
		order.AttrStoredAt:    text(h.Now().UTC().Format(order.TimeFormat)),
		order.AttrAcceptedAt:  text(from.acceptedAt),
		order.AttrMessageID:   text(from.messageID),
	})
	if err != nil || existing == nil {
		return err == nil, nil, err
	}
	same, err := h.sameDocument(existing, o)
	if err != nil || same {
		return false, nil, err
	}
	return false, &order.Refusal{Code: order.Conflict}, nil
}

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
		ConditionExpression:                 aws.String("attribute_not_exists(" + order.AttrOrderID + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var taken *types.ConditionalCheckFailedException
	if !errors.As(err, &taken) {
		return nil, err
	}
	if len(taken.Item) == 0 {
		return nil, errors.New("the table refused a write without saying what is there")
	}
	return taken.Item, nil
}

// sameDocument compares a stored order (or the tombstone that its erasure left) with a document under the same id.
func (h *Handler) sameDocument(stored item, o order.Order) (bool, error) {
	hash := textOf(stored, order.AttrHash)
	if version, ok := stored[order.AttrHashVersion].(*types.AttributeValueMemberN); ok &&
		version.Value != strconv.Itoa(order.HashVersion) {
		// Hashed by another release: only the documents themselves can be compared.
		var err error
		if hash, err = h.Schema.Hash([]byte(textOf(stored, order.AttrDocument))); err != nil {
			return false, err
		}
	}
	if hash == "" {
		return false, errors.New("the stored item has no hash to compare with")
	}
	return hash == o.Hash, nil
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
