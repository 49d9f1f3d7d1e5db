package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/recovery"
)

// operate is the operator at three in the morning: redrives the DLQ and replays what the publishing leg lost, with the
// code of the operator's commands, again after each interruption until a run ends well.
func (w *World) operate() {
	w.queue.maxReceives = 80
	w.redriven = len(w.dlq.messages)
	w.operator("redrive", func(ctx context.Context) error {
		_, err := recovery.Redrive(ctx, w, w.dlq.name, w.queue.name, 1000)
		return err
	}, func() bool { return len(w.dlq.messages) == 0 })
	w.runToQuiescence()

	replay := recovery.Replay{Orders: w, TableName: "orders", Publisher: w.publisher, Queues: w}
	began := w.clock
	w.operator("replay", func(ctx context.Context) error {
		_, err := replay.OnFailure(ctx, w.onFailure.name, began)
		return err
	}, nil)
	if w.streamLost { // the heartbeat alarm has told
		w.operator("replay all", func(ctx context.Context) error {
			_, err := replay.Between(ctx, w.started, w.clock)
			return err
		}, nil)
	}
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
		w.clock = w.clock.Add(2 * time.Minute) // until what an interrupted run had received is visible again
	}
	w.violated("recovery", "%s does not come to an end", name)
}
