package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// CostTag is the tag of every resource; its value is the environment's name. Activate it in the
// billing console to see the costs of each environment.
const CostTag = "OrderPipeline"

// OrdersStack holds the pipeline and its API.
type OrdersStack struct {
	awscdk.Stack

	pipeline *orderpipeline.OrderPipeline
	api      *orderapi.OrderAPI
}

// Pipeline returns the pipeline in the stack.
func (s *OrdersStack) Pipeline() *orderpipeline.OrderPipeline { return s.pipeline }

// OrderAPI returns the API in the stack.
func (s *OrdersStack) OrderAPI() *orderapi.OrderAPI { return s.api }

// NewOrdersStack makes the orders stack of an environment.
func NewOrdersStack(scope constructs.Construct, id string, env Environment) *OrdersStack {
	s := &OrdersStack{}
	description := "Orders: API, queue, processor, table, publisher, topic (" + env.Name + ")"
	awscdk.NewStack_Override(s, scope, &id, &awscdk.StackProps{
		StackName:             jsii.String(contract.StackName(env.Name)),
		Description:           &description,
		Env:                   env.cdk(),
		TerminationProtection: &env.Protected,
	})
	awscdk.Tags_Of(s).Add(jsii.String(CostTag), &env.Name, nil)

	pipeline := orderpipeline.OrderPipelineProps{
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		Publisher:     orderpipeline.PublisherProps{EventAttributes: []string{"currency", "channel"}},
	}
	api := orderapi.OrderAPIProps{}
	if env.Protected {
		pipeline.RemovalPolicy = awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	}
	if env.Local {
		host := golambda.HostTarget()
		local := func(code awslambda.Code) orderpipeline.FunctionProps {
			return orderpipeline.FunctionProps{Code: code, Architecture: host.Architecture}
		}
		pipeline.Processor.Function = local(orderpipeline.ProcessorCode(host, nil))
		pipeline.Publisher.Function = local(orderpipeline.PublisherCode(host))
		api.Status = local(orderapi.StatusCode(host))
		api.HideValidationDetails = true // the emulator answers with the variable's name
	}
	s.pipeline = orderpipeline.NewOrderPipeline(s, "Pipeline", &pipeline)
	api.Pipeline = s.pipeline
	s.api = orderapi.NewOrderAPI(s, "API", &api)
	if env.DemoSubscribers {
		s.pipeline.AddSubscriber("Billing", nil)
		s.pipeline.AddSubscriber("Shipping", &orderpipeline.SubscriberProps{
			FilterPolicy: map[string]awssns.SubscriptionFilter{
				"channel": awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{
					Allowlist: jsii.Strings("web"),
				}),
			},
		})
	}
	s.addOutputs()
	return s
}

// addOutputs adds the outputs that the operator's command reads.
func (s *OrdersStack) addOutputs() {
	p, a := s.pipeline, s.api
	output := func(name string, value *string, description string) {
		awscdk.NewCfnOutput(s, &name, &awscdk.CfnOutputProps{Value: value, Description: &description})
	}
	stage := *a.Stage().StageName()
	id := *a.API().RestApiId()
	url := "https://" + id + ".execute-api." + *s.Region() + "." + *s.UrlSuffix() + "/" + stage
	output(contract.OutputAPIID, &id, "Id of the REST API")
	output(contract.OutputAPIStage, &stage, "Stage of the REST API")
	output(contract.OutputAPIURL, &url,
		"URL of the API: POST /orders, POST /orders/batch, GET /orders/{orderId}")
	output(contract.OutputTableName, p.Table().TableName(), "Table of orders and refusals")
	output(contract.OutputQueueURL, p.Queue().QueueUrl(),
		"Queue of orders that wait for the processor")
	output(contract.OutputDeadLetterQueueURL, p.DeadLetterQueue().QueueUrl(),
		"Dead-letter queue: messages that could not be processed for hours")
	output(contract.OutputRejectedQueueURL, p.RejectedQueue().QueueUrl(),
		"Queue of refused documents")
	output(contract.OutputOnFailureQueueURL, p.OnFailureQueue().QueueUrl(),
		"Queue of stored orders whose event could not be published")
	output(contract.OutputTopicARN, p.Topic().TopicArn(), "Topic of the events")
	output(contract.OutputProcessorFunctionName, p.Processor().FunctionName(),
		"Function from queue to table")
	output(contract.OutputPublisherFunctionName, p.Publisher().FunctionName(),
		"Function from table to topic")
	output(contract.OutputStatusFunctionName, a.Status().FunctionName(),
		"Function that answers GET")
	for _, sub := range p.Subscribers() {
		output(contract.OutputSubscriberQueueURL(sub.ID()), sub.Queue().QueueUrl(),
			"Queue of events for subscriber "+sub.ID())
		output(contract.OutputSubscriberDeadLetterQueueURL(sub.ID()),
			sub.DeadLetterQueue().QueueUrl(), "Dead-letter queue of subscriber "+sub.ID())
	}
}

// cdk returns account and region in CDK's form.
func (env Environment) cdk() *awscdk.Environment {
	return &awscdk.Environment{Account: optional(env.Account), Region: optional(env.Region)}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
