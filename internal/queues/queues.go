// Package queues reads the queues of a deployment and those of the topic's subscribers: which ones
// hold messages that are stuck, how many, and how to receive them.
package queues

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

// Stuck is a queue for messages that could not go on. It should be empty.
type Stuck struct {
	// Name is for people: "dead-letter queue of Billing".
	Name string
	// Command lists the messages: the arguments of the operator's command. With --yes it sends them
	// back on their way.
	Command string
	// URL is the queue.
	URL string
	// Target is the queue that the messages go back to. It is empty for the on-failure queue, whose
	// events are published again instead.
	Target string
	// Impact says why the messages matter.
	Impact string
	// DefaultReason is the reason of a message that does not name one.
	DefaultReason string
}

const receivedTooOften = "received-too-often"

// RetentionDays is how long the queues keep a message.
const RetentionDays = int(contract.MessageRetention / (24 * time.Hour))

// All returns the stuck queues of a deployment, demo subscribers included.
func All(d *deployment.Deployment) []Stuck {
	all := []Stuck{
		{
			Name: "dead-letter queue", Command: "redrive dlq",
			URL: d.DeadLetterQueueURL, Target: d.QueueURL, DefaultReason: receivedTooOften,
			Impact: fmt.Sprintf("these orders are accepted but neither stored nor refused; "+
				"they expire %d days after they were accepted", RetentionDays),
		},
		{
			Name: "rejected queue", Command: "redrive rejected",
			URL: d.RejectedQueueURL, Target: d.QueueURL, DefaultReason: "unknown",
			Impact: "these documents were accepted and then refused; their senders may not know",
		},
		{
			Name: "on-failure queue", Command: "replay --on-failure", URL: d.OnFailureQueueURL,
			Impact: "the orders that these messages name are stored, but their events are not published",
		},
	}
	for _, s := range d.Subscribers {
		all = append(all, OfSubscriber(s))
	}
	return all
}

// OfSubscriber returns a subscriber's dead-letter queue.
func OfSubscriber(s deployment.Subscriber) Stuck {
	return Stuck{
		Name: "dead-letter queue of " + s.Name, Command: "redrive subscriber " + s.Name,
		URL: s.DeadLetterQueueURL, Target: s.QueueURL, DefaultReason: receivedTooOften,
		Impact: "the subscriber has not processed these events",
	}
}

// Depth is how many messages a queue holds, approximately.
type Depth struct{ Visible, InFlight int }

// Total counts all messages.
func (d Depth) Total() int { return d.Visible + d.InFlight }

// ReadDepth counts the messages of a queue without receiving any.
func ReadDepth(ctx context.Context, client *sqs.Client, url string) (d Depth, err error) {
	const (
		visible  = types.QueueAttributeNameApproximateNumberOfMessages
		inFlight = types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	)
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{visible, inFlight},
	})
	if err != nil {
		return d, err
	}
	d.Visible, _ = strconv.Atoi(out.Attributes[string(visible)])
	d.InFlight, _ = strconv.Atoi(out.Attributes[string(inFlight)])
	return d, nil
}

// URL returns the URL of a queue by its ARN, "" when the queue does not exist.
func URL(ctx context.Context, client *sqs.Client, queueARN string) (string, error) {
	parsed, err := arn.Parse(queueARN)
	if err != nil {
		return "", err
	}
	out, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{
		QueueName: &parsed.Resource, QueueOwnerAWSAccountId: &parsed.AccountID,
	})
	if deployment.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find queue %s: %w", queueARN, err)
	}
	return aws.ToString(out.QueueUrl), nil
}

// NameOf returns the name of a queue or topic, given its URL or its ARN.
func NameOf(urlOrARN string) string { return urlOrARN[strings.LastIndexAny(urlOrARN, "/:")+1:] }
