// The stack has two order pipelines, one for a web shop and one for wholesale, beside other
// resources: a function archives the events of both in a bucket, and alarms of both notify one
// topic.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdadestinations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/order"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newShop(app, "Shop")
	app.Synth(nil)
}

func newShop(scope constructs.Construct, id string) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, nil)

	// The web shop signs its requests (SigV4), which is the default.
	web := orderpipeline.NewOrderPipeline(stack, "Web", &orderpipeline.OrderPipelineProps{
		Publisher: orderpipeline.PublisherProps{Event: order.EventFormat{Source: "urn:shop:web"}},
	})
	orderapi.NewOrderAPI(stack, "WebAPI", &orderapi.OrderAPIProps{Pipeline: web})

	// Each wholesale partner has an API key. The requests of all of them are limited.
	wholesale := orderpipeline.NewOrderPipeline(stack, "Wholesale", &orderpipeline.OrderPipelineProps{
		Publisher: orderpipeline.PublisherProps{
			Event: order.EventFormat{Source: "urn:shop:wholesale"},
		},
	})
	orderapi.NewOrderAPI(stack, "WholesaleAPI", &orderapi.OrderAPIProps{
		Pipeline: wholesale,
		Auth:     orderapi.AuthAPIKey(),
		Throttle: orderapi.ThrottleProps{RateLimit: 50},
	})
	wholesale.AddSubscriber("ERP", nil) // a queue that the ERP consumes

	archive := newArchive(stack)
	onCall := awssns.NewTopic(stack, jsii.String("OnCall"), nil)
	for _, pipeline := range []*orderpipeline.OrderPipeline{web, wholesale} {
		pipeline.AddLambdaSubscriber("Archive", archive, nil)
		options := &awscloudwatch.CreateAlarmOptions{
			AlarmDescription: jsii.String("Orders could not be processed for hours. " +
				"They are in the dead-letter queue."),
			Threshold:         jsii.Number(1),
			EvaluationPeriods: jsii.Number(1),
			// SQS sends no metrics for a queue that was idle for six hours.
			TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
		}
		alarm := pipeline.MetricDeadLetters(nil).
			CreateAlarm(pipeline, jsii.String("DeadLetters"), options)
		alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(onCall))
	}
	return stack
}

// newArchive makes the function that writes each event to a bucket.
func newArchive(stack awscdk.Stack) awslambda.Function {
	bucket := awss3.NewBucket(stack, jsii.String("Events"), &awss3.BucketProps{
		EnforceSSL: jsii.Bool(true),
	})
	failed := awssqs.NewQueue(stack, jsii.String("ArchiveFailed"), &awssqs.QueueProps{
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
	})
	archive := awslambda.NewFunction(stack, jsii.String("Archive"), &awslambda.FunctionProps{
		Code:         golambda.NewCode(&golambda.CodeProps{Package: "./lambdas/archive"}),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		Handler:      jsii.String("bootstrap"),
		Environment:  &map[string]*string{"BUCKET": bucket.BucketName()},
		OnFailure:    awslambdadestinations.NewSqsDestination(failed), // after two retries
	})
	bucket.GrantPut(archive, nil)
	return archive
}
