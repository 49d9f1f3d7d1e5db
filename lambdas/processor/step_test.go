package processor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/order"
)

// steps returns one result per call, in turn.
func steps(results ...func(order.Order) (Result, error)) Step {
	turn := 0
	return func(_ context.Context, o order.Order) (Result, error) {
		result := results[min(turn, len(results)-1)]
		turn++
		return result(o)
	}
}

func output(json string) func(order.Order) (Result, error) {
	return func(order.Order) (Result, error) { return Result{Output: []byte(json)}, nil }
}

func decline(reason order.Code) func(order.Order) (Result, error) {
	return func(order.Order) (Result, error) { return Result{Refuse: reason}, nil }
}

func panics(order.Order) (Result, error) { panic("SECRET") }

func fails(order.Order) (Result, error) { return Result{}, errors.New("SECRET") }

func TestStep(t *testing.T) {
	a, again, other := doc("A", "x"), strings.Replace(doc("A", "x"), ",", " , ", 1), doc("A", "y")
	for name, test := range map[string]struct {
		step       Step
		bodies     []string // each in a batch of its own
		stored     string
		output     string
		rejected   []string
		failed     int // messages
		duplicates int
	}{
		"its output is stored beside the document": {
			step: steps(output(`{"price":1.00}`)), bodies: []string{a}, stored: a, output: `{"price":1.00}`,
		},
		"the first output stays": {
			step: steps(output("1"), output("2")), bodies: []string{a, again}, stored: a, output: "1",
		},
		"it refuses": {
			step: steps(decline("too-dear")), bodies: []string{a}, rejected: []string{"too-dear|A|m1||" + a},
		},
		"refused stays refused": {
			step: steps(decline("too-dear"), output("1"), decline("other")), bodies: []string{a, again, a},
			rejected: []string{"too-dear|A|m1||" + a, "too-dear|A|m1||" + again, "too-dear|A|m1||" + a},
		},
		"stored stays stored": {
			step: steps(output("1"), decline("too-dear"), panics), bodies: []string{a, again, a}, stored: a,
			output: "1",
		},
		"a panic is refused": {
			step: steps(panics), bodies: []string{a}, rejected: []string{"internal|A|m1||" + a},
		},
		"another document may follow a refused one": {
			step: steps(decline("too-dear"), output("1")), bodies: []string{a, other}, stored: other,
			output:   "1",
			rejected: []string{"too-dear|A|m1||" + a},
		},
		"a refused one keeps its first reason, whatever is stored under its id by then": {
			step: steps(decline("too-dear"), output("1"), output("2")), bodies: []string{a, other, a},
			stored: other, output: "1",
			rejected: []string{"too-dear|A|m1||" + a, "too-dear|A|m1||" + a},
		},
		"a conflict": {
			step: steps(output("1")), bodies: []string{a, other}, stored: a, output: "1",
			rejected: []string{"conflict|A|m1||" + other},
		},
		"it does not see what is refused before it": {
			step: steps(panics), bodies: []string{`{"orderId":"A"}`},
			rejected: []string{`invalid|A|m1||{"orderId":"A"}`},
		},
		"an error is no verdict":  {step: steps(fails), bodies: []string{a}, failed: 1},
		"its output must be JSON": {step: steps(output("{")), bodies: []string{a}, failed: 1},
		"its output must be UTF-8": {step: steps(output("\"\xff\"")), bodies: []string{a},
			failed: 1},
		"its output must fit": {step: steps(
			output(`"` + strings.Repeat("x", order.MaxItemBytes) + `"`)), bodies: []string{a}, failed: 1},
		"its reason must have the right form": {step: steps(decline("Too dear!")), bodies: []string{a},
			failed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, func(c *Config) { c.Step = test.step })
			failed := 0
			for _, body := range test.bodies {
				if _, err := h.handle(t, body); err != nil {
					failed++
				}
			}
			if failed != test.failed {
				t.Errorf("%d failed, want %d", failed, test.failed)
			}
			if got := h.stored("A"); got != test.stored {
				t.Errorf("stored %q, want %q", got, test.stored)
			}
			if got := textOf(h.table.items["A order"], order.AttrOutput); got != test.output {
				t.Errorf("output %q, want %q", got, test.output)
			}
			if diff := cmp.Diff(test.rejected, h.refusals()); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(h.log.String(), "SECRET") {
				t.Errorf("order contents in the log: %s", h.log)
			}
			for _, in := range h.queue.sent {
				o, _ := h.Schema.Parse([]byte(*in.MessageBody))
				refusal := h.table.items["A "+order.RefusalItem(o.Hash)]
				if got, want := *in.MessageAttributes["reason"].StringValue, textOf(refusal,
					order.AttrReason); got != want {
					t.Errorf("the queue says %s, the table %s", got, want)
				}
			}
		})
	}
}

func TestStepHasItsOwnDeadline(t *testing.T) {
	var left time.Duration
	h := newHarness(t, func(c *Config) {
		c.Now = time.Now
		c.Step = func(ctx context.Context, o order.Order) (Result, error) {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			o.Document[0] = 'X' // its own copy
			return Result{}, nil
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := h.Handle(ctx, batch(doc("A", ""))); err != nil {
		t.Fatal(err)
	}
	if left > 25*time.Second || left < 20*time.Second {
		t.Errorf("the step has %v of 30 s", left)
	}
	if h.stored("A") != doc("A", "") {
		t.Errorf("stored %s", h.stored("A"))
	}
}

func TestStepWithATransactionConflict(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Step = steps(output("1"), decline("x")) })
	h.table.canceled = "TransactionConflict"
	for range 2 {
		if _, err := h.handle(t, doc("A", "")); err == nil {
			t.Error("no error")
		}
	}
	if len(h.table.items)+len(h.queue.sent) != 0 {
		t.Errorf("%v, %v", h.table.items, h.queue.sent)
	}
}
