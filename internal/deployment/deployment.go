// Package deployment finds a deployed environment: its AWS configuration and its parts.
package deployment

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// Deployment names the parts of a deployed pipeline. `orders describe --json` prints it.
type Deployment struct {
	// Env is the environment, "" for a stack that was named with --stack.
	Env string `json:"env,omitempty"`
	// Stacks are the stacks that were searched; alarm names begin with one of them. Pipeline is the
	// path of the pipeline in its stack.
	Stacks   []string `json:"stacks"`
	Pipeline string   `json:"pipeline"`
	Region   string   `json:"region"`
	Endpoint string   `json:"endpoint"` // the emulator's address; "" on AWS

	APIURL             string       `json:"apiUrl"`  // without a slash at the end; "" without an API
	APIName            string       `json:"apiName"` // the metrics' name; "" when it is not known
	TableName          string       `json:"tableName"`
	QueueURL           string       `json:"queueUrl"`
	DeadLetterQueueURL string       `json:"deadLetterQueueUrl"`
	RejectedQueueURL   string       `json:"rejectedQueueUrl"`
	OnFailureQueueURL  string       `json:"onFailureQueueUrl"`
	TopicARN           string       `json:"topicArn"`
	ProcessorFunction  string       `json:"processorFunction"`
	PublisherFunction  string       `json:"publisherFunction"`
	StatusFunction     string       `json:"statusFunction"` // "" without an API
	Subscribers        []Subscriber `json:"subscribers"`    // those with a queue, sorted by name
}

// Subscriber is a queue that is subscribed to the topic.
type Subscriber struct {
	Name               string `json:"name"`
	QueueURL           string `json:"queueUrl"`
	DeadLetterQueueURL string `json:"deadLetterQueueUrl"`
}

// NotDeployedError is the error of a stack that does not exist or holds no pipeline. Its cause is
// the [*failure.Error] for the person at the terminal.
type NotDeployedError struct {
	Target Target
	Why    string // what is missing, and where
}

// Error returns what is missing and how to deploy it.
func (e *NotDeployedError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the [*failure.Error].
func (e *NotDeployedError) Unwrap() error {
	if len(e.Target.Stacks) > 0 {
		return &failure.Error{
			What: e.Why,
			Next: "check --stack, --profile and --region; --stack is the name in CloudFormation",
		}
	}
	next := fmt.Sprintf("run: orders up --env %s; or check --profile and --region", e.Target.Env)
	if e.Target.Env == contract.EnvironmentLocal {
		next = "run: make local (or: orders up)"
	}
	return &failure.Error{
		What: fmt.Sprintf("environment %q is not deployed: %s", e.Target.Env, e.Why), Next: next,
	}
}

// Resources lists the physical ids of a stack's resources of a type.
func Resources(ctx context.Context, cfg aws.Config, stack, kind string) (ids []string, err error) {
	pages := cloudformation.NewListStackResourcesPaginator(cloudformation.NewFromConfig(cfg),
		&cloudformation.ListStackResourcesInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the resources of stack %s: %w", stack, err)
		}
		for _, r := range page.StackResourceSummaries {
			if aws.ToString(r.ResourceType) == kind {
				ids = append(ids, aws.ToString(r.PhysicalResourceId))
			}
		}
	}
	return ids, nil
}

// Outputs reads the outputs of a stack. There are none when the stack does not exist.
func Outputs(ctx context.Context, cfg aws.Config, stack string) (map[string]string, error) {
	found, err := find(ctx, cfg, stack)
	return outputsOf(found), err
}

// find returns a stack, nil when it does not exist.
func find(ctx context.Context, cfg aws.Config, stack string) (*types.Stack, error) {
	answer, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx,
		&cloudformation.DescribeStacksInput{StackName: &stack})
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "ValidationError" &&
		strings.Contains(api.ErrorMessage(), "does not exist"):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read stack %s: %w", stack, err)
	case len(answer.Stacks) == 0:
		return nil, nil
	}
	return &answer.Stacks[0], nil
}

func outputsOf(stack *types.Stack) map[string]string {
	values := map[string]string{}
	if stack != nil {
		for _, output := range stack.Outputs {
			values[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
	}
	return values
}

// String names the deployment in a sentence: "environment prod", "stack Shop, pipeline Web".
func (d *Deployment) String() string {
	if d.Env != "" {
		return "environment " + d.Env
	}
	return fmt.Sprintf("stack %s, pipeline %s", strings.Join(d.Stacks, ", "), d.Pipeline)
}

// RequireAPI returns an error for a deployment without an API.
func (d *Deployment) RequireAPI() error {
	if d.APIURL != "" {
		return nil
	}
	return &failure.Error{
		What: d.String() + " has no API whose address is known",
		Next: "send orders to its queue (orders describe shows it); " +
			"if its OrderAPI is in another stack, name both: --stack THIS,THAT",
	}
}

// Subscriber finds a subscriber by its name in any case, nil when there is none.
func (d *Deployment) Subscriber(name string) *Subscriber {
	for i := range d.Subscribers {
		if strings.EqualFold(d.Subscribers[i].Name, name) {
			return &d.Subscribers[i]
		}
	}
	return nil
}

// SubscriberNames returns the names of subscribers.
func SubscriberNames(subscribers []Subscriber) []string {
	names := make([]string, len(subscribers))
	for i, s := range subscribers {
		names[i] = s.Name
	}
	return names
}
