package publisher

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// sendToOnFailure sends an entry that can never be published to the on-failure queue.
func (r *run) sendToOnFailure(ctx context.Context, e entry) error {
	if err := function.TimeLeft(ctx, r.Now()); err != nil {
		return err
	}
	record := contract.FailureRecord{
		Source: contract.FailureSource, Version: contract.FailureVersion,
		OrderID: e.orderID, SequenceNumber: e.sequenceNumber, Reason: e.unpublishable,
	}
	if e.orderID != "" {
		record.EventID = order.EventID(e.orderID)
	}
	body, _ := json.Marshal(record) // strings and a number: nothing that could fail
	_, err := r.Queue.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl:    aws.String(r.OnFailureQueueURL),
		MessageBody: aws.String(string(body)),
	})
	if err == nil {
		r.failed++
	}
	return err
}
