package orderpipeline

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
	"github.com/orderpipeline/orderpipeline/constructs/internal/grant"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

const publisherPackage = "./lambdas/publisher/main"

// PublisherCode is the packaged publisher, built for a target; see [ProcessorCode].
func PublisherCode(target golambda.Target) awslambda.Code {
	return function.Code(publisherPackage, nil, target)
}

// newPublisher makes the function from the table's stream to the topic.
func (p *OrderPipeline) newPublisher() {
	s := p.settings
	p.onFailedQueue = p.newQueue(p, "OnFailureQueue", awssqs.QueueProps{RedriveAllowPolicy: nobodysDeadLetterQueue()})
	environment := map[string]*string{
		contract.EnvTopicARN:          p.topic.TopicArn(),
		contract.EnvOnFailureQueueURL: p.onFailedQueue.QueueUrl(),
		contract.EnvMaxEventBytes:     jsii.String(strconv.Itoa(s.Topic.MaxMessageSizeBytes)),
		contract.EnvEventSource:       &s.Publisher.Event.Source,
		contract.EnvEventType:         &s.Publisher.Event.Type,
		contract.EnvEventAttributes:   jsii.String(strings.Join(s.Publisher.EventAttributes, ",")),
	}
	if s.DisableMetrics {
		environment[contract.EnvMetrics] = jsii.String(contract.MetricsOff)
	}
	p.publisher, p.publisherLogs = function.New(p, "Publisher", function.Props(s.Publisher.Function), function.Leg{
		Package:       publisherPackage,
		Description:   "OrderPipeline: publishes an event for each stored order",
		Timeout:       30,
		Environment:   environment,
		RemovalPolicy: s.RemovalPolicy,
	})
	p.topic.GrantPublish(p.publisher)
	// Both the publisher itself and Lambda, for records that grew too old, put records aside there.
	grant.Send(p.onFailedQueue, p.publisher)
	grant.Stream(p.table, p.publisher)
	function.CheckRole(p.publisher, "Publisher.Function", function.Props(s.Publisher.Function),
		"dynamodb:DescribeStream, dynamodb:GetRecords, dynamodb:GetShardIterator and dynamodb:ListStreams on the stream of Table; sns:Publish on Topic; sqs:SendMessage on OnFailureQueue")

	props := &awslambda.EventSourceMappingProps{
		Target:         p.publisher,
		EventSourceArn: p.table.TableStreamArn(),
		BatchSize:      jsii.Number(s.Publisher.BatchSize),
		// An order that is stored while the mapping is being made is published as well.
		StartingPosition: awslambda.StartingPosition_TRIM_HORIZON,
		// The answer names the first record that failed; should the function die instead, the halves find the culprit.
		ReportBatchItemFailures: jsii.Bool(true),
		BisectBatchOnError:      jsii.Bool(true),
		// Outages are waited out for 20 of the 24 hours that a stream keeps; then the shard must go on, or it would lose
		// what comes after.
		RetryAttempts:         jsii.Number(-1), // without end, until then
		MaxRecordAge:          awscdk.Duration_Hours(jsii.Number(contract.StreamRecordAge.Hours())),
		ParallelizationFactor: jsii.Number(s.Publisher.ParallelizationFactor),
		// Refusals, tombstones and expiries are nobody's event.
		Filters: &[]*map[string]any{awslambda.FilterCriteria_Filter(&map[string]any{
			"eventName": awslambda.FilterRule_IsEqual("INSERT"),
			"dynamodb": map[string]any{"NewImage": map[string]any{
				order.AttrKind: map[string]any{"S": awslambda.FilterRule_IsEqual(order.KindOrder)},
			}},
		})},
	}
	if s.publisherWindow > 0 {
		props.MaxBatchingWindow = s.Publisher.BatchingWindow
	}
	p.publisherMapping = awslambda.NewEventSourceMapping(p, jsii.String("PublisherMapping"), props)
	mapping := p.publisherMapping.Node().DefaultChild().(awslambda.CfnEventSourceMapping)
	// CDK's own SqsDlq would grant more than SendMessage.
	mapping.SetDestinationConfig(&awslambda.CfnEventSourceMapping_DestinationConfigProperty{
		OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: p.onFailedQueue.QueueArn()},
	})
}
