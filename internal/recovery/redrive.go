package recovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// Redrive moves messages from one queue to another. It receives, sends and deletes, in this order,
// for every queue alike. (The service's own StartMessageMoveTask takes only the dead-letter queues
// of SQS queues.)
//
// When it is interrupted between send and delete, a message is on both queues. This loses and
// doubles nothing: an order carries its own id, and the processor stores it once.
type Redrive struct {
	// Queues is the SQS client. Required.
	Queues Queues
	// From and To are the URLs of the queues. Required.
	From, To string
	// Match says which messages to move. Default: all.
	Match func(Message) bool
	// Orders says that the messages are orders, not events. They are sent on with the time at which
	// they were first accepted, as [contract.AttributeAcceptedAt]. Default: false.
	Orders bool
	// Limit is the most messages to move. Default: all.
	Limit int
	// Batch is how many messages to receive per call, 1 to 10. With a slow Wait it should be small,
	// because a received message must be moved within Visibility. Default: 10.
	Batch int
	// Wait is called before each message that is moved, for a rate limit. Default: no limit.
	Wait func(context.Context) error
	// Moved is called for each message that was sent, before it is deleted. Default: not called.
	Moved func(Message)
	// Now returns the time. Default: time.Now.
	Now func() time.Time
}

// Result is the result of a redrive.
type Result struct {
	// Moved counts the messages that were sent to the other queue.
	Moved int
	// Left counts the messages that stay: those that do not match, arrived after the start, or could
	// not be sent.
	Left int
}

// Run moves the messages that are on the queue when it starts: a document that is refused again in
// the meantime is not moved again. After an error about a single message (for example, it is too
// large for the other queue) Run leaves the message and continues.
func (r *Redrive) Run(ctx context.Context) (result Result, err error) {
	now := r.Now
	if now == nil {
		now = time.Now
	}
	started := now()
	var stuck []error
	p := pass{queues: r.Queues, url: r.From, batch: r.Batch, now: now}
	err = p.run(ctx, func(received types.Message) (remove bool, err error) {
		m := readMessage(received)
		if m.SentAt.After(started) || r.Match != nil && !r.Match(m) {
			result.Left++
			return false, nil
		}
		if r.Limit > 0 && result.Moved == r.Limit {
			return false, errEnough
		}
		if r.Wait != nil {
			if err := r.Wait(ctx); err != nil {
				return false, err
			}
		}
		if err := r.send(context.WithoutCancel(ctx), m); isMessageError(err) {
			result.Left++
			stuck = append(stuck, fmt.Errorf("message %s cannot be sent to %s: %w", m.ID, r.To, err))
			return false, nil
		} else if err != nil {
			return false, fmt.Errorf("send to %s: %w", r.To, err)
		}
		result.Moved++
		if r.Moved != nil {
			r.Moved(m)
		}
		return true, nil
	})
	return result, errors.Join(append(stuck, err)...)
}

// send sends a message to the other queue.
func (r *Redrive) send(ctx context.Context, m Message) error {
	attributes := m.forwarded()
	in := &sqs.SendMessageInput{
		QueueUrl: aws.String(r.To), MessageBody: aws.String(m.Body), MessageAttributes: attributes,
	}
	if !r.Orders || m.AcceptedAt.IsZero() {
		_, err := r.Queues.SendMessage(ctx, in)
		return err
	}
	in.MessageAttributes = maps.Clone(attributes)
	in.MessageAttributes[contract.AttributeAcceptedAt] = types.MessageAttributeValue{
		DataType:    aws.String("String"),
		StringValue: aws.String(m.AcceptedAt.UTC().Format(order.TimeFormat)),
	}
	_, err := r.Queues.SendMessage(ctx, in)
	if isMessageError(err) && len(in.MessageAttributes) > len(attributes) {
		// An order of the full size, or with ten attributes of its sender, has no room for the time.
		in.MessageAttributes = attributes
		_, err = r.Queues.SendMessage(ctx, in)
	}
	return err
}

// isMessageError reports whether an error is about this message, not about all of them.
func isMessageError(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	return api.ErrorCode() == "InvalidParameterValue" || api.ErrorCode() == "InvalidMessageContents"
}

// Peek shows the messages of a queue until show returns false, and then makes them visible again. A
// message can only be read by receiving it, so its receive count grows by one.
func Peek(ctx context.Context, queues Queues, url string, show func(Message) (more bool)) error {
	p := pass{queues: queues, url: url}
	return p.run(ctx, func(received types.Message) (remove bool, err error) {
		if !show(readMessage(received)) {
			return false, errEnough
		}
		return false, nil
	})
}
