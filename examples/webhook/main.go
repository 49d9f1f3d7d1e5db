// A pipeline whose orders come from a Shopify shop: a function with a URL checks the signature of
// each webhook call, maps the order, and sends it to the pipeline's queue.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newShop(app, "Shop")
	app.Synth(nil)
}

func newShop(scope constructs.Construct, id string) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, nil)
	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
	pipeline.AddSubscriber("Fulfillment", nil)

	// A random value until the shop's signing key is put into it: until then every call gets 401.
	keys := awssecretsmanager.NewSecret(stack, jsii.String("Keys"), &awssecretsmanager.SecretProps{
		Description: jsii.String("Keys that sign the shop's webhook calls, separated by white space."),
	})
	logs := awslogs.NewLogGroup(stack, jsii.String("WebhookLogs"), &awslogs.LogGroupProps{
		Retention: awslogs.RetentionDays_ONE_MONTH,
	})
	webhook := awslambda.NewFunction(stack, jsii.String("Webhook"), &awslambda.FunctionProps{
		Description:  jsii.String("Receives the shop's orders and sends them to the pipeline's queue."),
		Code:         golambda.NewCode(&golambda.CodeProps{Package: "./lambdas/webhook"}),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		Handler:      jsii.String("bootstrap"),
		MemorySize:   jsii.Number(256),
		Timeout:      awscdk.Duration_Seconds(jsii.Number(5)), // Shopify waits no longer
		// The URL is public: this bounds what strangers can cost, to 100 calls per second (AWS Lambda,
		// "Creating and managing Lambda function URLs"). What is throttled, the platform sends again.
		ReservedConcurrentExecutions: jsii.Number(10),
		LogGroup:                     logs,
		LoggingFormat:                awslambda.LoggingFormat_JSON,
		Environment: &map[string]*string{
			"QUEUE_URL":       pipeline.Queue().QueueUrl(),
			"KEYS_SECRET_ARN": keys.SecretArn(),
		},
	})
	pipeline.GrantEnqueue(webhook)
	keys.GrantRead(webhook, nil)

	// No IAM on the URL: the platform cannot sign with SigV4. The function checks the HMAC.
	url := webhook.AddFunctionUrl(&awslambda.FunctionUrlOptions{
		AuthType: awslambda.FunctionUrlAuthType_NONE,
	})
	url.Node().AddDependency(pipeline.ProcessorMapping())
	awscdk.NewCfnOutput(stack, jsii.String("WebhookURL"), &awscdk.CfnOutputProps{Value: url.Url()})
	awscdk.NewCfnOutput(stack, jsii.String("KeysSecret"), &awscdk.CfnOutputProps{
		Value: keys.SecretArn(),
	})
	newAlarms(stack, webhook, logs)
	return stack
}

// newAlarms adds an alarm for each way in which the shop has an order that the pipeline does not
// have. There is none for 401, because anybody can cause one.
func newAlarms(stack awscdk.Stack, webhook awslambda.Function, logs awslogs.LogGroup) {
	onCall := awssns.NewTopic(stack, jsii.String("OnCall"), nil)
	refused := logs.AddMetricFilter(jsii.String("Refused"), &awslogs.MetricFilterOptions{
		FilterPattern: awslogs.FilterPattern_NumberValue(
			jsii.String("$.status"), jsii.String("="), jsii.Number(400)),
		MetricNamespace: jsii.String("Webhook/" + *stack.Node().Id()),
		MetricName:      jsii.String("Refused"),
	})
	failed := awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String("AWS/Lambda"),
		MetricName:    jsii.String("Url5xxCount"),
		DimensionsMap: &map[string]*string{"FunctionName": webhook.FunctionName()},
	})
	for _, alarm := range []struct {
		id, description string
		metric          awscloudwatch.Metric
	}{
		{"WebhookRefused", "An order cannot be mapped. The webhook's log names it and the field.",
			refused.Metric(nil)},
		{"WebhookFailed", "Orders cannot be sent to the queue. Shopify retries them for 4 hours.",
			failed},
	} {
		alarm.metric.With(&awscloudwatch.MetricOptions{
			Statistic: jsii.String("Sum"),
			Period:    awscdk.Duration_Minutes(jsii.Number(5)),
		}).CreateAlarm(stack, &alarm.id, &awscloudwatch.CreateAlarmOptions{
			AlarmDescription:  &alarm.description,
			Threshold:         jsii.Number(1),
			EvaluationPeriods: jsii.Number(1),
			TreatMissingData:  awscloudwatch.TreatMissingData_NOT_BREACHING, // no calls, no datapoints
		}).AddAlarmAction(awscloudwatchactions.NewSnsAction(onCall))
	}
}
