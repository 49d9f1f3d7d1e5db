package main

import (
	"context"
	"fmt"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/demo"
	"github.com/orderpipeline/orderpipeline/internal/documents"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

const demoOrders = 20

type demoCmd struct {
	Orders int `default:"20" placeholder:"N" help:"Number of sample orders."`
}

// Help is the long help.
func (demoCmd) Help() string {
	return `Posts sample orders with values that break careless code: half of them one by one, half
through the batch call, and half of them twice. Then it reads the table, empties the queues of both
demo subscribers, and compares: each order is stored once, and its event is at every subscriber that
asked for it (Billing: all; Shipping: channel "web"), document and event byte for byte.

Only in environments local and dev, since it takes events out of the subscribers' queues.

Example:

  orders demo --orders 200`
}

// Run runs the demo.
func (cmd *demoCmd) Run(ctx context.Context, a *app) error {
	err := a.requireDemo("the demo posts sample orders and empties the subscribers' queues")
	if err != nil {
		return err
	}
	if cmd.Orders < 1 {
		return failure.Usage("--orders must be at least 1", "leave it out for 20")
	}
	return runDemo(ctx, a, terminal.NewSteps(a.stdout), cmd.Orders)
}

func runDemo(ctx context.Context, a *app, steps *terminal.Steps, n int) error {
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	run := &demo.Demo{Config: cfg, Deployment: d, Step: steps.Step, Command: a.command}
	firstID, problems, err := run.Run(ctx, n)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		for _, problem := range problems[:min(len(problems), documents.MaxProblems)] {
			a.notef("%s", problem)
		}
		return &failure.Error{
			What: fmt.Sprintf("the demo found %s", terminal.Count(len(problems), "difference")),
			Next: "check the deployment: " + a.command("doctor"),
		}
	}
	if d.Env == contract.EnvironmentLocal {
		a.printf(`
It keeps running at %[2]s. Next:
  %[1]s status %[3]s
  %[1]s post --sample 3
  %[1]s events
  %[1]s describe
  %[1]s --help
  make local-down
`, program(), d.Endpoint, firstID)
	}
	return nil
}

// requireDemo refuses environments whose subscribers are real: why is what the command does to
// them.
func (a *app) requireDemo(why string) error {
	if a.target.Env == contract.EnvironmentLocal || a.target.Env == "dev" {
		return nil
	}
	return failure.Usage(fmt.Sprintf("not possible in environment %q: %s", a.target.Env, why),
		"only local and dev have demo subscribers; elsewhere read the subscriber's own queue")
}
