package replay

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/publishing"
	"github.com/orderpipeline/orderpipeline/internal/queues"
	"github.com/orderpipeline/orderpipeline/internal/recovery"
	"github.com/orderpipeline/orderpipeline/order"
)

// Publisher returns a publisher with the settings of the deployed one, so that it publishes the
// same bytes.
func Publisher(
	ctx context.Context, cfg aws.Config, d *deployment.Deployment,
) (*publishing.Publisher, error) {
	out, err := lambda.NewFromConfig(cfg).GetFunctionConfiguration(ctx,
		&lambda.GetFunctionConfigurationInput{FunctionName: &d.PublisherFunction})
	if err != nil {
		return nil, fmt.Errorf("read the settings of the publisher: %w", err)
	}
	settings := map[string]string{}
	if out.Environment != nil {
		settings = out.Environment.Variables
	}
	publisher := &publishing.Publisher{
		Topic:    sns.NewFromConfig(cfg),
		TopicARN: settings[contract.EnvTopicARN],
		Format: order.EventFormat{
			Source: settings[contract.EnvEventSource], Type: settings[contract.EnvEventType],
		},
		Attributes: strings.FieldsFunc(settings[contract.EnvEventAttributes],
			func(r rune) bool { return r == ',' }),
	}
	publisher.MaxEventBytes, err = strconv.Atoi(settings[contract.EnvMaxEventBytes])
	if err != nil || publisher.MaxEventBytes < 1 || publisher.TopicARN == "" ||
		publisher.Format.Validate() != nil || len(publisher.Attributes) > contract.MaxEventAttributes {
		return nil, &failure.Error{
			What: "the deployed publisher has settings that this command does not know",
			Next: "use the command of the same version as the deployment",
		}
	}
	return publisher, nil
}

// SubscriberTopic returns a topic that sends events to one subscriber only. filtered receives how
// many events its filter policy drops. repair is the command that finds out what is wrong with a
// subscription.
func SubscriberTopic(
	ctx context.Context, cfg aws.Config, d *deployment.Deployment, name, repair string,
	filtered func(int),
) (*recovery.SubscriberTopic, error) {
	s, err := queues.FindSubscriber(ctx, cfg, d, name)
	if err != nil {
		return nil, err
	}
	all, err := queues.ListSubscriptions(ctx, cfg, d.TopicARN, true)
	if err != nil {
		return nil, err
	}
	queue := queues.NameOf(s.QueueURL)
	i := slices.IndexFunc(all, func(s queues.Subscription) bool {
		return s.Protocol == "sqs" && queues.NameOf(s.Endpoint) == queue
	})
	if i < 0 {
		return nil, &failure.Error{
			What: fmt.Sprintf("the queue of %s is not subscribed to the topic, "+
				"so its filter policy is unknown", name),
			Next: "fix the subscription first: " + repair,
		}
	}
	const toTopic = "publish to the topic instead, without --to-subscriber"
	if all[i].FilterScope == "MessageBody" && all[i].FilterPolicy != "" {
		return nil, &failure.Error{
			What: fmt.Sprintf("the filter policy of %s is on the message body, "+
				"which this command cannot evaluate", name),
			Next: toTopic,
		}
	}
	filter, err := recovery.ParseFilter(all[i].FilterPolicy)
	if err != nil {
		return nil, &failure.Error{
			What: fmt.Sprintf("subscriber %s: %v", name, err), Next: toTopic, Err: err,
		}
	}
	return &recovery.SubscriberTopic{
		Queue: sqs.NewFromConfig(cfg), QueueURL: s.QueueURL, Filter: filter, Filtered: filtered,
	}, nil
}
