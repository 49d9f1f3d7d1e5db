package processor

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// refuse writes the refusal beside the orders, where GET finds it, then puts the document aside. Both before the message
// is acknowledged: after a failure in between, both happen again, and the first refusal written stays.
func (h *Handler) refuse(ctx context.Context, from origin, o order.Order, refusal *order.Refusal, t *tally) error {
	if o.ID != "" {
		before, err := h.putNew(ctx, h.refusalItem(from, o, refusal))
		if err != nil {
			return err
		}
		if before != nil {
			refusal = refusalOf(before)
		}
	}
	if err := h.putAside(ctx, from, o, refusal); err != nil {
		return err
	}
	t.refuse(refusal.Code)
	return nil
}

func refusalOf(i item) *order.Refusal {
	return &order.Refusal{Code: order.Code(textOf(i, order.AttrReason)), Pointer: textOf(i, order.AttrPointer)}
}

func (h *Handler) refusalItem(from origin, o order.Order, refusal *order.Refusal) item {
	now := h.Now().UTC()
	refused := item{
		order.AttrOrderID:     text(o.ID),
		order.AttrItem:        text(order.RefusalItem(o.Hash)),
		order.AttrKind:        text(order.KindRefusal),
		order.AttrReason:      text(string(refusal.Code)),
		order.AttrHash:        text(o.Hash),
		order.AttrHashVersion: number(order.HashVersion),
		order.AttrRefusedAt:   text(now.Format(order.TimeFormat)),
		order.AttrAcceptedAt:  text(from.acceptedAt),
		order.AttrMessageID:   text(from.messageID),
		order.AttrExpiresAt:   number(now.Add(order.RefusalLifetime).Unix()),
	}
	if refusal.Pointer != "" {
		refused[order.AttrPointer] = text(refusal.Pointer)
	}
	if from.batchIndex >= 0 {
		refused[order.AttrBatchIndex] = number(int64(from.batchIndex))
	}
	return refused
}

// maxMessageBytes is SQS's limit for a message, its attributes included.
const maxMessageBytes = 1 << 20

// putAside sends a document to the rejected queue: its body is the bare document, so that it can be sent again as it is;
// the attributes say why it is there and never hold order content.
func (h *Handler) putAside(ctx context.Context, from origin, o order.Order, refusal *order.Refusal) error {
	if err := function.TimeLeft(ctx, h.Now()); err != nil {
		return err
	}
	attributes := map[string]types.MessageAttributeValue{}
	size := len(o.Document)
	attribute := func(name, value string) {
		if value != "" {
			attributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
			size += len(name) + len("String") + len(value)
		}
	}
	attribute("reason", string(refusal.Code))
	attribute("pointer", refusal.Pointer)
	attribute("messageId", from.messageID)
	attribute("orderId", o.ID)
	if from.batchIndex >= 0 {
		attribute("batchIndex", strconv.Itoa(from.batchIndex))
	}
	if size > maxMessageBytes {
		attributes = nil // the document comes first: a message of the full size has no room for the reason
	}
	_, err := h.Queue.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl:          aws.String(h.RejectedQueueURL),
		MessageBody:       aws.String(string(o.Document)),
		MessageAttributes: attributes,
	})
	return err
}
