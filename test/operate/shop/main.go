// Command shop is the CDK app of a consumer, for the tests of operating a pipeline in another app's
// stack: one stack with two pipelines. It does nothing for the operator's command.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/ordermonitoring"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)

	web := newPipeline(stack, "Web", orderpipeline.QueueProps{})
	web.AddSubscriber("Billing", nil)
	host := golambda.HostTarget()
	api := orderapi.NewOrderAPI(stack, "WebAPI", &orderapi.OrderAPIProps{
		Pipeline: web,
		Status: orderpipeline.FunctionProps{
			Code: orderapi.StatusCode(host), Architecture: host.Architecture,
		},
	})
	ordermonitoring.NewOrderMonitoring(stack, "WebMonitoring",
		&ordermonitoring.OrderMonitoringProps{Pipeline: web, API: api})

	// Wholesale has no API, and a queue that the construct did not make.
	queue := awssqs.NewQueue(stack, jsii.String("WholesaleOrders"), nil)
	newPipeline(stack, "Wholesale", orderpipeline.QueueProps{Existing: queue}).
		AddSubscriber("ERP", nil)

	app.Synth(nil)
}

// newPipeline makes a pipeline whose functions run on this machine.
func newPipeline(
	stack awscdk.Stack, id string, queue orderpipeline.QueueProps,
) *orderpipeline.OrderPipeline {
	host := golambda.HostTarget()
	return orderpipeline.NewOrderPipeline(stack, id, &orderpipeline.OrderPipelineProps{
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		Queue:         queue,
		Processor: orderpipeline.ProcessorProps{Function: orderpipeline.FunctionProps{
			Code: orderpipeline.ProcessorCode(host, nil), Architecture: host.Architecture,
		}},
		Publisher: orderpipeline.PublisherProps{Function: orderpipeline.FunctionProps{
			Code: orderpipeline.PublisherCode(host), Architecture: host.Architecture,
		}},
	})
}
