package processor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// origin says where a document came from.
type origin struct {
	messageID  string
	acceptedAt string
	batchIndex int // -1 when the message is the document
}

// candidate is a document on its way to its verdict.
type candidate struct {
	origin
	order.Order
	refusal *order.Refusal // nil while nothing speaks against storing it
	output  []byte         // of the step
}

// message gives every order of one message its verdict. An error means that the message must be
// delivered again. Orders of it that are stored by then are duplicates the next time.
func (h *Handler) message(ctx context.Context, message events.SQSMessage, total *counts) error {
	// Checked before anything is parsed, since parsing takes time as well.
	if err := function.TimeLeft(ctx, h.Now()); err != nil {
		return err
	}
	from := origin{
		messageID:  message.MessageId,
		acceptedAt: h.acceptedAt(message).UTC().Format(order.TimeFormat),
		batchIndex: -1,
	}
	body := []byte(message.Body)
	documents, batch, refusal := order.Split(body)
	if refusal != nil {
		total.malformed++
		malformed := candidate{origin: from, Order: order.Order{Document: body}}
		return h.reject(ctx, malformed, refusal, total)
	}
	var first error
	for i, document := range documents {
		if batch {
			from.batchIndex = i
		}
		err := h.order(ctx, from, document, total)
		if err != nil && first == nil {
			first = err
		}
		if errors.Is(err, function.ErrOutOfTime) {
			break
		}
	}
	return first
}

// order gives one document its verdict. A panic before the document is written is the document's
// fault: it is refused, so that it never holds up its neighbors. A panic in an AWS call says
// nothing about the document and is a failure like any other.
func (h *Handler) order(
	ctx context.Context, from origin, document []byte, total *counts,
) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %T", p) // only its type: its text may hold parts of the order
		}
	}()
	if err := function.TimeLeft(ctx, h.Now()); err != nil {
		return err
	}
	total.orders++
	c := h.validate(from, document)
	if c.refusal == nil && h.Step != nil {
		if c, err = h.runStep(ctx, c); err != nil {
			return err
		}
	}
	result, err := h.commit(ctx, c)
	if err != nil {
		return err
	}
	switch result.verdict {
	case stored:
		total.stored++
	case duplicate:
		total.duplicates++
	case refused:
		// First the refusal is in the table, where GET finds it, then the document is on the
		// rejected queue, then the message is acknowledged. After a failure in between, both happen
		// again and the first refusal stays.
		return h.reject(ctx, c, result.refusal, total)
	}
	return nil
}

// validate decides on the document alone: the same bytes always get the same decision.
func (h *Handler) validate(from origin, document []byte) (c candidate) {
	c = candidate{origin: from, Order: order.Order{Document: document}}
	defer func() {
		if recover() != nil {
			c.refusal = &order.Refusal{Code: order.Internal}
		}
	}()
	c.Order, c.refusal = h.Schema.Parse(document)
	if c.refusal == nil && len(document) > h.MaxDocumentBytes {
		c.refusal = &order.Refusal{Code: order.TooLarge}
	}
	return c
}

// acceptedAt is the time at which SQS took the order first: a redriven message carries it along.
func (h *Handler) acceptedAt(message events.SQSMessage) time.Time {
	at := h.sentAt(message)
	kept := aws.ToString(message.MessageAttributes[contract.AttributeAcceptedAt].StringValue)
	if first, err := time.Parse(order.TimeFormat, kept); err == nil && first.Before(at) {
		return first
	}
	return at
}

// sentAt is the time at which SQS took the message.
func (h *Handler) sentAt(message events.SQSMessage) time.Time {
	if ms, err := strconv.ParseInt(message.Attributes["SentTimestamp"], 10, 64); err == nil {
		return time.UnixMilli(ms)
	}
	return h.Now()
}
