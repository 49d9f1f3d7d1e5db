package processor

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

func refusalOf(i item) *order.Refusal {
	return &order.Refusal{Code: order.Code(textOf(i, order.AttrReason)), Pointer: textOf(i, order.AttrPointer)}
}

// refusalItem is what the table keeps of a refused document, one item for each document.
func (h *Handler) refusalItem(from origin, o order.Order, refusal *order.Refusal) item {
	now, hash := h.Now().UTC(), o.Hash
	if refusal.Code == order.TooLarge {
		// White space alone can make a document too large. The same order without it is another document here.
		hash = fmt.Sprintf("%x", sha256.Sum256(o.Document))
	}
	refused := item{
		order.AttrOrderID:     text(o.ID),
		order.AttrItem:        text(order.RefusalItem(hash)),
		order.AttrKind:        text(order.KindRefusal),
		order.AttrReason:      text(string(refusal.Code)),
		order.AttrHash:        text(hash),
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

// putAside sends a document to the rejected queue: its body is the bare document, so that it can be sent again as it is;
// the attributes say why it is there and never hold order content.
func (h *Handler) putAside(ctx context.Context, from origin, o order.Order, refusal *order.Refusal, t *tally) error {
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
	attribute(contract.AttributeReason, string(refusal.Code))
	attribute(contract.AttributePointer, refusal.Pointer)
	attribute(contract.AttributeMessageID, from.messageID)
	attribute(contract.AttributeOrderID, o.ID)
	if from.batchIndex >= 0 {
		attribute(contract.AttributeBatchIndex, strconv.Itoa(from.batchIndex))
	}
	if size > contract.MaxMessageBytes {
		attributes = nil // the document comes first: a message of the full size has no room for the reason
	}
	_, err := h.Queue.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl:          aws.String(h.RejectedQueueURL),
		MessageBody:       aws.String(string(o.Document)),
		MessageAttributes: attributes,
	})
	if err == nil {
		t.refuse(refusal.Code)
	}
	return err
}
