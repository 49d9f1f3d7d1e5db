package recovery

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/filterpolicy"
)

// SubscriberTopic takes the place of a publisher's topic and sends the events to the queue of one
// subscriber only. Bodies and attributes are those of a raw delivery by SNS.
type SubscriberTopic struct {
	// Queue is the SQS client. Required.
	Queue interface {
		SendMessageBatch(
			context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options),
		) (*sqs.SendMessageBatchOutput, error)
	}
	// QueueURL is the subscriber's queue. Required.
	QueueURL string
	// Filter is the subscription's filter. Default: every event.
	Filter Filter
	// Filtered is called after each successful PublishBatch, with the number of its events that the
	// filter dropped. Default: not called.
	Filtered func(events int)
}

// PublishBatch sends the events. Those that the filter drops count as published, as with SNS.
func (s *SubscriberTopic) PublishBatch(
	ctx context.Context, in *sns.PublishBatchInput, _ ...func(*sns.Options),
) (*sns.PublishBatchOutput, error) {
	out := &sns.PublishBatchOutput{}
	var entries []types.SendMessageBatchRequestEntry
	for _, e := range in.PublishBatchRequestEntries {
		attributes, texts := map[string]types.MessageAttributeValue{}, map[string]string{}
		for name, value := range e.MessageAttributes {
			attributes[name] = types.MessageAttributeValue{
				DataType: value.DataType, StringValue: value.StringValue,
			}
			texts[name] = aws.ToString(value.StringValue)
		}
		if s.Filter != nil && !s.Filter(texts) {
			out.Successful = append(out.Successful, snstypes.PublishBatchResultEntry{Id: e.Id})
			continue
		}
		entries = append(entries, types.SendMessageBatchRequestEntry{
			Id: e.Id, MessageBody: e.Message, MessageAttributes: attributes,
		})
	}
	filtered := len(out.Successful)
	if len(entries) > 0 {
		if err := s.send(ctx, entries, out); err != nil {
			return nil, err
		}
	}
	if s.Filtered != nil {
		s.Filtered(filtered)
	}
	return out, nil
}

// send sends the entries and adds what became of them to out.
func (s *SubscriberTopic) send(
	ctx context.Context, entries []types.SendMessageBatchRequestEntry, out *sns.PublishBatchOutput,
) error {
	sent, err := s.Queue.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{
		QueueUrl: aws.String(s.QueueURL), Entries: entries,
	})
	if err != nil {
		return fmt.Errorf("send to the subscriber's queue: %w", err)
	}
	for _, e := range sent.Successful {
		out.Successful = append(out.Successful, snstypes.PublishBatchResultEntry{
			Id: e.Id, MessageId: e.MessageId,
		})
	}
	for _, e := range sent.Failed {
		out.Failed = append(out.Failed, snstypes.BatchResultErrorEntry{
			Id: e.Id, Code: e.Code, Message: e.Message, SenderFault: e.SenderFault,
		})
	}
	return nil
}

// Filter reports whether a subscriber receives an event with these message attributes.
type Filter func(attributes map[string]string) bool

// ParseFilter parses a subscription's filter policy on message attributes. An empty policy lets
// every event through. A policy that SNS does not accept is an error.
func ParseFilter(policy string) (Filter, error) {
	if policy == "" {
		return func(map[string]string) bool { return true }, nil
	}
	parsed, err := filterpolicy.Parse(filterpolicy.Attributes, []byte(policy))
	if err != nil {
		return nil, fmt.Errorf("filter policy: %w", err)
	}
	return parsed.Match, nil
}
