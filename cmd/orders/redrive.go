package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/recovery"
	"github.com/orderpipeline/orderpipeline/order"
)

type redriveCmd struct {
	Queue      string        `arg:"" optional:"" help:"dlq, rejected, or subscriber; none: how full each is."`
	Subscriber string        `arg:"" optional:"" name:"name" help:"The subscriber's name (subscriber only)."`
	Reason     string        `help:"Only messages that are there for this reason." placeholder:"REASON"`
	OlderThan  time.Duration `help:"Only messages that were first sent longer ago than this." placeholder:"TIME"`
	OrderID    string        `help:"Only messages with this order." placeholder:"ID"`
	Show       bool          `help:"Print the documents as well."`
	JSON       bool          `help:"Print a JSON object a message, for scripts."`
	Limit      int           `help:"At most this many messages; when not given, all, or 100 of a list." placeholder:"N"`
	Yes        bool          `help:"Move them. Without it nothing is moved."`
	Rate       rateFlag      `help:"Move at most this many a second, say 10/s." placeholder:"N/s"`
}

// Help is the long help.
func (redriveCmd) Help() string {
	return `Moves messages that got stuck back to where they were on their way to:

  dlq               messages that could not be processed for hours: back to the queue
  rejected          documents that were refused: back to the queue, to be judged again. Only where the schema, the code or the business
                    rule was wrong: a document that is still bad is refused again, and comes back here
                    (a processor with a business step keeps each refusal for its 30 days, whatever the step says by then)
  subscriber NAME   events that a subscriber did not get, or failed on: back to the subscriber's queue. NAME is a demo subscriber's, or
                    the name of a queue that is subscribed to the topic

For the on-failure queue, see 'orders replay --on-failure'.

Without --yes it only lists. To be looked at, messages have to be received: each listing adds one to their receive counts, and they are
out of sight until it has ended (one that is killed: a minute longer). It never moves them to another queue.

A move is receive, send, delete. It can be interrupted and run again at any time: at worst a message is in both queues, and the same
document twice is one order. What arrives while it runs stays for the next time. Messages whose order cannot be found by its id (not
JSON, another schema's id field) are left out by --order-id.

Examples:

  orders redrive
  orders redrive dlq
  orders redrive dlq --yes --rate 10/s
  orders redrive rejected --reason invalid --older-than 1h --show
  orders redrive rejected --order-id A-1001 --yes
  orders redrive subscriber Billing --yes`
}

// stuckQueue is a queue of what got stuck.
type stuckQueue struct {
	name string // for people
	args string // of this command
	from string
	to   string // "" for the on-failure queue: its way back is replay
	why  string // the reason of a message that names none
}

func stuckQueues(d *deployment.Deployment) []stuckQueue {
	queues := []stuckQueue{
		{"dead-letter queue", "redrive dlq", d.DeadLetterQueueURL, d.QueueURL, receivedTooOften},
		{"rejected queue", "redrive rejected", d.RejectedQueueURL, d.QueueURL, "unknown"},
		{"on-failure queue", "replay --on-failure", d.OnFailureQueueURL, "", ""},
	}
	for _, s := range d.Subscribers {
		queues = append(queues, subscriberQueue(s))
	}
	return queues
}

func subscriberQueue(s deployment.Subscriber) stuckQueue {
	return stuckQueue{"dead-letter queue of " + s.Name, "redrive subscriber " + s.Name, s.DeadLetterQueueURL, s.QueueURL, receivedTooOften}
}

const receivedTooOften = "received-too-often"

// Run lists the messages, or moves them.
func (cmd *redriveCmd) Run(ctx context.Context, a *app) error {
	if err := cmd.check(a); err != nil {
		return err
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	queues := sqs.NewFromConfig(cfg)
	if cmd.Queue == "" {
		return cmd.overview(ctx, a, queues, d)
	}
	q, err := cmd.choose(ctx, a, cfg, d)
	if err != nil {
		return err
	}
	if !cmd.Yes {
		return cmd.list(ctx, a, queues, q)
	}
	return cmd.move(ctx, a, queues, q)
}

func (cmd *redriveCmd) check(a *app) error {
	usage := func(what, next string) error { return &failure{what: what, next: next, status: usageStatus} }
	switch {
	case cmd.Queue != "" && !slices.Contains([]string{"dlq", "rejected", "subscriber"}, cmd.Queue):
		return usage(fmt.Sprintf("there is no queue %q to redrive", cmd.Queue), "there are: dlq, rejected, subscriber NAME; for the on-failure queue: "+a.self()+" replay --on-failure")
	case cmd.Queue == "subscriber" && cmd.Subscriber == "":
		return usage("which subscriber?", "name it: "+a.self()+" redrive subscriber NAME; 'describe' has the demo subscribers")
	case cmd.Queue != "subscriber" && cmd.Subscriber != "":
		return usage(fmt.Sprintf("%q is one word too many", cmd.Subscriber), "only 'subscriber' takes a name")
	case cmd.Queue == "" && (cmd.Yes || cmd.filtered() || cmd.Show):
		return usage("which queue?", "name it: dlq, rejected, or subscriber NAME")
	case cmd.OrderID != "" && !order.ValidID(cmd.OrderID):
		return usage(fmt.Sprintf("%q cannot be an order id", cmd.OrderID), fmt.Sprintf("an id has 1 to %d of the characters A-Z a-z 0-9 . _ ~ -", order.MaxIDLength))
	case cmd.Limit < 0 || cmd.OlderThan < 0:
		return usage("--limit and --older-than cannot be negative", "leave them out for no limit")
	}
	return nil
}

func (cmd *redriveCmd) filtered() bool {
	return cmd.Reason != "" || cmd.OlderThan != 0 || cmd.OrderID != ""
}

func (cmd *redriveCmd) choose(ctx context.Context, a *app, cfg aws.Config, d *deployment.Deployment) (stuckQueue, error) {
	if cmd.Queue == "subscriber" {
		s, err := findSubscriber(ctx, a, cfg, d, cmd.Subscriber)
		if err != nil {
			return stuckQueue{}, err
		}
		if s.DeadLetterQueueURL == "" {
			return stuckQueue{}, &failure{what: fmt.Sprintf("subscriber %s has no dead-letter queue", s.Name), next: "what it missed is still in the table: " + a.self() + " replay --to-subscriber " + s.Name}
		}
		return subscriberQueue(*s), nil
	}
	all := stuckQueues(d)
	return all[slices.Index([]string{"dlq", "rejected"}, cmd.Queue)], nil
}

// overview counts the messages of all queues, without receiving any.
func (cmd *redriveCmd) overview(ctx context.Context, a *app, client *sqs.Client, d *deployment.Deployment) error {
	t := newTable("QUEUE", "MESSAGES", "IN FLIGHT", "LOOK INTO IT")
	for _, q := range stuckQueues(d) {
		depth, err := queueDepth(ctx, client, q.from)
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		next := ""
		if depth.visible+depth.inFlight > 0 {
			next = fmt.Sprintf("%s %s%s", a.self(), q.args, a.envFlag())
		}
		t.AppendRow([]any{q.name, depth.visible, depth.inFlight, next})
	}
	a.printTable(t)
	return nil
}

type depth struct{ visible, inFlight int }

func queueDepth(ctx context.Context, client *sqs.Client, url string) (d depth, err error) {
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}})
	if err != nil {
		return d, err
	}
	d.visible, _ = strconv.Atoi(out.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessages)])
	d.inFlight, _ = strconv.Atoi(out.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible)])
	return d, nil
}

// reason of a message, for people and for --reason.
func (q stuckQueue) reason(m recovery.Message) string {
	if m.Reason == "" {
		return q.why
	}
	return m.Reason
}

func (cmd *redriveCmd) matches(q stuckQueue, m recovery.Message, now time.Time) bool {
	return (cmd.Reason == "" || strings.EqualFold(cmd.Reason, q.reason(m))) &&
		(cmd.OlderThan == 0 || now.Sub(m.SentAt) > cmd.OlderThan) &&
		(cmd.OrderID == "" || slices.Contains(m.OrderIDs, cmd.OrderID))
}

// listed is what --json prints of a message.
type listed struct {
	MessageID string    `json:"messageId"`
	SentAt    time.Time `json:"sentAt"`
	Receives  int       `json:"receives"`
	Reason    string    `json:"reason"`
	Pointer   string    `json:"pointer"`
	OrderIDs  []string  `json:"orderIds"`
	Body      string    `json:"body"`
}

func (cmd *redriveCmd) list(ctx context.Context, a *app, client *sqs.Client, q stuckQueue) error {
	const aPage = 100
	limit, now := cmd.Limit, time.Now()
	if limit == 0 {
		limit = aPage
	}
	var found []recovery.Message
	seen, more := 0, false
	err := recovery.Peek(ctx, client, q.from, func(m recovery.Message) bool {
		if cmd.matches(q, m, now) {
			if more = len(found) == limit; more {
				return false
			}
			found = append(found, m)
		}
		seen++
		return true
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(found, func(x, y recovery.Message) int { return x.SentAt.Compare(y.SentAt) })
	if cmd.JSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetEscapeHTML(false)
		for _, m := range found {
			if err := encoder.Encode(listed{m.ID, m.SentAt.UTC(), m.Receives, q.reason(m), m.Pointer, append([]string{}, m.OrderIDs...), m.Body}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(found) > 0 {
		cmd.print(a, q, found, now)
	}
	switch {
	case more:
		fmt.Fprintf(a.stderr, "the first %d; there are more: --limit N\n", limit)
	case cmd.filtered():
		fmt.Fprintf(a.stderr, "%s of %d on the %s match\n", count(len(found), "message"), seen, q.name)
	default:
		fmt.Fprintf(a.stderr, "%s on the %s\n", count(len(found), "message"), q.name)
	}
	if len(found) > 0 {
		fmt.Fprintf(a.stderr, "nothing was moved; the same with --yes moves them back\n")
	}
	return nil
}

func (cmd *redriveCmd) print(a *app, q stuckQueue, found []recovery.Message, now time.Time) {
	row := func(m recovery.Message) []any {
		reason := q.reason(m)
		if m.Pointer != "" {
			reason += " at " + m.Pointer
		}
		orders := "-"
		if n := len(m.OrderIDs); n > 0 {
			orders = m.OrderIDs[0]
			if n > 1 {
				orders += fmt.Sprintf(" and %d more", n-1)
			}
		}
		return []any{age(now.Sub(m.SentAt)), m.Receives, harmless(reason), harmless(orders), m.ID}
	}
	t := newTable("AGE", "RECEIVED", "REASON", "ORDER", "MESSAGE")
	if cmd.Show {
		for _, m := range found {
			cells := row(m)
			a.printf("age %v  received %v times  %v  order %v  message %v\n%s\n\n", cells[0], cells[1], cells[2], cells[3], cells[4], harmless(m.Body))
		}
		return
	}
	for _, m := range found {
		t.AppendRow(row(m))
	}
	a.printTable(t)
}

// age is a time span for people: 4s, 3m, 5h, 12d.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func (cmd *redriveCmd) move(ctx context.Context, a *app, client *sqs.Client, q stuckQueue) error {
	before, err := queueDepth(ctx, client, q.from)
	if err != nil {
		return fmt.Errorf("%s: %w", q.name, err)
	}
	total := before.visible
	if cmd.Limit > 0 {
		total = min(total, cmd.Limit)
	}
	add, finish := a.progress(total, "messages")
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	now := time.Now()
	redrive := recovery.Redrive{
		Queues: client, From: q.from, To: q.to, Limit: cmd.Limit,
		Match: func(m recovery.Message) bool { return cmd.matches(q, m, now) },
		// What is received has to be moved well before it would be visible again.
		Batch: cmd.Rate.within(recovery.Visibility/3, 10),
		Moved: func(m recovery.Message) {
			add(1)
			if cmd.JSON {
				_ = encoder.Encode(listed{m.ID, m.SentAt.UTC(), m.Receives, q.reason(m), m.Pointer, append([]string{}, m.OrderIDs...), m.Body})
			}
		},
	}
	if limiter := cmd.Rate.limiter(1); limiter != nil {
		redrive.Wait = limiter.Wait
	}
	result, err := redrive.Run(ctx)
	finish()
	fmt.Fprintf(a.stderr, "%s moved from the %s; %d looked at and left\n", count(result.Moved, "message"), q.name, result.Left)
	if isInterrupt(ctx, err) {
		return &failure{what: "interrupted", next: "run it again: it goes on with what is left", status: 130, err: err}
	}
	if err != nil {
		return explainRedrive(err)
	}
	after, err := queueDepth(ctx, client, q.from)
	if err == nil && after.inFlight > 0 {
		fmt.Fprintf(a.stderr, "%s held by somebody else (an interrupted run, say, for up to %v): run it again then\n", count(after.inFlight, "message"), recovery.Visibility)
	}
	return nil
}

// explainRedrive keeps what was said about single messages apart from what ended the run.
func explainRedrive(err error) error {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) && strings.Contains(err.Error(), "cannot be sent to") {
		return &failure{what: oneLine(err.Error()), next: "the others are moved; look at these with --show --limit, and mend them by hand", err: err}
	}
	return err
}
