package faults

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/processor"
	"github.com/orderpipeline/orderpipeline/lambdas/publisher"
	"github.com/orderpipeline/orderpipeline/order"
)

// The settings of the constructs, as far as the simulation needs them.
const (
	functionTimeout   = contract.FunctionTimeout
	visibilityTimeout = contract.VisibilityFactor * functionTimeout
	queueBatch        = contract.QueueBatchSize
	streamBatch       = contract.StreamBatchSize
	recordAge         = contract.StreamRecordAge
	maxReceives       = int(contract.OutageTolerance / visibilityTimeout)
	streamRetention   = contract.StreamRetention
	// The size limits are far smaller than the real ones, so that few orders reach them.
	maxDocumentBytes = 1500
	maxEventBytes    = maxDocumentBytes

	topicARN = "topic"
)

// The publisher and the operator's replay have the same settings.
var (
	eventFormat = order.EventFormat{Source: order.DefaultEventSource, Type: order.DefaultEventType}
	indexed     = []string{"currency"}
)

// World is one run of a schedule.
type World struct {
	schedule Schedule
	rng      *rand.Rand
	clock    time.Time
	started  time.Time

	running    []*invocation
	baton      chan struct{} // handed back by a coroutine that waits for its call or has ended
	processors int           // invocations of the processor so far
	publishers int
	redriven   int
	sequence   int // of message ids and stream records

	faults  []Fault
	calls   map[Site]int
	windows map[Cell]time.Time // until when a fault lasts
	fired   map[Cell]int
	quiet   bool // faults have stopped

	clients                         clients
	queue, dlq, rejected, onFailure *queue
	table                           *table
	shards                          [2]*shard
	topic                           *topic
	processor                       *processor.Handler
	publisher                       *publisher.Handler
	violations                      []Violation
	timeline                        []note
	processorsRunning               int
	processorOff, publisherOff      time.Time       // the mapping is disabled until then
	streamLost                      bool            // the stream dropped undelivered records
	panicked                        map[string]bool // orders on whose documents the step panicked
	discarded                       map[string]bool // orders whose records the mapping discarded
	posts                           map[string]Post // by body
}

// Violation is a broken promise.
type Violation struct{ Invariant, Detail string }

type note struct {
	at     time.Time
	format string
	args   []any
}

// schema is shared by all runs, since compiling it is slow.
var schema = order.DefaultSchema()

// Run runs a schedule to its end and checks the promise.
func Run(schedule Schedule) *World {
	w := &World{
		schedule:  schedule,
		rng:       rand.New(rand.NewPCG(schedule.Seed, 0)),
		started:   time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
		baton:     make(chan struct{}),
		calls:     map[Site]int{},
		windows:   map[Cell]time.Time{},
		fired:     map[Cell]int{},
		faults:    append([]Fault(nil), schedule.Faults...),
		table:     &table{items: map[key]item{}},
		topic:     &topic{},
		discarded: map[string]bool{},
		panicked:  map[string]bool{},
		posts:     map[string]Post{},
	}
	w.clock = w.started
	w.dlq, w.rejected,
		w.onFailure = &queue{name: "DLQ"}, &queue{name: "rejected"}, &queue{name: "on-failure"}
	w.queue = &queue{name: "queue", dlq: w.dlq, maxReceives: schedule.MaxReceives}
	for i := range w.shards {
		w.shards[i] = &shard{name: fmt.Sprintf("shard-%d", i), limit: streamBatch}
	}
	w.topic.strict = w.rng.IntN(3) == 0
	w.topic.slow = w.rng.IntN(3) == 0
	w.table.unfiltered = w.rng.IntN(8) == 0
	w.table.rehashed = w.rng.IntN(8) == 0
	w.handlers()

	w.runToQuiescence()
	w.note("--- faults stop")
	w.quiet = true
	w.runToQuiescence()
	w.checkAccounted()
	w.note("--- the operator redrives and replays")
	w.operate()
	w.runToQuiescence()
	w.checkAccounted()
	w.checkRecovered()
	return w
}

func (w *World) handlers() {
	silent := slog.New(slog.NewJSONHandler(io.Discard, nil))
	var step processor.Step
	if w.schedule.Step {
		step = w.businessStep
	}
	var err error
	if w.processor, err = processor.New(processor.Config{
		Table: w, Queue: w, TableName: "orders", RejectedQueueURL: w.rejected.name,
		MaxDocumentBytes: maxDocumentBytes,
		Schema:           schema, Step: step, IndexedFields: indexed, Lifetime: order.MinLifetime,
		Now: w.now, Logger: silent,
	}); err != nil {
		panic(err)
	}
	if w.publisher, err = publisher.New(publisher.Config{
		Topic: w, Queue: w, TopicARN: topicARN, OnFailureQueueURL: w.onFailure.name,
		MaxEventBytes: maxEventBytes,
		Format:        eventFormat, Attributes: indexed, Now: w.now, Sleep: w.sleep, Logger: silent,
	}); err != nil {
		panic(err)
	}
}

func (w *World) now() time.Time { return w.clock }

// note adds a line to the timeline.
func (w *World) note(format string, args ...any) {
	w.timeline = append(w.timeline, note{w.clock, format, args})
}

// violated records a broken promise.
func (w *World) violated(invariant, format string, args ...any) {
	detail := fmt.Sprintf(format, args...)
	w.violations = append(w.violations, Violation{invariant, detail})
	w.note("VIOLATION %s: %s", invariant, detail)
}

// Report returns the timeline and the violated invariants. It is empty when there are none.
func (w *World) Report() string {
	if len(w.violations) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(w.Timeline())
	for _, v := range w.violations {
		fmt.Fprintf(&b, "violated: %s: %s\n", v.Invariant, v.Detail)
	}
	return b.String()
}

// Fired returns how often each fault fired.
func (w *World) Fired() map[Cell]int { return w.fired }

// Timeline returns the run line by line.
func (w *World) Timeline() string {
	var b strings.Builder
	for _, n := range w.timeline {
		fmt.Fprintf(&b, "%14s  ", n.at.Sub(w.started))
		fmt.Fprintf(&b, n.format, n.args...)
		b.WriteByte('\n')
	}
	return b.String()
}

// Redriven returns the number of messages that the operator found on the DLQ.
func (w *World) Redriven() int { return w.redriven }

// runToQuiescence lets things happen until nothing more can.
func (w *World) runToQuiescence() {
	for steps := 0; w.step(); steps++ {
		if steps > 1_000_000 {
			w.violated("quiescence", "the pipeline is never at rest")
			return
		}
	}
}

// step does one of the things that can happen now. If there are none, it first moves the clock to
// the next thing that will happen. It reports whether there was anything to do.
func (w *World) step() bool {
	for {
		ready, next := w.possible()
		if len(ready) > 0 {
			ready[w.rng.IntN(len(ready))]()
			w.clock = w.clock.Add(time.Duration(w.rng.IntN(20)) * time.Millisecond)
			return true
		}
		if next.IsZero() {
			return false
		}
		w.clock = next
	}
}

// possible returns what can happen now, and the time of the next thing that can happen later.
func (w *World) possible() (ready []func(), next time.Time) {
	at := func(t time.Time, do func()) {
		if !t.After(w.clock) {
			ready = append(ready, do)
		} else if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	w.clients.possible(w, at)
	w.possibleSources(at)
	for _, i := range w.running {
		if i.wake.Before(i.deadline) {
			at(i.wake, func() { w.resume(i) })
		}
		at(i.deadline, func() { w.timeOut(i) })
	}
	return ready, next
}

// Injected returns the number of the schedule's faults that fired.
func (w *World) Injected() int { return len(w.schedule.Faults) - len(w.faults) }

// fault returns the fault of this call of a site, if any.
func (w *World) fault(site Site) (Kind, time.Duration) {
	n := w.calls[site]
	w.calls[site]++
	recovery := site == RedriveReceive || site == RedriveSend || site == RedriveDelete
	if w.quiet && !recovery {
		return None, 0
	}
	open, isOpen := w.openWindow(site)
	for i, f := range w.faults {
		lasts := f.windowed() && !recovery
		if f.Site != site || f.At > n || lasts && isOpen {
			continue
		}
		w.faults = append(w.faults[:i:i], w.faults[i+1:]...)
		w.fired[f.Cell]++
		if lasts {
			w.windows[f.Cell] = w.clock.Add(f.Length)
			w.note("FAULT %s: %s for %v", site, f.Kind, f.Length)
		} else {
			w.note("FAULT %s: %s", site, f.Kind)
		}
		return f.Kind, f.Length
	}
	if isOpen {
		w.fired[open]++
		return open.Kind, 0
	}
	return None, 0
}

// openWindow returns the fault that lasts at a site, of which there is at most one.
func (w *World) openWindow(site Site) (Cell, bool) {
	for cell, until := range w.windows {
		if cell.Site == site && w.clock.Before(until) {
			return cell, true
		}
	}
	return Cell{}, false
}
