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
)

// Queues is what this package needs of SQS.
type Queues interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Visibility is how long a message that is looked at or moved stays out of everyone else's sight. It is the longest that
// a run which was killed keeps a message waiting: one that ends by itself, interrupted or not, gives back what it leaves.
const Visibility = time.Minute

// maxHeld keeps a pass below the 120,000 messages that may be in flight on a standard queue (Amazon SQS, "Quotas").
const maxHeld = 100_000

// errEnough ends a pass before the queue's end; it is no failure.
var errEnough = errors.New("enough")

// pass goes through a queue once: each message is received, held until the end of the pass, so that it does not come
// again, and then given back, unless handle had it removed. A message that handle was given when it returned an error
// stays too.
type pass struct {
	queues Queues
	url    string
	batch  int // messages received at a time, 1 to 10; 0: 10
	now    func() time.Time

	held []held
	seen map[string]bool
}

type held struct {
	id, receipt string
	until       time.Time // when it becomes visible by itself
}

func (p *pass) run(ctx context.Context, handle func(types.Message) (remove bool, err error)) error {
	if p.now == nil {
		p.now = time.Now
	}
	p.seen = map[string]bool{}
	err := p.each(ctx, handle)
	if errors.Is(err, errEnough) {
		err = nil
	}
	// Not deferred: a process that was killed does not get to do it either, and the simulation kills this one.
	if releaseErr := p.extend(context.WithoutCancel(ctx), p.held, 0); err == nil && releaseErr != nil {
		err = fmt.Errorf("give back to %s what stays there (it comes back by itself within %v): %w", p.url, Visibility, releaseErr)
	}
	return err
}

func (p *pass) each(ctx context.Context, handle func(types.Message) (remove bool, err error)) error {
	// A call under way is not cut off: what an unheard answer carries would stay hidden, and a message sent would not be
	// deleted. Between two calls the pass ends with ctx.
	whole := context.WithoutCancel(ctx)
	for stale := 0; stale < 3; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(p.held) >= maxHeld {
			return fmt.Errorf("%s has more than %d messages that stay there: as many as can be held at a time", p.url, maxHeld)
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
				types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateReceiveCount,
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
		for _, message := range out.Messages { // first all: an error at one leaves the others to be given back
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
	h := held{aws.ToString(message.MessageId), aws.ToString(message.ReceiptHandle), received.Add(Visibility)}
	for i := range p.held {
		if p.held[i].id == h.id {
			p.held[i] = h // only the last receipt handle counts
			return
		}
	}
	p.held = append(p.held, h)
}

// renew holds on to messages that would soon be visible again.
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

// extend sets the visibility timeout of messages. One that is gone or visible by now is none of our business any more.
func (p *pass) extend(ctx context.Context, messages []held, timeout time.Duration) (first error) {
	for chunk := range slices.Chunk(messages, 10) {
		var entries []types.ChangeMessageVisibilityBatchRequestEntry
		for i, h := range chunk {
			entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(fmt.Sprint(i)), ReceiptHandle: aws.String(h.receipt), VisibilityTimeout: int32(timeout / time.Second),
			})
		}
		_, err := p.queues.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: aws.String(p.url), Entries: entries})
		if err != nil && first == nil {
			first = err
		}
	}
	return first
}

func batchSize(n int) int {
	if n < 1 || n > 10 {
		return 10
	}
	return n
}
