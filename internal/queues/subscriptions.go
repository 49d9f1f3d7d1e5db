package queues

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// Subscription is a subscription of a topic.
type Subscription struct {
	// ARN is the subscription's, once it is confirmed; see [Subscription.Pending].
	ARN string
	// Protocol and Endpoint say where the messages go.
	Protocol, Endpoint string
	// FilterPolicy is JSON, "" for none. FilterScope is MessageAttributes (or "") or MessageBody.
	FilterPolicy, FilterScope string
	// DeadLetterQueueARN is the queue for messages that cannot be delivered, "" for none.
	DeadLetterQueueARN string
}

// Pending reports whether the subscription still has to be confirmed.
func (s Subscription) Pending() bool { return s.ARN == "PendingConfirmation" }

// ListSubscriptions lists the subscriptions of a topic. Filter and dead-letter queue are read only
// with details, one call per subscription.
func ListSubscriptions(
	ctx context.Context, cfg aws.Config, topic string, details bool,
) (all []Subscription, err error) {
	client := sns.NewFromConfig(cfg)
	pages := sns.NewListSubscriptionsByTopicPaginator(client,
		&sns.ListSubscriptionsByTopicInput{TopicArn: &topic})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the subscriptions of the topic: %w", err)
		}
		for _, s := range page.Subscriptions {
			one := Subscription{
				ARN:      aws.ToString(s.SubscriptionArn),
				Protocol: aws.ToString(s.Protocol), Endpoint: aws.ToString(s.Endpoint),
			}
			if details && !one.Pending() {
				if err := one.read(ctx, client); err != nil {
					return nil, err
				}
			}
			all = append(all, one)
		}
	}
	return all, nil
}

func (s *Subscription) read(ctx context.Context, client *sns.Client) error {
	out, err := client.GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{
		SubscriptionArn: &s.ARN,
	})
	if err != nil {
		return fmt.Errorf("read subscription %s: %w", s.ARN, err)
	}
	s.FilterPolicy = out.Attributes["FilterPolicy"]
	s.FilterScope = out.Attributes["FilterPolicyScope"]
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
	}
	_ = json.Unmarshal([]byte(out.Attributes["RedrivePolicy"]), &policy)
	s.DeadLetterQueueARN = policy.Target
	return nil
}

// FindSubscriber finds a subscriber by name: a demo subscriber, or the name of a queue that is
// subscribed to the topic.
func FindSubscriber(
	ctx context.Context, cfg aws.Config, d *deployment.Deployment, name string,
) (*deployment.Subscriber, error) {
	if s := d.Subscriber(name); s != nil {
		return s, nil
	}
	all, err := ListSubscriptions(ctx, cfg, d.TopicARN, true)
	if err != nil {
		return nil, err
	}
	names := deployment.SubscriberNames(d.Subscribers)
	for _, s := range all {
		if s.Protocol != "sqs" || s.Pending() {
			continue
		}
		if queue := NameOf(s.Endpoint); queue != name {
			names = append(names, queue)
			continue
		}
		return s.subscriber(ctx, sqs.NewFromConfig(cfg))
	}
	slices.Sort(names)
	next := "no queue is subscribed to the topic"
	if len(names) > 0 {
		next = "the subscribers are: " + strings.Join(slices.Compact(names), ", ")
	}
	return nil, failure.Usage(fmt.Sprintf("there is no subscriber %q", name), next)
}

func (s Subscription) subscriber(
	ctx context.Context, client *sqs.Client,
) (found *deployment.Subscriber, err error) {
	found = &deployment.Subscriber{Name: NameOf(s.Endpoint)}
	if found.QueueURL, err = URL(ctx, client, s.Endpoint); err != nil {
		return nil, err
	}
	if found.QueueURL == "" {
		return nil, &failure.Error{
			What: fmt.Sprintf("the queue of subscriber %s does not exist", found.Name),
			Next: "create it under the same name, then run this command again",
		}
	}
	if s.DeadLetterQueueARN != "" {
		found.DeadLetterQueueURL, err = URL(ctx, client, s.DeadLetterQueueARN)
	}
	return found, err
}
