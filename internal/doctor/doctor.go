// Package doctor checks a deployment: everything that an order passes on its way. It changes
// nothing and receives no message, except with the canary.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// Finding is something that is wrong. Its JSON is for scripts.
type Finding struct {
	Check    string `json:"check"` // the check's kind
	Resource string `json:"resource"`
	What     string `json:"what"`
	Why      string `json:"why"`
	Do       string `json:"do"` // one line per step
}

// Check looks at one kind of resource.
type Check struct {
	// Name is the plural that the report lists: "mappings". Kind is the Check of its findings.
	Name, Kind string

	run func(context.Context) ([]Finding, error)
}

// Doctor checks one deployment.
type Doctor struct {
	// Config is the AWS configuration. Deployment is what to check.
	Config     aws.Config
	Deployment *deployment.Deployment
	// Profile is the AWS profile for the commands in findings, "" for the default one.
	Profile string
	// Command returns a command line of the operator's command for this environment.
	Command func(args string) string
	// Explain returns what an error of AWS means and what to do about it.
	Explain func(error) *failure.Error

	alarms alarms
}

// Checks returns all checks but the canary.
func (d *Doctor) Checks() []Check {
	return []Check{
		{"mappings", "mapping", d.checkMappings},
		{"functions", "function", d.checkFunctions},
		{"alarms", "alarm", d.checkAlarms},
		{"queues", "queue", d.checkQueues},
		{"subscriptions", "subscription", d.checkSubscriptions},
		{"metrics", "metric", d.checkMetrics},
	}
}

// Canary returns the check that posts an order and follows it. Each leg may take wait.
func (d *Doctor) Canary(wait time.Duration) Check {
	return Check{"canary", "canary", func(ctx context.Context) ([]Finding, error) {
		return d.followCanary(ctx, wait)
	}}
}

// Examine runs the checks concurrently and returns their findings in the order of the checks. A
// check that fails is a finding: its status is unknown.
func (d *Doctor) Examine(ctx context.Context, checks []Check) (all []Finding, err error) {
	results := make([][]Finding, len(checks))
	var group sync.WaitGroup
	for i, c := range checks {
		group.Go(func() {
			found, err := c.run(ctx)
			if err != nil {
				found = append(found, d.checkFailed(c, err))
			}
			for n := range found {
				found[n].Check = c.Kind
			}
			results[i] = found
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

func (d *Doctor) checkFailed(c Check, err error) Finding {
	e := d.Explain(err)
	return Finding{
		Resource: c.Name, What: "status unknown: " + e.What,
		Why: "the check failed, so anything may be wrong there", Do: e.Next,
	}
}

// aws returns a command line of the AWS command line interface for this environment.
func (d *Doctor) aws(format string, args ...any) string {
	line := "aws " + fmt.Sprintf(format, args...) +
		" --region " + cmp.Or(d.Deployment.Region, d.Config.Region)
	if d.Deployment.Endpoint != "" {
		line += " --endpoint-url " + d.Deployment.Endpoint
	} else if d.Profile != "" {
		line += " --profile " + d.Profile
	}
	return line
}

// redeploy is what to do about a resource that the stack should have.
func (d *Doctor) redeploy() string { return "deploy again: " + d.Command("up") }

// functionLog shows the log of a function.
func (d *Doctor) functionLog(function string) string {
	return "read the function's log: " + d.aws("logs tail /aws/lambda/%s --since 1h", function)
}

const (
	streamRetentionHours = int(contract.StreamRetention / time.Hour)
	streamRecordHours    = int(contract.StreamRecordAge / time.Hour)
)
