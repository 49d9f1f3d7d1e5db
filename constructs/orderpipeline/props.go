package orderpipeline

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/order"
)

// OrderPipelineProps configures an [OrderPipeline]. The zero value and a nil pointer are safe for
// production.
type OrderPipelineProps struct {
	// Schema is the schema of the order document, see [order.NewSchema]. The packaged processor
	// gets a custom one as the file [SchemaFile] beside its binary; code of your own that needs the
	// schema must do the same. Default: [order.DefaultSchema].
	Schema *order.Schema
	// EncryptionKey is a customer managed key for the queues, the table and the topic that the
	// construct makes. It does not encrypt logs or existing resources. The construct's grants
	// include the use of the key. AWS managed keys (alias/aws/...) are refused, because their
	// policies grant no service access. The stack must name its region, because a table needs one
	// key per region. Default: keys that the services own, at no charge.
	EncryptionKey awskms.IKey
	// RemovalPolicy applies to everything that holds orders, events or logs: the table, the queues
	// and the log groups. Default: RETAIN_ON_UPDATE_OR_DELETE, they outlive the stack, but a
	// first deployment that fails leaves nothing behind except a table with deletion protection
	// (CloudFormation could not delete that, and the rollback would fail). With RETAIN, a failed
	// first deployment leaves everything behind.
	RemovalPolicy awscdk.RemovalPolicy
	// DisableMetrics leaves the custom metrics (see docs/operations.md) out of the functions' log
	// lines. CloudWatch charges for each custom metric per month. The alarm FailingOrders of package
	// ordermonitoring needs one of them and is then not made. Default: false.
	DisableMetrics bool

	// Queue configures the queue that accepts orders, and its dead-letter queue.
	Queue QueueProps
	// Processor configures the function that stores orders.
	Processor ProcessorProps
	// Table configures the table of orders and refusals.
	Table TableProps
	// Publisher configures the function that publishes an event for each stored order.
	Publisher PublisherProps
	// Topic configures the topic of the events.
	Topic TopicProps
}

// settings are the caller's props with every default filled in. Each leg has its own.
type settings struct {
	schema         *order.Schema
	encryptionKey  awskms.IKey
	removalPolicy  awscdk.RemovalPolicy
	disableMetrics bool

	queue     queueSettings
	processor processorSettings
	table     tableSettings
	publisher publisherSettings
	topic     topicSettings
}

// resolve fills in the defaults without changing props, and reports everything that is wrong.
func resolve(scope constructs.Construct, props *OrderPipelineProps) (*settings, error) {
	var errs check.Errors
	var p OrderPipelineProps
	if props != nil {
		p = *props
	}
	s := &settings{
		schema:         p.Schema,
		encryptionKey:  p.EncryptionKey,
		removalPolicy:  p.RemovalPolicy,
		disableMetrics: p.DisableMetrics,
	}
	if s.schema == nil {
		s.schema = order.DefaultSchema()
	} else if s.schema.IDField() == "" {
		errs.Addf("Schema", "empty (use order.NewSchema, which checks that API Gateway, RE2 and "+
			"the pipeline support the schema)")
	}
	alias, ok := s.encryptionKey.(awskms.IAlias)
	if ok && strings.HasPrefix(*alias.AliasName(), "alias/aws/") {
		errs.Addf("EncryptionKey", "%s is an AWS managed key (its policy does not let SNS deliver "+
			"to the queues; use a customer managed key)", *alias.AliasName())
	}
	switch s.removalPolicy {
	case "":
		s.removalPolicy = awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
	case awscdk.RemovalPolicy_RETAIN, awscdk.RemovalPolicy_DESTROY,
		awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE:
	default:
		errs.Addf("RemovalPolicy", "%s is not supported (RETAIN, RETAIN_ON_UPDATE_OR_DELETE or "+
			"DESTROY; queues have no snapshots)", s.removalPolicy)
	}

	s.topic = p.Topic.resolve(&errs)
	s.processor = p.Processor.resolve(&errs, s.topic)
	s.queue = p.Queue.resolve(&errs, s.processor, scope)
	s.table = p.Table.resolve(&errs, s, scope)
	s.publisher = p.Publisher.resolve(&errs, s)
	return s, errs.Err("orderpipeline.OrderPipelineProps")
}

// checkTextField reports a field that no document has as a string: it could never be found by it.
func (s *settings) checkTextField(errs *check.Errors, prop, field string) {
	if s.schema.IDField() == "" { // not made by NewSchema, which resolve reports
		return
	}
	if err := s.schema.CheckTextField(field); err != nil {
		errs.Addf(prop, "%s is not a top-level string of the document (%v)", check.Quote(field), err)
	}
}
