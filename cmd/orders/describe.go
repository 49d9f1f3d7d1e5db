package main

import (
	"context"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type describeCmd struct {
	JSON bool `help:"Print JSON, for scripts."`
}

// Help is the long help.
func (describeCmd) Help() string {
	return `Lists the parts of a deployment: the API, the table, the queues, the topic, the functions
and the subscribers that have a queue. They are found by the metadata that the constructs write
into the CloudFormation stack, so a stack with an OrderPipeline needs no outputs for this.

Examples:

  orders describe
  curl -H "Content-Type: application/json" --aws-sigv4 aws:amz:us-east-1:execute-api \
       --user test:test --data-binary @order.json "$(orders describe --json | jq -r .apiUrl)/orders"
  orders describe --env prod --json | jq -r .deadLetterQueueUrl`
}

// Run lists the parts.
func (cmd *describeCmd) Run(ctx context.Context, a *app) error {
	_, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return terminal.JSON(a.stdout, d, true)
	}
	printDeployment(a, d)
	return nil
}

func printDeployment(a *app, d *deployment.Deployment) {
	table := terminal.NewTable()
	row := func(name, value string) {
		if value != "" {
			table.Row(name, value)
		}
	}
	row("environment", d.Env)
	row("stack", strings.Join(d.Stacks, ", "))
	row("pipeline", d.Pipeline)
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
		row("  dead-letter queue", s.DeadLetterQueueURL)
	}
	table.Print(a.stdout)
}
