package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
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
	JSON         bool   `help:"Print one JSON object with the orders and the counts, for scripts."`
	Resume       bool   `help:"Continue the interrupted run of the same command."`
	State        string `placeholder:"FILE" help:"State file, instead of one per command line."`

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

Without --yes it lists the orders, why each is replayed, and what of it is missing, and publishes
nothing. --from and --on-failure may have to scan the whole table, which it prices. It scans a table
of up to 40 MB to list the orders; of a larger one it only knows the number of items.

With --to-subscriber, only that subscriber gets the events that its filter policy accepts: a demo
subscriber, or the name of a queue that is subscribed to the topic. The messages of the on-failure
queue then stay, since the other subscribers still lack these events.

A scan can be interrupted: with --resume, the same command goes on where it stopped, and ends with
the orders of the first run's time, also when --from is an age. A few events are then published
twice. Without --resume it starts again. Up to 4 of the --segments are scanned at the same time; a
read unit is 4 KB.

Examples:

  orders replay --id A-1001,A-1002 --yes
  orders replay --from 2026-11-14T08:00:00Z --to 2026-11-14T10:30:00Z
  orders replay --from 36h --to-subscriber Billing --rate 20/s --yes
  orders replay --from 36h --to-subscriber Billing --rate 20/s --yes --resume
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
	subscriber *recovery.SubscriberTopic
	filtered   atomic.Int64

	mu            sync.Mutex
	found         []replayOrder // by a dry run
	unpublishable []replayOrder // whose event can never be published
}

// replayOrder is an order with the reason why it is named.
type replayOrder struct {
	OrderID string `json:"orderId"`
	Reason  string `json:"reason"`
}

func (o replayOrder) String() string { return fmt.Sprintf("%s (%s)", o.OrderID, o.Reason) }

// replayReport is the output of --json.
type replayReport struct {
	// Orders are those that would be published, null when their table was not scanned or they were.
	Orders        []replayOrder   `json:"orders"`
	Missing       []string        `json:"missing"`
	Unpublishable []replayOrder   `json:"unpublishable"`
	Spans         []recovery.Span `json:"spans"`
	Published     int             `json:"published"`
	Filtered      int             `json:"filtered"`
}

const scanWorkers = 4

// connect prepares the replay.
func (r *replayRun) connect(ctx context.Context, cfg aws.Config) error {
	publisher, err := replay.Publisher(ctx, cfg, r.deployment)
	if err != nil {
		return err
	}
	if name := r.cmd.ToSubscriber; name != "" {
		r.subscriber, err = replay.SubscriberTopic(ctx, cfg, r.deployment, name,
			r.command("doctor"), func(n int) { r.filtered.Add(int64(n)) })
		if err != nil {
			return err
		}
		publisher.Topic = r.subscriber
	}
	r.replay = recovery.Replay{
		Orders: r.table, TableName: r.deployment.TableName, Publisher: publisher,
		Queues:        sqs.NewFromConfig(cfg),
		Unpublishable: r.addUnpublishable,
		Segments:      r.cmd.Segments, Workers: min(r.cmd.Segments, scanWorkers),
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
	ids, spans := slices.Compact(slices.Sorted(slices.Values(r.cmd.ID))), []recovery.Span(nil)
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
	total, read := len(ids), scanSize{}
	if len(spans) > 0 {
		if read, err = r.openScan(ctx, spans); err != nil {
			return err
		}
		spans = r.state.Spans
		total += read.items
	} else if r.cmd.Resume {
		return failure.Usage("--resume continues a scan, and this replay needs none",
			"leave it out")
	}
	if r.cmd.OnFailure {
		r.notef("%s on the on-failure queue; they name %s and %s of time",
			terminal.Count(len(failures.All), "message"), terminal.Count(len(ids), "order"),
			terminal.Count(len(failures.Spans), "span"))
	}
	if !r.cmd.Yes {
		return r.dryRun(ctx, ids, spans, failures, read)
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
	return r.report(ctx, time.Since(started), spans, replayed, missing, failures.Unreadable, err)
}

// dryRun finds the orders without publishing their events.
func (r *replayRun) dryRun(
	ctx context.Context, ids []string, spans []recovery.Span, failures recovery.Failures,
	read scanSize,
) error {
	reasons := map[string]string{}
	var discarded []string // why Lambda discarded what is in the spans
	for _, f := range failures.All {
		if f.OrderID != "" {
			reasons[f.OrderID] = f.Reason
		} else if !slices.Contains(discarded, f.Reason) {
			discarded = append(discarded, f.Reason)
		}
	}
	filtered := 0
	r.replay.DryRun = func(e publishing.Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		reason, named := reasons[e.OrderID]
		if !named {
			reason = strings.Join(discarded, ", ")
		}
		switch {
		case e.Unpublishable != "":
			r.unpublishable = append(r.unpublishable, replayOrder{e.OrderID, e.Unpublishable})
		case r.subscriber != nil && !r.subscriber.Filter(e.Attributes):
			filtered++
		default:
			r.found = append(r.found, replayOrder{e.OrderID, reason})
		}
	}
	r.replay.Save = nil
	_, missing, err := r.replay.ByID(ctx, ids...)
	scanned := read.units <= maxListedUnits
	if err == nil && scanned {
		_, err = r.replay.Between(ctx, spans...)
	}
	if err != nil {
		return err
	}
	byID := func(a, b replayOrder) int { return strings.Compare(a.OrderID, b.OrderID) }
	slices.SortFunc(r.found, byID)
	slices.SortFunc(r.unpublishable, byID)
	// Some are named by the queue and within a span.
	r.found, r.unpublishable = slices.Compact(r.found), slices.Compact(r.unpublishable)
	r.filtered.Store(int64(filtered))
	r.printFound(spans, scanned, read)
	if err := r.printJSON(spans, 0, missing); err != nil {
		return err
	}
	return errors.Join(append(r.problems(missing), unreadable(failures.Unreadable))...)
}

// printFound lists what a dry run has found.
func (r *replayRun) printFound(spans []recovery.Span, scanned bool, read scanSize) {
	const most = 100
	if len(r.found) > 0 && !r.cmd.JSON {
		table := terminal.NewTable("ORDER", "REASON")
		for _, o := range r.found[:min(most, len(r.found))] {
			table.Row(o.OrderID, cmp.Or(o.Reason, "-"))
		}
		table.Print(r.stdout)
		if more := len(r.found) - most; more > 0 {
			r.notef("the first %d; %d more: --json", most, more)
		}
	}
	if filtered := int(r.filtered.Load()); filtered > 0 {
		r.notef("%s not sent: the subscriber's filter policy drops them",
			terminal.Count(filtered, "event"))
	}
	count := terminal.Count(len(r.found), "order") + " to publish"
	if len(spans) > 0 && !scanned {
		count = fmt.Sprintf("%s; and of the %d items of the table, those within the time", count,
			read.items)
	}
	r.notef("%s", count)
	r.notef("nothing was published; repeat the command with --yes to publish")
}

func (r *replayRun) printJSON(spans []recovery.Span, published int, missing []string) error {
	if !r.cmd.JSON {
		return nil
	}
	return terminal.JSON(r.stdout, replayReport{
		Orders: r.found, Missing: append([]string{}, missing...),
		Unpublishable: append([]replayOrder{}, r.unpublishable...),
		Spans:         append([]recovery.Span{}, spans...),
		Published:     published, Filtered: int(r.filtered.Load()),
	}, true)
}

func (r *replayRun) addUnpublishable(e publishing.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unpublishable = append(r.unpublishable, replayOrder{e.OrderID, e.Unpublishable})
}

// scanSize is what a scan reads.
type scanSize struct {
	items int
	units float64
}

// maxListedUnits is the largest table, in read units of 4 KB, that a dry run scans.
const maxListedUnits = 10_000

// openScan prepares the scan: from its start, or with --resume from where an interrupted run of the
// same command stopped. It prints what the scan reads and costs.
func (r *replayRun) openScan(
	ctx context.Context, spans []recovery.Span,
) (read scanSize, err error) {
	out, err := r.table.DescribeTable(ctx, &dynamodb.DescribeTableInput{
		TableName: &r.deployment.TableName,
	})
	if err != nil {
		return read, fmt.Errorf("read the size of the table: %w", err)
	}
	if err := r.openState(spans, aws.ToTime(out.Table.CreationDateTime)); err != nil {
		return read, err
	}
	read.items = int(aws.ToInt64(out.Table.ItemCount))
	size := float64(aws.ToInt64(out.Table.TableSizeBytes))
	read.units = math.Ceil(size / 4096)
	for _, s := range r.state.Spans {
		r.notef("orders stored from %s to %s", atSecond(s.First), atSecond(s.Last))
	}
	list := prices.Current()
	r.notef("the scan reads the whole table: about %d items (orders and refusals), %.1f MB, "+
		"%.0f read request units, %.4f %s (%g %[5]s per million; %s, %s)",
		read.items, size/1e6, read.units, read.units*list.DynamoDBReads/1e6, list.Currency,
		list.DynamoDBReads, list.Region, list.Date)
	return read, nil
}

func atSecond(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// openState opens the state file. A table that was created again is another one.
func (r *replayRun) openState(spans []recovery.Span, created time.Time) error {
	identity := []any{r.deployment.TableName, created.UnixMilli(), r.cmd.ToSubscriber}
	if r.cmd.From != nil {
		to := ""
		if r.cmd.To != nil {
			to = r.cmd.To.text
		}
		identity = append(identity, r.cmd.From.text, to)
	} else {
		identity = append(identity, spans)
	}
	state, interrupted, err := replay.NewState(
		r.deployment.Env, identity, spans, r.cmd.now, r.cmd.State)
	switch {
	case err != nil:
		return err
	case r.cmd.Resume && interrupted == nil:
		return &failure.Error{
			What: "no interrupted run of this command is left",
			Next: "repeat the flags of that run, or leave out --resume to start again",
		}
	case r.cmd.Resume:
		state = interrupted
		last := state.Spans[len(state.Spans)-1].Last
		r.notef("resuming the run of %s, which published %s, for the orders stored until %s",
			atSecond(state.Begun), terminal.Count(state.Checkpoint.Published(), "event"), atSecond(last))
	case interrupted != nil && r.cmd.Yes:
		r.notef("starting again; the run of %s, which published %s, is not continued (that is --resume)",
			atSecond(interrupted.Begun), terminal.Count(interrupted.Checkpoint.Published(), "event"))
	}
	r.state = state
	r.replay.Checkpoint, r.replay.Save = state.Checkpoint, state.Save
	return nil
}

// report prints what was published, and removes the state of a finished replay.
func (r *replayRun) report(
	ctx context.Context, took time.Duration, spans []recovery.Span, replayed int, missing []string,
	left []error, err error,
) error {
	filtered := int(r.filtered.Load())
	published := replayed - len(r.unpublishable) - filtered
	to, check := "the topic", "check the topic and its permissions ("+r.command("doctor")+")"
	if name := r.cmd.ToSubscriber; name != "" {
		to, check = name, fmt.Sprintf("check the queue of %s, its key and its permissions", name)
	}
	r.notef("%s published to %s in %.1f s", terminal.Count(published, "event"), to, took.Seconds())
	if filtered > 0 {
		r.notef("%s not sent: the subscriber's filter policy drops them",
			terminal.Count(filtered, "event"))
	}
	if err := r.printJSON(spans, published, missing); err != nil {
		return err
	}
	again := "repeat the command"
	if r.state != nil && len(r.state.Checkpoint) > 0 {
		again += " with --resume: it goes on where it stopped"
	}
	if isInterrupt(ctx, err) {
		return interrupted(err, again)
	}
	all := r.problems(missing)
	onlyUnreadable := len(left) > 0 && fmt.Sprint(err) == fmt.Sprint(errors.Join(left...))
	if err == nil || onlyUnreadable {
		r.state.Remove()
	} else {
		all = append(all, &failure.Error{
			What: "not all events are published: " + terminal.OneLine(err.Error()),
			Next: check + ", then " + again, Err: err,
		})
	}
	return errors.Join(append(all, unreadable(left))...)
}

// problems explains the orders that were not published for good.
func (r *replayRun) problems(missing []string) (all []error) {
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
	if len(r.unpublishable) == 0 {
		return all
	}
	var names []string
	for _, o := range r.unpublishable {
		names = append(names, o.String())
	}
	what, next := "can never be published", "publish them by hand, or raise the topic's size limit "+
		"(too-large); see docs/guarantees.md"
	switch {
	case r.cmd.ToSubscriber != "":
		what = "cannot be sent to " + r.cmd.ToSubscriber
		next = "raise the size limit of its queue or of the topic, or send them by hand"
	case r.cmd.OnFailure && r.cmd.Yes:
		next = "they are on the on-failure queue again; " + next
	}
	return append(all, &failure.Error{
		What: fmt.Sprintf("%s %s: %s", terminal.Count(len(names), "event"), what,
			terminal.List(names, 20)),
		Next: next,
	})
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
