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
	// OrderIDs are the orders that the publisher's failure records name.
	OrderIDs []string
	// All are the failures, one for each message that could be read.
	All []Failure
	// Spans are the times of the orders that Lambda discarded, merged so that one scan finds all.
	Spans []Span
	// Unreadable has an error for each message that names neither. Such messages stay on the queue.
	Unreadable []error

	read map[string]bool // ids of the messages to delete once everything is published
}

// Failures reads the on-failure queue and leaves its messages there.
func (r *Replay) Failures(ctx context.Context, url string) (Failures, error) {
	f := Failures{read: map[string]bool{}}
	var spans []Span
	p := pass{queues: r.Queues, url: url, now: r.Now}
	err := p.run(ctx, func(message types.Message) (remove bool, err error) {
		failure, err := ParseFailure([]byte(aws.ToString(message.Body)))
		switch {
		case err != nil:
			id := aws.ToString(message.MessageId)
			f.Unreadable = append(f.Unreadable, fmt.Errorf("message %s: %w", id, err))
			return false, nil
		case failure.OrderID == "":
			spans = append(spans, Span{failure.First, failure.Last})
		case !slices.Contains(f.OrderIDs, failure.OrderID):
			f.OrderIDs = append(f.OrderIDs, failure.OrderID)
		}
		f.All = append(f.All, failure)
		f.read[aws.ToString(message.MessageId)] = true
		return false, nil
	})
	slices.Sort(f.OrderIDs)
	f.Spans = Merge(spans)
	return f, err
}

// OnFailure publishes what the messages of the on-failure queue name, and then deletes these
// messages. For an event that can never be published it sends a new failure record. Messages that
// arrived after the queue was read stay: a run that took up its own failure records would not end.
// Unreadable messages stay too, and are part of the error.
//
// missing are the ids of orders that are not stored, or no longer. Their messages are deleted,
// since nothing is left to publish.
func (r *Replay) OnFailure(
	ctx context.Context, url string, f Failures,
) (replayed int, missing []string, err error) {
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
		err = fmt.Errorf("%d messages of the on-failure queue are published but could not be deleted "+
			"(another consumer has received them)", left)
	}
	return replayed, missing, errors.Join(append(slices.Clone(f.Unreadable), err)...)
}
