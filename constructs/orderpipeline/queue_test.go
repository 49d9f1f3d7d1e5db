package orderpipeline_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
)

func TestInvalidQueueProps(t *testing.T) {
	stack := synthtest.NewStack(t)
	queue := func(id string, props *awssqs.QueueProps) awssqs.Queue {
		return awssqs.NewQueue(stack, &id, props)
	}
	days := func(n float64) awscdk.Duration { return awscdk.Duration_Days(&n) }
	imported := awssqs.Queue_FromQueueArn(stack, jsii.String("Imported"),
		jsii.String("arn:aws:sqs:us-east-1:123456789012:orders"))
	short := queue("Short", &awssqs.QueueProps{VisibilityTimeout: seconds(179), RetentionPeriod: days(4)})
	fifo := queue("Fifo", &awssqs.QueueProps{Fifo: jsii.Bool(true)})
	withDLQ := queue("WithDLQ", &awssqs.QueueProps{DeadLetterQueue: &awssqs.DeadLetterQueue{
		Queue:           queue("TheirDLQ", &awssqs.QueueProps{RetentionPeriod: days(13)}),
		MaxReceiveCount: jsii.Number(3),
	}})
	const (
		retention = " (no order may expire earlier than after 14 days; set that, or leave it unset)"
		receives  = " (fewer receives give up good orders in an outage of less than 4 hours, and SQS allows no more)"
	)
	checkProps(t, stack, []propsTest{
		{"FIFO queue", func(p *props) { p.Queue.Existing = fifo },
			`Queue.Existing: Test/Fifo is a FIFO queue (it drops what it takes for duplicates, and a failing message blocks its group; use a standard queue)`},
		{"queue with a short retention and visibility timeout", func(p *props) { p.Queue.Existing = short },
			"2 problems:\n  - Queue.Existing: Test/Short has a retention of 4 days" + retention +
				"\n  - Queue.Existing: Test/Short has a visibility timeout of 179 s (set at least 180 s, 6 × the processor's timeout plus the batching window, or leave it unset)"},
		{"dead-letter queue with a short retention and few receives", func(p *props) { p.Queue.Existing = withDLQ },
			"2 problems:\n  - Queue.Existing: its dead-letter queue Test/TheirDLQ has a retention of 13 days" + retention +
				"\n  - Queue.Existing: its maxReceiveCount 3 is out of range 80 to 1000" + receives},
		{"two dead-letter queues", func(p *props) {
			p.Queue.Existing, p.Queue.ExistingDeadLetterQueue, p.Queue.MaxReceiveCount = withDLQ, imported, 80
			p.Processor.Function.Timeout = seconds(900)
		}, "3 problems:\n  - Queue.Existing: its dead-letter queue Test/TheirDLQ has a retention of 13 days" + retention +
			"\n  - Queue.ExistingDeadLetterQueue: set, but Queue.Existing has a dead-letter queue (leave it unset)" +
			"\n  - Queue.MaxReceiveCount: set, but Queue.Existing has a dead-letter queue (its redrive policy sets maxReceiveCount)"},
		{"dead-letter queue alone", func(p *props) { p.Queue.ExistingDeadLetterQueue = imported },
			`Queue.ExistingDeadLetterQueue: set without Queue.Existing (the construct's own queue gets its own dead-letter queue)`},
		{"too few receives", func(p *props) { p.Queue.MaxReceiveCount = 79 },
			`Queue.MaxReceiveCount: 79 is out of range 80 to 1000` + receives},
		{"too many receives", func(p *props) { p.Queue.MaxReceiveCount = 1001 },
			`Queue.MaxReceiveCount: 1001 is out of range 80 to 1000` + receives},
		{"few receives with a long timeout", func(p *props) {
			p.Processor.Function.Timeout, p.Queue.MaxReceiveCount = seconds(900), 3
		}, ""},
		{"the longest visibility timeout", func(p *props) { // 5700 s, far below the 12 h of SQS
			p.Processor.Function.Timeout, p.Processor.BatchingWindow = seconds(900), seconds(300)
		}, ""},
	})
}
