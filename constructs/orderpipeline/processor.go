package orderpipeline

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
)

// What the processor reads from its environment.
const (
	envTableName        = "TABLE_NAME"
	envRejectedQueueURL = "REJECTED_QUEUE_URL"
	envMaxDocumentBytes = "MAX_DOCUMENT_BYTES"
)

const processorPackage = "./lambdas/processor/main"

// ProcessorCode is the packaged processor, built for a target: for emulators that run it as a process of their own machine.
// On AWS it is the default, built for the function's architecture. It panics when this module's sources are not to be found.
func ProcessorCode(target golambda.Target) awslambda.Code {
	return function.Code(processorPackage, target)
}

// newProcessor makes the function from queue to table.
func (p *OrderPipeline) newProcessor() {
	s := p.settings
	p.processor, p.processorLogs = function.New(p, "Processor", function.Props(s.Processor.Function), function.Leg{
		Package:     processorPackage,
		Description: "OrderPipeline: stores each order of the queue once",
		Timeout:     s.processorTimeout,
		Environment: map[string]*string{
			envTableName:        p.table.TableName(),
			envRejectedQueueURL: p.rejectedQueue.QueueUrl(),
			envMaxDocumentBytes: jsii.String(strconv.Itoa(s.maxDocument)),
		},
		RemovalPolicy: s.RemovalPolicy,
	})
	p.table.Grant(p.processor, jsii.String("dynamodb:PutItem"))
	grantSend(p.rejectedQueue, p.processor)
	// What an event source mapping of SQS needs. Queue.GrantConsumeMessages grants more.
	p.queue.Grant(p.processor, jsii.String("sqs:ReceiveMessage"), jsii.String("sqs:DeleteMessage"), jsii.String("sqs:GetQueueAttributes"))

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
