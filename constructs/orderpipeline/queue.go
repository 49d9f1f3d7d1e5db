package orderpipeline

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// newQueues makes the queue that takes the orders in, and the queues for what goes wrong on the way to the table.
func (p *OrderPipeline) newQueues() {
	s := p.settings
	switch own := deadLetterQueueOf(s.Queue.Existing); {
	case own != nil:
		p.deadLetterQueue = own.Queue
	case s.Queue.ExistingDeadLetterQueue != nil:
		p.deadLetterQueue = s.Queue.ExistingDeadLetterQueue
	default:
		p.deadLetterQueue = p.newQueue(p, "DeadLetterQueue", awssqs.QueueProps{})
	}
	p.rejectedQueue = p.newQueue(p, "RejectedQueue", awssqs.QueueProps{RedriveAllowPolicy: nobodysDeadLetterQueue()})
	if s.Queue.Existing != nil {
		p.queue = s.Queue.Existing
		p.completeQueue()
		return
	}
	p.queue = p.newQueue(p, "Queue", awssqs.QueueProps{
		MaxMessageSizeBytes: jsii.Number(s.maxMessage()),
		VisibilityTimeout:   awscdk.Duration_Seconds(&s.visibility),
		DeadLetterQueue:     &awssqs.DeadLetterQueue{Queue: p.deadLetterQueue, MaxReceiveCount: jsii.Number(s.Queue.MaxReceiveCount)},
		RedriveAllowPolicy:  nobodysDeadLetterQueue(),
	})
}

// maxMessage is the size limit of the queue, in bytes: what the topic could not carry is refused at the door, not after it
// was accepted.
func (s *settings) maxMessage() int { return s.Topic.MaxMessageSizeBytes - order.EnvelopeReserve }

// completeQueue sets on a queue that is brought along what its maker left open, or says what to set by hand.
func (p *OrderPipeline) completeQueue() {
	s := p.settings
	cfn := ofThisApp(p.queue)
	if cfn == nil {
		p.warn("existingQueue", fmt.Sprintf("Queue.Existing is imported, so it cannot be changed from here. Set on it: a visibility timeout of at least %g s, "+
			"a retention of 14 days, a maximum message size of at most %d bytes, and %s as its dead-letter queue (retention 14 days) with a maxReceiveCount of at least %d. "+
			"If it is encrypted with a key of the customer's, its key policy must let the senders and %s use the key.",
			s.visibility, s.maxMessage(), *p.deadLetterQueue.Node().Path(), s.Queue.MaxReceiveCount, *p.Node().Path()+"/Processor"))
	} else {
		if cfn.VisibilityTimeout() == nil {
			cfn.SetVisibilityTimeout(&s.visibility)
		}
		if cfn.MaximumMessageSize() == nil {
			cfn.SetMaximumMessageSize(jsii.Number(s.maxMessage()))
		}
		if cfn.RedrivePolicy() == nil {
			cfn.SetRedrivePolicy(map[string]any{"deadLetterTargetArn": p.deadLetterQueue.QueueArn(), "maxReceiveCount": s.Queue.MaxReceiveCount})
		}
	}
	if cfn != nil && ofThisApp(p.deadLetterQueue) == nil {
		p.warn("existingDeadLetterQueue", fmt.Sprintf("The dead-letter queue %s is imported, so it cannot be changed from here. Set on it: a retention of 14 days, and that %s may dead-letter there.",
			*p.deadLetterQueue.Node().Path(), *p.queue.Node().Path()))
	}
	for _, cfn := range []awssqs.CfnQueue{cfn, ofThisApp(p.deadLetterQueue)} {
		if cfn != nil && cfn.MessageRetentionPeriod() == nil {
			cfn.SetMessageRetentionPeriod(jsii.Number(retention))
		}
	}
}

// newQueue makes a queue that keeps all it can for as long as it can. Only nil fields of props are filled in.
func (p *OrderPipeline) newQueue(scope constructs.Construct, id string, props awssqs.QueueProps) awssqs.Queue {
	props.RemovalPolicy = p.settings.RemovalPolicy
	if props.RetentionPeriod == nil {
		// A message that was dead-lettered keeps its age.
		props.RetentionPeriod = awscdk.Duration_Seconds(jsii.Number(retention))
	}
	props.Encryption = awssqs.QueueEncryption_SQS_MANAGED
	if key := p.settings.EncryptionKey; key != nil {
		props.Encryption, props.EncryptionMasterKey = awssqs.QueueEncryption_KMS, key
	}
	props.EnforceSSL = jsii.Bool(true)
	if props.MaxMessageSizeBytes == nil {
		// A message that was put aside carries attributes on top of what came in.
		props.MaxMessageSizeBytes = jsii.Number(contract.MaxMessageBytes)
	}
	return awssqs.NewQueue(scope, &id, &props)
}

// nobodysDeadLetterQueue keeps other queues from dead-lettering here: their messages would be taken for orders. The
// dead-letter queues themselves cannot name their one source (byQueue), since each of the two would need the other's ARN
// first.
func nobodysDeadLetterQueue() *awssqs.RedriveAllowPolicy {
	return &awssqs.RedriveAllowPolicy{RedrivePermission: awssqs.RedrivePermission_DENY_ALL}
}

// warn says at synth what cannot be done from here.
func (p *OrderPipeline) warn(id, text string) {
	awscdk.Annotations_Of(p).AddWarningV2(jsii.String("orderpipeline:"+id), &text)
}

// keyWarning says that a key's policy is not to be changed from here.
func (p *OrderPipeline) keyWarning(key awskms.IKey) {
	p.warn("keyPolicy", fmt.Sprintf("The key %s is imported, so its policy cannot be changed from here. Let the service sns.amazonaws.com use kms:Decrypt and kms:GenerateDataKey* in it, "+
		"with aws:SourceAccount as condition: else what SNS delivers to the subscribers' queues is dropped.", *key.Node().Path()))
}
