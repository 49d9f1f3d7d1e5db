package orderpipeline_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// The operator's command finds a pipeline and its subscribers by the metadata of resources that
// nothing depends on. Existing resources are in it too.
func TestMark(t *testing.T) {
	stack := synthtest.NewStack(t)
	group := constructs.NewConstruct(stack, jsii.String("Group"))
	queue := awssqs.NewQueue(stack, jsii.String("Orders"), nil)
	pipeline := orderpipeline.NewOrderPipeline(group, "P", &orderpipeline.OrderPipelineProps{
		Queue: orderpipeline.QueueProps{Existing: queue},
	})
	pipeline.AddSubscriber("Billing", nil)
	pipeline.AddHTTPSSubscriber("Web", "https://shop.example/events", nil)
	template := synthtest.Synth(t, stack)

	ref := func(path string) any { return map[string]any{"Ref": template.ID(t, path)} }
	path := *pipeline.Node().Path()
	want := map[string]any{
		"AWS::Lambda::EventSourceMapping": map[string]any{
			"pipeline": path, "id": "Group/P", "queueUrl": ref("Orders"), "deadLetterQueueUrl": ref("GroupPDeadLetterQueue"),
			"rejectedQueueUrl": ref("GroupPRejectedQueue"), "onFailureQueueUrl": ref("GroupPOnFailureQueue"),
			"tableName": ref("GroupPTable"), "topicArn": ref("GroupPTopic"),
			"processorFunction": ref("GroupPProcessor"), "publisherFunction": ref("GroupPPublisher"),
		},
		"sqs": map[string]any{
			"pipeline": path, "subscriber": "Billing", "queueUrl": ref("GroupPSubscriberBillingQueue"),
			"deadLetterQueueUrl": ref("GroupPSubscriberBillingDeadLetterQueue"),
		},
		"https": map[string]any{
			"pipeline": path, "subscriber": "Web", "deadLetterQueueUrl": ref("GroupPSubscriberWebDeadLetterQueue"),
		},
	}
	got := map[string]any{}
	for _, r := range template.Resources {
		if mark := r.Metadata[contract.MetadataKey]; mark != nil {
			name := r.Type
			if protocol, ok := r.Properties["Protocol"].(string); ok {
				name = protocol
			}
			got[name] = mark
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
