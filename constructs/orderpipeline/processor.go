package orderpipeline

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
	"github.com/orderpipeline/orderpipeline/constructs/internal/grant"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// SchemaFile is where the packaged processor finds a schema other than the default one: beside its binary. The field that
// holds the order's id comes in the variable ORDER_ID_FIELD, which the construct sets for every Code. A processor of your
// own that is made with processor.FromEnvironment gets the schema the same way:
//
//	golambda.NewCode(&golambda.CodeProps{
//		Package: "./lambdas/processor",
//		Files:   map[string][]byte{orderpipeline.SchemaFile: schema.JSON()},
//	})
const SchemaFile = contract.SchemaFile

const processorPackage = "./lambdas/processor/main"

// ProcessorCode is the packaged processor, built for a target: for emulators that run it as a process of their own machine.
// On AWS it is the default, built for the function's architecture. schema is that of the props; nil is the default one. It
// panics when this module's sources are not to be found.
func ProcessorCode(target golambda.Target, schema *order.Schema) awslambda.Code {
	return function.Code(processorPackage, schemaFile(schema), target)
}

// schemaFile is what lies beside the processor's binary: nothing with the default schema, which it knows.
func schemaFile(schema *order.Schema) map[string][]byte {
	if !ownSchema(schema) {
		return nil
	}
	return map[string][]byte{SchemaFile: schema.JSON()}
}

// newProcessor makes the function from queue to table.
func (p *OrderPipeline) newProcessor() {
	s := p.settings
	environment := map[string]*string{
		contract.EnvTableName:        p.table.TableName(),
		contract.EnvRejectedQueueURL: p.rejectedQueue.QueueUrl(),
		contract.EnvMaxDocumentBytes: jsii.String(strconv.Itoa(s.maxDocument)),
	}
	if ownSchema(s.Schema) {
		environment[contract.EnvOrderIDField] = jsii.String(s.Schema.IDField())
	}
	if len(s.indexedFields) > 0 {
		environment[contract.EnvIndexedFields] = jsii.String(strings.Join(s.indexedFields, ","))
	}
	if s.orderTTL > 0 {
		environment[contract.EnvOrderTTLSeconds] = jsii.String(strconv.FormatFloat(s.orderTTL, 'f', 0, 64))
	}
	if s.DisableMetrics {
		environment[contract.EnvMetrics] = jsii.String(contract.MetricsOff)
	}
	p.processor, p.processorLogs = function.New(p, "Processor", function.Props(s.Processor.Function), function.Leg{
		Package:       processorPackage,
		Files:         schemaFile(s.Schema),
		Description:   "OrderPipeline: stores each order of the queue once",
		Timeout:       s.processorTimeout,
		Environment:   environment,
		RemovalPolicy: s.RemovalPolicy,
	})
	// The condition check is part of the transaction in which an order and its refusal exclude each other.
	grant.Write(p.table, p.processor, "dynamodb:PutItem", "dynamodb:ConditionCheckItem")
	grant.Send(p.rejectedQueue, p.processor)
	grant.Receive(p.queue, p.processor, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")

	function.CheckRole(p.processor, "Processor.Function", function.Props(s.Processor.Function),
		"dynamodb:PutItem and dynamodb:ConditionCheckItem on Table; sqs:SendMessage on RejectedQueue; sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes on Queue")

	props := &awslambda.EventSourceMappingProps{
		Target:         p.processor,
		EventSourceArn: p.queue.QueueArn(),
		BatchSize:      jsii.Number(s.Processor.BatchSize),
		// The handler answers with the ids that failed, so that one order never holds back its batch. No filter: on a queue,
		// what a filter leaves out is deleted.
		ReportBatchItemFailures: jsii.Bool(true),
	}
	if s.processorWindow > 0 {
		props.MaxBatchingWindow = s.Processor.BatchingWindow
	}
	if s.Processor.MaxConcurrency > 0 {
		props.MaxConcurrency = jsii.Number(s.Processor.MaxConcurrency)
	}
	p.processorMapping = awslambda.NewEventSourceMapping(p, jsii.String("ProcessorMapping"), props)
}
