package recovery

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Queues is what Redrive and Replay need of SQS.
type Queues interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
}

// visibility is how long a message that is being moved stays out of everyone else's sight, in seconds. It is the longest
// that an interrupted move keeps a message waiting.
const visibility = 60

// Redrive moves up to limit messages from one queue to another: receive, send, delete, in that order. It ends when the
// first queue has no more, and gives the number of messages moved.
//
// Interrupted between send and delete, a message is in both queues. That loses nothing and doubles nothing: an order
// carries its own id, and the processor stores it once. The service's own move task (StartMessageMoveTask) takes only the
// DLQs of SQS queues; this takes every queue.
func Redrive(ctx context.Context, queues Queues, from, to string, limit int) (moved int, err error) {
	err = drain(ctx, queues, from, limit, func(message types.Message) error {
		if _, err := queues.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl:          aws.String(to),
			MessageBody:       message.Body,
			MessageAttributes: message.MessageAttributes, // filter policies and raw deliveries live on them
		}); err != nil {
			return fmt.Errorf("send to %s: %w", to, err)
		}
		moved++
		return nil
	})
	return moved, err
}

// errLeave says that a message stays on its queue, and that the next one may go on.
var errLeave = errors.New("left on the queue")

// drain gives up to limit messages of a queue to handle, and deletes each that was handled. It stops at the first error
// but errLeave; what is not deleted by then becomes visible again by itself.
func drain(ctx context.Context, queues Queues, url string, limit int, handle func(types.Message) error) error {
	for done := 0; done < limit; {
		out, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:                    aws.String(url),
			MaxNumberOfMessages:         int32(min(10, limit-done)),
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
			VisibilityTimeout:           visibility,
			WaitTimeSeconds:             2, // a long poll asks all of the queue's servers
		})
		if err != nil {
			return fmt.Errorf("receive from %s: %w", url, err)
		}
		if len(out.Messages) == 0 {
			return nil
		}
		for _, message := range out.Messages {
			done++
			if err := handle(message); errors.Is(err, errLeave) {
				continue
			} else if err != nil {
				return err
			}
			if _, err := queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{
				QueueUrl:      aws.String(url),
				ReceiptHandle: message.ReceiptHandle,
			}); err != nil {
				return fmt.Errorf("delete from %s: %w", url, err)
			}
		}
	}
	return nil
}
