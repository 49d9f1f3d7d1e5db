package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/publishing"
	"github.com/orderpipeline/orderpipeline/internal/recovery"
	"github.com/orderpipeline/orderpipeline/order"
)

type replayCmd struct {
	ID           []string  `help:"The order with this id; several, separated by commas." placeholder:"ID" group:"Which orders"`
	From         *moment   `help:"Orders that were stored since: 2026-11-14T08:00:00Z, 2026-11-14 (UTC), or an age: 36h." placeholder:"TIME" group:"Which orders"`
	To           *moment   `help:"Orders that were stored until; without it, until now." placeholder:"TIME" group:"Which orders"`
	OnFailure    bool      `help:"Orders that the on-failure queue names; its messages are deleted once the events are out." group:"Which orders"`
	ToSubscriber string    `help:"Send to this subscriber's queue alone: a demo subscriber, or the name of a queue that is subscribed to the topic." placeholder:"NAME"`
	Yes          bool      `help:"Publish. Without it nothing is published."`
	Rate         rateFlag  `help:"Publish at most this many a second (${default})." default:"100/s" placeholder:"N/s"`
	ReadRate     rateFlag  `help:"Scan at most this many read request units, of 4 KB, a second (${default})." default:"1000/s" placeholder:"N/s"`
	Segments     int       `help:"Parts into which the scan divides the table; 4 are scanned at a time (${default})." default:"8" placeholder:"N"`
	Resume       string    `help:"File that keeps how far the scan has come. Default: one for each such command." placeholder:"FILE"`
	Restart      bool      `help:"Begin anew, whatever an interrupted run has done."`
	now          time.Time // tests only
}

// Help is the long help.
func (replayCmd) Help() string {
	return `Publishes the events of stored orders again: the same bytes, the same event ids and attributes as the first time. Subscribers have to
bear an event twice anyway, and know it by its id.

Without --yes it only says how many orders there are and what it costs. --from and --on-failure may have to scan the whole table:
then the number of orders in the table, which it gives, is an upper bound.

With --to-subscriber, only that subscriber gets the events that its filter policy lets through; messages of the on-failure queue then
stay, since the other subscribers still miss these events.

A scan can be interrupted: the same command again goes on where it was. A few events then go out twice.

Examples:

  orders replay --id A-1001,A-1002 --yes
  orders replay --from 2026-11-14T08:00:00Z --to 2026-11-14T10:30:00Z
  orders replay --from 36h --to-subscriber Billing --rate 20/s --yes
  orders replay --on-failure --yes`
}

// moment is a point in time: RFC 3339, a date, or an age.
type moment struct {
	text string
	at   func(now time.Time) time.Time
}

// UnmarshalText reads the flag.
func (m *moment) UnmarshalText(text []byte) error {
	m.text = string(text)
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, m.text); err == nil {
			m.at = func(time.Time) time.Time { return at }
			return nil
		}
	}
	if age, err := time.ParseDuration(m.text); err == nil && age > 0 {
		m.at = func(now time.Time) time.Time { return now.Add(-age) }
		return nil
	}
	return fmt.Errorf("%q is no time: write 2026-11-14T08:00:00Z, 2026-11-14, or an age such as 36h", text)
}

// Run says what there is to publish, and publishes it.
func (cmd *replayCmd) Run(ctx context.Context, a *app) error {
	if cmd.now.IsZero() {
		cmd.now = time.Now()
	}
	if err := cmd.check(a); err != nil {
		return err
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	run := &replay{cmd: cmd, app: a, deployment: d, table: dynamodb.NewFromConfig(cfg)}
	if err := run.connect(ctx, cfg); err != nil {
		return err
	}
	return run.run(ctx)
}

func (cmd *replayCmd) check(a *app) error {
	usage := func(what, next string) error { return &failure{what: what, next: next, status: usageStatus} }
	ways := 0
	for _, given := range []bool{len(cmd.ID) > 0, cmd.From != nil, cmd.OnFailure} {
		if given {
			ways++
		}
	}
	switch {
	case cmd.To != nil && cmd.From == nil:
		return usage("--to needs --from", "say since when: --from TIME")
	case ways != 1:
		return usage("which orders? Give --id, --from, or --on-failure, one of the three", a.self()+" replay --help has examples")
	case cmd.From != nil && cmd.To != nil && !cmd.From.at(cmd.now).Before(cmd.To.at(cmd.now)):
		return usage(fmt.Sprintf("--from %s is not before --to %s", cmd.From.text, cmd.To.text), "swap them")
	case cmd.From != nil && cmd.From.at(cmd.now).After(cmd.now):
		return usage(fmt.Sprintf("--from %s is in the future", cmd.From.text), "times without an offset are UTC")
	case cmd.Segments < 1 || cmd.Segments > 1000:
		return usage("--segments must be 1 to 1000", "8 is good for most tables")
	}
	for _, id := range cmd.ID {
		if !order.ValidID(id) {
			return usage(fmt.Sprintf("%q cannot be an order id", id), fmt.Sprintf("an id has 1 to %d of the characters A-Z a-z 0-9 . _ ~ -", order.MaxIDLength))
		}
	}
	return nil
}

// replay is one run.
type replay struct {
	cmd *replayCmd
	*app
	deployment *deployment.Deployment
	table      *dynamodb.Client
	replay     recovery.Replay
	filtered   atomic.Int64

	mu            sync.Mutex
	unpublishable []string // orders whose event can never be published, with the reason
}

const scanWorkers = 4

// connect makes the publisher with the deployed one's settings, so that the bytes are the same.
func (r *replay) connect(ctx context.Context, cfg aws.Config) error {
	publisher, err := deployedPublisher(ctx, cfg, r.deployment)
	if err != nil {
		return err
	}
	queues := sqs.NewFromConfig(cfg)
	publisher.Topic = sns.NewFromConfig(cfg)
	if r.cmd.ToSubscriber != "" {
		if publisher.Topic, err = r.subscriber(ctx, cfg, queues); err != nil {
			return err
		}
	}
	r.replay = recovery.Replay{
		Orders: r.table, TableName: r.deployment.TableName, Publisher: publisher, Queues: queues,
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
	const largestPage = 300 // units: 1 MB of 4 KB each, and the last item whole
	if limiter := r.cmd.ReadRate.limiter(largestPage); limiter != nil {
		r.replay.WaitRead = func(ctx context.Context, units float64) error {
			return limiter.WaitN(ctx, min(largestPage, int(math.Ceil(units))))
		}
	}
	return nil
}

// deployedPublisher reads the settings of the deployed publisher.
func deployedPublisher(
	ctx context.Context, cfg aws.Config, d *deployment.Deployment,
) (*publishing.Publisher, error) {
	out, err := lambda.NewFromConfig(cfg).GetFunctionConfiguration(ctx,
		&lambda.GetFunctionConfigurationInput{FunctionName: &d.PublisherFunction})
	if err != nil {
		return nil, fmt.Errorf("read the publisher's settings: %w", err)
	}
	settings := map[string]string{}
	if out.Environment != nil {
		settings = out.Environment.Variables
	}
	publisher := &publishing.Publisher{
		TopicARN: settings[contract.EnvTopicARN],
		Format: order.EventFormat{
			Source: settings[contract.EnvEventSource], Type: settings[contract.EnvEventType],
		},
		Attributes: strings.FieldsFunc(settings[contract.EnvEventAttributes],
			func(r rune) bool { return r == ',' }),
	}
	publisher.MaxEventBytes, err = strconv.Atoi(settings[contract.EnvMaxEventBytes])
	if err != nil || publisher.MaxEventBytes < 1 || publisher.TopicARN == "" ||
		publisher.Format.Validate() != nil || len(publisher.Attributes) > contract.MaxEventAttributes {
		return nil, &failure{
			what: "the deployed publisher has other settings than this command knows",
			next: "use the command of the same version as the deployment",
		}
	}
	return publisher, nil
}

// subscriber is the topic as one subscriber sees it.
func (r *replay) subscriber(ctx context.Context, cfg aws.Config, queues *sqs.Client) (*recovery.SubscriberTopic, error) {
	s, err := findSubscriber(ctx, r.app, cfg, r.deployment, r.cmd.ToSubscriber)
	if err != nil {
		return nil, err
	}
	all, err := subscriptions(ctx, cfg, r.deployment.TopicARN, true)
	if err != nil {
		return nil, err
	}
	queue := s.QueueURL[strings.LastIndex(s.QueueURL, "/")+1:]
	n := slices.IndexFunc(all, func(s subscription) bool { return s.protocol == "sqs" && strings.HasSuffix(s.endpoint, ":"+queue) })
	if n < 0 {
		return nil, &failure{what: fmt.Sprintf("the queue of %s is not subscribed to the topic, so nobody knows which events it wants", s.Name), next: "mend the subscription first: " + r.self() + " doctor" + r.envFlag()}
	}
	if all[n].filterScope == "MessageBody" && all[n].filterPolicy != "" {
		return nil, &failure{what: fmt.Sprintf("the filter policy of %s is on the message body, which this command cannot evaluate", s.Name), next: "publish to the topic instead, without --to-subscriber"}
	}
	filter, err := recovery.ParseFilter(all[n].filterPolicy)
	if err != nil {
		return nil, &failure{what: fmt.Sprintf("subscriber %s: %v", s.Name, err), next: "publish to the topic instead, without --to-subscriber", err: err}
	}
	return &recovery.SubscriberTopic{Queue: queues, QueueURL: s.QueueURL, Filter: filter, Filtered: func(n int) { r.filtered.Add(int64(n)) }}, nil
}

func (r *replay) run(ctx context.Context) error {
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
		var err error
		if failures, err = r.replay.Failures(ctx, r.deployment.OnFailureQueueURL); err != nil {
			return err
		}
		ids, spans = failures.OrderIDs, failures.Spans
	}
	total := len(ids)
	var notes *replayNotes
	if len(spans) > 0 {
		var err error
		if notes, err = r.notes(spans); err != nil {
			return err
		}
		notes.apply(r)
		spans = notes.Spans
		n, err := r.sayScan(ctx, spans)
		if err != nil {
			return err
		}
		total += n
	}
	r.sayOrders(ids, failures)
	if !r.cmd.Yes {
		if len(ids)+len(spans) > 0 {
			fmt.Fprintln(r.stderr, "nothing was published; the same with --yes publishes")
		}
		return unreadable(failures.Unreadable)
	}
	add, finish := r.progress(total, "orders")
	add(r.replay.Checkpoint.Published())
	r.replay.Published = add
	started := time.Now()
	var missing []string
	var replayed int
	var err error
	if r.cmd.OnFailure && r.cmd.ToSubscriber == "" {
		replayed, missing, err = r.replay.OnFailure(ctx, r.deployment.OnFailureQueueURL, failures)
	} else if replayed, missing, err = r.replay.ByID(ctx, ids...); err == nil {
		var n int
		n, err = r.replay.Between(ctx, spans...)
		replayed += n
	}
	finish()
	return r.report(ctx, started, replayed, missing, failures, notes, err)
}

// unreadable makes failures of messages that nobody can read.
func unreadable(errs []error) error {
	var all []error
	for _, err := range errs {
		all = append(all, &failure{what: oneLine(err.Error()), next: "it stays on the on-failure queue: look at it, and delete it by hand", err: err})
	}
	return errors.Join(all...)
}

// sayOrders says which orders are known by id.
func (r *replay) sayOrders(ids []string, f recovery.Failures) {
	if r.cmd.OnFailure {
		fmt.Fprintf(r.stderr, "%s on the on-failure queue; they name %s and %s of time\n", count(f.Messages, "message"), count(len(ids), "order"), count(len(f.Spans), "span"))
	} else if len(ids) > 0 {
		fmt.Fprintf(r.stderr, "%s to publish\n", count(len(ids), "order"))
	}
}

// pricePerMillionReads is the price of a million on-demand read request units, in USD, where and when it was read.
const (
	pricePerMillionReads = 0.125
	priceDate            = "us-east-1, November 2026"
)

// sayScan says what a scan costs and how many orders there are at most.
func (r *replay) sayScan(ctx context.Context, spans []recovery.Span) (items int, err error) {
	out, err := r.table.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &r.deployment.TableName})
	if err != nil {
		return 0, fmt.Errorf("ask for the table's size: %w", err)
	}
	for _, s := range spans {
		fmt.Fprintf(r.stderr, "orders stored from %s to %s\n", s.First.UTC().Format(time.RFC3339), s.Last.UTC().Format(time.RFC3339))
	}
	units := math.Ceil(float64(aws.ToInt64(out.Table.TableSizeBytes)) / 4096)
	fmt.Fprintf(r.stderr, "the scan reads the whole table: about %d items (orders, at most so many to publish, and refusals), %.1f MB, %.0f read request units, %.4f USD (%g USD a million; %s)\n",
		aws.ToInt64(out.Table.ItemCount), float64(aws.ToInt64(out.Table.TableSizeBytes))/1e6, units, units*pricePerMillionReads/1e6, pricePerMillionReads, priceDate)
	return int(aws.ToInt64(out.Table.ItemCount)), nil
}

// report says what was done, and keeps or removes the notes.
func (r *replay) report(ctx context.Context, started time.Time, replayed int, missing []string, f recovery.Failures, notes *replayNotes, err error) error {
	sent := replayed - len(r.unpublishable) - int(r.filtered.Load())
	where := "to the topic"
	if r.cmd.ToSubscriber != "" {
		where = "to " + r.cmd.ToSubscriber
	}
	fmt.Fprintf(r.stderr, "%s published %s in %.1f s\n", count(sent, "event"), where, time.Since(started).Seconds())
	if n := r.filtered.Load(); n > 0 {
		fmt.Fprintf(r.stderr, "%s not sent: the subscriber's filter policy drops them\n", count(int(n), "event"))
	}
	if isInterrupt(ctx, err) {
		return &failure{what: "interrupted", next: "the same command again goes on where it was", status: 130, err: err}
	}
	var all []error
	for _, id := range missing {
		what := "no order is stored under " + id
		if r.cmd.OnFailure {
			fmt.Fprintf(r.stderr, "%s (any more)\n", what)
			continue
		}
		all = append(all, &failure{what: what, next: r.self() + " status" + r.envFlag() + " " + id + " says what became of it"})
	}
	if len(r.unpublishable) > 0 {
		next := "publish them by hand, or raise the topic's size limit (too-large); see docs/guarantees.md"
		if r.cmd.OnFailure && r.cmd.ToSubscriber == "" {
			next = "they are on the on-failure queue again; " + next
		}
		all = append(all, &failure{what: fmt.Sprintf("%s can never be published: %s", count(len(r.unpublishable), "event"), strings.Join(first(r.unpublishable, 20), ", ")), next: next})
	}
	left := unreadable(f.Unreadable)
	switch {
	case err == nil:
		notes.remove()
	case len(f.Unreadable) > 0 && fmt.Sprint(err) == fmt.Sprint(errors.Join(f.Unreadable...)):
		notes.remove()
	default:
		all = append(all, &failure{what: "not all events are published: " + oneLine(err.Error()), next: "see the topic and its permissions (" + r.self() + " doctor" + r.envFlag() + "), then the same command again: it goes on where it was", err: err})
	}
	return errors.Join(append(all, left)...)
}

// first gives the first n of a list, and says that there are more.
func first(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	return append(slices.Clone(list[:n]), fmt.Sprintf("and %d more", len(list)-n))
}
