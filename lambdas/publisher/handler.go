package publisher

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
)

// Handle publishes one batch of the stream. The answer names the first record that could not be published; Lambda
// delivers it and all after it again. An error means the same for the whole batch, and counts in the Errors metric.
func (h *Handler) Handle(ctx context.Context, event events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	started := h.Now()
	// Never nil: null instead of [] is not an answer that every event source understands.
	response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	run := run{Handler: h}
	failed, err := run.all(ctx, event.Records)
	err = function.Cause(err)
	h.log(ctx, len(event.Records), run, err, h.Now().Sub(started))
	switch {
	case err == nil:
		return response, nil
	case failed == 0 && run.published == 0 && run.failed == 0:
		return response, fmt.Errorf("none of %d records could be published: %w", len(event.Records), err)
	}
	response.BatchItemFailures = append(response.BatchItemFailures,
		events.DynamoDBBatchItemFailure{ItemIdentifier: event.Records[failed].Change.SequenceNumber})
	return response, nil
}

func (h *Handler) log(ctx context.Context, records int, r run, err error, took time.Duration) {
	level, fields := slog.LevelInfo, []any{
		"records", records, "published", r.published, "failed", r.failed, "ignored", r.ignored,
		"milliseconds", took.Milliseconds(),
	}
	if err != nil {
		level, fields = slog.LevelWarn, append(fields, "firstError", err.Error())
	}
	fields = append(fields, function.Metrics(h.Now(), function.Count{Name: contract.MetricEventsPublished, Value: r.published}, function.Count{Name: contract.MetricEventsFailed, Value: r.failed})...)
	h.Logger.Log(ctx, level, "batch published", fields...)
}
