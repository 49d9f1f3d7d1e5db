package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Failures is what the messages of an on-failure queue name.
type Failures struct {
	// Messages counts the messages that could be read.
	Messages int
	// OrderIDs are the orders that the publisher put aside.
	OrderIDs []string
	// Spans hold the orders that Lambda gave up: merged, so that one scan finds all.
	Spans []Span
	// Unreadable has an error for each message that names neither. They stay on the queue.
	Unreadable []error

	read map[string]bool // the messages that are done once all this is published
}

// Failures reads the on-failure queue and leaves everything there.
func (r *Replay) Failures(ctx context.Context, url string) (Failures, error) {
	f := Failures{read: map[string]bool{}}
	var spans []Span
	p := pass{queues: r.Queues, url: url, now: r.Now}
	err := p.run(ctx, func(message types.Message) (remove bool, err error) {
		failure, err := ParseFailure([]byte(aws.ToString(message.Body)))
		switch {
		case err != nil:
			f.Unreadable = append(f.Unreadable, fmt.Errorf("message %s: %w", aws.ToString(message.MessageId), err))
			return false, nil
		case failure.OrderID == "":
			spans = append(spans, Span{failure.First, failure.Last})
		case !slices.Contains(f.OrderIDs, failure.OrderID):
			f.OrderIDs = append(f.OrderIDs, failure.OrderID)
		}
		f.Messages++
		f.read[aws.ToString(message.MessageId)] = true
		return false, nil
	})
	slices.Sort(f.OrderIDs)
	f.Spans = Merge(spans)
	return f, err
}

// OnFailure publishes what the messages of the on-failure queue name, then deletes these messages. Messages that came
// since they were read stay: what can never be published is put aside once more by the replay itself, and a run that
// took its own messages up would not end. Messages that nobody can read stay too, and are part of the error.
//
// Missing are the ids of orders that are not stored (any more). Their messages are deleted: nothing is left to publish.
func (r *Replay) OnFailure(ctx context.Context, url string, f Failures) (replayed int, missing []string, err error) {
	back := *r
	back.onFailureURL = url
	replayed, missing, err = back.ByID(ctx, f.OrderIDs...)
	if err == nil {
		var n int
		n, err = back.Between(ctx, f.Spans...)
		replayed += n
	}
	if err != nil {
		return replayed, missing, err
	}
	left := len(f.read)
	p := pass{queues: r.Queues, url: url, now: r.Now}
	err = p.run(ctx, func(message types.Message) (remove bool, err error) {
		if left == 0 {
			return false, errEnough
		}
		if f.read[aws.ToString(message.MessageId)] {
			left--
			return true, nil
		}
		return false, nil
	})
	if err == nil && left > 0 {
		err = fmt.Errorf("%d messages of the on-failure queue are published and could not be deleted: somebody else has them", left)
	}
	return replayed, missing, errors.Join(append(slices.Clone(f.Unreadable), err)...)
}
