package processor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// Step is an embedding application's own business step: it prices, enriches or refuses an order, between its validation
// and its storing. It may run several times for one order, and several times at once: the queue delivers at least once.
// What it decides first for a document stays: an order that is stored is never refused later, nor the other way round.
//
// An error means that it cannot decide now: the message is delivered again, for hours, then moves to the DLQ. A panic
// refuses the order with the reason internal. The context ends before the function's timeout, in time to write the verdict.
type Step func(ctx context.Context, o order.Order) (Result, error)

// Result is what a Step decides.
type Result struct {
	// Output is a JSON value, stored beside the document in the attribute order.AttrOutput and shown by GET. It is no part
	// of the document, the hash or the event. Empty: none. Document and output together must fit an item of 400 KB.
	Output []byte
	// Refuse is the reason to refuse the order: 1 to 64 lower-case letters, digits and dashes, a letter first. It is shown
	// by GET and travels as a message attribute. Empty: the order is stored.
	Refuse order.Code
}

var reason = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// take runs the step. The refusal is nil when the order is to be stored.
func (h *Handler) take(ctx context.Context, o order.Order) (output []byte, refusal *order.Refusal, err error) {
	defer func() {
		if recover() != nil {
			output, refusal, err = nil, &order.Refusal{Code: order.Internal}, nil
		}
	}()
	if deadline, ok := ctx.Deadline(); ok { // what it decides must still be written
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-function.CallBudget))
		defer cancel()
	}
	theirs := o
	theirs.Document = bytes.Clone(o.Document)
	result, err := h.Step(ctx, theirs)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("the step failed: %T", err) // the type only: its text may hold parts of the order
	case result.Refuse != "" && !reason.MatchString(string(result.Refuse)):
		return nil, nil, fmt.Errorf("the step's reason to refuse must match %s", reason)
	case result.Refuse != "":
		return nil, &order.Refusal{Code: result.Refuse}, nil
	case len(result.Output) > 0 && !(json.Valid(result.Output) && utf8.Valid(result.Output)):
		return nil, nil, fmt.Errorf("the step's output is not JSON")
	case len(o.Document)+len(result.Output) > order.MaxItemBytes:
		return nil, nil, fmt.Errorf("the step's output of %d bytes does not fit the order's item", len(result.Output))
	}
	return result.Output, nil, nil
}
