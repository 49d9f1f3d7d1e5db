package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

// subscription is one of the topic, as SNS tells.
type subscription struct {
	arn          string // PendingConfirmation until it is confirmed
	protocol     string
	endpoint     string
	filterPolicy string // JSON, "" for none
	filterScope  string // MessageAttributes (or "") or MessageBody
	redrive      string // ARN of its dead-letter queue, "" for none
}

func (s subscription) pending() bool { return s.arn == "PendingConfirmation" }

// subscriptions of the topic. Their attributes are read with details.
func subscriptions(ctx context.Context, cfg aws.Config, topic string, details bool) (all []subscription, err error) {
	client := sns.NewFromConfig(cfg)
	pages := sns.NewListSubscriptionsByTopicPaginator(client, &sns.ListSubscriptionsByTopicInput{TopicArn: &topic})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the topic's subscriptions: %w", err)
		}
		for _, s := range page.Subscriptions {
			one := subscription{arn: aws.ToString(s.SubscriptionArn), protocol: aws.ToString(s.Protocol), endpoint: aws.ToString(s.Endpoint)}
			if details && !one.pending() {
				if err := one.read(ctx, client); err != nil {
					return nil, err
				}
			}
			all = append(all, one)
		}
	}
	return all, nil
}

func (s *subscription) read(ctx context.Context, client *sns.Client) error {
	out, err := client.GetSubscriptionAttributes(ctx, &sns.GetSubscriptionAttributesInput{SubscriptionArn: &s.arn})
	if err != nil {
		return fmt.Errorf("read subscription %s: %w", s.arn, err)
	}
	s.filterPolicy, s.filterScope = out.Attributes["FilterPolicy"], out.Attributes["FilterPolicyScope"]
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
	}
	_ = json.Unmarshal([]byte(out.Attributes["RedrivePolicy"]), &policy)
	s.redrive = policy.Target
	return nil
}

// queueURL gives the URL of a queue by its ARN; "" when there is no such queue.
func queueURL(ctx context.Context, client *sqs.Client, queueARN string) (string, error) {
	parsed, err := arn.Parse(queueARN)
	if err != nil {
		return "", err
	}
	out, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &parsed.Resource, QueueOwnerAWSAccountId: &parsed.AccountID})
	if noQueue(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find queue %s: %w", queueARN, err)
	}
	return aws.ToString(out.QueueUrl), nil
}

func noQueue(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (strings.Contains(api.ErrorCode(), "NonExistentQueue") || strings.Contains(api.ErrorCode(), "QueueDoesNotExist"))
}

// findSubscriber finds a subscriber by name: a demo one, or the name of a queue that is subscribed to the topic.
func findSubscriber(ctx context.Context, a *app, cfg aws.Config, d *deployment.Deployment, name string) (*deployment.Subscriber, error) {
	if s := d.Subscriber(name); s != nil {
		return s, nil
	}
	all, err := subscriptions(ctx, cfg, d.TopicARN, true)
	if err != nil {
		return nil, err
	}
	client := sqs.NewFromConfig(cfg)
	var names []string
	for _, s := range d.Subscribers {
		names = append(names, s.Name)
	}
	for _, s := range all {
		if s.protocol != "sqs" || s.pending() {
			continue
		}
		queue := s.endpoint[strings.LastIndex(s.endpoint, ":")+1:]
		if queue != name {
			names = append(names, queue)
			continue
		}
		found := &deployment.Subscriber{Name: name}
		if found.QueueURL, err = queueURL(ctx, client, s.endpoint); err != nil {
			return nil, err
		}
		if found.QueueURL == "" {
			return nil, &failure{what: fmt.Sprintf("the queue of subscriber %s is gone", name), next: "make it again under the same name, then run this again"}
		}
		if s.redrive != "" {
			if found.DeadLetterQueueURL, err = queueURL(ctx, client, s.redrive); err != nil {
				return nil, err
			}
		}
		return found, nil
	}
	slices.Sort(names)
	next := "no queue is subscribed to the topic"
	if len(names) > 0 {
		next = "there are: " + strings.Join(slices.Compact(names), ", ")
	}
	return nil, &failure{what: fmt.Sprintf("there is no subscriber %q", name), next: next, status: usageStatus}
}
