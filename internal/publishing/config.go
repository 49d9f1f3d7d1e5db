package publishing

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/orderpipeline/orderpipeline/order"
)

// Topic is what a Publisher needs of SNS.
type Topic interface {
	PublishBatch(context.Context, *sns.PublishBatchInput, ...func(*sns.Options)) (
		*sns.PublishBatchOutput, error)
}

// Publisher makes events and publishes them. It is safe for concurrent use.
type Publisher struct {
	// Topic is the SNS client. Required.
	Topic Topic
	// TopicARN is the topic of the events. Required.
	TopicARN string
	// MaxEventBytes is the topic's message size limit in bytes, which also bounds the sum of one
	// PublishBatch. Required.
	MaxEventBytes int
	// Format is the source and the type of the events. Required.
	Format order.EventFormat
	// Attributes names the top-level text fields of the document that become message attributes.
	// Default: none.
	Attributes []string
	// BeforeCall is called before each PublishBatch and before each event is handed to the callback
	// of Publish. Its error ends the work. Default: nothing is called.
	BeforeCall func(context.Context) error
	// Sleep waits between two tries at the same entries. Default: a timer that ends with the
	// context.
	Sleep func(context.Context, time.Duration) error
}

func (p *Publisher) beforeCall(ctx context.Context) error {
	if p.BeforeCall == nil {
		return nil
	}
	return p.BeforeCall(ctx)
}

func (p *Publisher) sleep(ctx context.Context, d time.Duration) error {
	if p.Sleep != nil {
		return p.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
