package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

type eventsCmd struct {
	Subscriber string        `help:"Which demo subscriber: its name, or all (${default})." default:"all" placeholder:"NAME"`
	Count      int           `help:"End after this many events; 0: go on." placeholder:"N"`
	Timeout    time.Duration `help:"End after this time without an event; 0: go on." placeholder:"TIME"`
	JSON       bool          `help:"Print the events alone, byte for byte, one after the other."`
}

// Help is the long help.
func (eventsCmd) Help() string {
	return `Takes events from the queues of the demo subscribers and prints them: what it shows is gone from the queue. Only the demo
subscribers of environments local and dev can be read so; a real subscriber's queue is its own.

Ctrl-C ends it. With --count, an end by --timeout before that many events is a failure.

Examples:

  orders events
  orders events --subscriber Shipping --count 1 --timeout 10s --json`
}

// event is what is printed of a CloudEvents event.
type event struct {
	ID      string          `json:"id"`
	Source  string          `json:"source"`
	Type    string          `json:"type"`
	Subject string          `json:"subject"`
	Time    string          `json:"time"`
	Data    json.RawMessage `json:"data"`
}

// Run prints events until it has enough.
func (cmd *eventsCmd) Run(ctx context.Context, a *app) error {
	if err := a.wantDemo("showing events takes them out of the subscribers' queues"); err != nil {
		return err
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	subscribers, err := chooseSubscribers(a, d, cmd.Subscriber)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var enough, quiet = errors.New("enough"), errors.New("quiet")
	timer := time.AfterFunc(1<<62, func() { cancel(quiet) })
	if cmd.Timeout > 0 {
		timer.Reset(cmd.Timeout)
	}
	if !cmd.JSON {
		fmt.Fprintf(a.stderr, "waiting for events at %s; Ctrl-C ends it\n", subscriberNames(subscribers))
	}
	var mu sync.Mutex
	seen := 0
	var group sync.WaitGroup
	for _, subscriber := range subscribers {
		group.Go(func() {
			err := receive(ctx, sqs.NewFromConfig(cfg), subscriber, 0, func(message types.Message) bool {
				mu.Lock()
				defer mu.Unlock()
				if ctx.Err() != nil {
					return false // not shown, so not taken
				}
				cmd.print(a, subscriber, aws.ToString(message.Body))
				if cmd.Timeout > 0 {
					timer.Reset(cmd.Timeout)
				}
				if seen++; cmd.Count > 0 && seen >= cmd.Count {
					cancel(enough)
				}
				return true
			})
			if err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, enough), errors.Is(cause, context.Canceled): // Ctrl-C is the normal end
		return nil
	case errors.Is(cause, quiet):
		if cmd.Count > 0 {
			return &failure{what: fmt.Sprintf("%s of %d within %v", count(seen, "event"), cmd.Count, cmd.Timeout), next: "post some: " + a.self() + " post --sample 3"}
		}
		return nil
	default:
		return cause
	}
}

func (cmd *eventsCmd) print(a *app, subscriber deployment.Subscriber, body string) {
	if cmd.JSON {
		a.printf("%s\n", body)
		return
	}
	var e event
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		a.printf("%s  %s  not an event: %s\n", time.Now().Format(time.TimeOnly), subscriber.Name, body)
		return
	}
	var compact bytes.Buffer // for the eye; --json has the bytes
	if json.Compact(&compact, e.Data) != nil {
		compact.Write(e.Data)
	}
	a.printf("%s  %-8s  %s  %s  %s\n", time.Now().Format(time.TimeOnly), subscriber.Name, e.Subject, e.ID, compact.String())
}

// wantDemo refuses environments where subscribers are real ones: why is what the command would do to them.
func (a *app) wantDemo(why string) error {
	if a.target.Env == contract.EnvironmentLocal || a.target.Env == "dev" {
		return nil
	}
	return &failure{what: fmt.Sprintf("environment %q is not for this: %s", a.target.Env, why), next: "only local and dev have demo subscribers; elsewhere look at a subscriber's own queue", status: usageStatus}
}

// chooseSubscribers finds the demo subscribers by name, or all.
func chooseSubscribers(a *app, d *deployment.Deployment, name string) ([]deployment.Subscriber, error) {
	if len(d.Subscribers) == 0 {
		return nil, &failure{what: fmt.Sprintf("environment %q has no demo subscribers", d.Env), next: "deploy the project's own stack, with DemoSubscribers"}
	}
	if strings.EqualFold(name, "all") {
		return d.Subscribers, nil
	}
	if s := d.Subscriber(name); s != nil {
		return []deployment.Subscriber{*s}, nil
	}
	return nil, &failure{what: fmt.Sprintf("there is no demo subscriber %q", name), next: "there are: " + subscriberNames(d.Subscribers), status: usageStatus}
}

func subscriberNames(subscribers []deployment.Subscriber) string {
	names := make([]string, len(subscribers))
	for i, s := range subscribers {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// receive takes messages from a demo subscriber's queue, deleting those that take says yes to, until ctx ends or, with untilEmpty,
// until there is none for that long (whole seconds).
//
// A request under way is not cut off: messages that an unheard answer carries would stay hidden. So each waits for two seconds at most.
func receive(ctx context.Context, client *sqs.Client, subscriber deployment.Subscriber, untilEmpty time.Duration, take func(types.Message) bool) error {
	failed := func(doing string, err error) error {
		return fmt.Errorf("%s the queue of %s: %w", doing, subscriber.Name, err)
	}
	whole := context.WithoutCancel(ctx)
	wait := 2 * time.Second
	if untilEmpty > 0 {
		wait = min(wait, untilEmpty)
	}
	last := time.Now()
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		got, err := client.ReceiveMessage(whole, &sqs.ReceiveMessageInput{
			QueueUrl: &subscriber.QueueURL, MaxNumberOfMessages: 10, WaitTimeSeconds: int32(wait / time.Second), VisibilityTimeout: 30,
		})
		if err != nil {
			return failed("receive from", err)
		}
		var taken []types.DeleteMessageBatchRequestEntry
		var left []types.ChangeMessageVisibilityBatchRequestEntry
		for i, message := range got.Messages {
			last = time.Now()
			id := aws.String(fmt.Sprint(i))
			if take(message) {
				taken = append(taken, types.DeleteMessageBatchRequestEntry{Id: id, ReceiptHandle: message.ReceiptHandle})
			} else {
				left = append(left, types.ChangeMessageVisibilityBatchRequestEntry{Id: id, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0})
			}
		}
		if len(taken) > 0 {
			deleted, err := client.DeleteMessageBatch(whole, &sqs.DeleteMessageBatchInput{QueueUrl: &subscriber.QueueURL, Entries: taken})
			if err != nil {
				return failed("delete from", err)
			}
			for _, f := range deleted.Failed {
				// The SDK's second try, after an answer was lost: the first one has deleted it.
				if aws.ToString(f.Code) != "ReceiptHandleIsInvalid" {
					return failed("delete from", errors.New(aws.ToString(f.Message)))
				}
			}
		}
		if len(left) > 0 { // the next reader need not wait for them
			if _, err := client.ChangeMessageVisibilityBatch(whole, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &subscriber.QueueURL, Entries: left}); err != nil {
				return failed("give back to", err)
			}
		}
		if untilEmpty > 0 && time.Since(last) >= untilEmpty {
			return nil
		}
	}
}
