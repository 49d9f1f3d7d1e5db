package orderpipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

// A consumer in another stack of the app: its stack depends on the pipeline's, whichever is made
// first, with and without customer managed keys, with and without CDK's weak references.
func TestConsumersInOtherStack(t *testing.T) {
	for _, consumerFirst := range []bool{false, true} {
		for _, keys := range []string{"", "pipeline", "consumer", "both", "one"} {
			for _, references := range []string{"strong", "weak"} {
				t.Run(fmt.Sprint(consumerFirst, " ", keys, " ", references), func(t *testing.T) {
					checkOtherStack(t, consumerFirst, keys, references)
				})
			}
		}
	}
}

func checkOtherStack(t *testing.T, consumerFirst bool, keys, references string) {
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(t.TempDir()),
		Context: &map[string]any{
			"aws:cdk:bundling-stacks":                   []string{},
			"@aws-cdk/core:defaultCrossStackReferences": references,
		},
	})
	env := &awscdk.StackProps{Env: &awscdk.Environment{Region: jsii.String("eu-central-1")}}
	names := []string{"Pipeline", "Consumer"}
	if consumerFirst {
		names = []string{"Consumer", "Pipeline"}
	}
	stacks := map[string]awscdk.Stack{}
	for _, name := range names {
		stacks[name] = awscdk.NewStack(app, &name, env)
	}
	props := &orderpipeline.OrderPipelineProps{}
	queueProps := &awssqs.QueueProps{}
	if keys == "pipeline" || keys == "both" || keys == "one" {
		props.EncryptionKey = awskms.NewKey(stacks["Pipeline"], jsii.String("Key"), nil)
	}
	switch keys {
	case "consumer", "both":
		queueProps.EncryptionMasterKey = awskms.NewKey(stacks["Consumer"], jsii.String("Key"), nil)
	case "one": // the same key for both
		queueProps.EncryptionMasterKey = props.EncryptionKey
	}
	queue := awssqs.NewQueue(stacks["Consumer"], jsii.String("Queue"), queueProps)
	function := awslambda.NewFunction(stacks["Consumer"], jsii.String("Function"),
		&awslambda.FunctionProps{
			Runtime: awslambda.Runtime_NODEJS_22_X(), Handler: jsii.String("index.handler"),
			Code: awslambda.Code_FromInline(jsii.String("exports.handler = async () => {}")),
		})
	p := orderpipeline.NewOrderPipeline(stacks["Pipeline"], "P", props)
	p.AddSubscriber("Billing", &orderpipeline.SubscriberProps{Queue: queue})
	p.AddLambdaSubscriber("Shipping", function, nil)

	template := synthtest.Synth(t, stacks["Consumer"]) // panics with DependencyCycle otherwise
	if n := len(template.IDs("AWS::SNS::Subscription")); n != 2 {
		t.Errorf("%d subscriptions in the consumer's stack, want both", n)
	}
	for _, protocol := range []string{"sqs", "lambda"} {
		s := subscription(t, template, protocol)
		if s["RedrivePolicy"] == nil {
			t.Errorf("the %s subscription has no dead-letter queue", protocol)
		}
	}
	if n := len(synthtest.Synth(t, stacks["Pipeline"]).IDs("AWS::SNS::Subscription")); n != 0 {
		t.Errorf("%d subscriptions in the pipeline's stack", n)
	}
	if warnings := strings.Join(synthtest.Warnings(app), "\n"); strings.Contains(warnings, "policy") {
		t.Errorf("warnings: %s", warnings)
	}
}

// Two pipelines can have the same consumer, and one pipeline can have it twice.
func TestSharedConsumerInOtherStack(t *testing.T) {
	stack := synthtest.NewStack(t)
	other := awscdk.NewStack(awscdk.App_Of(stack), jsii.String("Other"), nil)
	queue := awssqs.NewQueue(other, jsii.String("Queue"), nil)
	for _, name := range []string{"P", "Q"} {
		p := orderpipeline.NewOrderPipeline(stack, name, nil)
		p.AddSubscriber("One", &orderpipeline.SubscriberProps{Queue: queue})
		p.AddSubscriber("Two", &orderpipeline.SubscriberProps{Queue: queue})
	}
	if n := len(synthtest.Synth(t, other).IDs("AWS::SNS::Subscription")); n != 4 {
		t.Errorf("%d subscriptions, want 4", n)
	}
}
