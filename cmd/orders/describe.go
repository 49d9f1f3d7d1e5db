package main

import (
	"context"
	"encoding/json"
	"text/tabwriter"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

type describeCmd struct {
	JSON bool `help:"Print JSON, for scripts."`
}

// Help is the long help.
func (describeCmd) Help() string {
	return `Reads the outputs of the environment's CloudFormation stack.

Examples:

  orders describe
  curl -H "Content-Type: application/json" --aws-sigv4 aws:amz:us-east-1:execute-api --user test:test \
       --data-binary @order.json "$(orders describe --json | jq -r .apiUrl)/orders"
  orders describe --env prod --json | jq -r .deadLetterQueueUrl`
}

// Run prints where everything is.
func (cmd *describeCmd) Run(ctx context.Context, a *app) error {
	_, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	if cmd.JSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(d)
	}
	printDeployment(a, d)
	return nil
}

func printDeployment(a *app, d *deployment.Deployment) {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			_, _ = table.Write([]byte(name + "\t" + value + "\n"))
		}
	}
	row("environment", d.Env)
	row("region", d.Region)
	row("emulator", d.Endpoint)
	row("API", d.APIURL)
	row("table", d.TableName)
	row("queue", d.QueueURL)
	row("dead-letter queue", d.DeadLetterQueueURL)
	row("rejected queue", d.RejectedQueueURL)
	row("on-failure queue", d.OnFailureQueueURL)
	row("topic", d.TopicARN)
	row("processor", d.ProcessorFunction)
	row("publisher", d.PublisherFunction)
	row("status function", d.StatusFunction)
	for _, s := range d.Subscribers {
		row("subscriber "+s.Name, s.QueueURL)
		row("  its DLQ", s.DeadLetterQueueURL)
	}
	_ = table.Flush()
}
