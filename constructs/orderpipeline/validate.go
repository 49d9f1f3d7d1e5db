package orderpipeline

import (
	"bytes"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

const (
	// outage is how long queues wait one out before a message is given up: dead-lettering every good order because the
	// table was away for a while would be the second outage.
	outage = 4 * 60 * 60

	// largestMessage is SQS's and SNS's limit.
	largestMessage = 1024 * 1024
	// largestItem is DynamoDB's limit of an item, names of attributes included.
	largestItem = 400 * 1024

	maxEventAttributes = 9
)

// settings are the caller's props with every default filled in.
type settings struct {
	OrderPipelineProps
	processorTimeout, processorWindow float64 // seconds
	publisherWindow                   float64 // seconds
	visibility                        float64 // seconds
	maxDocument                       int     // bytes
}

// resolve copies the props, fills the defaults in and reports everything that is wrong.
func resolve(props *OrderPipelineProps) (*settings, error) {
	var errs check.Errors
	s := &settings{}
	if props != nil {
		s.OrderPipelineProps = *props
	}

	if s.Schema == nil {
		s.Schema = order.DefaultSchema()
	} else if s.Processor.Function.Code == nil && !sameSchema(s.Schema, order.DefaultSchema()) {
		errs.Addf("Schema", bounded(string(s.Schema.JSON())),
			"needs Processor.Function.Code: the packaged processor validates with the default schema, and would refuse what the API accepts")
	}
	switch s.RemovalPolicy {
	case "":
		s.RemovalPolicy = awscdk.RemovalPolicy_RETAIN
	case awscdk.RemovalPolicy_RETAIN, awscdk.RemovalPolicy_DESTROY, awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE:
	default:
		errs.Addf("RemovalPolicy", string(s.RemovalPolicy), "needs RETAIN, RETAIN_ON_UPDATE_OR_DELETE or DESTROY: queues and tables know no snapshot")
	}
	if s.Table.DeletionProtection == nil {
		s.Table.DeletionProtection = jsii.Bool(s.RemovalPolicy != awscdk.RemovalPolicy_DESTROY)
	}

	s.resolveTopic(&errs)
	s.resolveProcessor(&errs)
	s.resolvePublisher(&errs)
	return s, errs.Err("orderpipeline.OrderPipelineProps")
}

func (s *settings) resolveTopic(errs *check.Errors) {
	if s.Topic.MaxMessageSizeBytes == 0 {
		s.Topic.MaxMessageSizeBytes = 256 * 1024
	}
	errs.Range("Topic.MaxMessageSizeBytes", s.Topic.MaxMessageSizeBytes, 2*order.EnvelopeReserve, largestMessage,
		"SNS allows no more, and less leaves no room for an order beside the event's envelope")
	// A topic of 1 MiB does not make the table's items any larger.
	s.maxDocument = min(s.Topic.MaxMessageSizeBytes, largestItem) - order.EnvelopeReserve
}

func (s *settings) resolveProcessor(errs *check.Errors) {
	p := &s.Processor
	if p.BatchSize == 0 {
		p.BatchSize = 10
	}
	errs.Range("Processor.BatchSize", p.BatchSize, 1, 10_000, "these are Lambda's bounds for a standard queue")
	s.processorWindow = errs.Seconds("Processor.BatchingWindow", p.BatchingWindow, 0, 0, 300, "these are Lambda's bounds")
	if p.BatchSize > 10 && s.processorWindow < 1 {
		errs.Addf("Processor.BatchSize", p.BatchSize, "needs a Processor.BatchingWindow of at least 1 s: Lambda refuses batches of more than 10 without")
	}
	if p.MaxConcurrency != 0 {
		errs.Range("Processor.MaxConcurrency", p.MaxConcurrency, 2, 1000, "these are Lambda's bounds")
	}
	s.processorTimeout = function.Check(errs, "Processor.Function", function.Props(p.Function), 30,
		envTableName, envRejectedQueueURL, envMaxDocumentBytes)

	// The window has passed when the function starts, and Lambda retries a throttled function five times over
	// (AWS, "Using Lambda with Amazon SQS").
	s.visibility = 6*s.processorTimeout + s.processorWindow
	if s.Queue.MaxReceiveCount == 0 {
		s.Queue.MaxReceiveCount = receives(s.visibility)
	}
	errs.Range("Queue.MaxReceiveCount", s.Queue.MaxReceiveCount, min(receives(s.visibility), 1000), 1000,
		"less would give good orders up in an outage of under 4 hours, and SQS allows no more")
}

var (
	attributeName     = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	reservedAttribute = regexp.MustCompile(`(?i)^(aws|amazon)\.`)
)

func (s *settings) resolvePublisher(errs *check.Errors) {
	p := &s.Publisher
	if p.BatchSize == 0 {
		p.BatchSize = 100
	}
	errs.Range("Publisher.BatchSize", p.BatchSize, 1, 10_000, "these are Lambda's bounds for a stream")
	if p.ParallelizationFactor == 0 {
		p.ParallelizationFactor = 1
	}
	errs.Range("Publisher.ParallelizationFactor", p.ParallelizationFactor, 1, 10, "these are Lambda's bounds")
	s.publisherWindow = errs.Seconds("Publisher.BatchingWindow", p.BatchingWindow, 0, 0, 300, "these are Lambda's bounds")
	function.Check(errs, "Publisher.Function", function.Props(p.Function), 30,
		envTopicARN, envOnFailureQueueURL, envMaxEventBytes, envEventSource, envEventType, envEventAttributes)

	if p.Event.Source == "" {
		p.Event.Source = order.DefaultEventSource
	}
	if p.Event.Type == "" {
		p.Event.Type = order.DefaultEventType
	}
	if err := p.Event.Validate(); err != nil {
		errs.Addf("Publisher.Event", p.Event, "needs what CloudEvents asks for: %v", err)
	}

	p.EventAttributes = slices.Clone(p.EventAttributes)
	if n := len(p.EventAttributes); n > maxEventAttributes {
		errs.Addf("Publisher.EventAttributes", strings.Join(p.EventAttributes, ","), "needs at most %d names, not %d: SNS delivers 10 attributes to a queue, and the event's type is one", maxEventAttributes, n)
	}
	for i, name := range p.EventAttributes {
		switch {
		case slices.Contains(p.EventAttributes[:i], name):
			errs.Addf("Publisher.EventAttributes", name, "needs each name once")
		case name == "type":
			errs.Addf("Publisher.EventAttributes", name, "needs another name: this attribute holds the event's type")
		case len(name) > 256, !attributeName.MatchString(name), reservedAttribute.MatchString(name):
			errs.Addf("Publisher.EventAttributes", bounded(name), "needs letters, digits, _, - and single dots, at most 256, and no AWS. or Amazon. in front, as SNS does")
		}
	}
}

// receives is how many tries with this visibility timeout (seconds) last through an outage.
func receives(visibility float64) int { return int(math.Ceil(outage / max(visibility, 1))) }

func sameSchema(a, b *order.Schema) bool {
	return a == b || a.IDField() == b.IDField() && bytes.Equal(a.JSON(), b.JSON())
}

// bounded keeps a value that is repeated in a message readable.
func bounded(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// resolveSubscriber does for a subscriber what resolve does for the pipeline. The visibility timeout is in seconds.
func (p *OrderPipeline) resolveSubscriber(id string, props *SubscriberProps) (SubscriberProps, float64, error) {
	var errs check.Errors
	var s SubscriberProps
	if props != nil {
		s = *props
	}
	if id == "" || slices.ContainsFunc(p.subscribers, func(other *Subscriber) bool { return other.id == id }) {
		errs.Addf("id", id, "needs a name that no other subscriber of the pipeline has")
	}
	visibility := errs.Seconds("VisibilityTimeout", s.VisibilityTimeout, 180, 0, 43_200, "these are SQS's bounds")
	if s.MaxReceiveCount == 0 {
		s.MaxReceiveCount = min(receives(visibility), 1000)
	}
	errs.Range("MaxReceiveCount", s.MaxReceiveCount, 1, 1000, "these are SQS's bounds")
	if n := len(s.FilterPolicy); n > 5 {
		errs.Addf("FilterPolicy", n, "needs at most 5 attributes, as SNS does")
	}
	return s, visibility, errs.Err("orderpipeline.SubscriberProps of " + id)
}
