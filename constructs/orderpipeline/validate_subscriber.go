package orderpipeline

import (
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

type subscriberSettings struct {
	SubscriberProps
	visibility float64 // seconds
}

// resolveSubscriber does for a subscriber what resolve does for the pipeline.
func (p *OrderPipeline) resolveSubscriber(id string, props *SubscriberProps) (*subscriberSettings, error) {
	var errs check.Errors
	s := &subscriberSettings{}
	if props != nil {
		s.SubscriberProps = *props
	}
	p.checkSubscriber(&errs, id, s.FilterPolicy, s.FilterPolicyWithMessageBody)
	if s.Queue != nil {
		const why = "needs to be left out with Queue: say it where that queue is made"
		if fifo := s.Queue.Fifo(); fifo != nil && *fifo {
			errs.Addf("Queue", *s.Queue.Node().Path(), "needs a standard queue: a standard topic delivers to no other")
		}
		if s.VisibilityTimeout != nil {
			errs.Addf("VisibilityTimeout", check.Verbatim("set"), why)
		}
		if s.MaxReceiveCount != 0 {
			errs.Addf("MaxReceiveCount", s.MaxReceiveCount, why)
		}
		if s.Retention != nil {
			errs.Addf("Retention", check.Verbatim("set"), why)
		}
	} else {
		s.visibility = errs.Seconds("VisibilityTimeout", s.VisibilityTimeout, 180, 0, 43_200, "these are SQS's bounds")
		if s.MaxReceiveCount == 0 {
			s.MaxReceiveCount = min(receives(s.visibility), 1000)
		}
		errs.Range("MaxReceiveCount", s.MaxReceiveCount, 1, 1000, "these are SQS's bounds")
		errs.Seconds("Retention", s.Retention, retention, 60, retention, "these are SQS's bounds")
	}
	return s, errs.Err("orderpipeline.SubscriberProps of " + id)
}

// An endpoint is what a subscriber that is no queue is called at.
type endpoint interface {
	check(*check.Errors, SubscriptionProps)
}

type (
	lambdaEndpoint struct{ awslambda.IFunction }
	httpsEndpoint  string
	emailEndpoint  string
)

// resolveSubscription does for the other subscribers what resolveSubscriber does for queues.
func (p *OrderPipeline) resolveSubscription(id string, to endpoint, props *SubscriptionProps) (SubscriptionProps, error) {
	var errs check.Errors
	var s SubscriptionProps
	if props != nil {
		s = *props
	}
	p.checkSubscriber(&errs, id, s.FilterPolicy, s.FilterPolicyWithMessageBody)
	to.check(&errs, s)
	if _, isLambda := to.(lambdaEndpoint); !isLambda {
		if size := p.settings.Topic.MaxMessageSizeBytes; size > 256*1024 {
			errs.Addf("Topic.MaxMessageSizeBytes", size, "needs at most 262144 for subscribers by HTTPS and e-mail: SNS takes none on a topic with larger messages")
		}
	}
	return s, errs.Err("orderpipeline.SubscriptionProps of " + id)
}

// checkSubscriber checks what all subscribers have.
func (p *OrderPipeline) checkSubscriber(errs *check.Errors, id string, attributes map[string]awssns.SubscriptionFilter, body map[string]awssns.FilterOrPolicy) {
	if id == "" || slices.ContainsFunc(p.subscribers, func(other *Subscriber) bool { return other.id == id }) {
		errs.Addf("id", id, "needs a name that no other subscriber of the pipeline has")
	}
	if n := len(attributes); n > 5 {
		errs.Addf("FilterPolicy", n, "needs at most 5 attributes, as SNS does")
	}
	if never := strings.Join(p.neverSent(attributes), ", "); never != "" && p.settings.Topic.Existing != nil {
		p.warn("filterPolicy", fmt.Sprintf("The FilterPolicy of %s asks for what no event of the pipeline has (%s): it gets none of them, only what others publish to the topic. "+
			"Add it to Publisher.EventAttributes, or acknowledge this.", id, never))
	} else if never != "" {
		errs.Addf("FilterPolicy", never, "needs attributes that events have, else every event is filtered out: %s; or add it to Publisher.EventAttributes",
			strings.Join(append([]string{"type"}, p.settings.Publisher.EventAttributes...), ", "))
	}
	if n := len(body); n > 5 {
		errs.Addf("FilterPolicyWithMessageBody", n, "needs at most 5 keys, as SNS does")
	}
	if len(attributes) > 0 && len(body) > 0 {
		errs.Addf("FilterPolicyWithMessageBody", check.Verbatim("set"), "needs FilterPolicy to be left out: SNS filters a subscription by attributes or by body, not by both")
	}
}

// neverSent are the attributes that a filter policy asks for, and no event has.
func (p *OrderPipeline) neverSent(policy map[string]awssns.SubscriptionFilter) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(policy)) {
		if name != "type" && !slices.Contains(p.settings.Publisher.EventAttributes, name) && !takesAbsence(policy[name]) {
			names = append(names, name)
		}
	}
	return names
}

// takesAbsence is whether a filter lets events through that have no such attribute.
func takesAbsence(filter awssns.SubscriptionFilter) bool {
	conditions := filter.Conditions()
	return conditions != nil && slices.ContainsFunc(*conditions, func(c any) bool {
		condition, _ := c.(map[string]any)
		return condition["exists"] == false
	})
}

const rawDelivery = "needs false: SNS delivers the bare event to queues and HTTPS addresses only"

func (e lambdaEndpoint) check(errs *check.Errors, s SubscriptionProps) {
	if e.IFunction == nil {
		errs.Addf("function", check.Verbatim("nil"), "needs the function to call")
	}
	if s.RawDelivery {
		errs.Addf("RawDelivery", true, rawDelivery)
	}
}

func (e httpsEndpoint) check(errs *check.Errors, _ SubscriptionProps) {
	address := string(e)
	if *awscdk.Token_IsUnresolved(address) {
		return
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" {
		errs.Addf("url", bounded(address), "needs an address that begins with https://: orders do not travel in the clear")
	}
}

func (e emailEndpoint) check(errs *check.Errors, s SubscriptionProps) {
	address := string(e)
	if parsed, err := mail.ParseAddress(address); !*awscdk.Token_IsUnresolved(address) && (err != nil || parsed.Address != address) {
		errs.Addf("address", bounded(address), "needs a bare e-mail address")
	}
	if s.RawDelivery {
		errs.Addf("RawDelivery", true, rawDelivery)
	}
}
