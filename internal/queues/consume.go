package queues

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

// Event is a CloudEvents event as a subscriber receives it.
type Event struct {
	ID      string          `json:"id"`
	Source  string          `json:"source"`
	Type    string          `json:"type"`
	Subject string          `json:"subject"`
	Time    string          `json:"time"`
	Data    json.RawMessage `json:"data"`
}

// Consume receives messages from a subscriber's queue and deletes those whose bodies take accepts,
// until ctx ends or, with untilEmpty, until no message has come for that long (whole seconds).
//
// The end of ctx does not cut off a request: the messages in an answer that is not read would stay
// invisible. A request therefore waits two seconds at most.
func Consume(
	ctx context.Context, client *sqs.Client, s deployment.Subscriber, untilEmpty time.Duration,
	take func(body string) bool,
) error {
	c := consumer{client: client, subscriber: s, take: take, wait: 2 * time.Second}
	if untilEmpty > 0 {
		c.wait = min(c.wait, untilEmpty)
	}
	for last := time.Now(); ; {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		received, err := c.receive(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		if received > 0 {
			last = time.Now()
		}
		if untilEmpty > 0 && time.Since(last) >= untilEmpty {
			return nil
		}
	}
}

type consumer struct {
	client     *sqs.Client
	subscriber deployment.Subscriber
	take       func(body string) bool
	wait       time.Duration
}

// receive makes one request and returns how many messages it brought.
func (c *consumer) receive(ctx context.Context) (int, error) {
	failed := func(doing string, err error) error {
		return fmt.Errorf("%s the queue of %s: %w", doing, c.subscriber.Name, err)
	}
	url := &c.subscriber.QueueURL
	got, err := c.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: 10,
		WaitTimeSeconds: int32(c.wait / time.Second), VisibilityTimeout: 30,
	})
	if err != nil {
		return 0, failed("receive from", err)
	}
	var taken []types.DeleteMessageBatchRequestEntry
	var left []types.ChangeMessageVisibilityBatchRequestEntry
	for i, message := range got.Messages {
		id := aws.String(fmt.Sprint(i))
		if c.take(aws.ToString(message.Body)) {
			taken = append(taken, types.DeleteMessageBatchRequestEntry{
				Id: id, ReceiptHandle: message.ReceiptHandle,
			})
		} else {
			left = append(left, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: id, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0,
			})
		}
	}
	if len(taken) > 0 {
		deleted, err := c.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{
			QueueUrl: url, Entries: taken,
		})
		if err != nil {
			return 0, failed("delete from", err)
		}
		for _, f := range deleted.Failed {
			// The SDK's retry of a request whose answer was lost: the first one deleted the message.
			if aws.ToString(f.Code) != "ReceiptHandleIsInvalid" {
				return 0, failed("delete from", errors.New(aws.ToString(f.Message)))
			}
		}
	}
	if len(left) > 0 { // so that the next reader does not have to wait for them
		_, err := c.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{
			QueueUrl: url, Entries: left,
		})
		if err != nil {
			return 0, failed("return messages to", err)
		}
	}
	return len(got.Messages), nil
}
