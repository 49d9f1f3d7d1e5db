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

// Handle processes one batch from the queue. The answer names the messages to deliver again. An
// error means all of them: the queue treats both alike, but only an error counts in the function's
// Errors metric.
func (h *Handler) Handle(
	ctx context.Context, event events.SQSEvent,
) (events.SQSEventResponse, error) {
	started := h.Now()
	// Never nil: null instead of [] is not an answer that every event source understands.
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	var total counts
	for _, message := range event.Records {
		if err := h.message(ctx, message, &total); err != nil {
			total.fail(err)
			total.oldestFailure = max(total.oldestFailure, started.Sub(h.sentAt(message)))
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	messages, failed := len(event.Records), len(response.BatchItemFailures)
	h.log(ctx, messages, failed, total, h.Now().Sub(started))
	if messages > 0 && failed == messages {
		return response,
			fmt.Errorf("none of %d messages could be processed: %w", messages, total.firstError)
	}
	return response, nil
}

// counts is what became of the orders of a batch.
type counts struct {
	orders, stored, duplicates int
	malformed                  int // messages that are neither an order nor an array of orders
	refused                    map[order.Code]int
	firstError                 error
	oldestFailure              time.Duration // age of the oldest message that failed
}

func (c *counts) refuse(code order.Code) {
	if c.refused == nil {
		c.refused = map[order.Code]int{}
	}
	c.refused[code]++
}

func (c *counts) fail(err error) {
	if c.firstError == nil {
		c.firstError = function.Cause(err)
	}
}

func (h *Handler) log(
	ctx context.Context, messages, failed int, total counts, took time.Duration,
) {
	level, fields := slog.LevelInfo, []any{
		"messages", messages, "orders", total.orders, "stored", total.stored,
		"duplicates", total.duplicates, "refused", total.refused, "failedMessages", failed,
		"milliseconds", took.Milliseconds(),
	}
	if total.firstError != nil {
		level, fields = slog.LevelWarn, append(fields, "firstError", total.firstError.Error())
	}
	refused := 0
	for _, n := range total.refused {
		refused += n
	}
	received := total.orders + total.malformed
	metrics := []function.Metric{
		{Name: contract.MetricOrdersReceived, Value: received},
		{Name: contract.MetricOrdersStored, Value: total.stored},
		{Name: contract.MetricOrdersDuplicate, Value: total.duplicates},
		{Name: contract.MetricOrdersRefused, Value: refused},
	}
	if failed > 0 {
		metrics = append(metrics, function.Metric{
			Name: contract.MetricOldestFailureAge, Value: int(total.oldestFailure.Seconds()),
		})
	}
	fields = append(fields, function.Metrics(h.Now(), metrics...)...)
	h.Logger.Log(ctx, level, "batch processed", fields...)
}
