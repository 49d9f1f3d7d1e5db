package orderpipeline

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// SubscriberProps configures a queue of events, see [OrderPipeline.AddSubscriber]. The zero value
// and a nil pointer get every event.
type SubscriberProps struct {
	// FilterPolicy selects events by message attribute: "type", and those of
	// PublisherProps.EventAttributes, all of type String. At most 5 attributes. A policy that no
	// event can match is an error; with an Existing topic, to which others may publish, it is a
	// warning. SNS's operator $or is a filter whose conditions are policies:
	//
	//	"$or": awssns.NewSubscriptionFilter(&[]any{
	//		map[string]any{"currency": []any{"EUR"}},
	//		map[string]any{"channel": []any{"web"}},
	//	})
	//
	// Default: all events.
	FilterPolicy map[string]awssns.SubscriptionFilter
	// FilterPolicyWithMessageBody selects events by content: "data" is the order document, and
	// beside it are the members of a CloudEvent. Not allowed together with FilterPolicy. At most 5
	// keys with conditions. A policy that no event can match is an error, as with FilterPolicy.
	// Default: all events.
	FilterPolicyWithMessageBody map[string]awssns.FilterOrPolicy
	// DisableRawDelivery wraps each event in a signed SNS notification. Default: false, the message
	// body is the event.
	DisableRawDelivery bool

	// Queue is an existing standard queue for the events. Its settings are kept. It can be in
	// another stack of the app, which then also holds the subscription and depends on the
	// pipeline's stack. An imported queue cannot be changed to allow SNS: a warning at synth says
	// what its policy needs. Default: a queue is made, with the settings below.
	Queue awssqs.IQueue
	// VisibilityTimeout is the visibility timeout of the queue in whole seconds, 0 to 43200 s. Set
	// it to more than the consumer needs for a message (6 × the timeout of a Lambda function).
	// Default: 180 s.
	VisibilityTimeout awscdk.Duration
	// MaxReceiveCount is how often an event is received before it goes to the dead-letter queue, 1
	// to 1000. Default: the fewest receives that wait out an outage of 4 hours (80 with the default
	// visibility timeout).
	MaxReceiveCount int
	// Retention is how long the queue keeps an event, in whole seconds, 60 s to 14 days. The
	// dead-letter queue keeps it for 14 days. Default: 14 days.
	Retention awscdk.Duration
}

// subscriberSettings are SubscriberProps with the defaults filled in.
type subscriberSettings struct {
	SubscriberProps
	visibility float64 // seconds
}

// resolveSubscriber fills in the defaults without changing props, and reports everything that is
// wrong.
func (p *OrderPipeline) resolveSubscriber(
	id string, props *SubscriberProps,
) (*subscriberSettings, error) {
	var errs check.Errors
	s := &subscriberSettings{}
	if props != nil {
		s.SubscriberProps = *props
	}
	p.checkSubscriber(&errs, id, s.FilterPolicy, s.FilterPolicyWithMessageBody)
	if s.Queue == nil {
		s.visibility = errs.Seconds("VisibilityTimeout", s.VisibilityTimeout,
			contract.VisibilityFactor*contract.FunctionTimeout.Seconds(), 0, 43_200, "SQS's limits")
		if s.MaxReceiveCount == 0 {
			s.MaxReceiveCount = min(receives(s.visibility), maxReceives)
		}
		errs.Range("MaxReceiveCount", s.MaxReceiveCount, 1, maxReceives, "SQS's limits")
		errs.Seconds("Retention", s.Retention, retention, 60, retention, "SQS's limits")
		return s, errs.Err("orderpipeline.SubscriberProps of " + id)
	}
	if fifo := s.Queue.Fifo(); fifo != nil && *fifo {
		errs.Addf("Queue", "%s is a FIFO queue (a standard topic delivers to standard queues only)",
			*s.Queue.Node().Path())
	}
	for _, prop := range []struct {
		name string
		set  bool
	}{
		{"VisibilityTimeout", s.VisibilityTimeout != nil},
		{"MaxReceiveCount", s.MaxReceiveCount != 0},
		{"Retention", s.Retention != nil},
	} {
		if prop.set {
			errs.Addf(prop.name, "set with Queue (configure it on that queue)")
		}
	}
	return s, errs.Err("orderpipeline.SubscriberProps of " + id)
}

// checkSubscriber checks what all kinds of subscribers have.
func (p *OrderPipeline) checkSubscriber(
	errs *check.Errors, id string,
	attributes map[string]awssns.SubscriptionFilter, body map[string]awssns.FilterOrPolicy,
) {
	if id == "" {
		errs.Addf("id", "empty (every subscriber needs an id)")
	}
	if slices.ContainsFunc(p.subscribers, func(other *Subscriber) bool { return other.id == id }) {
		errs.Addf("id", "%s is used by another subscriber of the pipeline", check.Quote(id))
	}
	errs.ASCII("id", id)
	if len(p.subscribers) >= maxLargeSubscribers && p.settings.topic.large() {
		errs.Addf("id", "%s is one subscriber too many (SNS allows %d on a topic with messages above "+
			"%d bytes)", check.Quote(id), maxLargeSubscribers, contract.DefaultTopicBytes)
	}
	p.checkFilters(errs, id, attributes, body)
}

// Subscriber is a subscriber of the topic, with a dead-letter queue for events that SNS could not
// deliver. [OrderPipeline.AddSubscriber], [OrderPipeline.AddLambdaSubscriber],
// [OrderPipeline.AddHTTPSSubscriber] and [OrderPipeline.AddEmailSubscriber] make it.
type Subscriber struct {
	constructs.Construct

	id              string
	queue           awssqs.IQueue // nil for other subscribers than queues
	deadLetterQueue awssqs.IQueue
	subscription    awssns.Subscription
}

// ID returns the id that the subscriber was added with.
func (s *Subscriber) ID() string { return s.id }

// Queue returns the queue of the events, or nil for a subscriber that is not a queue.
func (s *Subscriber) Queue() awssqs.IQueue { return s.queue }

// DeadLetterQueue returns the queue of the events that SNS could not deliver and, for a queue that
// the construct made, of those that its consumer failed on.
func (s *Subscriber) DeadLetterQueue() awssqs.IQueue { return s.deadLetterQueue }

// Subscription returns the subscription to the topic.
func (s *Subscriber) Subscription() awssns.Subscription { return s.subscription }

// AddSubscriber makes a queue that receives the events of the topic, with raw delivery: the body of
// a message is the event as it was published. Events that SNS cannot deliver, or that the consumer
// repeatedly fails on, go to the subscriber's dead-letter queue. Events can arrive more than once
// and in any order; use the event id to deduplicate.
//
// id must be unique among the pipeline's subscribers. props may be nil. AddSubscriber panics with
// an error that names everything that is wrong with them.
func (p *OrderPipeline) AddSubscriber(id string, props *SubscriberProps) *Subscriber {
	settings, err := p.resolveSubscriber(id, props)
	if err != nil {
		panic(err)
	}
	s := p.newSubscriber(id)
	s.queue = settings.Queue
	scope := constructs.Construct(s)
	if s.queue == nil {
		queue := p.newQueue(s, "Queue", awssqs.QueueProps{
			VisibilityTimeout: awscdk.Duration_Seconds(&settings.visibility),
			RetentionPeriod:   settings.Retention,
			DeadLetterQueue: &awssqs.DeadLetterQueue{
				Queue: s.deadLetterQueue, MaxReceiveCount: jsii.Number(settings.MaxReceiveCount),
			},
			RedriveAllowPolicy: denyRedriveSources(),
		})
		s.queue, scope = queue, queue
	}
	// CDK's SqsSubscription (with its feature flag) names the topic in the policy of the queue's
	// key. With the same key on the topic, each of the two would need the other first.
	policy := s.queue.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("sqs:SendMessage"),
		Resources:  &[]*string{s.queue.QueueArn()},
		Principals: &[]awsiam.IPrincipal{sns()},
		Conditions: &map[string]any{
			"ArnEquals": map[string]any{"aws:SourceArn": p.topic.TopicArn()},
		},
	}))
	subscriptionID := *awscdk.Names_NodeUniqueId(p.topic.Node())
	if *policy.StatementAdded {
		scope, subscriptionID = s.besideConsumer(p, s.queue, scope, subscriptionID)
	}
	s.subscription = awssns.NewSubscription(scope, &subscriptionID,
		p.subscription(s, &awssns.SubscriptionProps{
			Protocol:           awssns.SubscriptionProtocol_SQS,
			Endpoint:           s.queue.QueueArn(),
			RawMessageDelivery: jsii.Bool(!settings.DisableRawDelivery),
		}, settings.FilterPolicy, settings.FilterPolicyWithMessageBody))
	if *policy.StatementAdded {
		s.subscription.Node().AddDependency(policy.PolicyDependable)
	} else {
		p.warn("subscriber"+id, "The queue of subscriber "+id+" is imported, so the construct cannot "+
			"change its policy. The policy must allow sns.amazonaws.com to use sqs:SendMessage with "+
			"the topic as aws:SourceArn. If the queue is encrypted with a customer managed key, the "+
			"key's policy must allow it kms:Decrypt and kms:GenerateDataKey*. "+
			"Otherwise every event goes to the dead-letter queue.")
	}
	p.grantDelivery(s.queue)
	s.mark(p)
	return s
}

// newSubscriber makes what all kinds of subscribers have.
func (p *OrderPipeline) newSubscriber(id string) *Subscriber {
	s := &Subscriber{id: id}
	constructs.NewConstruct_Override(s, p, jsii.String("Subscriber"+id))
	s.deadLetterQueue = p.newQueue(s, "DeadLetterQueue", awssqs.QueueProps{})
	p.grantDelivery(s.deadLetterQueue)
	p.subscribers = append(p.subscribers, s)
	return s
}

// subscription completes the props of a subscription.
func (p *OrderPipeline) subscription(
	s *Subscriber, props *awssns.SubscriptionProps,
	attributes map[string]awssns.SubscriptionFilter, body map[string]awssns.FilterOrPolicy,
) *awssns.SubscriptionProps {
	props.Topic, props.DeadLetterQueue = p.topic, s.deadLetterQueue
	if len(attributes) > 0 {
		props.FilterPolicy = &attributes
	}
	if len(body) > 0 {
		props.FilterPolicyWithMessageBody = &body
	}
	return props
}

// grantDelivery lets SNS use the key of a queue that it delivers to. The condition is the account,
// because the topic may be encrypted with the same key.
func (p *OrderPipeline) grantDelivery(queue awssqs.IQueue) {
	key := queue.EncryptionMasterKey()
	if key == nil {
		return
	}
	granted := key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey*"),
		Resources:  jsii.Strings("*"),
		Principals: &[]awsiam.IPrincipal{sns()},
		Conditions: &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": p.topic.Env().Account},
		},
	}), jsii.Bool(true))
	if !*granted.StatementAdded {
		p.warn("keyPolicy", fmt.Sprintf("The key %s is imported, so the construct cannot change its "+
			"policy. The policy must allow sns.amazonaws.com to use kms:Decrypt and "+
			"kms:GenerateDataKey*, with aws:SourceAccount as condition. Otherwise events for the "+
			"subscribers' queues are dropped.", *key.Node().Path()))
	}
}

func sns() awsiam.ServicePrincipal {
	return awsiam.NewServicePrincipal(jsii.String("sns.amazonaws.com"), nil)
}
