package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/publishing"
	"github.com/orderpipeline/orderpipeline/internal/recovery"
)

// operate is the operator: it redrives the DLQ and replays the events that the publisher did not
// publish, with the code of the operator's commands. It repeats an interrupted command until it
// ends without an error.
func (w *World) operate() {
	w.queue.maxReceives = maxReceives
	w.redriven = len(w.dlq.messages)
	w.operator("redrive", func(ctx context.Context) error {
		_, err := (&recovery.Redrive{Queues: w, From: w.dlq.name, To: w.queue.name, Now: w.now}).Run(ctx)
		return err
	}, func() bool { return len(w.dlq.messages) == 0 })
	w.runToQuiescence()

	// The scan continues from the checkpoint of the run before, as the command does with its file.
	replay := recovery.Replay{
		Orders: w, TableName: "orders", Queues: w, Now: w.now, Batch: 3, Segments: 3,
		Publisher: &publishing.Publisher{
			Topic: w, TopicARN: topicARN, MaxEventBytes: maxEventBytes,
			Format: eventFormat, Attributes: indexed, Sleep: w.sleep,
		},
	}
	replay.Save = func(c recovery.Checkpoint) error {
		replay.Checkpoint = c
		return nil
	}
	var spans []recovery.Span
	w.operator("replay", func(ctx context.Context) error {
		failures, err := replay.Failures(ctx, w.onFailure.name)
		if err != nil {
			return err
		}
		if !slices.Equal(failures.Spans, spans) { // a checkpoint is that of one scan
			replay.Checkpoint, spans = nil, failures.Spans
		}
		_, _, err = replay.OnFailure(ctx, w.onFailure.name, failures)
		return err
	}, func() bool { return !w.envelopesLeft() })
	if w.streamLost { // the heartbeat alarm reports it
		replay.Checkpoint = nil
		all := recovery.Span{First: w.started, Last: w.clock}
		w.operator("replay all", func(ctx context.Context) error {
			_, err := replay.Between(ctx, all)
			return err
		}, nil)
	}
}

// envelopesLeft reports whether messages of Lambda itself are on the on-failure queue.
func (w *World) envelopesLeft() bool {
	return slices.ContainsFunc(w.onFailure.messages, func(m *message) bool {
		return strings.Contains(m.body, "DDBStreamBatchInfo")
	})
}

// operator runs a command until it ends without an error and done holds.
func (w *World) operator(name string, command func(context.Context) error, done func() bool) {
	for try := 1; try <= 20; try++ {
		err := fmt.Errorf("interrupted")
		w.invoke(fmt.Sprintf("%s %d", name, try), 12*time.Hour, func(ctx context.Context) {
			err = command(ctx)
		}, func(*invocation) { w.note("%s ends: %v", name, err) })
		w.runToQuiescence()
		if err == nil && (done == nil || done()) {
			return
		}
		// Until the messages that an interrupted run has received are visible again.
		w.clock = w.clock.Add(2 * recovery.Visibility)
	}
	w.violated("recovery", "%s does not end", name)
}
