package orderpipeline

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
	"github.com/orderpipeline/orderpipeline/constructs/internal/grant"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// ProcessorProps configures the function between queue and table.
type ProcessorProps struct {
	// Function configures the Lambda function. Its Code can be your own, with a business step
	// (processor.Step). Default: a timeout of 30 s, and the defaults of [FunctionProps].
	Function FunctionProps
	// BatchSize is the most messages in one invocation, 1 to 10000. Above 10 it needs a
	// BatchingWindow. Default: 10.
	BatchSize int
	// BatchingWindow is how long Lambda gathers messages for a batch, in whole seconds, 0 to 300 s.
	// Default: 0, not at all.
	BatchingWindow awscdk.Duration
	// MaxConcurrency is the most concurrent executions, 2 to 1000. With
	// Function.ReservedConcurrency, it is at most that. Default: 0, no limit.
	MaxConcurrency int
}

// processorVariables are the environment variables that the construct sets.
var processorVariables = []string{
	contract.EnvTableName, contract.EnvRejectedQueueURL, contract.EnvMaxDocumentBytes,
	contract.EnvOrderIDField, contract.EnvIndexedFields, contract.EnvOrderTTLSeconds,
	contract.EnvMetrics,
}

// processorSettings are ProcessorProps with the defaults filled in.
type processorSettings struct {
	ProcessorProps
	timeout, window float64 // seconds
}

func (p ProcessorProps) resolve(errs *check.Errors, topic topicSettings) processorSettings {
	s := processorSettings{ProcessorProps: p}
	if s.BatchSize == 0 {
		s.BatchSize = contract.QueueBatchSize
	}
	errs.Range("Processor.BatchSize", s.BatchSize, 1, 10_000, "Lambda's limits for a standard queue")
	s.window = errs.Seconds("Processor.BatchingWindow", p.BatchingWindow, 0, 0, 300, "Lambda's limits")
	if s.BatchSize > 10 && s.window < 1 {
		errs.Addf("Processor.BatchSize", "%d needs a Processor.BatchingWindow of at least 1 s "+
			"(Lambda refuses batches above 10 without one)", s.BatchSize)
	}
	if s.MaxConcurrency != 0 {
		errs.Range("Processor.MaxConcurrency", s.MaxConcurrency, 2, 1000, "Lambda's limits")
	}
	if s.Function.MemoryMiB == 0 && topic.MaxMessageSizeBytes > contract.DefaultTopicBytes {
		// Refusing a document of 1 MB that breaks the schema at every element took 380 MB.
		s.Function.MemoryMiB = 1024
	}
	s.timeout = function.Check(errs, "Processor.Function", function.Props(s.Function),
		contract.FunctionTimeout.Seconds(), processorVariables...)
	const why = "throttled messages count as received"
	if reserved := s.Function.ReservedConcurrency; reserved > 0 && s.MaxConcurrency == 0 {
		errs.Addf("Processor.Function.ReservedConcurrency",
			"set without Processor.MaxConcurrency (%s; set that to at most %d)", why, reserved)
	} else if reserved > 0 && s.MaxConcurrency > reserved {
		errs.Addf("Processor.MaxConcurrency",
			"%d exceeds Processor.Function.ReservedConcurrency, %d (%s)",
			s.MaxConcurrency, reserved, why)
	}
	return s
}

// visibility is the visibility timeout of the queue, in seconds. The window has passed when the
// function starts, and Lambda retries a throttled function for several timeouts (AWS Lambda, "Using
// Lambda with Amazon SQS").
func (s processorSettings) visibility() float64 {
	return contract.VisibilityFactor*s.timeout + s.window
}

// SchemaFile is the name of the file beside the packaged processor's binary that holds a custom
// schema. The name of the order id's field comes in the variable ORDER_ID_FIELD, which the
// construct sets for any Code. A processor of your own that uses processor.FromEnvironment gets the
// schema in the same way:
//
//	golambda.NewCode(&golambda.CodeProps{
//		Package: "./lambdas/processor",
//		Files:   map[string][]byte{orderpipeline.SchemaFile: schema.JSON()},
//	})
const SchemaFile = contract.SchemaFile

const processorPackage = "./lambdas/processor/main"

// ProcessorCode returns the packaged processor, built for a target. It is for emulators that run it
// as a process of their own machine; for AWS, leave Code unset. schema is the Schema of the props;
// nil is the default schema. ProcessorCode panics when the sources of this module are not found.
func ProcessorCode(target golambda.Target, schema *order.Schema) awslambda.Code {
	return function.Code(processorPackage, schemaFile(schema), target)
}

// schemaFile returns the files beside the processor's binary. There are none for the default
// schema, which is compiled in.
func schemaFile(schema *order.Schema) map[string][]byte {
	if !isCustomSchema(schema) {
		return nil
	}
	return map[string][]byte{SchemaFile: schema.JSON()}
}

func isCustomSchema(s *order.Schema) bool {
	d := order.DefaultSchema()
	return s != nil && (s.IDField() != d.IDField() || !bytes.Equal(s.JSON(), d.JSON()))
}

// newProcessor makes the function from queue to table.
func (p *OrderPipeline) newProcessor() {
	s := p.settings.processor
	p.processor, p.processorLogs = function.New(
		p, "Processor", function.Props(s.Function), function.Spec{
			Package:       processorPackage,
			Files:         schemaFile(p.settings.schema),
			Description:   "OrderPipeline: stores each order of the queue once",
			Timeout:       s.timeout,
			Environment:   p.processorEnvironment(),
			RemovalPolicy: p.settings.removalPolicy,
		})
	// The transaction that makes an order and its refusal exclude each other needs the condition
	// check.
	grant.Write(p.table, p.processor, "dynamodb:PutItem", "dynamodb:ConditionCheckItem")
	grant.Send(p.rejectedQueue, p.processor)
	grant.Receive(p.queue, p.processor,
		"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
	function.CheckRole(p.processor, "Processor.Function", function.Props(s.Function),
		"dynamodb:PutItem and dynamodb:ConditionCheckItem on Table; "+
			"sqs:SendMessage on RejectedQueue; "+
			"sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes on Queue")

	props := &awslambda.EventSourceMappingProps{
		Target:         p.processor,
		EventSourceArn: p.queue.QueueArn(),
		BatchSize:      jsii.Number(s.BatchSize),
		// The handler returns the ids of failed messages, so that one order never holds back its
		// batch. There is no filter, because Lambda deletes what a filter leaves out of a queue.
		ReportBatchItemFailures: jsii.Bool(true),
	}
	if s.window > 0 {
		props.MaxBatchingWindow = s.BatchingWindow
	}
	if s.MaxConcurrency > 0 {
		props.MaxConcurrency = jsii.Number(s.MaxConcurrency)
	}
	p.processorMapping = awslambda.NewEventSourceMapping(p, jsii.String("ProcessorMapping"), props)
}

// processorEnvironment returns the processor's variables: those of processorVariables that have a
// value.
func (p *OrderPipeline) processorEnvironment() map[string]*string {
	s := p.settings
	environment := map[string]*string{
		contract.EnvTableName:        p.table.TableName(),
		contract.EnvRejectedQueueURL: p.rejectedQueue.QueueUrl(),
		contract.EnvMaxDocumentBytes: jsii.String(strconv.Itoa(s.topic.maxDocument())),
	}
	if isCustomSchema(s.schema) {
		environment[contract.EnvOrderIDField] = jsii.String(s.schema.IDField())
	}
	if fields := s.table.indexedFields; len(fields) > 0 {
		environment[contract.EnvIndexedFields] = jsii.String(strings.Join(fields, ","))
	}
	if ttl := s.table.orderTTL; ttl > 0 {
		environment[contract.EnvOrderTTLSeconds] = jsii.String(strconv.FormatFloat(ttl, 'f', 0, 64))
	}
	if s.disableMetrics {
		environment[contract.EnvMetrics] = jsii.String(contract.MetricsOff)
	}
	return environment
}
