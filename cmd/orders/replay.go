package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/prices"
	"github.com/orderpipeline/orderpipeline/internal/publishing"
	"github.com/orderpipeline/orderpipeline/internal/recovery"
	"github.com/orderpipeline/orderpipeline/internal/replay"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type replayCmd struct {
	ID        []string  `group:"Orders" placeholder:"ID" help:"These orders."`
	From      *timeFlag `group:"Orders" placeholder:"TIME" help:"Orders stored at or after TIME."`
	To        *timeFlag `group:"Orders" placeholder:"TIME" help:"And not after TIME (default now)."`
	OnFailure bool      `group:"Orders" help:"Orders that the on-failure queue names."`

	ToSubscriber string `placeholder:"NAME" help:"Send only to the queue of this subscriber."`
	Yes          bool   `help:"Publish. Without it nothing is published."`
	Resume       string `placeholder:"FILE" help:"State file, instead of one per command line."`
	Restart      bool   `help:"Start again, even if a run was interrupted."`

	Rate     rateFlag `default:"100/s" placeholder:"N/s" help:"Most events to publish per second."`
	ReadRate rateFlag `default:"1000/s" placeholder:"N/s" help:"Most read units to scan per second."`
	Segments int      `default:"8" placeholder:"N" help:"Parts of the table for the scan."`

	now time.Time // tests only
}

// Help is the long help.
func (replayCmd) Help() string {
	return `The events have the same bytes, ids and attributes as the first time. Subscribers
deduplicate by the event id, as they must in any case.

Choose the orders with --id, --from or --on-failure. A time is 2026-11-14T08:00:00Z, 2026-11-14
(UTC), or an age such as 36h. --on-failure deletes the messages from the queue once their events are
published.

Without --yes it only counts the orders and estimates the cost. --from and --on-failure may have to
scan the whole table: then the number of orders in the table, which it prints, is an upper bound.

With --to-subscriber, only that subscriber gets the events that its filter policy accepts: a demo
subscriber, or the name of a queue that is subscribed to the topic. The messages of the on-failure
queue then stay, since the other subscribers still lack these events.

A scan can be interrupted: the same command goes on where it stopped. A few events are then
published twice. Up to 4 of the --segments are scanned at the same time; a read unit is 4 KB.

Examples:

  orders replay --id A-1001,A-1002 --yes
  orders replay --from 2026-11-14T08:00:00Z --to 2026-11-14T10:30:00Z
  orders replay --from 36h --to-subscriber Billing --rate 20/s --yes
  orders replay --on-failure --yes`
}

// Run counts the orders, and publishes their events with --yes.
func (cmd *replayCmd) Run(ctx context.Context, a *app) error {
	if cmd.now.IsZero() {
		cmd.now = time.Now()
	}
	if err := cmd.check(); err != nil {
		return err
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	r := &replayRun{cmd: cmd, app: a, deployment: d, table: dynamodb.NewFromConfig(cfg)}
	if err := r.connect(ctx, cfg); err != nil {
		return err
	}
	return r.run(ctx)
}

func (cmd *replayCmd) check() error {
	ways := 0
	for _, given := range []bool{len(cmd.ID) > 0, cmd.From != nil, cmd.OnFailure} {
		if given {
			ways++
		}
	}
	switch {
	case cmd.To != nil && cmd.From == nil:
		return failure.Usage("--to needs --from", "give --from TIME")
	case ways != 1:
		return failure.Usage("which orders? Give one of --id, --from and --on-failure",
			program()+" replay --help has examples")
	case cmd.From != nil && cmd.To != nil && !cmd.From.at(cmd.now).Before(cmd.To.at(cmd.now)):
		return failure.Usage(fmt.Sprintf("--from %s is not before --to %s", cmd.From.text, cmd.To.text),
			"swap them")
	case cmd.From != nil && cmd.From.at(cmd.now).After(cmd.now):
		return failure.Usage(fmt.Sprintf("--from %s is in the future", cmd.From.text),
			"a time without an offset is UTC")
	case cmd.Segments < 1 || cmd.Segments > 1000:
		return failure.Usage("--segments must be 1 to 1000", "8 is good for most tables")
	}
	for _, id := range cmd.ID {
		if err := checkOrderID(id); err != nil {
			return err
		}
	}
	return nil
}

// replayRun is one run.
type replayRun struct {
	*app
	cmd        *replayCmd
	deployment *deployment.Deployment
	table      *dynamodb.Client
	replay     recovery.Replay
	state      *replay.State // nil without a scan
	filtered   atomic.Int64

	mu            sync.Mutex
	unpublishable []string // orders whose event can never be published, with the reason
}

const scanWorkers = 4

// connect prepares the replay.
func (r *replayRun) connect(ctx context.Context, cfg aws.Config) error {
	publisher, err := replay.Publisher(ctx, cfg, r.deployment)
	if err != nil {
		return err
	}
	if name := r.cmd.ToSubscriber; name != "" {
		publisher.Topic, err = replay.SubscriberTopic(ctx, cfg, r.deployment, name,
			r.command("doctor"), func(n int) { r.filtered.Add(int64(n)) })
		if err != nil {
			return err
		}
	}
	r.replay = recovery.Replay{
		Orders: r.table, TableName: r.deployment.TableName, Publisher: publisher,
		Queues: sqs.NewFromConfig(cfg),
		Unpublishable: func(e publishing.Event) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.unpublishable = append(r.unpublishable, fmt.Sprintf("%s (%s)", e.OrderID, e.Unpublishable))
		},
		Segments: r.cmd.Segments, Workers: min(r.cmd.Segments, scanWorkers),
		Batch: r.cmd.Rate.within(100*time.Millisecond, 100),
	}
	if limiter := r.cmd.Rate.limiter(r.replay.Batch); limiter != nil {
		r.replay.Wait = limiter.WaitN
	}
	const largestPage = 300 // read units: 1 MB in 4 KB units, and the whole of the last item
	if limiter := r.cmd.ReadRate.limiter(largestPage); limiter != nil {
		r.replay.WaitRead = func(ctx context.Context, units float64) error {
			return limiter.WaitN(ctx, min(largestPage, int(math.Ceil(units))))
		}
	}
	return nil
}

func (r *replayRun) run(ctx context.Context) (err error) {
	var failures recovery.Failures
	ids, spans := r.cmd.ID, []recovery.Span(nil)
	switch {
	case r.cmd.From != nil:
		to := r.cmd.now
		if r.cmd.To != nil {
			to = r.cmd.To.at(r.cmd.now)
		}
		spans = []recovery.Span{{First: r.cmd.From.at(r.cmd.now), Last: to}}
	case r.cmd.OnFailure:
		if failures, err = r.replay.Failures(ctx, r.deployment.OnFailureQueueURL); err != nil {
			return err
		}
		ids, spans = failures.OrderIDs, failures.Spans
	}
	total := len(ids)
	if len(spans) > 0 {
		if err := r.openState(spans); err != nil {
			return err
		}
		spans = r.state.Spans
		items, err := r.printScan(ctx, spans)
		if err != nil {
			return err
		}
		total += items
	}
	if r.cmd.OnFailure {
		r.notef("%s on the on-failure queue; they name %s and %s of time",
			terminal.Count(failures.Messages, "message"), terminal.Count(len(ids), "order"),
			terminal.Count(len(failures.Spans), "span"))
	} else if len(ids) > 0 {
		r.notef("%s to publish", terminal.Count(len(ids), "order"))
	}
	if !r.cmd.Yes {
		if len(ids)+len(spans) > 0 {
			r.notef("nothing was published; repeat the command with --yes to publish")
		}
		return unreadable(failures.Unreadable)
	}
	add, finish := terminal.Progress(r.stderr, total, "%d of about %d orders")
	add(r.replay.Checkpoint.Published())
	r.replay.Published = add
	started := time.Now()
	var missing []string
	var replayed int
	if r.cmd.OnFailure && r.cmd.ToSubscriber == "" {
		replayed, missing, err = r.replay.OnFailure(ctx, r.deployment.OnFailureQueueURL, failures)
	} else if replayed, missing, err = r.replay.ByID(ctx, ids...); err == nil {
		var n int
		n, err = r.replay.Between(ctx, spans...)
		replayed += n
	}
	finish()
	return r.report(ctx, time.Since(started), replayed, missing, failures.Unreadable, err)
}

// openState lets the scan go on from an interrupted run of the same command, and keeps its
// progress.
func (r *replayRun) openState(spans []recovery.Span) (err error) {
	identity := []any{r.deployment.Env, r.deployment.TableName, r.cmd.ToSubscriber}
	if r.cmd.From != nil {
		to := ""
		if r.cmd.To != nil {
			to = r.cmd.To.text
		}
		identity = append(identity, r.cmd.From.text, to)
	} else {
		identity = append(identity, spans)
	}
	r.state, err = replay.OpenState(identity, spans, r.cmd.now, r.cmd.Resume, r.cmd.Restart)
	if err != nil {
		return err
	}
	if c := r.state.Checkpoint; len(c) > 0 {
		r.notef("resuming the run of %s, which published %s (--restart starts again)",
			r.state.Begun.Format(time.RFC3339), terminal.Count(c.Published(), "event"))
	}
	r.replay.Checkpoint, r.replay.Save = r.state.Checkpoint, r.state.Save
	return nil
}

// printScan prints what a scan reads and costs. It returns how many items the table has.
func (r *replayRun) printScan(ctx context.Context, spans []recovery.Span) (items int, err error) {
	out, err := r.table.DescribeTable(ctx, &dynamodb.DescribeTableInput{
		TableName: &r.deployment.TableName,
	})
	if err != nil {
		return 0, fmt.Errorf("read the size of the table: %w", err)
	}
	for _, s := range spans {
		r.notef("orders stored from %s to %s",
			s.First.UTC().Format(time.RFC3339), s.Last.UTC().Format(time.RFC3339))
	}
	items = int(aws.ToInt64(out.Table.ItemCount))
	size := float64(aws.ToInt64(out.Table.TableSizeBytes))
	units := math.Ceil(size / 4096)
	list := prices.Current()
	r.notef("the scan reads the whole table: about %d items (orders and refusals), %.1f MB, "+
		"%.0f read request units, %.4f %s (%g %[5]s per million; %s, %s)",
		items, size/1e6, units, units*list.DynamoDBReads/1e6, list.Currency, list.DynamoDBReads,
		list.Region, list.Date)
	return items, nil
}

// report prints what was published, and removes the state of a finished replay.
func (r *replayRun) report(
	ctx context.Context, took time.Duration, replayed int, missing []string, left []error, err error,
) error {
	filtered := int(r.filtered.Load())
	to := "the topic"
	if r.cmd.ToSubscriber != "" {
		to = r.cmd.ToSubscriber
	}
	r.notef("%s published to %s in %.1f s",
		terminal.Count(replayed-len(r.unpublishable)-filtered, "event"), to, took.Seconds())
	if filtered > 0 {
		r.notef("%s not sent: the subscriber's filter policy drops them",
			terminal.Count(filtered, "event"))
	}
	if isInterrupt(ctx, err) {
		return interrupted(err, "repeat the command: it goes on where it stopped")
	}
	var all []error
	for _, id := range missing {
		what := "no order is stored under " + id
		if r.cmd.OnFailure {
			r.notef("%s (any more)", what)
			continue
		}
		all = append(all, &failure.Error{
			What: what, Next: "ask for its status: " + r.command("status "+id),
		})
	}
	if len(r.unpublishable) > 0 {
		next := "publish them by hand, or raise the topic's size limit (too-large); " +
			"see docs/guarantees.md"
		if r.cmd.OnFailure && r.cmd.ToSubscriber == "" {
			next = "they are on the on-failure queue again; " + next
		}
		all = append(all, &failure.Error{
			What: fmt.Sprintf("%s can never be published: %s",
				terminal.Count(len(r.unpublishable), "event"), terminal.List(r.unpublishable, 20)),
			Next: next,
		})
	}
	onlyUnreadable := len(left) > 0 && fmt.Sprint(err) == fmt.Sprint(errors.Join(left...))
	if err == nil || onlyUnreadable {
		r.state.Remove()
	} else {
		all = append(all, &failure.Error{
			What: "not all events are published: " + terminal.OneLine(err.Error()),
			Next: "check the topic and its permissions (" + r.command("doctor") +
				"), then repeat the command: it goes on where it stopped",
			Err: err,
		})
	}
	return errors.Join(append(all, unreadable(left))...)
}

// unreadable explains messages of the on-failure queue that cannot be read.
func unreadable(errs []error) error {
	var all []error
	for _, err := range errs {
		all = append(all, &failure.Error{
			What: terminal.OneLine(err.Error()), Err: err,
			Next: "it stays on the on-failure queue: read it, then delete it by hand",
		})
	}
	return errors.Join(all...)
}
