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

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/queues"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type eventsCmd struct {
	Subscriber string        `default:"all" placeholder:"NAME" help:"The subscriber, or all."`
	Count      int           `placeholder:"N" help:"Stop after this many events."`
	Timeout    time.Duration `placeholder:"TIME" help:"Stop after this time without an event."`
	JSON       bool          `help:"Print the events only, byte for byte, one per line."`
	Yes        bool          `short:"y" help:"Take the events out of a real subscriber's queue."`
}

// Help is the long help.
func (eventsCmd) Help() string {
	return `Takes events out of the queues of the demo subscribers and prints them. An event that was
printed is no longer on the queue. Only environments local and dev have demo subscribers. For a
stack on AWS, whose subscribers are real, name one with --subscriber and confirm it with --yes.

It runs until Ctrl-C, or until --count or --timeout. With both, fewer than --count events within
--timeout are a failure.

Examples:

  orders events
  orders events --subscriber Shipping --count 1 --timeout 10s --json`
}

// Run prints events.
func (cmd *eventsCmd) Run(ctx context.Context, a *app) error {
	if len(a.target.Stacks) == 0 {
		if err := a.requireDemo("it takes events out of the subscribers' queues"); err != nil {
			return err
		}
	} else if a.target.Env == "" && (!cmd.Yes || strings.EqualFold(cmd.Subscriber, "all")) {
		return failure.Usage("refusing to take events out of the queues of real subscribers",
			"name one with --subscriber NAME and confirm it with --yes; it does not get these events")
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	subscribers, err := chooseSubscribers(d, cmd.Subscriber)
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
		a.notef("waiting for events of %s; stop with Ctrl-C",
			strings.Join(deployment.SubscriberNames(subscribers), ", "))
	}
	var mu sync.Mutex
	seen := 0
	var group sync.WaitGroup
	for _, s := range subscribers {
		group.Go(func() {
			err := queues.Consume(ctx, sqs.NewFromConfig(cfg), s, 0, func(body string) bool {
				mu.Lock()
				defer mu.Unlock()
				if ctx.Err() != nil {
					return false // not printed, so not taken
				}
				cmd.print(a, s, body)
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
	case !errors.Is(cause, quiet):
		return cause
	case cmd.Count > 0:
		return &failure.Error{
			What: fmt.Sprintf("%s of %d within %v", terminal.Count(seen, "event"), cmd.Count, cmd.Timeout),
			Next: "post some: " + a.command("post --sample 3"),
		}
	}
	return nil
}

func (cmd *eventsCmd) print(a *app, s deployment.Subscriber, body string) {
	if cmd.JSON {
		a.printf("%s\n", body)
		return
	}
	clock := time.Now().Format(time.TimeOnly)
	var e queues.Event
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		a.printf("%s  %s  not an event: %s\n", clock, s.Name, terminal.Sanitize(body))
		return
	}
	var compact bytes.Buffer // --json prints the bytes as they are
	if json.Compact(&compact, e.Data) != nil {
		compact.Write(e.Data)
	}
	a.printf("%s  %-8s  %s  %s  %s\n", clock, s.Name, terminal.Sanitize(e.Subject),
		terminal.Sanitize(e.ID), terminal.Sanitize(compact.String()))
}

// chooseSubscribers finds a demo subscriber by its name, or all of them.
func chooseSubscribers(d *deployment.Deployment, name string) ([]deployment.Subscriber, error) {
	if len(d.Subscribers) == 0 {
		return nil, &failure.Error{
			What: d.String() + " has no subscriber with a queue",
			Next: "add one (pipeline.AddSubscriber), and deploy it",
		}
	}
	if strings.EqualFold(name, "all") {
		return d.Subscribers, nil
	}
	if s := d.Subscriber(name); s != nil {
		return []deployment.Subscriber{*s}, nil
	}
	return nil, failure.Usage(fmt.Sprintf("there is no subscriber %q", name),
		"the subscribers are: "+strings.Join(deployment.SubscriberNames(d.Subscribers), ", "))
}
