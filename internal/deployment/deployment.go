// Package deployment reads where the parts of a deployed environment are.
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
)

// Deployment is where the parts of a deployed environment are. Its JSON is what `orders describe --json` prints.
type Deployment struct {
	Env                string       `json:"env"`
	Region             string       `json:"region"`
	Endpoint           string       `json:"endpoint"` // the emulator's address; "" on AWS
	APIURL             string       `json:"apiUrl"`   // without a slash at its end: APIURL + "/orders"
	TableName          string       `json:"tableName"`
	QueueURL           string       `json:"queueUrl"`
	DeadLetterQueueURL string       `json:"deadLetterQueueUrl"`
	RejectedQueueURL   string       `json:"rejectedQueueUrl"`
	OnFailureQueueURL  string       `json:"onFailureQueueUrl"`
	TopicARN           string       `json:"topicArn"`
	ProcessorFunction  string       `json:"processorFunction"`
	PublisherFunction  string       `json:"publisherFunction"`
	StatusFunction     string       `json:"statusFunction"`
	Subscribers        []Subscriber `json:"subscribers"` // the demo subscribers, by name; none in staging and prod
}

// Subscriber is a demo subscriber: a queue that gets the events.
type Subscriber struct {
	Name               string `json:"name"`
	QueueURL           string `json:"queueUrl"`
	DeadLetterQueueURL string `json:"deadLetterQueueUrl"`
}

// NotDeployedError says that an environment has no (complete) stack.
type NotDeployedError struct {
	Env   string
	Stack string
	Where string // the region, or the emulator's address
	Why   string // "" when the stack simply does not exist
}

// Error says what is missing and the command that makes it.
func (e *NotDeployedError) Error() string {
	return fmt.Sprintf("%s; %s", e.What(), e.Remedy())
}

// What says what is missing.
func (e *NotDeployedError) What() string {
	why := e.Why
	if why == "" {
		why = fmt.Sprintf("there is no stack %s in %s", e.Stack, e.Where)
	}
	return fmt.Sprintf("environment %q is not deployed: %s", e.Env, why)
}

// Remedy is what to do: one line.
func (e *NotDeployedError) Remedy() string {
	if e.Env == contract.EnvironmentLocal {
		return "run: make local (or: orders up)"
	}
	return fmt.Sprintf("run: orders up --env %s; or check --profile and --region", e.Env)
}

// Describe reads a deployment from the outputs of its CloudFormation stack. A stack that does not exist, or lacks an output, is a
// [*NotDeployedError].
func Describe(ctx context.Context, cfg aws.Config, env string) (*Deployment, error) {
	stack := contract.StackName(env)
	missing := &NotDeployedError{Env: env, Stack: stack, Where: cmp.Or(aws.ToString(cfg.BaseEndpoint), cfg.Region)}
	found, err := find(ctx, cfg, stack)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, missing
	}
	if len(found.Outputs) == 0 { // the first deployment is under way, or failed
		missing.Why = fmt.Sprintf("stack %s is in state %s", stack, found.StackStatus)
		return nil, missing
	}
	return read(env, cfg, missing, found.Outputs)
}

// find is a stack, nil when there is none.
func find(ctx context.Context, cfg aws.Config, stack string) (*types.Stack, error) {
	answer, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "ValidationError" && strings.Contains(api.ErrorMessage(), "does not exist"):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read stack %s: %w", stack, err)
	case len(answer.Stacks) == 0:
		return nil, nil
	}
	return &answer.Stacks[0], nil
}

func read(env string, cfg aws.Config, missing *NotDeployedError, outputs []types.Output) (*Deployment, error) {
	values := map[string]string{}
	for _, output := range outputs {
		values[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	var lacking []string
	value := func(name string) string {
		if values[name] == "" {
			lacking = append(lacking, name)
		}
		return values[name]
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
		// The URL that CloudFormation knows is AWS's; the emulator serves its APIs under its own address.
		d.Endpoint = strings.TrimRight(aws.ToString(cfg.BaseEndpoint), "/")
		d.APIURL = fmt.Sprintf("%s/restapis/%s/%s/_user_request_", d.Endpoint, value(contract.OutputAPIID), value(contract.OutputAPIStage))
	} else {
		d.APIURL = strings.TrimRight(value(contract.OutputAPIURL), "/")
	}
	for name, url := range values {
		if name, ok := contract.SubscriberOf(name); ok {
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
		missing.Why = fmt.Sprintf("stack %s has no output %s (another version of this project made it)", missing.Stack, strings.Join(lacking, ", "))
		return nil, missing
	}
	return d, nil
}

// Subscriber finds a demo subscriber by its name, whatever the case. nil when there is none.
func (d *Deployment) Subscriber(name string) *Subscriber {
	for i := range d.Subscribers {
		if strings.EqualFold(d.Subscribers[i].Name, name) {
			return &d.Subscribers[i]
		}
	}
	return nil
}
