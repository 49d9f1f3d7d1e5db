package orderpipeline

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// resolveExisting checks the existing queues, and takes the receive count of an existing redrive
// policy.
func (s *queueSettings) resolveExisting(errs *check.Errors, scope constructs.Construct) {
	path := *s.Existing.Node().Path()
	checkQueue(errs, "Queue.Existing", path, s.Existing)
	visibility, set := numberOf(cfnQueue(s.Existing), awssqs.CfnQueue.VisibilityTimeout)
	if set && visibility < s.visibility {
		errs.Addf("Queue.Existing", "%s has a visibility timeout of %s (set at least %s, "+
			"6 × the processor's timeout plus the batching window, or leave it unset)",
			path, check.Duration(visibility), check.Duration(s.visibility))
	}
	redrive := deadLetterQueueOf(s.Existing)
	if redrive == nil {
		deadLetters := awscdk.Stack_Of(scope)
		if queue := s.ExistingDeadLetterQueue; queue != nil {
			checkQueue(errs, "Queue.ExistingDeadLetterQueue", *queue.Node().Path(), queue)
			deadLetters = awscdk.Stack_Of(queue)
		}
		home := awscdk.Stack_Of(s.Existing)
		if cfnQueue(s.Existing) != nil && *home.Node().Path() != *deadLetters.Node().Path() {
			errs.Addf("Queue.Existing", "%s is in another stack and has no dead-letter queue (with one "+
				"of this stack, the two stacks would depend on each other; give it one there)", path)
		}
		return
	}
	checkQueue(errs, "Queue.Existing",
		"its dead-letter queue "+*redrive.Queue.Node().Path(), redrive.Queue)
	if s.ExistingDeadLetterQueue != nil {
		errs.Addf("Queue.ExistingDeadLetterQueue",
			"set, but Queue.Existing has a dead-letter queue (leave it unset)")
	}
	if s.MaxReceiveCount != 0 {
		errs.Addf("Queue.MaxReceiveCount", "set, but Queue.Existing has a dead-letter queue "+
			"(its redrive policy sets maxReceiveCount)")
	}
	s.MaxReceiveCount = int(*redrive.MaxReceiveCount)
	if n := s.MaxReceiveCount; n < s.minReceives() || n > maxReceives {
		errs.Addf("Queue.Existing", "its maxReceiveCount %d is out of range %d to %d (%s)",
			n, s.minReceives(), maxReceives, whyReceives)
	}
}

// checkQueue reports what makes an existing queue lose orders. subject is the queue in a message.
func checkQueue(errs *check.Errors, prop, subject string, queue awssqs.IQueue) {
	if fifo := queue.Fifo(); fifo != nil && *fifo {
		errs.Addf(prop, "%s is a FIFO queue (it drops what it takes for duplicates, and a failing "+
			"message blocks its group; use a standard queue)", subject)
	}
	seconds, set := numberOf(cfnQueue(queue), awssqs.CfnQueue.MessageRetentionPeriod)
	if set && seconds < retention {
		errs.Addf(prop, "%s has a retention of %s (no order may expire earlier than after %s; "+
			"set that, or leave it unset)",
			subject, check.Duration(seconds), check.Duration(retention))
	}
}

// completeQueue sets what is unset on an existing queue, or warns about what to set by hand.
func (p *OrderPipeline) completeQueue() {
	s, size := p.settings.queue, p.settings.topic.maxMessage()
	queue, deadLetterQueue := cfnQueue(p.queue), cfnQueue(p.deadLetterQueue)
	if queue == nil {
		p.warn("existingQueue", fmt.Sprintf("Queue.Existing is imported, so the construct cannot "+
			"change it. Set on it: a visibility timeout of at least %s, a retention of 14 days, a "+
			"maximum message size of at most %d bytes, and %s as its dead-letter queue (retention "+
			"14 days) with a maxReceiveCount of at least %d. If it is encrypted with a customer "+
			"managed key, the key's policy must let the senders and %s use the key.",
			check.Duration(s.visibility), size, *p.deadLetterQueue.Node().Path(),
			s.MaxReceiveCount, *p.Node().Path()+"/Processor"))
	} else {
		if queue.VisibilityTimeout() == nil {
			queue.SetVisibilityTimeout(&s.visibility)
		}
		if queue.MaximumMessageSize() == nil {
			queue.SetMaximumMessageSize(jsii.Number(size))
		}
		if queue.RedrivePolicy() == nil {
			queue.SetRedrivePolicy(map[string]any{
				"deadLetterTargetArn": p.deadLetterQueue.QueueArn(),
				"maxReceiveCount":     s.MaxReceiveCount,
			})
		}
	}
	if queue != nil && deadLetterQueue == nil {
		p.warn("existingDeadLetterQueue", fmt.Sprintf("The dead-letter queue %s is imported, so "+
			"the construct cannot change it. Set on it: a retention of 14 days, and a redrive allow "+
			"policy that includes %s.", *p.deadLetterQueue.Node().Path(), *p.queue.Node().Path()))
	}
	for _, cfn := range []awssqs.CfnQueue{queue, deadLetterQueue} {
		if cfn != nil && cfn.MessageRetentionPeriod() == nil {
			cfn.SetMessageRetentionPeriod(&retention)
		}
	}
}

// cfnQueue is the resource of a queue in this app, nil when the queue is imported.
func cfnQueue(queue awssqs.IQueue) awssqs.CfnQueue {
	cfn, _ := queue.Node().DefaultChild().(awssqs.CfnQueue)
	return cfn
}

// numberOf is a property of a queue in this app, and whether it is set to a known number.
func numberOf(
	cfn awssqs.CfnQueue, property func(awssqs.CfnQueue) *float64,
) (value float64, known bool) {
	if cfn == nil {
		return 0, false
	}
	n := property(cfn)
	if n == nil || *awscdk.Token_IsUnresolved(n) {
		return 0, false
	}
	return *n, true
}

// deadLetterQueueOf is the redrive policy of a queue in this app, nil when there is none.
func deadLetterQueueOf(queue awssqs.IQueue) *awssqs.DeadLetterQueue {
	if q, ok := queue.(awssqs.Queue); ok {
		return q.DeadLetterQueue()
	}
	return nil
}
