package processor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// Handle processes one batch from the queue. The answer names the messages to deliver again; an error means all of them:
// the queue does the same for both, but only an error counts in the function's Errors metric.
func (h *Handler) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	started := h.Now()
	// Never nil: null instead of [] is not an answer that every event source understands.
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	var t tally
	for _, message := range event.Records {
		if err := h.message(ctx, message, &t); err != nil {
			t.fail(err)
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	h.log(ctx, len(event.Records), len(response.BatchItemFailures), t, h.Now().Sub(started))
	if len(event.Records) > 0 && len(response.BatchItemFailures) == len(event.Records) {
		return response, fmt.Errorf("none of %d messages could be processed: %w", len(event.Records), t.firstError)
	}
	return response, nil
}

// tally counts what became of a batch's orders.
type tally struct {
	orders, stored, duplicates int
	unsplit                    int // messages that are no order and no array of orders
	refused                    map[order.Code]int
	firstError                 error
}

func (t *tally) refuse(code order.Code) {
	if t.refused == nil {
		t.refused = map[order.Code]int{}
	}
	t.refused[code]++
}

func (t *tally) fail(err error) {
	if t.firstError == nil {
		t.firstError = function.Cause(err)
	}
}

func (h *Handler) log(ctx context.Context, messages, failed int, t tally, took time.Duration) {
	level, fields := slog.LevelInfo, []any{
		"messages", messages, "orders", t.orders, "stored", t.stored, "duplicates", t.duplicates,
		"refused", t.refused, "failedMessages", failed, "milliseconds", took.Milliseconds(),
	}
	if t.firstError != nil {
		level, fields = slog.LevelWarn, append(fields, "firstError", t.firstError.Error())
	}
	refused := 0
	for _, n := range t.refused {
		refused += n
	}
	fields = append(fields, function.Metrics(h.Now(), function.Count{Name: contract.MetricOrdersReceived, Value: t.orders + t.unsplit}, function.Count{Name: contract.MetricOrdersStored, Value: t.stored},
		function.Count{Name: contract.MetricOrdersDuplicate, Value: t.duplicates}, function.Count{Name: contract.MetricOrdersRefused, Value: refused})...)
	h.Logger.Log(ctx, level, "batch processed", fields...)
}
