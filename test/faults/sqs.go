package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// queue models a standard SQS queue: at least once, in any order, with a DLQ.
type queue struct {
	name        string
	messages    []*message
	dlq         *queue
	maxReceives int
}

type message struct {
	id, body   string
	attributes map[string]types.MessageAttributeValue
	sentAt     time.Time
	visibleAt  time.Time
	receives   int
}

func (w *World) id(prefix string) string {
	w.sequence++
	return fmt.Sprintf("%s-%06d", prefix, w.sequence)
}

func (w *World) send(q *queue, body string,
	attributes map[string]types.MessageAttributeValue) *message {
	m := &message{id: w.id("msg"), body: body, attributes: attributes, sentAt: w.clock,
		visibleAt: w.clock}
	q.messages = append(q.messages, m)
	return m
}

// receive returns up to limit visible messages, in any order. Messages that were received too often
// move to the DLQ instead.
func (w *World) receive(q *queue, limit int, visibility time.Duration) (batch []*message) {
	for _, n := range w.rng.Perm(len(q.messages)) {
		m := q.messages[n]
		if len(batch) == limit {
			break
		}
		if m.visibleAt.After(w.clock) {
			continue
		}
		m.receives++
		m.visibleAt = w.clock.Add(visibility)
		batch = append(batch, m)
	}
	if q.dlq == nil {
		return batch
	}
	kept := batch[:0]
	for _, m := range batch {
		if m.receives <= q.maxReceives {
			kept = append(kept, m)
			continue
		}
		w.note("%s moves to the %s", m.id, q.dlq.name)
		q.delete(m.id)
		m.visibleAt, m.receives = w.clock, 0
		q.dlq.messages = append(q.dlq.messages, m)
	}
	return kept
}

func (q *queue) delete(id string) {
	for n, m := range q.messages {
		if m.id == id {
			q.messages = append(q.messages[:n:n], q.messages[n+1:]...)
			return
		}
	}
}

// next is when the first message becomes visible; ok is false for an empty queue.
func (q *queue) next() (at time.Time, ok bool) {
	for n, m := range q.messages {
		if n == 0 || m.visibleAt.Before(at) {
			at = m.visibleAt
		}
	}
	return at, len(q.messages) > 0
}

func (w *World) queueOf(url *string) *queue {
	for _, q := range []*queue{w.queue, w.dlq, w.rejected, w.onFailure} {
		if q.name == aws.ToString(url) {
			return q
		}
	}
	panic("no such queue: " + aws.ToString(url))
}

// SendMessage is the processor's reject, the publisher's failure record, and the operator's move.
func (w *World) SendMessage(ctx context.Context, in *sqs.SendMessageInput,
	_ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	q := w.queueOf(in.QueueUrl)
	site := map[*queue]Site{w.rejected: SendRejected, w.onFailure: SendOnFailure,
		w.queue: RedriveSend}[q]
	what := aws.ToString(in.MessageBody)
	return call(w, ctx, site, what, func(Kind) (*sqs.SendMessageOutput, error) {
		return &sqs.SendMessageOutput{MessageId: aws.String(w.send(q, what,
			in.MessageAttributes).id)}, nil
	})
}

// ReceiveMessage is the operator's call.
func (w *World) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput,
	_ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	q := w.queueOf(in.QueueUrl)
	return call(w, ctx, RedriveReceive, q.name, func(Kind) (*sqs.ReceiveMessageOutput, error) {
		out := &sqs.ReceiveMessageOutput{}
		for _, m := range w.receive(q, int(in.MaxNumberOfMessages),
			time.Duration(in.VisibilityTimeout)*time.Second) {
			out.Messages = append(out.Messages, types.Message{
				MessageId: aws.String(m.id), ReceiptHandle: aws.String(m.id),
				Body: aws.String(m.body), MessageAttributes: m.attributes,
				Attributes: map[string]string{
					"SentTimestamp":           fmt.Sprint(m.sentAt.UnixMilli()),
					"ApproximateReceiveCount": fmt.Sprint(m.receives),
				},
			})
		}
		return out, nil
	})
}

// DeleteMessage is the operator's call.
func (w *World) DeleteMessage(ctx context.Context, in *sqs.DeleteMessageInput,
	_ ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	q := w.queueOf(in.QueueUrl)
	return call(w, ctx, RedriveDelete, aws.ToString(in.ReceiptHandle),
		func(Kind) (*sqs.DeleteMessageOutput, error) {
			q.delete(aws.ToString(in.ReceiptHandle))
			return &sqs.DeleteMessageOutput{}, nil
		})
}

// ChangeMessageVisibilityBatch is the operator's, to hold messages or to make them visible. It
// fails as receiving does.
func (w *World) ChangeMessageVisibilityBatch(ctx context.Context,
	in *sqs.ChangeMessageVisibilityBatchInput,
	_ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	q := w.queueOf(in.QueueUrl)
	return call(w, ctx, RedriveReceive, q.name,
		func(Kind) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
			for _, entry := range in.Entries {
				for _, m := range q.messages {
					if m.id == aws.ToString(entry.ReceiptHandle) {
						m.visibleAt = w.clock.Add(time.Duration(entry.VisibilityTimeout) * time.Second)
					}
				}
			}
			return &sqs.ChangeMessageVisibilityBatchOutput{}, nil
		})
}
