package orderpipeline

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// SubscriberProps configures a queue of events, see [OrderPipeline.AddSubscriber]. The zero value, and a nil pointer, get
// every event.
type SubscriberProps struct {
	// FilterPolicy lets only some events through, by message attribute: "type", and those of PublisherProps.EventAttributes. Another
	// one is refused, since no event has it; with an Existing topic, to which others may publish, it is a warning.
	// At most 5. Default: all events.
	FilterPolicy map[string]awssns.SubscriptionFilter
	// FilterPolicyWithMessageBody lets only some events through, by what the event holds: "data" is the order's document. Not
	// together with FilterPolicy: a subscription has one scope. Default: all events.
	FilterPolicyWithMessageBody map[string]awssns.FilterOrPolicy
	// DisableRawDelivery wraps each event in SNS's notification, which is signed. Default: false, a message is the event.
	DisableRawDelivery bool

	// Queue is a standard queue that is brought along for the events. It keeps its settings; an imported one cannot be let
	// SNS send to, and a warning at synth says what its policy needs. Default: a queue is made, with the settings below.
	Queue awssqs.IQueue
	// VisibilityTimeout of the queue, whole seconds, 0 to 43200 s: longer than its reader takes for a message (6 × the timeout
	// of a Lambda function). Default: 180 s.
	VisibilityTimeout awscdk.Duration
	// MaxReceiveCount is how often the reader may try an event before it goes to the dead-letter queue, 1 to 1000. Default: the
	// fewest tries that last 4 hours (80 with the default timeout).
	MaxReceiveCount int
	// Retention is how long an event waits for a reader, whole seconds, 60 s to 14 days. The dead-letter queue's is 14 days.
	// Default: 14 days.
	Retention awscdk.Duration
}

// SubscriptionProps configures subscribers other than queues. The zero value, and a nil pointer, get every event.
type SubscriptionProps struct {
	// FilterPolicy is that of [SubscriberProps].
	FilterPolicy map[string]awssns.SubscriptionFilter
	// FilterPolicyWithMessageBody is that of [SubscriberProps].
	FilterPolicyWithMessageBody map[string]awssns.FilterOrPolicy
	// RawDelivery posts to an HTTPS address the event itself, without SNS's notification around it. The notification is what
	// SNS signs: an address that others know too should have it. Only with AddHTTPSSubscriber. Default: false.
	RawDelivery bool
}

// Subscriber of the topic, with a dead-letter queue for what SNS could not deliver. [OrderPipeline.AddSubscriber],
// [OrderPipeline.AddLambdaSubscriber], [OrderPipeline.AddHTTPSSubscriber] and [OrderPipeline.AddEmailSubscriber] make it.
type Subscriber struct {
	constructs.Construct

	id              string
	queue           awssqs.IQueue // nil but with AddSubscriber
	deadLetterQueue awssqs.IQueue
	subscription    awssns.Subscription
}

// ID that the subscriber was added with.
func (s *Subscriber) ID() string { return s.id }

// Queue holds the events that wait for the reader. It is nil for a subscriber that is no queue.
func (s *Subscriber) Queue() awssqs.IQueue { return s.queue }

// DeadLetterQueue holds the events that could not be delivered, or, from a queue that the construct made, not be read.
func (s *Subscriber) DeadLetterQueue() awssqs.IQueue { return s.deadLetterQueue }

// Subscription to the topic.
func (s *Subscriber) Subscription() awssns.Subscription { return s.subscription }

// AddSubscriber makes a queue that gets the events of the topic, each message an event as it was published (raw
// delivery): read it, and delete what was handled. What SNS cannot deliver, and what the reader fails on again and again,
// ends in the subscriber's dead-letter queue. Events may come more than once, and in any order; the event's id tells.
//
// id must be unique among the pipeline's subscribers. props may be nil. It panics with an error that names everything that
// is wrong with them.
func (p *OrderPipeline) AddSubscriber(id string, props *SubscriberProps) *Subscriber {
	settings, err := p.resolveSubscriber(id, props)
	if err != nil {
		panic(err)
	}
	s := p.newSubscriber(id)
	s.queue = settings.Queue
	scope := constructs.Construct(s)
	if s.queue == nil {
		own := p.newQueue(s, "Queue", awssqs.QueueProps{
			VisibilityTimeout:  awscdk.Duration_Seconds(&settings.visibility),
			RetentionPeriod:    settings.Retention,
			DeadLetterQueue:    &awssqs.DeadLetterQueue{Queue: s.deadLetterQueue, MaxReceiveCount: jsii.Number(settings.MaxReceiveCount)},
			RedriveAllowPolicy: nobodysDeadLetterQueue(),
		})
		s.queue, scope = own, own
	}
	// Not CDK's SqsSubscription, which (with the feature flag for it) names the topic in the policy of the queue's key: with
	// the same key on the topic, each of the two would need the other first.
	policy := s.queue.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("sqs:SendMessage"),
		Resources:  &[]*string{s.queue.QueueArn()},
		Principals: &[]awsiam.IPrincipal{sns()},
		Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": p.topic.TopicArn()}},
	}))
	s.subscription = awssns.NewSubscription(scope, awscdk.Names_NodeUniqueId(p.topic.Node()), p.subscription(s, &awssns.SubscriptionProps{
		Protocol:           awssns.SubscriptionProtocol_SQS,
		Endpoint:           s.queue.QueueArn(),
		RawMessageDelivery: jsii.Bool(!settings.DisableRawDelivery),
	}, settings.FilterPolicy, settings.FilterPolicyWithMessageBody))
	if *policy.StatementAdded {
		s.subscription.Node().AddDependency(policy.PolicyDependable)
	} else {
		p.warn("subscriber"+id, "Queue of subscriber "+id+" is imported, so its policy cannot be changed from here. Let the service sns.amazonaws.com use sqs:SendMessage in it, "+
			"with the topic as aws:SourceArn; and kms:Decrypt and kms:GenerateDataKey* in the policy of its key, if it has one of the customer's: else every event ends in the dead-letter queue.")
	}
	p.letDeliver(s.queue)
	return s
}

// AddLambdaSubscriber lets the topic call a function with each event, wrapped in SNS's notification. Lambda tries an event
// that the function fails on twice more, and then gives it to the function's own on-failure destination; the subscriber's
// dead-letter queue gets what SNS cannot hand over to Lambda. A function that must not lose events reads a queue
// ([OrderPipeline.AddSubscriber]).
//
// id must be unique among the pipeline's subscribers. props may be nil. It panics with an error that names everything that
// is wrong.
func (p *OrderPipeline) AddLambdaSubscriber(id string, function awslambda.IFunction, props *SubscriptionProps) *Subscriber {
	settings, err := p.resolveSubscription(id, lambdaEndpoint{function}, props)
	if err != nil {
		panic(err)
	}
	s := p.newSubscriber(id)
	permission := "Allow" + *awscdk.Names_NodeUniqueId(s.Node())
	function.AddPermission(&permission, &awslambda.Permission{
		Principal: sns(),
		SourceArn: p.topic.TopicArn(),
	})
	if function.PermissionsNode().TryFindChild(&permission) == nil {
		p.warn("subscriberFunction", fmt.Sprintf("The function %s is imported, so it cannot be changed from here. Let the service sns.amazonaws.com call it (lambda:InvokeFunction, "+
			"with the topic's ARN as source), or else what SNS delivers to %s ends in its dead-letter queue.", *function.Node().Path(), id))
	}
	s.subscription = awssns.NewSubscription(s, jsii.String("Subscription"), p.subscription(s, &awssns.SubscriptionProps{
		Protocol: awssns.SubscriptionProtocol_LAMBDA,
		Endpoint: function.FunctionArn(),
	}, settings.FilterPolicy, settings.FilterPolicyWithMessageBody))
	return s
}

// AddHTTPSSubscriber lets the topic post each event to an address, which must confirm the subscription first: it is posted
// a message with a SubscribeURL. What is not answered with 2xx is posted again for about an hour, and ends in the
// subscriber's dead-letter queue then.
//
// id must be unique among the pipeline's subscribers. props may be nil. It panics with an error that names everything that
// is wrong.
func (p *OrderPipeline) AddHTTPSSubscriber(id, url string, props *SubscriptionProps) *Subscriber {
	settings, err := p.resolveSubscription(id, httpsEndpoint(url), props)
	if err != nil {
		panic(err)
	}
	s := p.newSubscriber(id)
	s.subscription = awssns.NewSubscription(s, jsii.String("Subscription"), p.subscription(s, &awssns.SubscriptionProps{
		Protocol:           awssns.SubscriptionProtocol_HTTPS,
		Endpoint:           &url,
		RawMessageDelivery: &settings.RawDelivery,
	}, settings.FilterPolicy, settings.FilterPolicyWithMessageBody))
	return s
}

// AddEmailSubscriber lets the topic write each event to an address, once its owner confirmed that by the link in a first
// e-mail. It is for people to look at, best effort: whether an e-mail was read, nobody knows.
//
// id must be unique among the pipeline's subscribers. props may be nil. It panics with an error that names everything that
// is wrong.
func (p *OrderPipeline) AddEmailSubscriber(id, address string, props *SubscriptionProps) *Subscriber {
	settings, err := p.resolveSubscription(id, emailEndpoint(address), props)
	if err != nil {
		panic(err)
	}
	s := p.newSubscriber(id)
	s.subscription = awssns.NewSubscription(s, jsii.String("Subscription"), p.subscription(s, &awssns.SubscriptionProps{
		Protocol: awssns.SubscriptionProtocol_EMAIL,
		Endpoint: &address,
	}, settings.FilterPolicy, settings.FilterPolicyWithMessageBody))
	return s
}

// newSubscriber makes what all subscribers have.
func (p *OrderPipeline) newSubscriber(id string) *Subscriber {
	s := &Subscriber{id: id}
	constructs.NewConstruct_Override(s, p, jsii.String("Subscriber"+id))
	s.deadLetterQueue = p.newQueue(s, "DeadLetterQueue", awssqs.QueueProps{})
	p.letDeliver(s.deadLetterQueue)
	p.subscribers = append(p.subscribers, s)
	return s
}

// subscription completes what makes one kind of subscription.
func (p *OrderPipeline) subscription(s *Subscriber, kind *awssns.SubscriptionProps, attributes map[string]awssns.SubscriptionFilter, body map[string]awssns.FilterOrPolicy) *awssns.SubscriptionProps {
	kind.Topic, kind.DeadLetterQueue = p.topic, s.deadLetterQueue
	if len(attributes) > 0 {
		kind.FilterPolicy = &attributes
	}
	if len(body) > 0 {
		kind.FilterPolicyWithMessageBody = &body
	}
	return kind
}

// letDeliver lets SNS use the key of a queue that it delivers to. Not for this topic alone, which may have the same key.
func (p *OrderPipeline) letDeliver(queue awssqs.IQueue) {
	key := queue.EncryptionMasterKey()
	if key == nil {
		return
	}
	granted := key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey*"),
		Resources:  jsii.Strings("*"),
		Principals: &[]awsiam.IPrincipal{sns()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": p.topic.Env().Account}},
	}), jsii.Bool(true))
	if !*granted.StatementAdded {
		p.keyWarning(key)
	}
}

func sns() awsiam.ServicePrincipal {
	return awsiam.NewServicePrincipal(jsii.String("sns.amazonaws.com"), nil)
}
