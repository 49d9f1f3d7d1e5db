package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Queues is what this package needs of SQS.
type Queues interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (
		*sqs.ReceiveMessageOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (
		*sqs.SendMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (
		*sqs.DeleteMessageOutput, error)
	ChangeMessageVisibilityBatch(
		context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options),
	) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Visibility is the visibility timeout of a message that is read or moved. A run that is killed
// keeps its messages invisible for at most this long. A run that ends by itself, interrupted or
// not, makes the messages that it leaves visible at once.
const Visibility = time.Minute

// maxHeld keeps a pass below the 120,000 messages that may be in flight on a standard queue (Amazon
// SQS, "Message quotas").
const maxHeld = 100_000

// errEnough ends a pass before the end of the queue. It is not a failure.
var errEnough = errors.New("enough")

// pass goes through a queue once. Each message is received, held until the end of the pass so that
// it is not received again, and then made visible, unless handle had it removed. A message for
// which handle returned an error stays.
type pass struct {
	queues Queues
	url    string
	batch  int // messages received per call, 1 to contract.MaxBatchEntries; 0: the most
	now    func() time.Time

	held []held
	seen map[string]bool
}

// handler says whether to remove a message from the queue.
type handler func(types.Message) (remove bool, err error)

type held struct {
	id, receipt string
	until       time.Time // when it becomes visible by itself
}

func (p *pass) run(ctx context.Context, handle handler) error {
	if p.now == nil {
		p.now = time.Now
	}
	p.seen = map[string]bool{}
	err := p.each(ctx, handle)
	if errors.Is(err, errEnough) {
		err = nil
	}
	// Not deferred: a killed process does not do it either, and the simulation kills this one.
	releaseErr := p.extend(context.WithoutCancel(ctx), p.held, 0)
	if err == nil && releaseErr != nil {
		err = fmt.Errorf("make the remaining messages of %s visible (they become visible within %v): %w",
			p.url, Visibility, releaseErr)
	}
	return err
}

func (p *pass) each(ctx context.Context, handle handler) error {
	// ctx ends the pass between two calls, but does not cut off a call: the messages in a lost answer
	// would stay invisible, and a message that was sent would not be deleted.
	whole := context.WithoutCancel(ctx)
	for stale := 0; stale < 3; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(p.held) >= maxHeld {
			return fmt.Errorf("%s: more than %d messages stay on the queue (no more can be held at a time)",
				p.url, maxHeld)
		}
		if err := p.renew(whole); err != nil {
			return err
		}
		received := p.now()
		out, err := p.queues.ReceiveMessage(whole, &sqs.ReceiveMessageInput{
			QueueUrl:              aws.String(p.url),
			MaxNumberOfMessages:   int32(batchSize(p.batch)),
			MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{
				types.MessageSystemAttributeNameSentTimestamp,
				types.MessageSystemAttributeNameApproximateReceiveCount,
			},
			VisibilityTimeout: int32(Visibility / time.Second),
			WaitTimeSeconds:   2, // a long poll asks all of the queue's servers
		})
		if err != nil {
			return fmt.Errorf("receive from %s: %w", p.url, err)
		}
		if len(out.Messages) == 0 {
			return nil
		}
		// All of them first, so that those after an error are made visible at the end.
		for _, message := range out.Messages {
			p.hold(message, received)
		}
		stale++
		for _, message := range out.Messages {
			if err := ctx.Err(); err != nil {
				return err
			}
			id := aws.ToString(message.MessageId)
			if p.seen[id] { // a standard queue may deliver twice
				continue
			}
			p.seen[id], stale = true, 0
			remove, err := handle(message)
			if err != nil {
				return err
			}
			if !remove {
				continue
			}
			if _, err := p.queues.DeleteMessage(whole, &sqs.DeleteMessageInput{
				QueueUrl:      aws.String(p.url),
				ReceiptHandle: message.ReceiptHandle,
			}); err != nil {
				return fmt.Errorf("delete from %s: %w", p.url, err)
			}
			p.held = slices.DeleteFunc(p.held, func(h held) bool { return h.id == id })
		}
	}
	return nil
}

func (p *pass) hold(message types.Message, received time.Time) {
	h := held{
		id: aws.ToString(message.MessageId), receipt: aws.ToString(message.ReceiptHandle),
		until: received.Add(Visibility),
	}
	for i := range p.held {
		if p.held[i].id == h.id {
			p.held[i] = h // only the last receipt handle counts
			return
		}
	}
	p.held = append(p.held, h)
}

// renew extends the visibility timeout of messages that would soon be visible again.
func (p *pass) renew(ctx context.Context) error {
	var soon []held
	now := p.now()
	for i, h := range p.held {
		if h.until.Sub(now) < Visibility/2 {
			soon = append(soon, h)
			p.held[i].until = now.Add(Visibility)
		}
	}
	if err := p.extend(ctx, soon, Visibility); err != nil {
		return fmt.Errorf("hold messages of %s: %w", p.url, err)
	}
	return nil
}

// extend sets the visibility timeout of messages. It ignores those that were deleted or are visible
// by now.
func (p *pass) extend(ctx context.Context, messages []held, timeout time.Duration) (first error) {
	for chunk := range slices.Chunk(messages, contract.MaxBatchEntries) {
		var entries []types.ChangeMessageVisibilityBatchRequestEntry
		for i, h := range chunk {
			entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(fmt.Sprint(i)), ReceiptHandle: aws.String(h.receipt),
				VisibilityTimeout: int32(timeout / time.Second),
			})
		}
		_, err := p.queues.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
			QueueUrl: aws.String(p.url), Entries: entries,
		})
		if err != nil && first == nil {
			first = err
		}
	}
	return first
}

func batchSize(n int) int {
	if n < 1 || n > contract.MaxBatchEntries {
		return contract.MaxBatchEntries
	}
	return n
}
