// Package orderpipeline is a CDK construct that takes orders in through a queue, stores each exactly once, and tells the
// world of it through a topic:
//
//	queue → processor → table → stream → publisher → topic → subscribers
//
// The smallest embedding:
//
//	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
//	pipeline.AddSubscriber("Billing", nil)
//
// The defaults are what production needs: orders outlive the stack (RETAIN, deletion protection, point-in-time recovery),
// transport is encrypted (TLS enforced, SSE), an outage of hours dead-letters nothing, and each role may do only what its
// function does. A team with an API of its own sends order documents to [OrderPipeline.Queue]; package orderapi puts an
// API in front.
//
// Queue, table, topic and key can be brought along (the props called Existing, and EncryptionKey). Whatever has no prop is
// to be had in a line, of the construct as a whole or through a getter:
//
//	awscdk.Tags_Of(pipeline).Add(jsii.String("team"), jsii.String("orders"), nil)
//	awsiam.PermissionsBoundary_Of(pipeline).Apply(boundary)
//	pipeline.Processor().AddToRolePolicy(statement)
//	pipeline.MetricDeadLetters(nil).CreateAlarm(stack, jsii.String("Lost"), props)
//
// # What fails, and when
//
// [NewOrderPipeline] panics with an error that names every wrong prop, before it creates anything. What is brought along and
// cannot be changed from here gets a warning that says what to set by hand. At synth, the Lambda
// functions are built with the Go toolchain, and a build that fails panics with the compiler's words. The module must be
// in the module cache or in a folder; an app that vendors it hands in Code of its own.
//
// # In tests of your own
//
// The functions take seconds to build. A test that looks at the template only can do without:
//
//	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"aws:cdk:bundling-stacks": []string{}}})
package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/orderpipeline/orderpipeline/order"
)

// OrderPipeline is the construct; [NewOrderPipeline] makes it. Everything inside is to be had by a method, as the CDK's own
// type. It is a scope and can be tagged like every construct.
type OrderPipeline struct {
	constructs.Construct

	settings                                             *settings
	queue, deadLetterQueue, rejectedQueue, onFailedQueue awssqs.IQueue
	table                                                awsdynamodb.ITableV2
	topic                                                awssns.ITopic
	processor, publisher                                 awslambda.Function
	processorLogs, publisherLogs                         awslogs.LogGroup
	processorMapping, publisherMapping                   awslambda.EventSourceMapping
	subscribers                                          []*Subscriber
}

// NewOrderPipeline makes a pipeline. props may be nil. It panics with an error that names everything that is wrong with
// them.
func NewOrderPipeline(scope constructs.Construct, id string, props *OrderPipelineProps) *OrderPipeline {
	s, err := resolve(scope, props)
	if err != nil {
		panic(err)
	}
	p := &OrderPipeline{settings: s}
	constructs.NewConstruct_Override(p, scope, &id)

	if key := s.EncryptionKey; key != nil && key.Node().DefaultChild() == nil {
		p.warn("encryptionKey", "EncryptionKey is imported, so its policy cannot be changed from here. It must leave access to IAM (a statement that allows kms:* to the account's root), "+
			"by which the functions get to use it.")
	}
	p.newQueues()
	p.newTable()
	p.newTopic()
	p.newProcessor()
	p.newPublisher()
	return p
}

// Queue takes the orders in: the message body is an order document, or an array of them. Who sends here needs no API.
func (p *OrderPipeline) Queue() awssqs.IQueue { return p.queue }

// DeadLetterQueue holds messages that could not be processed for hours. Their orders are neither stored nor refused yet:
// they wait to be sent back to Queue.
func (p *OrderPipeline) DeadLetterQueue() awssqs.IQueue { return p.deadLetterQueue }

// RejectedQueue holds refused documents, each with the reason in its attributes.
func (p *OrderPipeline) RejectedQueue() awssqs.IQueue { return p.rejectedQueue }

// OnFailureQueue names the stored orders whose event could not be published. Their documents are in the table.
func (p *OrderPipeline) OnFailureQueue() awssqs.IQueue { return p.onFailedQueue }

// Table holds the orders and the refusals; its attributes are the constants of package order.
func (p *OrderPipeline) Table() awsdynamodb.ITableV2 { return p.table }

// Topic takes an event for each stored order.
func (p *OrderPipeline) Topic() awssns.ITopic { return p.topic }

// Processor is the function from Queue to Table.
func (p *OrderPipeline) Processor() awslambda.Function { return p.processor }

// ProcessorLogs is the processor's log group.
func (p *OrderPipeline) ProcessorLogs() awslogs.ILogGroup { return p.processorLogs }

// ProcessorMapping feeds Queue to Processor. A door that must not open before somebody is behind it depends on this.
func (p *OrderPipeline) ProcessorMapping() awslambda.EventSourceMapping { return p.processorMapping }

// Publisher is the function from Table's stream to Topic.
func (p *OrderPipeline) Publisher() awslambda.Function { return p.publisher }

// PublisherLogs is the publisher's log group.
func (p *OrderPipeline) PublisherLogs() awslogs.ILogGroup { return p.publisherLogs }

// PublisherMapping feeds Table's stream to Publisher.
func (p *OrderPipeline) PublisherMapping() awslambda.EventSourceMapping { return p.publisherMapping }

// Schema of the order document.
func (p *OrderPipeline) Schema() *order.Schema { return p.settings.Schema }

// MaxDocumentBytes is the most that an order document may weigh, in bytes; a larger one is refused.
func (p *OrderPipeline) MaxDocumentBytes() int { return p.settings.maxDocument }

// Subscribers of the topic that AddSubscriber made, in its order.
func (p *OrderPipeline) Subscribers() []*Subscriber {
	return append([]*Subscriber(nil), p.subscribers...)
}

// RemovalPolicy of what holds orders, for what is built around the pipeline.
func (p *OrderPipeline) RemovalPolicy() awscdk.RemovalPolicy { return p.settings.RemovalPolicy }

// MetricsDisabled is whether the functions leave the pipeline's own metrics out of their logs.
func (p *OrderPipeline) MetricsDisabled() bool { return p.settings.DisableMetrics }
