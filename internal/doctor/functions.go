package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/queues"
)

// checkMappings: the event source mappings pass orders from the queue to the processor, and records
// from the table's stream to the publisher.
func (d *Doctor) checkMappings(ctx context.Context) (found []Finding, err error) {
	client := lambda.NewFromConfig(d.Config)
	for _, leg := range []struct{ function, why, after string }{
		{
			d.Deployment.ProcessorFunction,
			fmt.Sprintf("orders stay on the queue and expire there after %d days", queues.RetentionDays),
			"",
		},
		{
			d.Deployment.PublisherFunction,
			fmt.Sprintf("no event is published; the table's stream drops records after %d hours "+
				"(the orders stay in the table)", streamRetentionHours),
			fmt.Sprintf("\nthen, if it was off for more than %d hours: %s",
				streamRecordHours, d.Command("replay --from TIME --yes")),
		},
	} {
		out, err := client.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{
			FunctionName: &leg.function,
		})
		if err != nil {
			return found, fmt.Errorf("list the event source mappings of %s: %w", leg.function, err)
		}
		if len(out.EventSourceMappings) == 0 {
			found = append(found, Finding{
				Resource: leg.function, What: "has no event source mapping",
				Why: leg.why, Do: d.redeploy() + leg.after,
			})
		}
		for _, m := range out.EventSourceMappings {
			state, result := aws.ToString(m.State), aws.ToString(m.LastProcessingResult)
			switch {
			case strings.HasPrefix(state, "Disabl"):
				found = append(found, Finding{
					Resource: leg.function, What: "its event source mapping is " + strings.ToLower(state),
					Why: leg.why,
					Do: d.aws("lambda update-event-source-mapping --enabled --uuid %s",
						aws.ToString(m.UUID)) + leg.after,
				})
			case strings.HasPrefix(result, "PROBLEM"), strings.HasPrefix(result, "FAILED"):
				found = append(found, Finding{
					Resource: leg.function, What: "the last result of its event source mapping is: " + result,
					Why: "it does not succeed in processing what it reads", Do: d.functionLog(leg.function),
				})
			}
		}
	}
	return found, nil
}

// checkFunctions: the functions exist, are active and may run.
func (d *Doctor) checkFunctions(ctx context.Context) (found []Finding, err error) {
	client := lambda.NewFromConfig(d.Config)
	for _, f := range []struct{ name, why string }{
		{d.Deployment.ProcessorFunction, "orders stay on the queue"},
		{d.Deployment.PublisherFunction, "no event is published"},
		{d.Deployment.StatusFunction, "clients cannot ask for the status of their orders"},
	} {
		if f.name == "" { // a pipeline without an API
			continue
		}
		out, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{
			FunctionName: &f.name,
		})
		if deployment.IsNotFound(err) {
			found = append(found, Finding{
				Resource: f.name, What: "it does not exist", Why: f.why, Do: d.redeploy(),
			})
			continue
		}
		if err != nil {
			return found, fmt.Errorf("read function %s: %w", f.name, err)
		}
		// An idle function is Inactive, and starts again by itself.
		if out.State == types.StateFailed || out.LastUpdateStatus == types.LastUpdateStatusFailed {
			found = append(found, Finding{
				Resource: f.name,
				What: fmt.Sprintf("its state is %s, its last update %s: %s%s", out.State, out.LastUpdateStatus,
					aws.ToString(out.StateReason), aws.ToString(out.LastUpdateStatusReason)),
				Why: f.why, Do: d.redeploy(),
			})
		}
		reserved, err := client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{
			FunctionName: &f.name,
		})
		if err != nil {
			return found, fmt.Errorf("read the concurrency of function %s: %w", f.name, err)
		}
		if n := reserved.ReservedConcurrentExecutions; n != nil && *n == 0 {
			found = append(found, Finding{
				Resource: f.name, What: "it is throttled to zero (reserved concurrency 0)",
				Why: f.why + "; each throttled delivery counts as a receive, and too many receives " +
					"move a message to the dead-letter queue",
				Do: d.aws("lambda delete-function-concurrency --function-name %s", f.name),
			})
		}
	}
	return found, nil
}
