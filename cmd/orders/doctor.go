package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

type doctorCmd struct {
	JSON       bool          `help:"Print JSON, for scripts."`
	Canary     bool          `help:"Post one order as well, and follow it. Real subscribers get its event."`
	CanaryWait time.Duration `help:"How long the canary order may take on each leg (${default})." default:"30s" placeholder:"TIME"`
}

// Help is the long help.
func (doctorCmd) Help() string {
	return `Looks at everything an order passes on its way, and says for each finding what it is, why it matters, and the command to run:

  mappings        enabled, and their last result
  functions       active, and not throttled to zero
  alarms          none in ALARM, each with an action that reaches somebody
  queues          nothing on the dead-letter, rejected and on-failure queues
  subscriptions   confirmed, and what they deliver to exists
  metrics         of the last hour: throttled functions and writes, the age of the oldest order, the lag behind the table's stream

It changes nothing, and receives no message. With --canary, it posts an order canary-… of its own and waits until it is stored; in an
environment with demo subscribers, also until its event has come to those whose queues are empty (it takes the event away again).

Exit status: 0 healthy, 3 findings, 1 the check itself failed, 2 wrong usage.

Examples:

  orders doctor
  orders doctor --env prod --json | jq -r '.findings[].do'
  orders doctor --env dev --canary`
}

const findingsStatus = 3

// finding is something that is wrong. Its JSON is for scripts.
type finding struct {
	Check    string `json:"check"` // mapping, function, alarm, queue, subscription, metric, canary
	Resource string `json:"resource"`
	What     string `json:"what"`
	Why      string `json:"why"`
	Do       string `json:"do"`
}

// doctor looks at one deployment.
type doctor struct {
	*app
	cfg aws.Config
	d   *deployment.Deployment
}

// check is one kind of thing to look at.
type check struct {
	name string
	look func(context.Context) ([]finding, error)
}

// Run looks at everything, and prints what is wrong.
func (cmd *doctorCmd) Run(ctx context.Context, a *app) error {
	if cmd.CanaryWait <= 0 {
		return &failure{what: "--canary-wait must be a time", next: "30s is good", status: usageStatus}
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	doc := &doctor{app: a, cfg: cfg, d: d}
	checks := []check{
		{"mappings", doc.mappings}, {"functions", doc.functions}, {"alarms", doc.alarms},
		{"queues", doc.queues}, {"subscriptions", doc.subscriptions}, {"metrics", doc.metrics},
	}
	if cmd.Canary {
		checks = append(checks, check{"canary", func(ctx context.Context) ([]finding, error) { return doc.canary(ctx, cmd.CanaryWait) }})
	}
	findings, err := doc.examine(ctx, checks)
	if err != nil {
		return err
	}
	if cmd.JSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(struct {
			Env      string    `json:"env"`
			Healthy  bool      `json:"healthy"`
			Findings []finding `json:"findings"`
		}{d.Env, len(findings) == 0, append([]finding{}, findings...)})
	} else {
		doc.print(checks, findings)
	}
	if err == nil && len(findings) > 0 {
		err = &failure{status: findingsStatus}
	}
	return err
}

// examine makes the checks side by side. One that cannot be made is a finding: nobody knows then.
func (d *doctor) examine(ctx context.Context, checks []check) (all []finding, err error) {
	results := make([][]finding, len(checks))
	var group sync.WaitGroup
	for n, c := range checks {
		group.Go(func() {
			found, err := c.look(ctx)
			if err != nil {
				found = append(found, d.blind(ctx, c.name, err))
			}
			results[n] = found
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, found := range results {
		all = append(all, found...)
	}
	return all, nil
}

// blind is the finding that a check could not be made.
func (d *doctor) blind(ctx context.Context, name string, err error) finding {
	f := finding{Check: name, Resource: name, What: "cannot be looked at: " + oneLine(err.Error()), Why: "whether something is wrong there, nobody knows"}
	var explained *failure
	if errors.As(explain(ctx, d.app, err), &explained) {
		f.What, f.Do = "cannot be looked at: "+explained.what, explained.next
	}
	return f
}

func (d *doctor) print(checks []check, findings []finding) {
	if len(findings) == 0 {
		var names []string
		for _, c := range checks {
			names = append(names, c.name)
		}
		d.printf("environment %s is healthy: %s\n", d.d.Env, strings.Join(names, ", "))
		return
	}
	for _, f := range findings {
		d.printf("%s %s: %s\n", f.Check, harmless(f.Resource), harmless(f.What))
		d.printf("   why  %s\n", f.Why)
		for line := range strings.Lines(f.Do) {
			d.printf("   ->   %s\n", harmless(strings.TrimRight(line, "\n")))
		}
	}
	fmt.Fprintf(d.stderr, "%s in environment %s\n", count(len(findings), "finding"), d.d.Env)
}

// orders is a command line of this command.
func (d *doctor) orders(args string) string { return d.self() + " " + args + d.envFlag() }

// aws is a command line of the AWS command line interface, for this environment.
func (d *doctor) aws(args string) string {
	line := "aws " + args + " --region " + cmp.Or(d.d.Region, d.cfg.Region)
	if d.d.Endpoint != "" {
		line += " --endpoint-url " + d.d.Endpoint
	} else if d.target.Profile != "" {
		line += " --profile " + d.target.Profile
	}
	return line
}

// apiCode holds for an error of the service with this code, or one that ends so.
func apiCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if strings.HasSuffix(api.ErrorCode(), code) {
			return true
		}
	}
	return false
}
