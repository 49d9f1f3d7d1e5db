package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/queues"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

// checkQueues: every queue exists, and those for stuck messages are empty.
func (d *Doctor) checkQueues(ctx context.Context) (found []Finding, err error) {
	client := sqs.NewFromConfig(d.Config)
	_, err = queues.ReadDepth(ctx, client, d.Deployment.QueueURL)
	if deployment.IsNotFound(err) {
		found = append(found, Finding{
			Resource: "queue", What: "it does not exist", Why: "the API answers every order with 503",
			Do: d.redeploy(),
		})
	} else if err != nil {
		return found, fmt.Errorf("read the queue: %w", err)
	}
	for _, q := range queues.All(d.Deployment) {
		depth, err := queues.ReadDepth(ctx, client, q.URL)
		if deployment.IsNotFound(err) {
			found = append(found, Finding{
				Resource: q.Name, What: "it does not exist", Why: "messages for it are lost",
				Do: d.redeploy(),
			})
			continue
		}
		if err != nil {
			return found, fmt.Errorf("read the %s: %w", q.Name, err)
		}
		if n := depth.Total(); n > 0 {
			found = append(found, Finding{
				Resource: q.Name, What: "has " + terminal.Count(n, "message"), Why: q.Impact,
				Do: d.Command(q.Command) +
					"\nonce the cause is fixed: " + d.Command(q.Command+" --yes"),
			})
		}
	}
	return found, nil
}

// noEvents is what most problems of a subscription mean.
const noEvents = "this subscriber gets no events"

// checkSubscriptions: the subscriptions of the topic are confirmed, and their endpoints exist.
func (d *Doctor) checkSubscriptions(ctx context.Context) (found []Finding, err error) {
	all, err := queues.ListSubscriptions(ctx, d.Config, d.Deployment.TopicARN, true)
	if deployment.IsNotFound(err) {
		return []Finding{{
			Resource: d.Deployment.TopicARN, What: "the topic does not exist",
			Why: "no event can be published", Do: d.redeploy(),
		}}, nil
	}
	if err != nil {
		return nil, err
	}
	subscribed := map[string]bool{}
	for _, s := range all {
		if s.Protocol == "sqs" {
			subscribed[queues.NameOf(s.Endpoint)] = true
		}
		problems, err := d.checkSubscription(ctx, s)
		if err != nil {
			return found, err
		}
		found = append(found, problems...)
	}
	for _, s := range d.Deployment.Subscribers {
		if !subscribed[queues.NameOf(s.QueueURL)] {
			found = append(found, Finding{
				Resource: s.Name, What: "its queue is not subscribed to the topic", Why: noEvents,
				Do: d.aws("sns subscribe --protocol sqs --attributes RawMessageDelivery=true "+
					"--notification-endpoint QUEUE_ARN --topic-arn %s", d.Deployment.TopicARN) +
					"\n" + d.replayTo(s.Name),
			})
		}
	}
	return found, nil
}

// replayTo sends a subscriber the events that it missed.
func (d *Doctor) replayTo(name string) string {
	return "then send it the events it missed: " +
		d.Command("replay --from TIME --to-subscriber "+name+" --yes")
}

func (d *Doctor) checkSubscription(
	ctx context.Context, s queues.Subscription,
) (found []Finding, err error) {
	topicARN := d.Deployment.TopicARN
	if s.Pending() {
		return []Finding{{
			Resource: s.Protocol + " " + s.Endpoint, What: "it is not confirmed",
			Why: noEvents + "; SNS removes an unconfirmed subscription after two days",
			Do: "confirm it with the message that SNS sent there; to send that again: " +
				d.aws("sns subscribe --protocol %s --notification-endpoint %s --topic-arn %s",
					s.Protocol, s.Endpoint, topicARN),
		}}, nil
	}
	topic, _ := arn.Parse(topicARN)
	if target, err := arn.Parse(s.Endpoint); err != nil || target.AccountID != topic.AccountID {
		return nil, nil // another account's endpoint cannot be read
	}
	unsubscribe := d.aws("sns unsubscribe --subscription-arn %s", s.ARN)
	client := sqs.NewFromConfig(d.Config)
	switch s.Protocol {
	case "sqs":
		url, err := queues.URL(ctx, client, s.Endpoint)
		if err != nil {
			return found, err
		}
		if url == "" {
			found = append(found, d.missingQueue(s, unsubscribe))
		}
	case "lambda":
		_, err := lambda.NewFromConfig(d.Config).GetFunctionConfiguration(ctx,
			&lambda.GetFunctionConfigurationInput{FunctionName: &s.Endpoint})
		if deployment.IsNotFound(err) {
			found = append(found, Finding{
				Resource: s.Endpoint, What: "its function does not exist", Why: noEvents,
				Do: "deploy the function again; or, if it was deleted on purpose: " + unsubscribe,
			})
		} else if err != nil {
			return found, fmt.Errorf("read subscriber %s: %w", s.Endpoint, err)
		}
	}
	if s.DeadLetterQueueARN == "" {
		return found, nil
	}
	url, err := queues.URL(ctx, client, s.DeadLetterQueueARN)
	if err == nil && url == "" {
		found = append(found, Finding{
			Resource: s.Endpoint,
			What:     fmt.Sprintf("its dead-letter queue %s does not exist", s.DeadLetterQueueARN),
			Why:      "events that cannot be delivered to this subscriber are lost to it",
			Do: d.aws("sqs create-queue --queue-name %s --attributes MessageRetentionPeriod=%.0f",
				queues.NameOf(s.DeadLetterQueueARN), contract.MessageRetention.Seconds()),
		})
	}
	return found, err
}

// missingQueue is the finding of a subscription whose queue does not exist.
func (d *Doctor) missingQueue(s queues.Subscription, unsubscribe string) Finding {
	queue := queues.NameOf(s.Endpoint)
	name := queue
	for _, known := range d.Deployment.Subscribers {
		if strings.HasSuffix(known.QueueURL, "/"+queue) {
			name = known.Name
		}
	}
	return Finding{
		Resource: s.Endpoint, What: "its queue does not exist",
		Why: noEvents + "; every delivery fails",
		Do: "create the queue again, with the policy that lets the topic send to it: " +
			d.aws("sqs create-queue --queue-name %s --attributes file://ATTRIBUTES", queue) +
			"\n" + d.replayTo(name) +
			"\nor, if the queue was deleted on purpose: " + unsubscribe,
	}
}
