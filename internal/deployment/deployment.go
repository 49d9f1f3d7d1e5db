// Package deployment finds a deployed environment: its AWS configuration and its parts.
package deployment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// Deployment names the parts of a deployed environment. `orders describe --json` prints it.
type Deployment struct {
	Env                string       `json:"env"`
	Region             string       `json:"region"`
	Endpoint           string       `json:"endpoint"` // the emulator's address; "" on AWS
	APIURL             string       `json:"apiUrl"`   // without a slash at the end
	TableName          string       `json:"tableName"`
	QueueURL           string       `json:"queueUrl"`
	DeadLetterQueueURL string       `json:"deadLetterQueueUrl"`
	RejectedQueueURL   string       `json:"rejectedQueueUrl"`
	OnFailureQueueURL  string       `json:"onFailureQueueUrl"`
	TopicARN           string       `json:"topicArn"`
	ProcessorFunction  string       `json:"processorFunction"`
	PublisherFunction  string       `json:"publisherFunction"`
	StatusFunction     string       `json:"statusFunction"`
	Subscribers        []Subscriber `json:"subscribers"` // the demo subscribers, sorted by name
}

// Subscriber is a queue that is subscribed to the topic.
type Subscriber struct {
	Name               string `json:"name"`
	QueueURL           string `json:"queueUrl"`
	DeadLetterQueueURL string `json:"deadLetterQueueUrl"`
}

// NotDeployedError is the error of an environment without a (complete) stack. Its cause is the
// [*failure.Error] for the person at the terminal.
type NotDeployedError struct {
	Env   string
	Stack string
	Where string // the region, or the emulator's address
	Why   string // "" when the stack does not exist
}

// Error returns what is missing and how to deploy it.
func (e *NotDeployedError) Error() string { return e.Unwrap().Error() }

// Unwrap returns the [*failure.Error].
func (e *NotDeployedError) Unwrap() error {
	why := e.Why
	if why == "" {
		why = fmt.Sprintf("there is no stack %s in %s", e.Stack, e.Where)
	}
	next := fmt.Sprintf("run: orders up --env %s; or check --profile and --region", e.Env)
	if e.Env == contract.EnvironmentLocal {
		next = "run: make local (or: orders up)"
	}
	return &failure.Error{
		What: fmt.Sprintf("environment %q is not deployed: %s", e.Env, why), Next: next,
	}
}

// Describe reads a deployment from the outputs of its CloudFormation stack. A stack that does not
// exist or lacks an output is a [*NotDeployedError].
func Describe(ctx context.Context, cfg aws.Config, env string) (*Deployment, error) {
	stack := contract.StackName(env)
	missing := &NotDeployedError{
		Env: env, Stack: stack, Where: cmp.Or(aws.ToString(cfg.BaseEndpoint), cfg.Region),
	}
	found, err := find(ctx, cfg, stack)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, missing
	}
	if len(found.Outputs) == 0 { // the first deployment has not finished, or has failed
		missing.Why = fmt.Sprintf("stack %s is in state %s", stack, found.StackStatus)
		return nil, missing
	}
	return read(env, cfg, missing, outputsOf(found))
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

func read(
	env string, cfg aws.Config, missing *NotDeployedError, outputs map[string]string,
) (*Deployment, error) {
	var lacking []string
	value := func(name string) string {
		if outputs[name] == "" {
			lacking = append(lacking, name)
		}
		return outputs[name]
	}
	d := &Deployment{
		Env:                env,
		Region:             cfg.Region,
		TableName:          value(contract.OutputTableName),
		QueueURL:           value(contract.OutputQueueURL),
		DeadLetterQueueURL: value(contract.OutputDeadLetterQueueURL),
		RejectedQueueURL:   value(contract.OutputRejectedQueueURL),
		OnFailureQueueURL:  value(contract.OutputOnFailureQueueURL),
		TopicARN:           value(contract.OutputTopicARN),
		ProcessorFunction:  value(contract.OutputProcessorFunctionName),
		PublisherFunction:  value(contract.OutputPublisherFunctionName),
		StatusFunction:     value(contract.OutputStatusFunctionName),
		Subscribers:        []Subscriber{}, // [] in JSON, not null
	}
	if env == contract.EnvironmentLocal {
		// CloudFormation gives the URL on AWS; the emulator serves its APIs under its own address.
		d.Endpoint = strings.TrimRight(aws.ToString(cfg.BaseEndpoint), "/")
		d.APIURL = fmt.Sprintf("%s/restapis/%s/%s/_user_request_",
			d.Endpoint, value(contract.OutputAPIID), value(contract.OutputAPIStage))
	} else {
		d.APIURL = strings.TrimRight(value(contract.OutputAPIURL), "/")
	}
	for output, url := range outputs {
		if name, ok := contract.SubscriberOf(output); ok {
			d.Subscribers = append(d.Subscribers, Subscriber{
				Name:               name,
				QueueURL:           url,
				DeadLetterQueueURL: value(contract.OutputSubscriberDeadLetterQueueURL(name)),
			})
		}
	}
	slices.SortFunc(d.Subscribers, func(a, b Subscriber) int { return cmp.Compare(a.Name, b.Name) })
	if lacking != nil {
		slices.Sort(lacking)
		missing.Why = fmt.Sprintf("stack %s lacks the outputs %s (deployed by another version)",
			missing.Stack, strings.Join(lacking, ", "))
		return nil, missing
	}
	return d, nil
}

// Subscriber finds a demo subscriber by its name in any case, nil when there is none.
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
