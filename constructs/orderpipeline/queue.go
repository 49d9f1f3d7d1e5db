package orderpipeline

import (
	"math"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// QueueProps configures the queue that accepts orders. Three of its attributes are not props: the
// visibility timeout (6 × the processor's timeout + the batching window) and the maximum message
// size (the topic's, less [order.EnvelopeReserve]) follow from other props, and the retention is
// 14 days, the maximum of SQS, so that no order expires earlier.
type QueueProps struct {
	// Existing is an existing standard queue. What is unset on it (visibility timeout, retention,
	// size limit, dead-letter queue) is filled in as for the construct's own queue; what is set and
	// would lose orders is refused. An imported queue cannot be changed: a warning at synth says
	// what must be set on it. Default: a queue is made.
	Existing awssqs.IQueue
	// ExistingDeadLetterQueue is the dead-letter queue of an Existing queue that is imported or has
	// none yet. Default: a queue is made.
	ExistingDeadLetterQueue awssqs.IQueue
	// MaxReceiveCount is how often a message is received before it goes to the dead-letter queue,
	// at most 1000. Not allowed with an Existing queue that has a dead-letter queue, because its
	// redrive policy sets the count. Default and minimum: the fewest receives that wait out an
	// outage of 4 hours (80 with the default timeouts).
	MaxReceiveCount int
}

const (
	// maxReceives is the limit of SQS.
	maxReceives = 1000
	whyReceives = "fewer receives give up good orders in an outage of less than 4 hours, " +
		"and SQS allows no more"
)

// retention is the retention of every queue, in seconds.
var retention = contract.MessageRetention.Seconds()

// queueSettings are QueueProps with the defaults filled in.
type queueSettings struct {
	QueueProps
	visibility float64 // seconds
}

func (p QueueProps) resolve(
	errs *check.Errors, processor processorSettings, scope constructs.Construct,
) queueSettings {
	s := queueSettings{QueueProps: p, visibility: processor.visibility()}
	switch {
	case p.Existing != nil:
		s.resolveExisting(errs, scope)
		if deadLetterQueueOf(p.Existing) != nil {
			return s // its redrive policy sets the count
		}
	case p.ExistingDeadLetterQueue != nil:
		errs.Addf("Queue.ExistingDeadLetterQueue", "set without Queue.Existing "+
			"(the construct's own queue gets its own dead-letter queue)")
	}
	if s.MaxReceiveCount == 0 {
		s.MaxReceiveCount = receives(s.visibility)
	}
	errs.Range("Queue.MaxReceiveCount", s.MaxReceiveCount, s.minReceives(), maxReceives, whyReceives)
	return s
}

func (s queueSettings) minReceives() int { return min(receives(s.visibility), maxReceives) }

// receives is how many receives with this visibility timeout (in seconds) wait out an outage.
func receives(visibility float64) int {
	return int(math.Ceil(contract.OutageTolerance.Seconds() / max(visibility, 1)))
}

// newQueues makes the queue that accepts orders, and the queues for messages that fail on the way
// to the table.
func (p *OrderPipeline) newQueues() {
	s := p.settings.queue
	switch existing := deadLetterQueueOf(s.Existing); {
	case existing != nil:
		p.deadLetterQueue = existing.Queue
	case s.ExistingDeadLetterQueue != nil:
		p.deadLetterQueue = s.ExistingDeadLetterQueue
	default:
		p.deadLetterQueue = p.newQueue(p, "DeadLetterQueue", awssqs.QueueProps{})
	}
	p.rejectedQueue = p.newQueue(p, "RejectedQueue",
		awssqs.QueueProps{RedriveAllowPolicy: denyRedriveSources()})
	if s.Existing != nil {
		p.queue = s.Existing
		p.completeQueue()
		return
	}
	p.queue = p.newQueue(p, "Queue", awssqs.QueueProps{
		MaxMessageSizeBytes: jsii.Number(p.settings.topic.maxMessage()),
		VisibilityTimeout:   awscdk.Duration_Seconds(&s.visibility),
		DeadLetterQueue: &awssqs.DeadLetterQueue{
			Queue: p.deadLetterQueue, MaxReceiveCount: jsii.Number(s.MaxReceiveCount),
		},
		RedriveAllowPolicy: denyRedriveSources(),
	})
}

// newQueue makes a queue with the longest retention and the largest size limit. It fills in only
// nil fields of props.
func (p *OrderPipeline) newQueue(
	scope constructs.Construct, id string, props awssqs.QueueProps,
) awssqs.Queue {
	props.RemovalPolicy = p.settings.removalPolicy
	if props.RetentionPeriod == nil {
		// A dead-lettered message keeps its age.
		props.RetentionPeriod = awscdk.Duration_Seconds(&retention)
	}
	props.Encryption = awssqs.QueueEncryption_SQS_MANAGED
	if key := p.settings.encryptionKey; key != nil {
		props.Encryption, props.EncryptionMasterKey = awssqs.QueueEncryption_KMS, key
	}
	props.EnforceSSL = jsii.Bool(true)
	if props.MaxMessageSizeBytes == nil {
		// A rejected document and a failure record carry attributes beside the body.
		props.MaxMessageSizeBytes = jsii.Number(contract.MaxMessageBytes)
	}
	return awssqs.NewQueue(scope, &id, &props)
}

// denyRedriveSources keeps other queues from using a queue as their dead-letter queue: their
// messages would be taken for orders. The dead-letter queues cannot name their one source
// (byQueue), because each of the two queues would need the other's ARN first.
func denyRedriveSources() *awssqs.RedriveAllowPolicy {
	return &awssqs.RedriveAllowPolicy{
		RedrivePermission: awssqs.RedrivePermission_DENY_ALL,
	}
}
