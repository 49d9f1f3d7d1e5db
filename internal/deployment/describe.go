package deployment

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// Describe finds a pipeline by the marks that the constructs write into the metadata of their
// stacks (see [contract.Mark]). A stack that does not exist, is not complete or holds no pipeline
// is a [*NotDeployedError]; one whose first deployment failed is a [*FailedCreation].
func Describe(ctx context.Context, cfg aws.Config, target Target) (*Deployment, error) {
	missing := &NotDeployedError{Target: target}
	var marks []contract.Mark
	for _, name := range target.stacks() {
		stack, err := find(ctx, cfg, name)
		if err != nil {
			return nil, err
		}
		if stack == nil {
			where := cmp.Or(aws.ToString(cfg.BaseEndpoint), cfg.Region)
			missing.Why = fmt.Sprintf("there is no stack %s in %s", name, where)
			return nil, missing
		}
		failed, err := failedCreation(ctx, cfg, target, stack)
		if err != nil {
			return nil, err
		}
		if failed != nil {
			return nil, failed
		}
		if !everCreated(stack.StackStatus) {
			missing.Why = fmt.Sprintf("stack %s is in state %s", name, stack.StackStatus)
			return nil, missing
		}
		found, err := readMarks(ctx, cloudformation.NewFromConfig(cfg), name)
		if err != nil {
			return nil, err
		}
		marks = append(marks, found...)
	}
	return choose(cfg, target, missing, marks)
}

// everCreated reports whether a stack in this state has resources that once were complete.
func everCreated[S ~string](status S) bool {
	return !slices.Contains([]string{
		"CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS",
		"DELETE_FAILED", "DELETE_COMPLETE",
	}, string(status))
}

// readMarks returns the marks in a stack and in the stacks that are nested in it.
func readMarks(
	ctx context.Context, client *cloudformation.Client, stack string,
) (marks []contract.Mark, err error) {
	got, err := client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &stack})
	if err != nil {
		return nil, fmt.Errorf("read the template of stack %s: %w", stack, err)
	}
	var template struct {
		Resources map[string]struct {
			Type     string
			Metadata map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(aws.ToString(got.TemplateBody)), &template); err != nil {
		return nil, fmt.Errorf("read the template of stack %s, which must be JSON: %w", stack, err)
	}
	for _, id := range slices.Sorted(maps.Keys(template.Resources)) {
		r := template.Resources[id]
		isNested := r.Type == "AWS::CloudFormation::Stack"
		if !isNested && r.Metadata[contract.MetadataKey] == nil {
			continue
		}
		out, err := client.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
			StackName: &stack, LogicalResourceId: &id,
		})
		if err != nil {
			return nil, fmt.Errorf("read resource %s of stack %s: %w", id, stack, err)
		}
		if isNested {
			nested, err := readMarks(ctx, client, aws.ToString(out.StackResourceDetail.PhysicalResourceId))
			if err != nil {
				return nil, err
			}
			marks = append(marks, nested...)
			continue
		}
		// Unlike the template, it has what the references stand for.
		var metadata map[string]json.RawMessage
		var mark contract.Mark
		err = json.Unmarshal([]byte(aws.ToString(out.StackResourceDetail.Metadata)), &metadata)
		if err == nil {
			err = json.Unmarshal(metadata[contract.MetadataKey], &mark)
		}
		if err != nil {
			return nil, fmt.Errorf("read the metadata of %s in stack %s: %w", id, stack, err)
		}
		marks = append(marks, mark)
	}
	return marks, nil
}

// choose makes a deployment of the marks of one pipeline.
func choose(
	cfg aws.Config, target Target, missing *NotDeployedError, marks []contract.Mark,
) (*Deployment, error) {
	pipelines := map[string]contract.Mark{}
	for _, m := range marks {
		if m.ID != "" {
			pipelines[m.ID] = m
		}
	}
	ids := slices.Sorted(maps.Keys(pipelines))
	names := strings.Join(target.stacks(), ", ")
	id := target.Pipeline
	switch {
	case len(ids) == 0:
		missing.Why = fmt.Sprintf("stack %s holds no OrderPipeline of this version", names)
		return nil, missing
	case id == "" && len(ids) > 1:
		return nil, failure.Usage(fmt.Sprintf("stack %s holds %d pipelines", names, len(ids)),
			"choose one with --pipeline: "+strings.Join(ids, ", "))
	case id == "":
		id = ids[0]
	case pipelines[id].ID == "":
		return nil, failure.Usage(fmt.Sprintf("stack %s holds no pipeline %q", names, id),
			"its pipelines are: "+strings.Join(ids, ", "))
	}
	p := pipelines[id]
	d := &Deployment{
		Stacks: target.stacks(), Pipeline: id, Region: cfg.Region,
		Endpoint:  strings.TrimRight(aws.ToString(cfg.BaseEndpoint), "/"),
		TableName: p.TableName, QueueURL: p.QueueURL, DeadLetterQueueURL: p.DeadLetterQueueURL,
		RejectedQueueURL: p.RejectedQueueURL, OnFailureQueueURL: p.OnFailureQueueURL,
		TopicARN: p.TopicARN, ProcessorFunction: p.ProcessorFunction,
		PublisherFunction: p.PublisherFunction,
		Subscribers:       []Subscriber{}, // [] in JSON, not null
	}
	if len(target.Stacks) == 0 {
		d.Env = target.Env
	}
	for _, m := range marks {
		switch {
		case m.Pipeline != p.Pipeline:
		case m.Subscriber != "" && m.QueueURL != "":
			d.Subscribers = append(d.Subscribers, Subscriber{
				Name: m.Subscriber, QueueURL: m.QueueURL, DeadLetterQueueURL: m.DeadLetterQueueURL,
			})
		case m.StatusFunction != "" && d.APIURL == "":
			d.StatusFunction, d.APIURL, d.APIName = m.StatusFunction, d.urlOf(m), m.APIName
		}
	}
	slices.SortFunc(d.Subscribers, func(a, b Subscriber) int { return cmp.Compare(a.Name, b.Name) })
	return d, nil
}

// urlOf returns the address of an API, "" when its stage is not known. The emulator serves APIs
// under its own address.
func (d *Deployment) urlOf(m contract.Mark) string {
	switch {
	case m.Stage == "":
		return ""
	case d.Endpoint != "":
		return fmt.Sprintf("%s/restapis/%s/%s/_user_request_%s", d.Endpoint, m.APIID, m.Stage, m.Path)
	}
	suffix := "amazonaws.com"
	if strings.HasPrefix(d.Region, "cn-") {
		suffix += ".cn"
	}
	return fmt.Sprintf("https://%s.execute-api.%s.%s/%s%s", m.APIID, d.Region, suffix, m.Stage, m.Path)
}
