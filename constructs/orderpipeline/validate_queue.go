package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// retention of every queue, in seconds.
var retention = contract.MessageRetention.Seconds()

// resolveQueue needs the visibility timeout.
func (s *settings) resolveQueue(errs *check.Errors) {
	q := &s.Queue
	least := min(receives(s.visibility), 1000)
	const why = "less would give good orders up in an outage of under 4 hours, and SQS allows no more"
	if q.Existing == nil {
		if q.ExistingDeadLetterQueue != nil {
			errs.Addf("Queue.ExistingDeadLetterQueue", *q.ExistingDeadLetterQueue.Node().Path(), "needs Queue.Existing: the queue that the construct makes has a dead-letter queue of its own")
		}
	} else {
		checkQueue(errs, "Queue.Existing", q.Existing)
		if visibility, set := numberOf(ofThisApp(q.Existing), awssqs.CfnQueue.VisibilityTimeout); set && visibility < s.visibility {
			errs.Addf("Queue.Existing", *q.Existing.Node().Path(), "needs a visibility timeout of at least %g s, not %g s: 6 × the processor's timeout and its batching window; or leave it out there, to have it set",
				s.visibility, visibility)
		}
		if own := deadLetterQueueOf(q.Existing); own != nil {
			checkQueue(errs, "Queue.Existing's dead-letter queue", own.Queue)
			if q.ExistingDeadLetterQueue != nil {
				errs.Addf("Queue.ExistingDeadLetterQueue", *q.ExistingDeadLetterQueue.Node().Path(), "needs to be left out: Queue.Existing has a dead-letter queue")
			}
			if q.MaxReceiveCount != 0 {
				errs.Addf("Queue.MaxReceiveCount", q.MaxReceiveCount, "needs to be left out: Queue.Existing has a dead-letter queue, and says itself when a message goes there")
			}
			q.MaxReceiveCount = int(*own.MaxReceiveCount)
			errs.Range("Queue.Existing's MaxReceiveCount", q.MaxReceiveCount, least, 1000, why)
			return
		}
		if q.ExistingDeadLetterQueue != nil {
			checkQueue(errs, "Queue.ExistingDeadLetterQueue", q.ExistingDeadLetterQueue)
		}
	}
	if q.MaxReceiveCount == 0 {
		q.MaxReceiveCount = receives(s.visibility)
	}
	errs.Range("Queue.MaxReceiveCount", q.MaxReceiveCount, least, 1000, why)
}

// checkQueue reports what makes a queue that is brought along lose orders.
func checkQueue(errs *check.Errors, field string, queue awssqs.IQueue) {
	if fifo := queue.Fifo(); fifo != nil && *fifo {
		errs.Addf(field, *queue.Node().Path(), "needs a standard queue: a FIFO queue drops what it takes for a duplicate, and holds a group back behind one message")
	}
	if keeps, set := numberOf(ofThisApp(queue), awssqs.CfnQueue.MessageRetentionPeriod); set && keeps < retention {
		errs.Addf(field, *queue.Node().Path(), "needs a retention of 14 days, not %.0f s: no order expires in less; or leave it out there, to have it set", keeps)
	}
}

// ofThisApp is the resource of a queue that is made in this app, nil when the queue is imported.
func ofThisApp(queue awssqs.IQueue) awssqs.CfnQueue {
	cfn, _ := queue.Node().DefaultChild().(awssqs.CfnQueue)
	return cfn
}

// numberOf is a property of a queue of this app, and whether it is set to a number that is known.
func numberOf(cfn awssqs.CfnQueue, property func(awssqs.CfnQueue) *float64) (float64, bool) {
	if cfn == nil {
		return 0, false
	}
	n := property(cfn)
	if n == nil || *awscdk.Token_IsUnresolved(n) {
		return 0, false
	}
	return *n, true
}

func deadLetterQueueOf(queue awssqs.IQueue) *awssqs.DeadLetterQueue {
	if own, ok := queue.(awssqs.Queue); ok {
		return own.DeadLetterQueue()
	}
	return nil
}
