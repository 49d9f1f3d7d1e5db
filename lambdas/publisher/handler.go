package publisher

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/publishing"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// Handle publishes one batch of the stream. The answer names the first record that could not be
// published; Lambda delivers it and all after it again. An error means the same for the whole
// batch, and counts in the Errors metric.
func (h *Handler) Handle(
	ctx context.Context, event events.DynamoDBEvent,
) (events.DynamoDBEventResponse, error) {
	started := h.Now()
	// Never nil: null instead of [] is not an answer that every event source understands.
	response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	records, ignored := event.Records, 0
	done, err := h.publisher.Publish(ctx, h.events(records, &ignored),
		func(ctx context.Context, i int, e publishing.Event) error {
			sequenceNumber := records[i].Change.SequenceNumber
			return publishing.SendFailure(ctx, h.Queue, h.OnFailureQueueURL, e, sequenceNumber)
		})
	err = function.Cause(err)
	h.log(ctx, len(records), ignored, done, err, h.Now().Sub(started))
	switch {
	case err == nil:
		return response, nil
	case done == publishing.Result{}:
		return response, fmt.Errorf("none of %d records could be published: %w", len(records), err)
	}
	response.BatchItemFailures = append(response.BatchItemFailures, events.DynamoDBBatchItemFailure{
		ItemIdentifier: records[done.Unfinished].Change.SequenceNumber,
	})
	return response, nil
}

// events makes the events of the records that are new orders, one at a time. The event source's
// filter drops all others, but a mapping that was made by hand may lack it.
func (h *Handler) events(
	records []events.DynamoDBEventRecord, ignored *int,
) iter.Seq2[int, publishing.Event] {
	return func(yield func(int, publishing.Event) bool) {
		for i, record := range records {
			image := record.Change.NewImage
			if record.EventName != string(events.DynamoDBOperationTypeInsert) ||
				textOf(image, order.AttrKind) != order.KindOrder {
				*ignored++
				continue
			}
			event := h.publisher.Event(publishing.Stored{
				OrderID:  textOf(image, order.AttrOrderID),
				StoredAt: textOf(image, order.AttrStoredAt),
				Document: textOf(image, order.AttrDocument),
			})
			if !yield(i, event) {
				return
			}
		}
	}
}

func textOf(image map[string]events.DynamoDBAttributeValue, name string) string {
	value, ok := image[name]
	if !ok || value.DataType() != events.DataTypeString {
		return ""
	}
	return value.String()
}

func (h *Handler) log(
	ctx context.Context, records, ignored int, done publishing.Result, err error, took time.Duration,
) {
	level, fields := slog.LevelInfo, []any{
		"records", records, "published", done.Published, "failed", done.Failed, "ignored", ignored,
		"milliseconds", took.Milliseconds(),
	}
	if err != nil {
		level, fields = slog.LevelWarn, append(fields, "firstError", err.Error())
	}
	fields = append(fields, function.Metrics(h.Now(),
		function.Metric{Name: contract.MetricEventsPublished, Value: done.Published},
		function.Metric{Name: contract.MetricEventsFailed, Value: done.Failed})...)
	h.Logger.Log(ctx, level, "batch published", fields...)
}
