package deployment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// FailedCreation is the error of a stack whose first deployment failed and was rolled back.
// CloudFormation can do nothing with it but delete it. The CDK does that with the next deployment,
// unless the stack has termination protection, which the CDK sets before it creates the stack.
type FailedCreation struct {
	Stack, State string
	// Reason is that of the resource that failed first, "" when CloudFormation no longer knows it.
	Reason string
	// Protected is whether the stack has termination protection.
	Protected bool
	// Tables are the tables that stay when the stack is deleted. They are empty: no client has had
	// the API yet.
	Tables []string

	target Target
	aws    func(format string, args ...any) string
}

// failedCreation returns the error of a stack in this state, nil for any other state.
func failedCreation(
	ctx context.Context, cfg aws.Config, target Target, stack *types.Stack,
) (*FailedCreation, error) {
	switch stack.StackStatus {
	case types.StackStatusRollbackComplete, types.StackStatusRollbackFailed,
		types.StackStatusCreateFailed:
	default:
		return nil, nil
	}
	client := cloudformation.NewFromConfig(cfg)
	name := aws.ToString(stack.StackName)
	f := &FailedCreation{
		Stack: name, State: string(stack.StackStatus), target: target,
		Protected: aws.ToBool(stack.EnableTerminationProtection),
		aws: func(format string, args ...any) string {
			return AWSCommand(cfg, target.Profile, format, args...)
		},
	}
	// Newest first: the oldest failure is the cause, the later ones were canceled because of it.
	events := cloudformation.NewDescribeStackEventsPaginator(client,
		&cloudformation.DescribeStackEventsInput{StackName: stack.StackId})
	for events.HasMorePages() {
		page, err := events.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the events of stack %s: %w", name, err)
		}
		for _, e := range page.StackEvents {
			if e.ResourceStatus == types.ResourceStatusCreateFailed {
				f.Reason = aws.ToString(e.LogicalResourceId) + ": " + aws.ToString(e.ResourceStatusReason)
			}
			id := aws.ToString(e.PhysicalResourceId)
			if aws.ToString(e.ResourceType) == "AWS::DynamoDB::GlobalTable" &&
				e.ResourceStatus == types.ResourceStatusDeleteSkipped && !slices.Contains(f.Tables, id) {
				f.Tables = append(f.Tables, id)
			}
		}
	}
	return f, nil
}

// FailedCreations returns the stacks of an environment whose first deployment failed.
func FailedCreations(
	ctx context.Context, cfg aws.Config, target Target,
) (all []*FailedCreation, err error) {
	for _, name := range []string{
		contract.StackName(target.Env), contract.MonitoringStackName(target.Env),
	} {
		stack, err := find(ctx, cfg, name)
		if err != nil {
			return nil, err
		}
		if stack == nil {
			continue
		}
		failed, err := failedCreation(ctx, cfg, target, stack)
		if err != nil {
			return nil, err
		}
		if failed != nil {
			all = append(all, failed)
		}
	}
	return all, nil
}

// What says what is wrong.
func (f *FailedCreation) What() string {
	what := fmt.Sprintf("stack %s is in state %s: its first deployment failed", f.Stack, f.State)
	if f.Reason != "" {
		what += " (" + strings.Join(strings.Fields(f.Reason), " ") + ")"
	}
	if f.Protected {
		what += ", and termination protection keeps the next one from replacing it"
	}
	return what
}

// Commands returns the way out, in order: delete the stack, and the empty tables that stay.
func (f *FailedCreation) Commands() (commands []string) {
	add := func(format string, args ...any) { commands = append(commands, f.aws(format, args...)) }
	if f.Protected {
		add("cloudformation update-termination-protection --no-enable-termination-protection "+
			"--stack-name %s", f.Stack)
	}
	add("cloudformation delete-stack --stack-name %s", f.Stack)
	add("cloudformation wait stack-delete-complete --stack-name %s", f.Stack)
	for _, table := range f.Tables {
		add("dynamodb update-table --no-deletion-protection-enabled --table-name %s", table)
		add("dynamodb delete-table --table-name %s", table)
	}
	return commands
}

// Note says what to do then, and what stays.
func (f *FailedCreation) Note() string {
	note := "fix the cause, then deploy again"
	if len(f.target.Stacks) == 0 {
		note += ": orders up" + f.target.Flags()
	}
	if len(f.Tables) > 0 {
		note += ". The table is empty: no client has had the API yet. " +
			"Queues and log groups are deleted with the stack"
	}
	return note
}

// Error returns all of it.
func (f *FailedCreation) Error() string { return f.Unwrap().Error() }

// Unwrap returns the [*failure.Error].
func (f *FailedCreation) Unwrap() error {
	return &failure.Error{What: f.What(), Commands: f.Commands(), Next: f.Note()}
}
