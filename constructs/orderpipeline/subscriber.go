package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Subscriber is a queue of events, see [OrderPipeline.AddSubscriber].
type Subscriber struct {
	constructs.Construct

	id                     string
	queue, deadLetterQueue awssqs.Queue
	subscription           awssns.Subscription
}

// AddSubscriber makes a queue that gets the events of the topic, each message an event as it was published (raw
// delivery): read it, and delete what was handled. What SNS cannot deliver, and what the reader fails on again and again,
// ends in the subscriber's dead-letter queue. Events may come more than once, and in any order; the event's id tells.
//
// id must be unique among the pipeline's subscribers. props may be nil. It panics with an error that names everything that
// is wrong with them.
func (p *OrderPipeline) AddSubscriber(id string, props *SubscriberProps) *Subscriber {
	settings, visibility, err := p.resolveSubscriber(id, props)
	if err != nil {
		panic(err)
	}
	s := &Subscriber{id: id}
	constructs.NewConstruct_Override(s, p, jsii.String("Subscriber"+id))

	removal := p.settings.RemovalPolicy
	s.deadLetterQueue = newQueue(s, "DeadLetterQueue", removal, awssqs.QueueProps{})
	s.queue = newQueue(s, "Queue", removal, awssqs.QueueProps{
		VisibilityTimeout:  awscdk.Duration_Seconds(&visibility),
		DeadLetterQueue:    &awssqs.DeadLetterQueue{Queue: s.deadLetterQueue, MaxReceiveCount: jsii.Number(settings.MaxReceiveCount)},
		RedriveAllowPolicy: nobodysDeadLetterQueue(),
	})
	subscription := &awssnssubscriptions.SqsSubscriptionProps{
		RawMessageDelivery: jsii.Bool(true),
		DeadLetterQueue:    s.deadLetterQueue,
	}
	if len(settings.FilterPolicy) > 0 {
		subscription.FilterPolicy = &settings.FilterPolicy
	}
	s.subscription = p.topic.AddSubscription(awssnssubscriptions.NewSqsSubscription(s.queue, subscription))
	p.subscribers = append(p.subscribers, s)
	return s
}

// ID that AddSubscriber was given.
func (s *Subscriber) ID() string { return s.id }

// Queue holds the events that wait for the reader.
func (s *Subscriber) Queue() awssqs.IQueue { return s.queue }

// DeadLetterQueue holds the events that could not be delivered, or not be read.
func (s *Subscriber) DeadLetterQueue() awssqs.IQueue { return s.deadLetterQueue }

// Subscription of the queue to the topic.
func (s *Subscriber) Subscription() awssns.Subscription { return s.subscription }
