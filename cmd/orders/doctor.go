package main

import (
	"context"
	"strings"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/doctor"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type doctorCmd struct {
	JSON       bool          `help:"Print JSON, for scripts."`
	Canary     bool          `help:"Post an order too, and follow it. Real subscribers get its event."`
	CanaryWait time.Duration `default:"30s" placeholder:"TIME" help:"Time per leg for the canary."`
}

// Help is the long help.
func (doctorCmd) Help() string {
	return `Checks everything that an order passes on its way. Each finding says what is wrong, why it
matters, and what to run:

  mappings        enabled, and the last result is good
  functions       active, and not throttled to zero
  alarms          none in ALARM, and each one has a working action
  queues          nothing on the dead-letter, rejected and on-failure queues
  subscriptions   confirmed, and their endpoints exist
  metrics         of the last hour: throttled functions and writes, failed deliveries; and in the
                  last 15 minutes no older order or stream record than its deployed alarm allows

It changes nothing and receives no message. With --canary it posts an order canary-… and waits until
it is stored; in an environment with demo subscribers also until its event is on those queues that
are empty, from which it takes it again.

Exit status: 0 healthy, 3 findings, 1 failure, 2 wrong usage.

Examples:

  orders doctor
  orders doctor --env prod --json | jq -r '.findings[].do'
  orders doctor --env dev --canary`
}

const statusFindings = 3

// Run checks the deployment and prints the findings.
func (cmd *doctorCmd) Run(ctx context.Context, a *app) error {
	if cmd.CanaryWait <= 0 {
		return failure.Usage("--canary-wait must be greater than 0", "30s is a good value")
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	doc := &doctor.Doctor{
		Config: cfg, Deployment: d, Profile: a.target.Profile, Command: a.command,
		Explain: func(err error) *failure.Error { return a.explainOne(ctx, err) },
	}
	checks := doc.Checks()
	if cmd.Canary {
		checks = append(checks, doc.Canary(cmd.CanaryWait))
	}
	findings, err := doc.Examine(ctx, checks)
	if err != nil {
		return err
	}
	if cmd.JSON {
		err = terminal.JSON(a.stdout, struct {
			Deployed string           `json:"deployment"`
			Healthy  bool             `json:"healthy"`
			Findings []doctor.Finding `json:"findings"`
		}{d.String(), len(findings) == 0, append([]doctor.Finding{}, findings...)}, true)
		if err != nil {
			return err
		}
	} else {
		printFindings(a, d.String(), checks, findings)
	}
	if len(findings) > 0 {
		return &failure.Error{Status: statusFindings}
	}
	return nil
}

func printFindings(a *app, deployed string, checks []doctor.Check, findings []doctor.Finding) {
	if len(findings) == 0 {
		var names []string
		for _, c := range checks {
			names = append(names, c.Name)
		}
		a.printf("%s is healthy: %s\n", deployed, strings.Join(names, ", "))
		return
	}
	for _, f := range findings {
		a.printf("%s %s: %s\n", f.Check, terminal.Sanitize(f.Resource), terminal.Sanitize(f.What))
		a.printf("   why  %s\n", f.Why)
		for line := range strings.Lines(f.Do) {
			a.printf("   ->   %s\n", terminal.Sanitize(strings.TrimRight(line, "\n")))
		}
	}
	a.notef("%s in %s", terminal.Count(len(findings), "finding"), deployed)
}
