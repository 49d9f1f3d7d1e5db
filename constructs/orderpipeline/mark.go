package orderpipeline

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// mark lets the operator's command find the pipeline in any stack; see [contract.Mark].
func (p *OrderPipeline) mark() {
	path := *p.Node().Path()
	mapping := p.publisherMapping.Node().DefaultChild().(awslambda.CfnEventSourceMapping)
	mapping.AddMetadata(jsii.String(contract.MetadataKey), contract.Mark{
		Pipeline:           path,
		ID:                 strings.TrimPrefix(path, *awscdk.Stack_Of(p).Node().Path()+"/"),
		QueueURL:           *p.queue.QueueUrl(),
		DeadLetterQueueURL: *p.deadLetterQueue.QueueUrl(),
		RejectedQueueURL:   *p.rejectedQueue.QueueUrl(),
		OnFailureQueueURL:  *p.onFailureQueue.QueueUrl(),
		TableName:          *p.table.TableName(),
		TopicARN:           *p.topic.TopicArn(),
		ProcessorFunction:  *p.processor.FunctionName(),
		PublisherFunction:  *p.publisher.FunctionName(),
	}.Metadata())
}

// mark lets the operator's command find the queues of the subscriber.
func (s *Subscriber) mark(p *OrderPipeline) {
	m := contract.Mark{
		Pipeline: *p.Node().Path(), Subscriber: s.id,
		DeadLetterQueueURL: *s.deadLetterQueue.QueueUrl(),
	}
	if s.queue != nil {
		m.QueueURL = *s.queue.QueueUrl()
	}
	subscription := s.subscription.Node().DefaultChild().(awssns.CfnSubscription)
	subscription.AddMetadata(jsii.String(contract.MetadataKey), m.Metadata())
}
