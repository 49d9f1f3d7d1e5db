package orderpipeline_test

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

func ExampleNewOrderPipeline() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)

	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
	pipeline.AddSubscriber("Billing", nil)

	app.Synth(nil)
}

// Props are grouped by leg; what is left out keeps its default.
func ExampleNewOrderPipeline_props() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)

	orderpipeline.NewOrderPipeline(stack, "Orders", &orderpipeline.OrderPipelineProps{
		Processor: orderpipeline.ProcessorProps{
			Function: orderpipeline.FunctionProps{
				Architecture: awslambda.Architecture_X86_64(),
				Timeout:      awscdk.Duration_Minutes(jsii.Number(1)), // the queue's visibility timeout follows
			},
			MaxConcurrency: 20, // spare the table
		},
		Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"channel"}},
	})
}

func ExampleOrderPipeline_AddSubscriber() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", &orderpipeline.OrderPipelineProps{
		Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"channel"}},
	})

	shipping := pipeline.AddSubscriber("Shipping", &orderpipeline.SubscriberProps{
		FilterPolicy: map[string]awssns.SubscriptionFilter{
			"channel": awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{Allowlist: jsii.Strings("web")}),
		},
	})

	reader := awslambda.NewFunction(stack, jsii.String("Reader"), &awslambda.FunctionProps{
		Code:         golambda.NewCode(&golambda.CodeProps{Package: "./lambdas/shipping"}),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		Handler:      jsii.String("bootstrap"),
	})
	shipping.Queue().GrantConsumeMessages(reader)
}

// Whatever has no prop is reached through a getter, as the CDK's own type.
func ExampleOrderPipeline_DeadLetterQueue() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)

	pipeline.DeadLetterQueue().MetricApproximateNumberOfMessagesVisible(nil).CreateAlarm(stack, jsii.String("DeadLetters"), &awscloudwatch.CreateAlarmOptions{
		Threshold:         jsii.Number(1),
		EvaluationPeriods: jsii.Number(1),
	})
}
