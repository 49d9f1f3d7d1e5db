package processor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// Step is the business step of an embedding application. It prices, enriches or refuses an order
// after the order is validated and before it is stored. It may run several times for one order, and
// several times at once, because the queue delivers at least once. What it decides first for a
// document stays: an order that is stored is never refused later, and the other way round.
//
// An error means that the step cannot decide now: the message is delivered again, for hours, and
// then moves to the dead-letter queue. A panic refuses the order with the reason internal. The
// context ends before the function's timeout, early enough to write the verdict.
type Step func(ctx context.Context, o order.Order) (Result, error)

// Result is what a Step decides.
type Result struct {
	// Output is a JSON value that is stored beside the document in the attribute order.AttrOutput
	// and returned by GET. It is not part of the document, of its hash or of the event. Document
	// and output together have at most order.MaxItemBytes bytes. Default: none.
	Output []byte
	// Refuse is the reason to refuse the order: 1 to 64 lower-case letters, digits and dashes,
	// beginning with a letter. GET returns it, and it becomes a message attribute on the rejected
	// queue. Default: the order is stored.
	Refuse order.Code
}

var reason = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// runStep runs the step and returns the order with its output, or with its refusal.
func (h *Handler) runStep(ctx context.Context, c candidate) (decided candidate, err error) {
	defer func() {
		if recover() != nil {
			c.refusal = &order.Refusal{Code: order.Internal}
			decided, err = c, nil
		}
	}()
	if deadline, ok := ctx.Deadline(); ok { // what it decides must still be written
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-contract.CallBudget))
		defer cancel()
	}
	theirs := c.Order
	theirs.Document = bytes.Clone(c.Document)
	result, err := h.Step(ctx, theirs)
	switch {
	case err != nil:
		// Only its type: its text may hold parts of the order.
		return c, fmt.Errorf("the step failed: %T", err)
	case result.Refuse != "" && !reason.MatchString(string(result.Refuse)):
		return c, fmt.Errorf("Result.Refuse: must match %s", reason)
	case result.Refuse != "":
		c.refusal = &order.Refusal{Code: result.Refuse}
		return c, nil
	case len(result.Output) > 0 && (!json.Valid(result.Output) || !utf8.Valid(result.Output)):
		return c, errors.New("Result.Output: must be JSON in UTF-8")
	case len(c.Document)+len(result.Output) > order.MaxItemBytes:
		return c, fmt.Errorf("Result.Output: has %d bytes (document and output together have at most %d)",
			len(result.Output), order.MaxItemBytes)
	}
	c.output = result.Output
	return c, nil
}
