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

// outcome is what the table says about a document once commit has returned.
type outcome struct {
	verdict verdict
	refusal *order.Refusal // of a refused document
}

type verdict int

const (
	stored    verdict = iota // it was written now
	duplicate                // the same document was stored before
	refused
)

func refusedAs(refusal *order.Refusal) outcome { return outcome{refused, refusal} }

// commit writes the order, or its refusal, unless the table has a verdict already. It returns the
// verdict that is in the table afterwards, which may be an earlier one.
func (h *Handler) commit(ctx context.Context, c candidate) (outcome, error) {
	switch {
	case c.refusal != nil:
		return h.commitRefusal(ctx, c, c.refusal)
	case h.Step != nil:
		return h.commitUnlessRefused(ctx, c)
	}
	return h.commitOrder(ctx, c)
}

// commitOrder writes an order for which the document alone decides.
func (h *Handler) commitOrder(ctx context.Context, c candidate) (outcome, error) {
	existing, err := h.putNew(ctx, h.orderItem(c))
	if err != nil {
		return outcome{}, err
	}
	if existing != nil {
		return h.commitTaken(ctx, c, existing)
	}
	return outcome{verdict: stored}, nil
}

// commitUnlessRefused writes an order on the condition that the document was not refused before: a
// step may decide differently each time. The transaction costs twice as much as commitOrder's plain
// write.
func (h *Handler) commitUnlessRefused(ctx context.Context, c candidate) (outcome, error) {
	found, err := h.putNewUnless(ctx, h.orderItem(c), types.ConditionCheck{
		Key:                 key(c.ID, order.RefusalItem(c.Hash)),
		ConditionExpression: aws.String(isNew),
	})
	switch {
	case err != nil:
		return outcome{}, err
	case found.same != nil:
		return h.commitTaken(ctx, c, found.same)
	case found.other != nil:
		return refusedAs(refusalOf(found.other)), nil
	}
	return outcome{verdict: stored}, nil
}

// commitTaken decides on an order whose id is taken by the existing item.
func (h *Handler) commitTaken(ctx context.Context, c candidate, existing item) (outcome, error) {
	same, err := h.sameDocument(existing, c.Order)
	if err != nil {
		return outcome{}, err
	}
	if same {
		return outcome{verdict: duplicate}, nil
	}
	return h.commitRefusal(ctx, c, &order.Refusal{Code: order.Conflict})
}

// commitRefusal writes a refusal on the condition that the document is not stored: a step may have
// decided differently, an earlier release may have accepted the document, or the stored one may be
// the same order with less white space.
func (h *Handler) commitRefusal(
	ctx context.Context, c candidate, refusal *order.Refusal,
) (outcome, error) {
	if c.ID == "" { // the table has no key for it
		return refusedAs(refusal), nil
	}
	refusalItem := h.refusalItem(c, refusal)
	notStored := types.ConditionCheck{
		Key:                 key(c.ID, order.ItemOrder),
		ConditionExpression: aws.String(isNew + " OR #hash <> :hash AND #version = :version"),
		ExpressionAttributeNames: map[string]string{
			"#hash": order.AttrHash, "#version": order.AttrHashVersion,
		},
		ExpressionAttributeValues: item{
			":hash": text(c.Hash), ":version": number(order.HashVersion),
		},
	}
	found, err := h.putNewUnless(ctx, refusalItem, notStored)
	if err != nil {
		return outcome{}, err
	}
	earlier := found.same
	if found.other != nil {
		same, err := h.sameDocument(found.other, c.Order)
		if err != nil {
			return outcome{}, err
		}
		if same {
			return outcome{verdict: duplicate}, nil
		}
		// Another document is stored, whose hash another release has made.
		if earlier, err = h.putNew(ctx, refusalItem); err != nil {
			return outcome{}, err
		}
	}
	if earlier != nil {
		return refusedAs(refusalOf(earlier)), nil
	}
	return refusedAs(refusal), nil
}

func (h *Handler) orderItem(c candidate) item {
	now := h.Now().UTC()
	i := item{
		order.AttrOrderID:     text(c.ID),
		order.AttrItem:        text(order.ItemOrder),
		order.AttrKind:        text(order.KindOrder),
		order.AttrDocument:    text(string(c.Document)),
		order.AttrHash:        text(c.Hash),
		order.AttrHashVersion: number(order.HashVersion),
		order.AttrStoredAt:    text(now.Format(order.TimeFormat)),
		order.AttrAcceptedAt:  text(c.acceptedAt),
		order.AttrMessageID:   text(c.messageID),
	}
	for field, value := range order.Attributes(c.Document, h.IndexedFields) {
		i[order.IndexedAttribute(field)] = text(value)
	}
	if len(c.output) > 0 {
		i[order.AttrOutput] = text(string(c.output))
	}
	if h.Lifetime > 0 {
		i[order.AttrExpiresAt] = number(now.Add(h.Lifetime).Unix())
	}
	return i
}

// isNew is the condition that a key is not taken.
const isNew = "attribute_not_exists(" + order.AttrOrderID + ")"

// putNew writes an item unless its key is taken. It returns the item that takes the key, nil when
// the item was written.
//
// A retry by the SDK after a lost answer finds the item that its first attempt wrote: the order is
// then counted as a duplicate of itself, which is harmless.
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
	return taken.Item, requireItem(taken.Item)
}

// found is what kept putNewUnless from writing: both items are nil when it has written.
type found struct {
	same  item // has the key of the new item
	other item // fails the condition check
}

// putNewUnless writes an item unless its key is taken or the condition check on another item fails.
func (h *Handler) putNewUnless(
	ctx context.Context, new item, check types.ConditionCheck,
) (found, error) {
	if err := function.TimeLeft(ctx, h.Now()); err != nil {
		return found{}, err
	}
	check.TableName = aws.String(h.TableName)
	check.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	_, err := h.Table.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{
				TableName:                           aws.String(h.TableName),
				Item:                                new,
				ConditionExpression:                 aws.String(isNew),
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}},
			{ConditionCheck: &check},
		},
	})
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || len(canceled.CancellationReasons) != 2 {
		return found{}, err
	}
	items := [2]item{}
	for n, reason := range canceled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "None":
		case "ConditionalCheckFailed":
			if err := requireItem(reason.Item); err != nil {
				return found{}, err
			}
			items[n] = reason.Item
		default: // throttled, or two transactions met: no verdict is written
			return found{}, err
		}
	}
	return found{same: items[0], other: items[1]}, nil
}

// requireItem returns an error for a failed condition that does not say what is in the table.
func requireItem(existing item) error {
	if len(existing) == 0 {
		return errors.New("the table refused a write without returning the existing item")
	}
	return nil
}

// sameDocument compares a stored order, or the tombstone that its erasure left, with a document
// under the same id.
func (h *Handler) sameDocument(stored item, o order.Order) (bool, error) {
	hash := textOf(stored, order.AttrHash)
	version, ok := stored[order.AttrHashVersion].(*types.AttributeValueMemberN)
	if ok && version.Value != strconv.Itoa(order.HashVersion) {
		// Another release made the hash, so only the documents can be compared. A tombstone has
		// none: what comes after it is taken for the erased order, so that nothing erased is ever
		// stored again.
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

type item = map[string]types.AttributeValue

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
