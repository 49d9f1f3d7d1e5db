package publishing

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// Queue is what SendFailure needs of SQS.
type Queue interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (
		*sqs.SendMessageOutput, error)
}

// SendFailure sends the failure record of an event that can never be published to the on-failure
// queue. sequenceNumber is that of the stream record; a replay has none.
func SendFailure(
	ctx context.Context, queue Queue, url string, e Event, sequenceNumber string,
) error {
	record := contract.FailureRecord{
		Source: contract.FailureSource, Version: contract.FailureVersion,
		OrderID: e.OrderID, SequenceNumber: sequenceNumber, Reason: e.Unpublishable,
	}
	if e.OrderID != "" {
		record.EventID = order.EventID(e.OrderID)
	}
	body, _ := json.Marshal(record) // strings and a number: nothing that could fail
	_, err := queue.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl:    aws.String(url),
		MessageBody: aws.String(string(body)),
	})
	return err
}
