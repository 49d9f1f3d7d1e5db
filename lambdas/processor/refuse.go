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

// refusalItem is what the table keeps of a refused document: one item per document.
func (h *Handler) refusalItem(c candidate, refusal *order.Refusal) item {
	now, hash := h.Now().UTC(), c.Hash
	if refusal.Code == order.TooLarge {
		// White space alone can make a document too large. The same order without it has the same
		// hash and may be stored, so the refusal is kept under the hash of the bytes.
		hash = fmt.Sprintf("%x", sha256.Sum256(c.Document))
	}
	refused := item{
		order.AttrOrderID:     text(c.ID),
		order.AttrItem:        text(order.RefusalItem(hash)),
		order.AttrKind:        text(order.KindRefusal),
		order.AttrReason:      text(string(refusal.Code)),
		order.AttrHash:        text(hash),
		order.AttrHashVersion: number(order.HashVersion),
		order.AttrRefusedAt:   text(now.Format(order.TimeFormat)),
		order.AttrAcceptedAt:  text(c.acceptedAt),
		order.AttrMessageID:   text(c.messageID),
		order.AttrExpiresAt:   number(now.Add(order.RefusalLifetime).Unix()),
	}
	if refusal.Pointer != "" {
		refused[order.AttrPointer] = text(refusal.Pointer)
	}
	if c.batchIndex >= 0 {
		refused[order.AttrBatchIndex] = number(int64(c.batchIndex))
	}
	return refused
}

func refusalOf(i item) *order.Refusal {
	return &order.Refusal{
		Code: order.Code(textOf(i, order.AttrReason)), Pointer: textOf(i, order.AttrPointer),
	}
}

// reject sends a document to the rejected queue. The body is the bare document, so that it can be
// sent again as it is. The attributes say why it is there and never hold order content.
func (h *Handler) reject(
	ctx context.Context, c candidate, refusal *order.Refusal, total *counts,
) error {
	if err := function.TimeLeft(ctx, h.Now()); err != nil {
		return err
	}
	const attributeType = "String"
	attributes := map[string]types.MessageAttributeValue{}
	size := len(c.Document)
	add := func(name, value string) {
		if value != "" {
			attributes[name] = types.MessageAttributeValue{
				DataType: aws.String(attributeType), StringValue: aws.String(value),
			}
			size += len(name) + len(attributeType) + len(value)
		}
	}
	add(contract.AttributeReason, string(refusal.Code))
	add(contract.AttributePointer, refusal.Pointer)
	add(contract.AttributeMessageID, c.messageID)
	add(contract.AttributeOrderID, c.ID)
	add(contract.AttributeAcceptedAt, c.acceptedAt)
	if c.batchIndex >= 0 {
		add(contract.AttributeBatchIndex, strconv.Itoa(c.batchIndex))
	}
	if size > contract.MaxMessageBytes {
		// The document is worth more: a message of the full size has no room for the reason.
		attributes = nil
	}
	_, err := h.Queue.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl:          aws.String(h.RejectedQueueURL),
		MessageBody:       aws.String(string(c.Document)),
		MessageAttributes: attributes,
	})
	if err != nil {
		return err
	}
	total.refuse(refusal.Code)
	return nil
}
