package recovery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
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

// ParseFilter parses a subscription's filter policy on message attributes (Amazon SNS,
// "Subscription filter policies"). An empty policy lets every event through. An operator that it
// does not know is an error, because the subscriber would get too many events, or too few.
func ParseFilter(policy string) (Filter, error) {
	if policy == "" {
		return func(map[string]string) bool { return true }, nil
	}
	var conditions map[string]json.RawMessage
	if err := json.Unmarshal([]byte(policy), &conditions); err != nil {
		return nil, fmt.Errorf("filter policy: %w", err)
	}
	type named struct {
		name string
		want []matcher
	}
	var all []named
	for name, raw := range conditions {
		var options []json.RawMessage
		if strings.HasPrefix(name, "$") || json.Unmarshal(raw, &options) != nil {
			return nil, fmt.Errorf("filter policy: %s: %s (this release cannot evaluate it)", name, raw)
		}
		condition := named{name: name}
		for _, option := range options {
			m, err := parseMatcher(option)
			if err != nil {
				return nil, fmt.Errorf("filter policy: %s: %w", name, err)
			}
			condition.want = append(condition.want, m)
		}
		all = append(all, condition)
	}
	return func(attributes map[string]string) bool {
		for _, condition := range all {
			value, present := attributes[condition.name]
			wanted := func(m matcher) bool { return m(value, present) }
			if !slices.ContainsFunc(condition.want, wanted) {
				return false
			}
		}
		return true
	}, nil
}

// matcher is one of the values, or operators, that a condition lists.
type matcher func(value string, present bool) bool

func parseMatcher(raw json.RawMessage) (matcher, error) {
	var exact string
	if json.Unmarshal(raw, &exact) == nil && string(raw) != "null" {
		return func(value string, present bool) bool { return present && value == exact }, nil
	}
	var operator map[string]json.RawMessage
	if json.Unmarshal(raw, &operator) != nil || len(operator) != 1 {
		return nil, fmt.Errorf("%s (this release cannot evaluate it)", raw)
	}
	for name, argument := range operator {
		var text string
		isText := json.Unmarshal(argument, &text) == nil
		var exists bool
		var texts []string
		isExists := json.Unmarshal(argument, &exists) == nil
		isTexts := json.Unmarshal(argument, &texts) == nil
		var matches func(value string) bool
		switch {
		case name == "exists" && isExists:
			return func(_ string, present bool) bool { return present == exists }, nil
		case name == "prefix" && isText:
			matches = func(value string) bool { return strings.HasPrefix(value, text) }
		case name == "suffix" && isText:
			matches = func(value string) bool { return strings.HasSuffix(value, text) }
		case name == "equals-ignore-case" && isText:
			matches = func(value string) bool { return strings.EqualFold(value, text) }
		case name == "anything-but" && isText:
			matches = func(value string) bool { return value != text }
		case name == "anything-but" && isTexts:
			matches = func(value string) bool { return !slices.Contains(texts, value) }
		default:
			continue
		}
		return func(value string, present bool) bool { return present && matches(value) }, nil
	}
	return nil, fmt.Errorf("%s (this release cannot evaluate it)", raw)
}
