package orderpipeline_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

func TestGrants(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Table: orderpipeline.TableProps{Indexes: []orderpipeline.IndexProps{{Field: "channel"}}},
	})
	grants := map[string]func(awsiam.IGrantable) awsiam.Grant{
		"Enqueue": p.GrantEnqueue, "Read": p.GrantRead, "Subscribe": p.GrantSubscribe, "Redrive": p.GrantRedrive,
	}
	for name, grant := range grants {
		grant(awsiam.NewRole(stack, &name, &awsiam.RoleProps{AssumedBy: awsiam.NewAccountRootPrincipal()}))
	}
	template := synthtest.Synth(t, stack)
	arn := func(path string) string { return arnOf(t, template, path) }
	send := `{"Action":"sqs:SendMessage","Effect":"Allow","Resource":` + arn("PQueue") + `}`
	receive := `{"Action":["sqs:ReceiveMessage","sqs:ChangeMessageVisibility","sqs:DeleteMessage","sqs:GetQueueAttributes"],"Effect":"Allow","Resource":`
	for name, want := range map[string][]string{
		"Enqueue":   {send},
		"Read":      {`{"Action":["dynamodb:GetItem","dynamodb:Query"],"Effect":"Allow","Resource":[` + arn("PTable") + `,{"Fn::Join":["",[` + arn("PTable") + `,"/index/*"]]}]}`},
		"Subscribe": {`{"Action":"sns:Subscribe","Effect":"Allow","Resource":{"Ref":"` + template.ID(t, "PTopic") + `"}}`},
		"Redrive":   {send, receive + arn("PDeadLetterQueue") + `}`, receive + arn("PRejectedQueue") + `}`, receive + arn("POnFailureQueue") + `}`},
	} {
		if diff := cmp.Diff(want, template.Statements(t, name+"DefaultPolicy")); diff != "" {
			t.Errorf("Grant%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMetrics(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)
	type metric = func(*awscloudwatch.MetricOptions) awscloudwatch.Metric
	template := synthtest.Synth(t, stack)
	name := func(path string) string { return `{"Fn::GetAtt":["` + template.ID(t, path) + `","QueueName"]}` }
	ref := func(path string) string { return `{"Ref":"` + template.ID(t, path) + `"}` }
	put := `{"Operation":"PutItem","TableName":` + ref("PTable") + `}`
	topic := `{"TopicName":{"Fn::GetAtt":["` + template.ID(t, "PTopic") + `","TopicName"]}}`
	for _, test := range []struct {
		metric                                 metric
		namespace, name, statistic, dimensions string
	}{
		{p.MetricQueueAge, "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", `{"QueueName":` + name("PQueue") + `}`},
		{p.MetricQueueDepth, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", `{"QueueName":` + name("PQueue") + `}`},
		{p.MetricDeadLetters, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", `{"QueueName":` + name("PDeadLetterQueue") + `}`},
		{p.MetricRejected, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", `{"QueueName":` + name("PRejectedQueue") + `}`},
		{p.MetricOnFailure, "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", `{"QueueName":` + name("POnFailureQueue") + `}`},
		{p.MetricProcessorErrors, "AWS/Lambda", "Errors", "Sum", `{"FunctionName":` + ref("PProcessor") + `}`},
		{p.MetricProcessorThrottles, "AWS/Lambda", "Throttles", "Sum", `{"FunctionName":` + ref("PProcessor") + `}`},
		{p.MetricProcessorDuration, "AWS/Lambda", "Duration", "p99", `{"FunctionName":` + ref("PProcessor") + `}`},
		{p.MetricOldestFailureAge, contract.MetricNamespace, contract.MetricOldestFailureAge, "Maximum", `{"FunctionName":` + ref("PProcessor") + `}`},
		{p.MetricTableThrottles, "AWS/DynamoDB", "WriteThrottleEvents", "Sum", `{"TableName":` + ref("PTable") + `}`},
		{ofPutItem(p.MetricTableErrors), "AWS/DynamoDB", "SystemErrors", "Sum", put},
		{ofPutItem(p.MetricTableLatency), "AWS/DynamoDB", "SuccessfulRequestLatency", "Average", put},
		{p.MetricTableConsumedWrites, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", "Sum", `{"TableName":` + ref("PTable") + `}`},
		{p.MetricTableConsumedReads, "AWS/DynamoDB", "ConsumedReadCapacityUnits", "Sum", `{"TableName":` + ref("PTable") + `}`},
		{p.MetricPublisherErrors, "AWS/Lambda", "Errors", "Sum", `{"FunctionName":` + ref("PPublisher") + `}`},
		{p.MetricPublisherThrottles, "AWS/Lambda", "Throttles", "Sum", `{"FunctionName":` + ref("PPublisher") + `}`},
		{p.MetricPublisherDuration, "AWS/Lambda", "Duration", "p99", `{"FunctionName":` + ref("PPublisher") + `}`},
		{p.MetricPublisherAge, "AWS/Lambda", "IteratorAge", "Maximum", `{"FunctionName":` + ref("PPublisher") + `}`},
		{p.MetricTopicPublished, "AWS/SNS", "NumberOfMessagesPublished", "Sum", topic},
		{p.MetricTopicDelivered, "AWS/SNS", "NumberOfNotificationsDelivered", "Sum", topic},
		{p.MetricTopicFailed, "AWS/SNS", "NumberOfNotificationsFailed", "Sum", topic},
	} {
		m := test.metric(nil)
		got := *m.Namespace() + " " + *m.MetricName() + " " + *m.Statistic() + " " + synthtest.JSON(t, stack.Resolve(m.Dimensions())) + " " + *m.Period().ToString()
		if want := test.namespace + " " + test.name + " " + test.statistic + " " + test.dimensions + " Duration.minutes(1)"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	m := p.MetricQueueAge(&awscloudwatch.MetricOptions{Statistic: jsii.String("Average"), Period: awscdk.Duration_Hours(jsii.Number(1))})
	if *m.Statistic() != "Average" || *m.Period().ToHours(nil) != 1 {
		t.Errorf("with the caller's options: %s, %s", *m.Statistic(), *m.Period().ToString())
	}
}

func ofPutItem(
	metric func(string, *awscloudwatch.MetricOptions) awscloudwatch.Metric,
) func(*awscloudwatch.MetricOptions) awscloudwatch.Metric {
	return func(o *awscloudwatch.MetricOptions) awscloudwatch.Metric { return metric("PutItem", o) }
}
