package processor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// origin says where a document came from.
type origin struct {
	messageID  string
	acceptedAt string
	batchIndex int // -1 when the message is the document
}

// message gives every order of one message its verdict. An error means that the message must be delivered again; orders
// of it that are stored by then will be duplicates.
func (h *Handler) message(ctx context.Context, message events.SQSMessage, t *tally) error {
	if err := function.TimeLeft(ctx, h.Now()); err != nil {
		return err // before anything is parsed: that takes time as well
	}
	from := origin{messageID: message.MessageId, acceptedAt: h.acceptedAt(message), batchIndex: -1}
	documents, batch, refusal := order.Split([]byte(message.Body))
	if refusal != nil {
		t.unsplit++
		return h.putAside(ctx, from, order.Order{Document: []byte(message.Body)}, refusal, t)
	}
	var first error
	for i, document := range documents {
		if batch {
			from.batchIndex = i
		}
		err := h.order(ctx, from, document, t)
		if err != nil && first == nil {
			first = err
		}
		if errors.Is(err, function.ErrOutOfTime) {
			break
		}
	}
	return first
}

// order gives one document its verdict. A panic on the way to the verdict is the document's fault and is refused, so that
// it never holds up its neighbours; a panic in an AWS call says nothing about the document and is a failure like others.
func (h *Handler) order(ctx context.Context, from origin, document []byte, t *tally) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %T", p) // the type only: a panic's text may hold parts of the order
		}
	}()
	if err := function.TimeLeft(ctx, h.Now()); err != nil {
		return err
	}
	t.orders++
	o, refusal := h.judge(document)
	var output []byte
	if refusal == nil && h.Step != nil {
		if output, refusal, err = h.take(ctx, o); err != nil {
			return err
		}
	}
	verdict, refusal, err := h.settle(ctx, from, o, output, refusal)
	if err != nil {
		return err
	}
	switch verdict {
	case stored:
		t.stored++
	case duplicate:
		t.duplicates++
	case refused:
		// The refusal stands in the table, where GET finds it, before the document is put aside, and both before the message is
		// acknowledged: after a failure in between both happen again, and the first refusal stays.
		return h.putAside(ctx, from, o, refusal, t)
	}
	return nil
}

// judge decides on the document alone: the same bytes always get the same verdict.
func (h *Handler) judge(document []byte) (o order.Order, refusal *order.Refusal) {
	o = order.Order{Document: document}
	defer func() {
		if recover() != nil {
			refusal = &order.Refusal{Code: order.Internal}
		}
	}()
	o, refusal = h.Schema.Parse(document)
	if refusal == nil && len(document) > h.MaxDocumentBytes {
		refusal = &order.Refusal{Code: order.TooLarge}
	}
	return o, refusal
}

// acceptedAt is the time at which SQS took the message.
func (h *Handler) acceptedAt(message events.SQSMessage) string {
	at := h.Now()
	if ms, err := strconv.ParseInt(message.Attributes["SentTimestamp"], 10, 64); err == nil {
		at = time.UnixMilli(ms)
	}
	return at.UTC().Format(order.TimeFormat)
}
