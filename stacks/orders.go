package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// CostTag is on every resource; its value is the environment's name. Activate it in the billing console to see the costs of
// each environment.
const CostTag = "OrderPipeline"

// OrdersStack holds the pipeline and its API.
type OrdersStack struct {
	awscdk.Stack

	pipeline *orderpipeline.OrderPipeline
	api      *orderapi.OrderAPI
}

// Pipeline of the stack.
func (s *OrdersStack) Pipeline() *orderpipeline.OrderPipeline { return s.pipeline }

// OrderAPI of the stack.
func (s *OrdersStack) OrderAPI() *orderapi.OrderAPI { return s.api }

// NewOrdersStack makes the orders stack of an environment.
func NewOrdersStack(scope constructs.Construct, id string, env Environment) *OrdersStack {
	s := &OrdersStack{}
	awscdk.NewStack_Override(s, scope, &id, &awscdk.StackProps{
		StackName:             jsii.String(contract.StackName(env.Name)),
		Description:           jsii.String("Orders: API, queue, processor, table, publisher, topic (" + env.Name + ")"),
		Env:                   &awscdk.Environment{Account: optional(env.Account), Region: optional(env.Region)},
		TerminationProtection: &env.Protected,
	})
	awscdk.Tags_Of(s).Add(jsii.String(CostTag), &env.Name, nil)

	pipeline := orderpipeline.OrderPipelineProps{
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		Publisher:     orderpipeline.PublisherProps{EventAttributes: []string{"currency", "channel"}},
	}
	api := orderapi.OrderAPIProps{}
	if env.Protected {
		pipeline.RemovalPolicy = awscdk.RemovalPolicy_RETAIN
	}
	if env.Local {
		host := golambda.HostTarget()
		pipeline.Processor.Function = orderpipeline.FunctionProps{Code: orderpipeline.ProcessorCode(host, nil), Architecture: host.Architecture}
		pipeline.Publisher.Function = orderpipeline.FunctionProps{Code: orderpipeline.PublisherCode(host), Architecture: host.Architecture}
		api.Status = orderpipeline.FunctionProps{Code: orderapi.StatusCode(host), Architecture: host.Architecture}
	}
	s.pipeline = orderpipeline.NewOrderPipeline(s, "Pipeline", &pipeline)
	api.Pipeline = s.pipeline
	s.api = orderapi.NewOrderAPI(s, "API", &api)
	if env.DemoSubscribers {
		s.pipeline.AddSubscriber("Billing", nil)
		s.pipeline.AddSubscriber("Shipping", &orderpipeline.SubscriberProps{
			FilterPolicy: map[string]awssns.SubscriptionFilter{
				"channel": awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{Allowlist: jsii.Strings("web")}),
			},
		})
	}
	s.addOutputs()
	return s
}

// addOutputs tells the operator's command, and whoever deploys, what there is.
func (s *OrdersStack) addOutputs() {
	p, a := s.pipeline, s.api
	output := func(name string, value *string, description string) {
		awscdk.NewCfnOutput(s, &name, &awscdk.CfnOutputProps{Value: value, Description: &description})
	}
	stage := *a.Stage().StageName()
	output(contract.OutputAPIID, a.API().RestApiId(), "Id of the REST API")
	output(contract.OutputAPIStage, &stage, "Stage of the REST API")
	output(contract.OutputAPIURL,
		jsii.String("https://"+*a.API().RestApiId()+".execute-api."+*s.Region()+"."+*s.UrlSuffix()+"/"+stage),
		"Address of the API: POST /orders, POST /orders/batch, GET /orders/{orderId}")
	output(contract.OutputTableName, p.Table().TableName(), "Orders and refusals")
	output(contract.OutputQueueURL, p.Queue().QueueUrl(), "Orders that wait for the processor")
	output(contract.OutputDeadLetterQueueURL, p.DeadLetterQueue().QueueUrl(), "Messages that could not be processed for hours")
	output(contract.OutputRejectedQueueURL, p.RejectedQueue().QueueUrl(), "Refused documents")
	output(contract.OutputOnFailureQueueURL, p.OnFailureQueue().QueueUrl(), "Stored orders whose event could not be published")
	output(contract.OutputTopicARN, p.Topic().TopicArn(), "Events of stored orders")
	output(contract.OutputProcessorFunctionName, p.Processor().FunctionName(), "Function from queue to table")
	output(contract.OutputPublisherFunctionName, p.Publisher().FunctionName(), "Function from table to topic")
	output(contract.OutputStatusFunctionName, a.Status().FunctionName(), "Function that answers GET")
	for _, sub := range p.Subscribers() {
		output(contract.OutputSubscriberQueueURL(sub.ID()), sub.Queue().QueueUrl(), "Events for subscriber "+sub.ID())
		output(contract.OutputSubscriberDeadLetterQueueURL(sub.ID()), sub.DeadLetterQueue().QueueUrl(), "Events that subscriber "+sub.ID()+" did not get, or failed on")
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
