package orderpipeline

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
	"github.com/orderpipeline/orderpipeline/constructs/internal/grant"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// PublisherProps configures the function between the table's stream and the topic.
type PublisherProps struct {
	// Function configures the Lambda function. Default: a timeout of 30 s, and the defaults of
	// [FunctionProps].
	Function FunctionProps
	// Event sets the CloudEvents source and type. To subscribers, events with another source or
	// type are other events, so change neither once events are published. Default:
	// [order.DefaultEventSource] and [order.DefaultEventType].
	Event order.EventFormat
	// EventAttributes names top-level string fields of the document that become message attributes,
	// for filter policies of subscribers. At most 9: SNS delivers 10, and the event type is one of
	// them. Default: none.
	EventAttributes []string
	// BatchSize is the most stream records in one invocation, 1 to 10000. Default: 100.
	BatchSize int
	// BatchingWindow is how long Lambda gathers records for a batch, in whole seconds, 0 to 300 s.
	// Default: 0, not at all.
	BatchingWindow awscdk.Duration
	// ParallelizationFactor is how many batches of one shard are published concurrently, 1 to 10.
	// Default: 1.
	ParallelizationFactor int
}

// publisherVariables are the environment variables that the construct sets.
var publisherVariables = []string{
	contract.EnvTopicARN, contract.EnvOnFailureQueueURL, contract.EnvMaxEventBytes,
	contract.EnvEventSource, contract.EnvEventType, contract.EnvEventAttributes,
	contract.EnvMetrics,
}

// publisherSettings are PublisherProps with the defaults filled in.
type publisherSettings struct {
	PublisherProps
	timeout, window float64 // seconds
}

func (p PublisherProps) resolve(errs *check.Errors, all *settings) publisherSettings {
	s := publisherSettings{PublisherProps: p}
	if s.BatchSize == 0 {
		s.BatchSize = contract.StreamBatchSize
	}
	errs.Range("Publisher.BatchSize", s.BatchSize, 1, 10_000, "Lambda's limits for a stream")
	if s.ParallelizationFactor == 0 {
		s.ParallelizationFactor = 1
	}
	errs.Range("Publisher.ParallelizationFactor", s.ParallelizationFactor, 1, 10, "Lambda's limits")
	s.window = errs.Seconds("Publisher.BatchingWindow", p.BatchingWindow, 0, 0, 300, "Lambda's limits")
	s.timeout = function.Check(errs, "Publisher.Function", function.Props(p.Function),
		contract.FunctionTimeout.Seconds(), publisherVariables...)
	s.resolveEvent(errs)
	s.resolveAttributes(errs, all)
	return s
}

func (s *publisherSettings) resolveEvent(errs *check.Errors) {
	e := &s.Event
	if e.Source == "" {
		e.Source = order.DefaultEventSource
	}
	if e.Type == "" {
		e.Type = order.DefaultEventType
	}
	// Validate each part on its own, so that the message names the right prop.
	source := order.EventFormat{Source: e.Source, Type: order.DefaultEventType}
	if err := source.Validate(); err != nil {
		errs.Addf("Publisher.Event.Source", "%s is not valid in CloudEvents (%v)",
			check.Quote(e.Source), err)
	}
	kind := order.EventFormat{Source: order.DefaultEventSource, Type: e.Type}
	if err := kind.Validate(); err != nil {
		errs.Addf("Publisher.Event.Type", "%s is not valid in CloudEvents (%v)",
			check.Quote(e.Type), err)
	}
}

var (
	attributeName     = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	reservedAttribute = regexp.MustCompile(`(?i)^(aws|amazon)\.`)
)

func (s *publisherSettings) resolveAttributes(errs *check.Errors, all *settings) {
	const prop = "Publisher.EventAttributes"
	s.EventAttributes = slices.Clone(s.EventAttributes)
	if n := len(s.EventAttributes); n > contract.MaxEventAttributes {
		errs.Addf(prop, "%d names are too many (at most %d: SNS delivers 10 attributes to a queue, "+
			"and the event type is one of them)", n, contract.MaxEventAttributes)
	}
	for i, name := range s.EventAttributes {
		switch {
		case slices.Contains(s.EventAttributes[:i], name):
			errs.Addf(prop, "%s is listed twice", check.Quote(name))
		case name == contract.AttributeEventType:
			errs.Addf(prop, "%s is reserved (the attribute holds the event type)", check.Quote(name))
		case len(name) > 256, !attributeName.MatchString(name), reservedAttribute.MatchString(name):
			errs.Addf(prop, "%s is not a valid attribute name (at most 256 letters, digits, _, - and "+
				"single dots, without the prefix AWS. or Amazon.)", check.Quote(name))
		default:
			all.checkTextField(errs, prop, name)
		}
	}
}

const publisherPackage = "./lambdas/publisher/main"

// PublisherCode returns the packaged publisher, built for a target; see [ProcessorCode].
func PublisherCode(target golambda.Target) awslambda.Code {
	return function.Code(publisherPackage, nil, target)
}

// newPublisher makes the function from the table's stream to the topic.
func (p *OrderPipeline) newPublisher() {
	s := p.settings.publisher
	p.onFailureQueue = p.newQueue(p, "OnFailureQueue",
		awssqs.QueueProps{RedriveAllowPolicy: denyRedriveSources()})
	p.publisher, p.publisherLogs = function.New(
		p, "Publisher", function.Props(s.Function), function.Spec{
			Package:       publisherPackage,
			Description:   "OrderPipeline: publishes an event for each stored order",
			Timeout:       s.timeout,
			Environment:   p.publisherEnvironment(),
			RemovalPolicy: p.settings.removalPolicy,
		})
	p.topic.GrantPublish(p.publisher)
	// The publisher sends records here that can never be published, Lambda those that are too old.
	grant.Send(p.onFailureQueue, p.publisher)
	grant.Stream(p.table, p.publisher)
	function.CheckRole(p.publisher, "Publisher.Function", function.Props(s.Function),
		"dynamodb:DescribeStream, dynamodb:GetRecords, dynamodb:GetShardIterator and "+
			"dynamodb:ListStreams on the stream of Table; "+
			"sns:Publish on Topic; sqs:SendMessage on OnFailureQueue")

	props := &awslambda.EventSourceMappingProps{
		Target:         p.publisher,
		EventSourceArn: p.table.TableStreamArn(),
		BatchSize:      jsii.Number(s.BatchSize),
		// Orders that are stored while the mapping is being created are published as well.
		StartingPosition: awslambda.StartingPosition_TRIM_HORIZON,
		// The answer names the first record that failed. When the function crashes instead, halving
		// the batch isolates the record.
		ReportBatchItemFailures: jsii.Bool(true),
		BisectBatchOnError:      jsii.Bool(true),
		// Retries wait out an outage of 20 of the 24 hours that the stream keeps. Then the shard
		// must move on, or it would lose the records behind.
		RetryAttempts:         jsii.Number(-1), // no limit but the age
		MaxRecordAge:          awscdk.Duration_Hours(jsii.Number(contract.StreamRecordAge.Hours())),
		ParallelizationFactor: jsii.Number(s.ParallelizationFactor),
		// Refusals, tombstones and expired items have no event.
		Filters: &[]*map[string]any{awslambda.FilterCriteria_Filter(&map[string]any{
			"eventName": awslambda.FilterRule_IsEqual("INSERT"),
			"dynamodb": map[string]any{"NewImage": map[string]any{
				order.AttrKind: map[string]any{"S": awslambda.FilterRule_IsEqual(order.KindOrder)},
			}},
		})},
	}
	if s.window > 0 {
		props.MaxBatchingWindow = s.BatchingWindow
	}
	p.publisherMapping = awslambda.NewEventSourceMapping(p, jsii.String("PublisherMapping"), props)
	mapping := p.publisherMapping.Node().DefaultChild().(awslambda.CfnEventSourceMapping)
	// CDK's SqsDlq would grant more than SendMessage.
	mapping.SetDestinationConfig(&awslambda.CfnEventSourceMapping_DestinationConfigProperty{
		OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{
			Destination: p.onFailureQueue.QueueArn(),
		},
	})
}

// publisherEnvironment returns the publisher's variables: those of publisherVariables that have a
// value.
func (p *OrderPipeline) publisherEnvironment() map[string]*string {
	s := p.settings.publisher
	maxEvent := strconv.Itoa(p.settings.topic.MaxMessageSizeBytes)
	environment := map[string]*string{
		contract.EnvTopicARN:          p.topic.TopicArn(),
		contract.EnvOnFailureQueueURL: p.onFailureQueue.QueueUrl(),
		contract.EnvMaxEventBytes:     &maxEvent,
		contract.EnvEventSource:       &s.Event.Source,
		contract.EnvEventType:         &s.Event.Type,
		contract.EnvEventAttributes:   jsii.String(strings.Join(s.EventAttributes, ",")),
	}
	if p.settings.disableMetrics {
		environment[contract.EnvMetrics] = jsii.String(contract.MetricsOff)
	}
	return environment
}
