package orderpipeline

import (
	"bytes"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// settings are the caller's props with every default filled in.
type settings struct {
	OrderPipelineProps
	processorTimeout, processorWindow float64 // seconds
	publisherWindow                   float64 // seconds
	visibility                        float64 // seconds
	orderTTL                          float64 // seconds, 0 for none
	maxDocument                       int     // bytes
	indexedFields                     []string
}

// resolve copies the props, fills the defaults in and reports everything that is wrong.
func resolve(scope constructs.Construct, props *OrderPipelineProps) (*settings, error) {
	var errs check.Errors
	s := &settings{}
	if props != nil {
		s.OrderPipelineProps = *props
	}

	if s.Schema == nil {
		s.Schema = order.DefaultSchema()
	} else if s.Schema.IDField() == "" {
		errs.Addf("Schema", check.Verbatim("empty"), "needs what order.NewSchema gives: it has checked that API Gateway, RE2 and the pipeline know the schema")
	}
	s.resolveKey(&errs)
	switch s.RemovalPolicy {
	case "":
		s.RemovalPolicy = awscdk.RemovalPolicy_RETAIN
	case awscdk.RemovalPolicy_RETAIN, awscdk.RemovalPolicy_DESTROY, awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE:
	default:
		errs.Addf("RemovalPolicy", string(s.RemovalPolicy), "needs RETAIN, RETAIN_ON_UPDATE_OR_DELETE or DESTROY: queues and tables know no snapshot")
	}

	s.resolveTopic(&errs)
	s.resolveProcessor(&errs)
	s.resolveQueue(&errs)
	s.resolveTable(&errs, scope)
	s.resolvePublisher(&errs)
	return s, errs.Err("orderpipeline.OrderPipelineProps")
}

func (s *settings) resolveKey(errs *check.Errors) {
	if alias, ok := s.EncryptionKey.(awskms.IAlias); ok && strings.HasPrefix(*alias.AliasName(), "alias/aws/") {
		errs.Addf("EncryptionKey", *alias.AliasName(), "needs a key of the customer's: the policies of AWS's own keys let SNS write to no queue, and what it should deliver would be dropped")
	}
}

func (s *settings) resolveTopic(errs *check.Errors) {
	if s.Topic.Existing != nil && *s.Topic.Existing.Fifo() {
		errs.Addf("Topic.Existing", *s.Topic.Existing.Node().Path(), "needs a standard topic: a FIFO topic delivers to queues only, and the pipeline promises no order")
	}
	if s.Topic.MaxMessageSizeBytes == 0 {
		s.Topic.MaxMessageSizeBytes = contract.DefaultTopicBytes
	}
	if s.Topic.MaxMessageSizeBytes > contract.DefaultTopicBytes && s.Processor.Function.MemoryMiB == 0 {
		// A document of 1 MB that breaks the schema at every element took 380 MB to refuse.
		s.Processor.Function.MemoryMiB = 1024
	}
	errs.Range("Topic.MaxMessageSizeBytes", s.Topic.MaxMessageSizeBytes, 2*order.EnvelopeReserve, contract.MaxMessageBytes,
		"SNS allows no more, and less leaves no room for an order beside the event's envelope")
	// A topic of 1 MiB does not make the table's items any larger.
	s.maxDocument = min(s.Topic.MaxMessageSizeBytes, contract.MaxItemBytes) - order.EnvelopeReserve
}

func (s *settings) resolveProcessor(errs *check.Errors) {
	p := &s.Processor
	if p.BatchSize == 0 {
		p.BatchSize = contract.QueueBatchSize
	}
	errs.Range("Processor.BatchSize", p.BatchSize, 1, 10_000, "these are Lambda's bounds for a standard queue")
	s.processorWindow = errs.Seconds("Processor.BatchingWindow", p.BatchingWindow, 0, 0, 300, "these are Lambda's bounds")
	if p.BatchSize > 10 && s.processorWindow < 1 {
		errs.Addf("Processor.BatchSize", p.BatchSize, "needs a Processor.BatchingWindow of at least 1 s: Lambda refuses batches of more than 10 without")
	}
	if p.MaxConcurrency != 0 {
		errs.Range("Processor.MaxConcurrency", p.MaxConcurrency, 2, 1000, "these are Lambda's bounds")
	}
	s.processorTimeout = function.Check(errs, "Processor.Function", function.Props(p.Function), contract.FunctionTimeout.Seconds(),
		contract.EnvTableName, contract.EnvRejectedQueueURL, contract.EnvMaxDocumentBytes, contract.EnvOrderIDField, contract.EnvIndexedFields, contract.EnvOrderTTLSeconds, contract.EnvMetrics)
	if reserved := p.Function.ReservedConcurrency; reserved > 0 {
		if p.MaxConcurrency == 0 {
			errs.Addf("Processor.Function.ReservedConcurrency", reserved, "needs a Processor.MaxConcurrency of at most that: pollers would go on receiving, and messages that are throttled count as tried")
		} else if p.MaxConcurrency > reserved {
			errs.Addf("Processor.MaxConcurrency", p.MaxConcurrency, "needs at most Processor.Function.ReservedConcurrency, %d: what is above is throttled, and counts as tried", reserved)
		}
	}

	// The window has passed when the function starts, and Lambda retries a throttled function five times over
	// (AWS, "Using Lambda with Amazon SQS").
	s.visibility = contract.VisibilityFactor*s.processorTimeout + s.processorWindow
}

var (
	attributeName     = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	reservedAttribute = regexp.MustCompile(`(?i)^(aws|amazon)\.`)
)

func (s *settings) resolvePublisher(errs *check.Errors) {
	p := &s.Publisher
	if p.BatchSize == 0 {
		p.BatchSize = contract.StreamBatchSize
	}
	errs.Range("Publisher.BatchSize", p.BatchSize, 1, 10_000, "these are Lambda's bounds for a stream")
	if p.ParallelizationFactor == 0 {
		p.ParallelizationFactor = 1
	}
	errs.Range("Publisher.ParallelizationFactor", p.ParallelizationFactor, 1, 10, "these are Lambda's bounds")
	s.publisherWindow = errs.Seconds("Publisher.BatchingWindow", p.BatchingWindow, 0, 0, 300, "these are Lambda's bounds")
	function.Check(errs, "Publisher.Function", function.Props(p.Function), contract.FunctionTimeout.Seconds(),
		contract.EnvTopicARN, contract.EnvOnFailureQueueURL, contract.EnvMaxEventBytes, contract.EnvEventSource, contract.EnvEventType, contract.EnvEventAttributes, contract.EnvMetrics)

	if p.Event.Source == "" {
		p.Event.Source = order.DefaultEventSource
	}
	if p.Event.Type == "" {
		p.Event.Type = order.DefaultEventType
	}
	for _, part := range []struct {
		field, value string
		alone        order.EventFormat
	}{
		{"Publisher.Event.Source", p.Event.Source, order.EventFormat{Source: p.Event.Source, Type: order.DefaultEventType}},
		{"Publisher.Event.Type", p.Event.Type, order.EventFormat{Source: order.DefaultEventSource, Type: p.Event.Type}},
	} {
		if err := part.alone.Validate(); err != nil {
			errs.Addf(part.field, bounded(part.value), "needs what CloudEvents asks for: %v", err)
		}
	}

	p.EventAttributes = slices.Clone(p.EventAttributes)
	if n := len(p.EventAttributes); n > contract.MaxEventAttributes {
		errs.Addf("Publisher.EventAttributes", strings.Join(p.EventAttributes, ","), "needs at most %d names, not %d: SNS delivers 10 attributes to a queue, and the event's type is one", contract.MaxEventAttributes, n)
	}
	for i, name := range p.EventAttributes {
		switch {
		case slices.Contains(p.EventAttributes[:i], name):
			errs.Addf("Publisher.EventAttributes", name, "needs each name once")
		case name == "type":
			errs.Addf("Publisher.EventAttributes", name, "needs another name: this attribute holds the event's type")
		case len(name) > 256, !attributeName.MatchString(name), reservedAttribute.MatchString(name):
			errs.Addf("Publisher.EventAttributes", bounded(name), "needs letters, digits, _, - and single dots, at most 256, and no AWS. or Amazon. in front, as SNS does")
		default:
			s.checkTextField(errs, "Publisher.EventAttributes", name)
		}
	}
}

// receives is how many tries with this visibility timeout (seconds) last through an outage.
func receives(visibility float64) int {
	return int(math.Ceil(contract.OutageTolerance.Seconds() / max(visibility, 1)))
}

// ownSchema is whether the schema is another than the default one.
func ownSchema(s *order.Schema) bool {
	d := order.DefaultSchema()
	return s != nil && (s.IDField() != d.IDField() || !bytes.Equal(s.JSON(), d.JSON()))
}

// bounded keeps a value that is repeated in a message readable.
func bounded(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
