package orderpipeline_test

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/order"
)

func ExampleNewOrderPipeline() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)

	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
	pipeline.AddSubscriber("Billing", nil)

	app.Synth(nil)
}

// Props are grouped by leg. Unset props keep their defaults.
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
			"channel": awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{
				Allowlist: jsii.Strings("web"),
			}),
		},
	})

	consumer := awslambda.NewFunction(stack, jsii.String("Consumer"), &awslambda.FunctionProps{
		Code:         golambda.NewCode(&golambda.CodeProps{Package: "./lambdas/shipping"}),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		Handler:      jsii.String("bootstrap"),
	})
	shipping.Queue().GrantConsumeMessages(consumer)
}

// The packaged processor and API Gateway (package orderapi) validate with a custom schema.
func ExampleNewOrderPipeline_schema() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)

	schema, err := order.NewSchema([]byte(`{
		"$schema": "http://json-schema.org/draft-04/schema#",
		"type": "object",
		"required": ["number", "total"],
		"properties": {
			"number":   {"type": "string", "pattern": "^[0-9]{1,20}$", "maxLength": 20},
			"total":    {"type": "integer", "minimum": 0},
			"customer": {"type": "string", "maxLength": 64}
		}
	}`), "number")
	if err != nil {
		panic(err)
	}
	orderpipeline.NewOrderPipeline(stack, "Orders", &orderpipeline.OrderPipelineProps{
		Schema: schema,
		Table: orderpipeline.TableProps{
			Indexes: []orderpipeline.IndexProps{{Field: "customer"}}, // newest last
		},
	})
}

// Table and topic can be existing ones.
func ExampleNewOrderPipeline_existing() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	table := awsdynamodb.NewTableV2(stack, jsii.String("Everything"), &awsdynamodb.TablePropsV2{
		PartitionKey: &awsdynamodb.Attribute{
			Name: jsii.String(order.AttrOrderID), Type: awsdynamodb.AttributeType_STRING,
		},
		SortKey: &awsdynamodb.Attribute{
			Name: jsii.String(order.AttrItem), Type: awsdynamodb.AttributeType_STRING,
		},
		DynamoStream: awsdynamodb.StreamViewType_NEW_IMAGE,
	})
	topic := awssns.Topic_FromTopicArn(stack, jsii.String("Events"),
		jsii.String("arn:aws:sns:us-east-1:123456789012:events"))

	orderpipeline.NewOrderPipeline(stack, "Orders", &orderpipeline.OrderPipelineProps{
		Table: orderpipeline.TableProps{Existing: table},
		Topic: orderpipeline.TopicProps{Existing: topic},
	})
}

// One stack can hold several pipelines, here with a customer managed key.
func ExampleNewOrderPipeline_two() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), &awscdk.StackProps{
		Env: &awscdk.Environment{Region: jsii.String("eu-central-1")},
	})
	key := awskms.NewKey(stack, jsii.String("Key"), &awskms.KeyProps{
		EnableKeyRotation: jsii.Bool(true),
	})

	orderpipeline.NewOrderPipeline(stack, "Orders", &orderpipeline.OrderPipelineProps{EncryptionKey: key})
	orderpipeline.NewOrderPipeline(stack, "Returns", &orderpipeline.OrderPipelineProps{EncryptionKey: key})
}

func ExampleOrderPipeline_AddHTTPSSubscriber() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)

	// Filter by a field of the order document.
	gifts := awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{
		Allowlist: jsii.Strings("gift"),
	})
	document := awssns.FilterOrPolicy_Policy(&map[string]awssns.FilterOrPolicy{
		"note": awssns.FilterOrPolicy_Filter(gifts),
	})
	pipeline.AddHTTPSSubscriber("Wrapping", "https://wrapping.example/orders",
		&orderpipeline.SubscriptionProps{
			FilterPolicyWithMessageBody: map[string]awssns.FilterOrPolicy{"data": document},
		})
	pipeline.AddEmailSubscriber("Owner", "owner@shop.example", nil)
}

// An operator may redrive messages, read orders, and publish lost events again.
func ExampleOrderPipeline_GrantRedrive() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)

	operator := awsiam.Role_FromRoleName(stack, jsii.String("Operator"), jsii.String("operator"), nil)
	pipeline.GrantRedrive(operator)
	pipeline.GrantRead(operator)
	pipeline.Topic().GrantPublish(operator)
}

// Anything without a prop is reached through a getter, which returns CDK's own type, or through the
// pipeline itself, which is a construct like any other.
func ExampleOrderPipeline_Processor() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)

	// Tags for all resources of the pipeline.
	awscdk.Tags_Of(pipeline).Add(jsii.String("team"), jsii.String("orders"), nil)
	// A permissions boundary for its roles.
	boundary := awsiam.ManagedPolicy_FromManagedPolicyName(stack, jsii.String("Boundary"),
		jsii.String("boundary"))
	awsiam.PermissionsBoundary_Of(pipeline).Apply(boundary)
	// A layer, a file system, provisioned concurrency, ...
	agent := awslambda.LayerVersion_FromLayerVersionArn(stack, jsii.String("Agent"),
		jsii.String("arn:aws:lambda:us-east-1:123456789012:layer:agent:1"))
	pipeline.Processor().AddLayers(agent)
	// A property that CDK has no method for.
	mapping := pipeline.ProcessorMapping().Node().DefaultChild().(awslambda.CfnEventSourceMapping)
	mapping.AddPropertyOverride(jsii.String("MetricsConfig.Metrics"), jsii.Strings("EventCount"))
}

func ExampleOrderPipeline_MetricDeadLetters() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)

	pipeline.MetricDeadLetters(nil).CreateAlarm(stack, jsii.String("DeadLetters"), &awscloudwatch.CreateAlarmOptions{
		Threshold:         jsii.Number(1),
		EvaluationPeriods: jsii.Number(1),
		// SQS sends no metrics for an idle queue.
		TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING,
	})

}
