package faults

import (
	"context"
	"fmt"

	"github.com/orderpipeline/orderpipeline/lambdas/processor"
	"github.com/orderpipeline/orderpipeline/order"
)

// declined is the reason for which the business step refuses.
const declined = "declined"

// businessStep is the step of an embedding application. It prices an order differently each time,
// and sometimes refuses a fickle one.
func (w *World) businessStep(ctx context.Context, o order.Order) (processor.Result, error) {
	d := w.documents()[string(o.Document)]
	return call(w, ctx, RunStep, o.ID, func(Kind) (processor.Result, error) {
		if d.Flaw == Fickle && w.rng.IntN(2) == 0 {
			return processor.Result{Refuse: declined}, nil
		}
		if !w.quiet && w.rng.IntN(50) == 0 { // a step with a bug: its result is not a verdict
			ctx.Value(invocationKey{}).(*invocation).failed[o.ID] = true
			return []processor.Result{{Output: []byte("{")}, {Refuse: "No!"}}[w.rng.IntN(2)], nil
		}
		output := fmt.Appendf(nil, `{"of":%q,"price":%d}`, d.identity(), w.rng.IntN(1000))
		return processor.Result{Output: output}, nil
	})
}
