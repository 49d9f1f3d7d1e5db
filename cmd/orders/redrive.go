package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/queues"
	"github.com/orderpipeline/orderpipeline/internal/recovery"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type redriveCmd struct {
	Queue      string `arg:"" optional:"" help:"dlq, rejected or subscriber. Default: count all."`
	Subscriber string `arg:"" optional:"" name:"name" help:"The subscriber, after 'subscriber'."`

	Reason    string        `placeholder:"REASON" help:"Only messages with this reason."`
	OlderThan time.Duration `placeholder:"TIME" help:"Only messages first sent longer ago than this."`
	OrderID   string        `placeholder:"ID" help:"Only messages with this order."`
	Limit     int           `placeholder:"N" help:"At most this many messages (a list: 100)."`
	Show      bool          `help:"Print the documents too."`
	JSON      bool          `help:"Print a JSON object per message, for scripts."`
	Yes       bool          `help:"Move them. Without it nothing is moved."`
	Rate      rateFlag      `placeholder:"N/s" help:"Move at most this many per second, such as 10/s."`
}

// Help is the long help.
func (redriveCmd) Help() string {
	return `Moves stuck messages back to the queue that they were on:

  dlq               messages that could not be processed for hours: back to the queue
  rejected          documents that were refused: back to the queue, to be checked again. Use it when
                    the schema, the code or the business rule was wrong: a document that is still
                    invalid is refused again and comes back here. (A processor with a business step
                    keeps a refusal for 30 days, even if the step has changed.)
  subscriber NAME   events that a subscriber did not get or did not process: back to its queue. NAME
                    is a demo subscriber, or the name of a queue that is subscribed to the topic

For the on-failure queue, see 'orders replay --on-failure'.

Without --yes it only lists. Listing has to receive the messages: each listing adds one to their
receive counts, and they are invisible until it ends (if it is killed, for another minute). It never
moves them to another queue.

A move is receive, send, delete. You can interrupt it and run it again at any time: at worst a
message is on both queues, and the same document twice is one order. Messages that arrive during the
run stay for the next one. --order-id skips messages whose order id cannot be read (not JSON, or
another schema's id field).

Examples:

  orders redrive
  orders redrive dlq
  orders redrive dlq --yes --rate 10/s
  orders redrive rejected --reason invalid --older-than 1h --show
  orders redrive rejected --order-id A-1001 --yes
  orders redrive subscriber Billing --yes`
}

// Run lists the messages, or moves them.
func (cmd *redriveCmd) Run(ctx context.Context, a *app) error {
	if err := cmd.check(a); err != nil {
		return err
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg)
	if cmd.Queue == "" {
		return printDepths(ctx, a, client, d)
	}
	q, err := cmd.choose(ctx, a, cfg, d)
	if err != nil {
		return err
	}
	if cmd.Yes {
		return cmd.move(ctx, a, client, q)
	}
	return cmd.list(ctx, a, client, q)
}

func (cmd *redriveCmd) check(a *app) error {
	const names = "dlq, rejected, subscriber NAME"
	switch {
	case cmd.Queue != "" && !slices.Contains([]string{"dlq", "rejected", "subscriber"}, cmd.Queue):
		return failure.Usage(fmt.Sprintf("cannot redrive a queue %q", cmd.Queue),
			"give one of "+names+"; for the on-failure queue: "+a.command("replay --on-failure"))
	case cmd.Queue == "subscriber" && cmd.Subscriber == "":
		return failure.Usage("which subscriber?", "name it: "+a.command("redrive subscriber NAME")+
			"; 'describe' lists the demo subscribers")
	case cmd.Queue != "subscriber" && cmd.Subscriber != "":
		return failure.Usage(fmt.Sprintf("unexpected argument %q", cmd.Subscriber),
			"only 'subscriber' takes a name")
	case cmd.Queue == "" && (cmd.Yes || cmd.filtered() || cmd.Show):
		return failure.Usage("which queue?", "give one of "+names)
	case cmd.Limit < 0 || cmd.OlderThan < 0:
		return failure.Usage("--limit and --older-than must not be negative",
			"leave them out for no limit")
	case cmd.OrderID != "":
		return checkOrderID(cmd.OrderID)
	}
	return nil
}

func (cmd *redriveCmd) filtered() bool {
	return cmd.Reason != "" || cmd.OlderThan != 0 || cmd.OrderID != ""
}

func (cmd *redriveCmd) choose(
	ctx context.Context, a *app, cfg aws.Config, d *deployment.Deployment,
) (queues.Stuck, error) {
	if cmd.Queue != "subscriber" {
		all := queues.All(d)
		return all[slices.IndexFunc(all, func(q queues.Stuck) bool {
			return q.Command == "redrive "+cmd.Queue
		})], nil
	}
	s, err := queues.FindSubscriber(ctx, cfg, d, cmd.Subscriber)
	if err != nil {
		return queues.Stuck{}, err
	}
	if s.DeadLetterQueueURL == "" {
		return queues.Stuck{}, &failure.Error{
			What: fmt.Sprintf("subscriber %s has no dead-letter queue", s.Name),
			Next: "send it the events of orders in the table: " +
				a.command("replay --from TIME --to-subscriber "+s.Name),
		}
	}
	return queues.OfSubscriber(*s), nil
}

// printDepths counts the messages of all queues.
func printDepths(
	ctx context.Context, a *app, client *sqs.Client, d *deployment.Deployment,
) error {
	table := terminal.NewTable("QUEUE", "MESSAGES", "IN FLIGHT", "LIST THEM")
	for _, q := range queues.All(d) {
		depth, err := queues.ReadDepth(ctx, client, q.URL)
		if err != nil {
			return fmt.Errorf("%s: %w", q.Name, err)
		}
		next := ""
		if depth.Total() > 0 {
			next = a.command(q.Command)
		}
		table.Row(q.Name, depth.Visible, depth.InFlight, next)
	}
	table.Print(a.stdout)
	return nil
}

// reasonOf returns the reason of a message, for people and for --reason.
func reasonOf(q queues.Stuck, m recovery.Message) string {
	if m.Reason == "" {
		return q.DefaultReason
	}
	return m.Reason
}

func (cmd *redriveCmd) matches(q queues.Stuck, m recovery.Message, now time.Time) bool {
	return (cmd.Reason == "" || strings.EqualFold(cmd.Reason, reasonOf(q, m))) &&
		(cmd.OlderThan == 0 || now.Sub(m.SentAt) > cmd.OlderThan) &&
		(cmd.OrderID == "" || slices.Contains(m.OrderIDs, cmd.OrderID))
}

// printJSON prints a message for --json.
func printJSON(a *app, q queues.Stuck, m recovery.Message) error {
	return terminal.JSON(a.stdout, struct {
		MessageID  string    `json:"messageId"`
		SentAt     time.Time `json:"sentAt"`
		AcceptedAt time.Time `json:"acceptedAt"`
		Receives   int       `json:"receives"`
		Reason     string    `json:"reason"`
		Pointer    string    `json:"pointer"`
		OrderIDs   []string  `json:"orderIds"`
		Body       string    `json:"body"`
	}{
		m.ID, m.SentAt.UTC(), m.AcceptedAt.UTC(), m.Receives, reasonOf(q, m), m.Pointer,
		append([]string{}, m.OrderIDs...), m.Body,
	}, false)
}

func (cmd *redriveCmd) list(
	ctx context.Context, a *app, client *sqs.Client, q queues.Stuck,
) error {
	const page = 100
	limit, now := cmd.Limit, time.Now()
	if limit == 0 {
		limit = page
	}
	var found []recovery.Message
	seen, more := 0, false
	err := recovery.Peek(ctx, client, q.URL, func(m recovery.Message) bool {
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
		for _, m := range found {
			if err := printJSON(a, q, m); err != nil {
				return err
			}
		}
		return nil
	}
	if len(found) > 0 {
		cmd.print(a, q, found, now)
	}
	switch messages := terminal.Count(len(found), "message"); {
	case more:
		a.notef("the first %d; there are more: --limit N", limit)
	case cmd.filtered():
		a.notef("%s of %d on the %s match", messages, seen, q.Name)
	default:
		a.notef("%s on the %s", messages, q.Name)
	}
	if len(found) > 0 {
		a.notef("nothing was moved; repeat the command with --yes to move them back")
	}
	return nil
}

func (cmd *redriveCmd) print(
	a *app, q queues.Stuck, found []recovery.Message, now time.Time,
) {
	table := terminal.NewTable("AGE", "RECEIVED", "REASON", "ORDER", "MESSAGE")
	for _, m := range found {
		reason := reasonOf(q, m)
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
		age := terminal.Age(now.Sub(m.SentAt))
		if !cmd.Show {
			table.Row(age, m.Receives, reason, orders, m.ID)
			continue
		}
		a.printf("age %s  received %s  %s  order %s  message %s\n%s\n\n", age,
			terminal.Count(m.Receives, "time"), terminal.Sanitize(reason), terminal.Sanitize(orders),
			m.ID, terminal.Sanitize(m.Body))
	}
	if !cmd.Show {
		table.Print(a.stdout)
	}
}

func (cmd *redriveCmd) move(
	ctx context.Context, a *app, client *sqs.Client, q queues.Stuck,
) error {
	before, err := queues.ReadDepth(ctx, client, q.URL)
	if err != nil {
		return fmt.Errorf("%s: %w", q.Name, err)
	}
	total := before.Visible
	if cmd.Limit > 0 {
		total = min(total, cmd.Limit)
	}
	add, finish := terminal.Progress(a.stderr, total, "%d of about %d messages")
	now := time.Now()
	redrive := recovery.Redrive{
		Queues: client, From: q.URL, To: q.Target, Limit: cmd.Limit, Orders: cmd.Queue != "subscriber",
		Match: func(m recovery.Message) bool { return cmd.matches(q, m, now) },
		// Received messages must be moved well before they become visible again.
		Batch: cmd.Rate.within(recovery.Visibility/3, 10),
		Moved: func(m recovery.Message) {
			add(1)
			if cmd.JSON {
				_ = printJSON(a, q, m)
			}
		},
	}
	if limiter := cmd.Rate.limiter(1); limiter != nil {
		redrive.Wait = limiter.Wait
	}
	result, err := redrive.Run(ctx)
	finish()
	a.notef("%s moved from the %s; %d left there",
		terminal.Count(result.Moved, "message"), q.Name, result.Left)
	if isInterrupt(ctx, err) {
		return interrupted(err, "run it again: it goes on with what is left")
	}
	if err != nil {
		return explainRedrive(err)
	}
	after, err := queues.ReadDepth(ctx, client, q.URL)
	if err == nil && after.InFlight > 0 {
		a.notef("%s in flight, held by another reader (such as an interrupted run, for up to %v): "+
			"run it again then", terminal.Count(after.InFlight, "message"), recovery.Visibility)
	}
	return nil
}

// explainRedrive tells errors about single messages from one that ended the run.
func explainRedrive(err error) error {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) && strings.Contains(err.Error(), "cannot be sent to") {
		return &failure.Error{
			What: terminal.OneLine(err.Error()), Err: err,
			Next: "the others are moved; read these with --show, and correct them by hand",
		}
	}
	return err
}
