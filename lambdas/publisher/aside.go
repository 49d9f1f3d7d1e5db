package publisher

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// PutAside is the body of a message that the publisher sends to the on-failure queue: which order's event could not be
// published, and why. The order itself stays in the table.
type PutAside struct {
	// Source is always PutAsideSource; it tells the message from the ones that Lambda sends to the same queue.
	Source string `json:"source"`
	// Version of this format, 1.
	Version int `json:"version"`
	// OrderID and EventID name the order and its event. Both are empty when the record had no order id.
	OrderID string `json:"orderId"`
	EventID string `json:"eventId"`
	// SequenceNumber is the record's in the stream.
	SequenceNumber string `json:"sequenceNumber"`
	// Reason is too-large, invalid-parameter, invalid-image or internal.
	Reason string `json:"reason"`
}

// PutAsideSource is the Source of every PutAside.
const PutAsideSource = "orderpipeline.publisher"

// setAside sends an entry that can never be published to the on-failure queue.
func (r *run) setAside(ctx context.Context, e entry) error {
	if err := function.TimeLeft(ctx, r.Now()); err != nil {
		return err
	}
	aside := PutAside{
		Source: PutAsideSource, Version: 1,
		OrderID: e.orderID, SequenceNumber: e.sequenceNumber, Reason: e.unpublishable,
	}
	if e.orderID != "" {
		aside.EventID = order.EventID(e.orderID)
	}
	body, _ := json.Marshal(aside) // strings and a number: nothing that could fail
	_, err := r.Queue.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl:    aws.String(r.OnFailureQueueURL),
		MessageBody: aws.String(string(body)),
	})
	if err == nil {
		r.putAside++
	}
	return err
}
