package orderpipeline

import (
	"fmt"
	"net/mail"
	"net/url"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// SubscriptionProps configures subscribers that are not queues. The zero value and a nil pointer
// get every event.
type SubscriptionProps struct {
	// FilterPolicy is the same as in [SubscriberProps].
	FilterPolicy map[string]awssns.SubscriptionFilter
	// FilterPolicyWithMessageBody is the same as in [SubscriberProps].
	FilterPolicyWithMessageBody map[string]awssns.FilterOrPolicy
	// RawDelivery posts the event itself to an HTTPS endpoint, without an SNS notification around
	// it. SNS signs the notification, so keep it for an endpoint whose URL others know. Only with
	// AddHTTPSSubscriber. Default: false.
	RawDelivery bool
}

// endpoint is where SNS delivers to a subscriber that is not a queue.
type endpoint interface {
	check(*check.Errors, SubscriptionProps)
}

type (
	lambdaEndpoint struct{ awslambda.IFunction }
	httpsEndpoint  string
	emailEndpoint  string
)

// resolveSubscription copies props, and reports everything that is wrong.
func (p *OrderPipeline) resolveSubscription(
	id string, to endpoint, props *SubscriptionProps,
) (SubscriptionProps, error) {
	var errs check.Errors
	var s SubscriptionProps
	if props != nil {
		s = *props
	}
	p.checkSubscriber(&errs, id, s.FilterPolicy, s.FilterPolicyWithMessageBody)
	to.check(&errs, s)
	_, isLambda := to.(lambdaEndpoint)
	if !isLambda && p.settings.topic.large() {
		errs.Addf("Topic.MaxMessageSizeBytes", "%d exceeds %d (SNS allows no HTTPS or e-mail "+
			"subscribers on a topic with larger messages)",
			p.settings.topic.MaxMessageSizeBytes, contract.DefaultTopicBytes)
	}
	return s, errs.Err("orderpipeline.SubscriptionProps of " + id)
}

const rawDelivery = "not supported here " +
	"(SNS delivers raw messages to queues and HTTPS endpoints only)"

func (e lambdaEndpoint) check(errs *check.Errors, s SubscriptionProps) {
	if e.IFunction == nil {
		errs.Addf("function", "nil (pass the function to invoke)")
	}
	if s.RawDelivery {
		errs.Addf("RawDelivery", rawDelivery)
	}
}

func (e httpsEndpoint) check(errs *check.Errors, _ SubscriptionProps) {
	address := string(e)
	if *awscdk.Token_IsUnresolved(address) {
		return
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" {
		errs.Addf("url", "%s is not an https:// URL (orders are not sent unencrypted)",
			check.Quote(address))
	}
}

func (e emailEndpoint) check(errs *check.Errors, s SubscriptionProps) {
	address := string(e)
	parsed, err := mail.ParseAddress(address)
	if !*awscdk.Token_IsUnresolved(address) && (err != nil || parsed.Address != address) {
		errs.Addf("address", "%s is not a bare e-mail address", check.Quote(address))
	}
	if s.RawDelivery {
		errs.Addf("RawDelivery", rawDelivery)
	}
}

// AddLambdaSubscriber invokes a function for each event, wrapped in an SNS notification. When the
// function fails on an event, Lambda retries it twice, and then sends it to the function's own
// on-failure destination. The subscriber's dead-letter queue receives the events that SNS cannot
// pass to Lambda. Use a queue ([OrderPipeline.AddSubscriber]) for a function that must not lose
// events. The function can be in another stack of the app, which then also holds the subscription
// and depends on the pipeline's stack.
//
// id must be unique among the pipeline's subscribers. props may be nil. AddLambdaSubscriber panics
// with an error that names everything that is wrong.
func (p *OrderPipeline) AddLambdaSubscriber(
	id string, function awslambda.IFunction, props *SubscriptionProps,
) *Subscriber {
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
		p.warn("subscriberFunction", fmt.Sprintf("The function %s is imported, so the construct "+
			"cannot change its policy. The policy must allow sns.amazonaws.com to use "+
			"lambda:InvokeFunction with the topic as source. Otherwise the events for %s go to its "+
			"dead-letter queue.", *function.Node().Path(), id))
	}
	scope, subscriptionID := constructs.Construct(s), "Subscription"
	if function.PermissionsNode().TryFindChild(&permission) != nil {
		scope, subscriptionID = s.besideConsumer(p, function, scope, subscriptionID)
	}
	p.subscribe(s, scope, subscriptionID, settings, awssns.SubscriptionProps{
		Protocol: awssns.SubscriptionProtocol_LAMBDA,
		Endpoint: function.FunctionArn(),
	})
	return s
}

// AddHTTPSSubscriber posts each event to a URL. The endpoint must first confirm the subscription:
// SNS posts it a message with a SubscribeURL. By default, SNS retries a failed post three times, 20
// seconds apart, and then sends the event to the subscriber's dead-letter queue.
//
// id must be unique among the pipeline's subscribers. props may be nil. AddHTTPSSubscriber panics
// with an error that names everything that is wrong.
func (p *OrderPipeline) AddHTTPSSubscriber(id, url string, props *SubscriptionProps) *Subscriber {
	settings, err := p.resolveSubscription(id, httpsEndpoint(url), props)
	if err != nil {
		panic(err)
	}
	s := p.newSubscriber(id)
	p.subscribe(s, s, "Subscription", settings, awssns.SubscriptionProps{
		Protocol:           awssns.SubscriptionProtocol_HTTPS,
		Endpoint:           &url,
		RawMessageDelivery: &settings.RawDelivery,
	})
	return s
}

// AddEmailSubscriber sends each event to an e-mail address, once its owner has confirmed the
// subscription with the link in a first e-mail. E-mail is best effort: SNS does not know whether a
// message arrived.
//
// id must be unique among the pipeline's subscribers. props may be nil. AddEmailSubscriber panics
// with an error that names everything that is wrong.
func (p *OrderPipeline) AddEmailSubscriber(
	id, address string, props *SubscriptionProps,
) *Subscriber {
	settings, err := p.resolveSubscription(id, emailEndpoint(address), props)
	if err != nil {
		panic(err)
	}
	s := p.newSubscriber(id)
	p.subscribe(s, s, "Subscription", settings, awssns.SubscriptionProps{
		Protocol: awssns.SubscriptionProtocol_EMAIL,
		Endpoint: &address,
	})
	return s
}

func (p *OrderPipeline) subscribe(
	s *Subscriber, scope constructs.Construct, id string, settings SubscriptionProps,
	props awssns.SubscriptionProps,
) {
	s.subscription = awssns.NewSubscription(scope, &id,
		p.subscription(s, &props, settings.FilterPolicy, settings.FilterPolicyWithMessageBody))
	s.mark(p)
}

// besideConsumer returns scope and id of a subscription whose consumer has a policy that names the
// topic: below the consumer when that is in another stack. The policy makes that stack depend on
// the pipeline's; in the pipeline's stack, the subscription would make each need the other first.
func (s *Subscriber) besideConsumer(
	p *OrderPipeline, consumer constructs.IConstruct, scope constructs.Construct, id string,
) (constructs.Construct, string) {
	beside, ok := consumer.(constructs.Construct)
	if !ok || *awscdk.Stack_Of(consumer).Node().Addr() == *awscdk.Stack_Of(p).Node().Addr() {
		return scope, id
	}
	return beside, *awscdk.Names_NodeUniqueId(s.Node())
}
