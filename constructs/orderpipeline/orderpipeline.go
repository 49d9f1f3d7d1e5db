// Package orderpipeline provides a CDK construct that accepts orders through a queue, stores each
// one exactly once, and publishes an event for it:
//
//	queue → processor → table → stream → publisher → topic → subscribers
//
// The smallest embedding:
//
//	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
//	pipeline.AddSubscriber("Billing", nil)
//
// The defaults are safe for production: orders outlive the stack (retained, deletion protection,
// point-in-time recovery), transport and storage are encrypted (TLS enforced, SSE), an outage of up
// to 4 hours moves nothing to the dead-letter queue, and each role has only the permissions that
// its function needs. A team with its own API sends order documents to [OrderPipeline.Queue];
// package orderapi puts a REST API in front of it.
//
// Queue, table, topic and key can be existing ones (the props named Existing, and EncryptionKey).
// Anything without a prop takes one line, on the construct as a whole or through a getter:
//
//	awscdk.Tags_Of(pipeline).Add(jsii.String("team"), jsii.String("orders"), nil)
//	awsiam.PermissionsBoundary_Of(pipeline).Apply(boundary)
//	pipeline.Processor().AddToRolePolicy(statement)
//	pipeline.MetricDeadLetters(nil).CreateAlarm(stack, jsii.String("Lost"), props)
//
// # Errors and warnings
//
// [NewOrderPipeline] panics with an error that names every wrong prop, before it creates anything.
// An existing resource that the construct cannot change gets a warning at synth that says what to
// set by hand. At synth, the functions are built with the Go toolchain; a failed build panics with
// the compiler's output. The build needs the sources of this module in the module cache or in a
// folder, so an app that vendors the module passes its own Code.
//
// # Tests of your own
//
// Building the functions takes seconds. A test that looks only at the template can skip that step:
//
//	app := awscdk.NewApp(&awscdk.AppProps{
//		Context: &map[string]any{"aws:cdk:bundling-stacks": []string{}},
//	})
package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/order"
)

// OrderPipeline is the construct. [NewOrderPipeline] makes it. Its methods return the resources
// inside, as CDK's own types. Like every construct, it is a scope and can be tagged.
type OrderPipeline struct {
	constructs.Construct

	settings *settings

	queue, deadLetterQueue             awssqs.IQueue
	rejectedQueue, onFailureQueue      awssqs.IQueue
	table                              awsdynamodb.ITableV2
	topic                              awssns.ITopic
	processor, publisher               awslambda.Function
	processorLogs, publisherLogs       awslogs.LogGroup
	processorMapping, publisherMapping awslambda.EventSourceMapping
	subscribers                        []*Subscriber
}

// NewOrderPipeline makes a pipeline. props may be nil. NewOrderPipeline panics with an error that
// names everything that is wrong with them.
func NewOrderPipeline(
	scope constructs.Construct, id string, props *OrderPipelineProps,
) *OrderPipeline {
	s, err := resolve(scope, props)
	if err != nil {
		panic(err)
	}
	p := &OrderPipeline{settings: s}
	constructs.NewConstruct_Override(p, scope, &id)

	if key := s.encryptionKey; key != nil && key.Node().DefaultChild() == nil {
		p.warn("encryptionKey", "EncryptionKey is imported, so the construct cannot change its "+
			"policy. The policy must delegate access to IAM (a statement that allows kms:* to the "+
			"account's root), so that the functions' roles can use the key.")
	}
	p.newQueues()
	p.newTable()
	p.newTopic()
	p.newProcessor()
	p.newPublisher()
	p.mark()
	return p
}

// warn adds a warning at synth about what the construct cannot do itself.
func (p *OrderPipeline) warn(id, text string) {
	awscdk.Annotations_Of(p).AddWarningV2(jsii.String("orderpipeline:"+id), &text)
}

// Queue returns the queue that accepts orders. The body of a message is an order document, or an
// array of them. Senders need no API.
func (p *OrderPipeline) Queue() awssqs.IQueue { return p.queue }

// DeadLetterQueue returns the queue of messages that could not be processed for hours. Their orders
// are neither stored nor refused: redrive them to Queue.
func (p *OrderPipeline) DeadLetterQueue() awssqs.IQueue { return p.deadLetterQueue }

// RejectedQueue returns the queue of refused documents. Message attributes hold the reason.
func (p *OrderPipeline) RejectedQueue() awssqs.IQueue { return p.rejectedQueue }

// OnFailureQueue returns the queue of failure records: each names a stored order whose event could
// not be published or, when Lambda sent it, a batch of such orders. The documents are in Table.
func (p *OrderPipeline) OnFailureQueue() awssqs.IQueue { return p.onFailureQueue }

// VisibilityTimeout returns the visibility timeout of Queue: how long a message that failed waits
// until it is received again. For an imported queue, it is the least that the queue needs.
func (p *OrderPipeline) VisibilityTimeout() awscdk.Duration {
	seconds, known := numberOf(cfnQueue(p.queue), awssqs.CfnQueue.VisibilityTimeout)
	if !known {
		seconds = p.settings.queue.visibility
	}
	return awscdk.Duration_Seconds(&seconds)
}

// Table returns the table of orders and refusals. Its attributes are the Attr constants of package
// order.
func (p *OrderPipeline) Table() awsdynamodb.ITableV2 { return p.table }

// Topic returns the topic that gets an event for each stored order.
func (p *OrderPipeline) Topic() awssns.ITopic { return p.topic }

// Processor returns the function from Queue to Table.
func (p *OrderPipeline) Processor() awslambda.Function { return p.processor }

// ProcessorLogs returns the processor's log group.
func (p *OrderPipeline) ProcessorLogs() awslogs.ILogGroup { return p.processorLogs }

// ProcessorMapping returns the event source mapping from Queue to Processor. Make entry points
// depend on it so that they are created after the consumer.
func (p *OrderPipeline) ProcessorMapping() awslambda.EventSourceMapping {
	return p.processorMapping
}

// Publisher returns the function from Table's stream to Topic.
func (p *OrderPipeline) Publisher() awslambda.Function { return p.publisher }

// PublisherLogs returns the publisher's log group.
func (p *OrderPipeline) PublisherLogs() awslogs.ILogGroup { return p.publisherLogs }

// PublisherMapping returns the event source mapping from Table's stream to Publisher.
func (p *OrderPipeline) PublisherMapping() awslambda.EventSourceMapping {
	return p.publisherMapping
}

// Schema returns the schema of the order document.
func (p *OrderPipeline) Schema() *order.Schema { return p.settings.schema }

// MaxDocumentBytes returns the size limit of an order document, in bytes. A larger one is refused.
func (p *OrderPipeline) MaxDocumentBytes() int { return p.settings.topic.maxDocument() }

// Subscribers returns the subscribers that were added so far, in order.
func (p *OrderPipeline) Subscribers() []*Subscriber {
	return append([]*Subscriber(nil), p.subscribers...)
}

// RemovalPolicy returns the removal policy of the resources that hold orders, for resources that
// are built around the pipeline.
func (p *OrderPipeline) RemovalPolicy() awscdk.RemovalPolicy { return p.settings.removalPolicy }

// MetricsDisabled returns whether the functions leave the custom metrics out of their logs.
func (p *OrderPipeline) MetricsDisabled() bool { return p.settings.disableMetrics }
