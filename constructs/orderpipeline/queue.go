package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/orderpipeline/orderpipeline/order"
)

// newQueues makes the queue that takes the orders in, and the queues for what goes wrong on the way to the table.
func (p *OrderPipeline) newQueues() {
	s := p.settings
	p.deadLetterQueue = newQueue(p, "DeadLetterQueue", s.RemovalPolicy, awssqs.QueueProps{})
	p.rejectedQueue = newQueue(p, "RejectedQueue", s.RemovalPolicy, awssqs.QueueProps{RedriveAllowPolicy: nobodysDeadLetterQueue()})
	p.queue = newQueue(p, "Queue", s.RemovalPolicy, awssqs.QueueProps{
		// What the topic could not carry is refused at the door, not after it was accepted.
		MaxMessageSizeBytes: jsii.Number(s.Topic.MaxMessageSizeBytes - order.EnvelopeReserve),
		VisibilityTimeout:   awscdk.Duration_Seconds(&s.visibility),
		DeadLetterQueue:     &awssqs.DeadLetterQueue{Queue: p.deadLetterQueue, MaxReceiveCount: jsii.Number(s.Queue.MaxReceiveCount)},
		RedriveAllowPolicy:  nobodysDeadLetterQueue(),
	})
}

// newQueue makes a queue that keeps all it can for as long as it can. Only nil fields of props are filled in.
func newQueue(scope constructs.Construct, id string, removal awscdk.RemovalPolicy, props awssqs.QueueProps) awssqs.Queue {
	props.RemovalPolicy = removal
	// SQS's maximum. A message that was dead-lettered keeps its age.
	props.RetentionPeriod = awscdk.Duration_Days(jsii.Number(14))
	props.Encryption = awssqs.QueueEncryption_SQS_MANAGED
	props.EnforceSSL = jsii.Bool(true)
	if props.MaxMessageSizeBytes == nil {
		// A message that was put aside carries attributes on top of what came in.
		props.MaxMessageSizeBytes = jsii.Number(largestMessage)
	}
	return awssqs.NewQueue(scope, &id, &props)
}

// nobodysDeadLetterQueue keeps other queues from dead-lettering here: their messages would be taken for orders. The
// dead-letter queues themselves cannot name their one source (byQueue), since each of the two would need the other's ARN
// first.
func nobodysDeadLetterQueue() *awssqs.RedriveAllowPolicy {
	return &awssqs.RedriveAllowPolicy{RedrivePermission: awssqs.RedrivePermission_DENY_ALL}
}

// grantSend grants what sending takes. Queue.GrantSendMessages grants more.
func grantSend(queue awssqs.IQueue, grantee awsiam.IGrantable) awsiam.Grant {
	return queue.Grant(grantee, jsii.String("sqs:SendMessage"))
}
