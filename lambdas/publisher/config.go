package publisher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/publishing"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// Topic is what the publisher needs of SNS.
type Topic interface {
	PublishBatch(context.Context, *sns.PublishBatchInput, ...func(*sns.Options)) (
		*sns.PublishBatchOutput, error)
}

// Queue is what the publisher needs of SQS.
type Queue interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (
		*sqs.SendMessageOutput, error)
}

// Config configures a Handler.
type Config struct {
	// Topic is the SNS client. Required.
	Topic Topic
	// Queue is the SQS client. Required.
	Queue Queue
	// TopicARN is the topic of the events. Required.
	TopicARN string
	// OnFailureQueueURL is the queue for the failure records of events that can never be published.
	// Required.
	OnFailureQueueURL string
	// MaxEventBytes is the topic's message size limit in bytes, which also bounds the sum of one
	// PublishBatch. Required.
	MaxEventBytes int
	// Format is the source and the type of the events. Default: order.DefaultEventSource and
	// order.DefaultEventType.
	Format order.EventFormat
	// Attributes names the top-level text fields of the document that become message attributes, for
	// filter policies: at most contract.MaxEventAttributes. Default: none.
	Attributes []string
	// Now returns the time, for the deadline. Default: time.Now.
	Now func() time.Time
	// Sleep waits between two tries at the same entries. Default: a timer that ends with the context.
	Sleep func(context.Context, time.Duration) error
	// Logger gets one line per batch. Default: JSON on standard output.
	Logger *slog.Logger
}

// Handler is the publisher.
type Handler struct {
	Config
	publisher publishing.Publisher
}

// New checks the configuration and fills in its defaults. The error lists everything that is wrong.
func New(config Config) (*Handler, error) {
	var errs []error
	require := func(given bool, field string) {
		if !given {
			errs = append(errs, fmt.Errorf("publisher.Config.%s: required", field))
		}
	}
	require(config.Topic != nil, "Topic")
	require(config.Queue != nil, "Queue")
	require(config.TopicARN != "", "TopicARN")
	require(config.OnFailureQueueURL != "", "OnFailureQueueURL")
	require(config.MaxEventBytes > 0, "MaxEventBytes")
	if n := len(config.Attributes); n > contract.MaxEventAttributes {
		errs = append(
			errs,
			fmt.Errorf("publisher.Config.Attributes: has %d (at most %d fit in a message)",
				n, contract.MaxEventAttributes),
		)
	}
	if config.Format == (order.EventFormat{}) {
		config.Format = order.EventFormat{Source: order.DefaultEventSource, Type: order.DefaultEventType}
	}
	if err := config.Format.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("publisher.Config.Format: %w", err))
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = function.Logger()
	}
	h := &Handler{Config: config}
	h.publisher = publishing.Publisher{
		Topic: config.Topic, TopicARN: config.TopicARN, MaxEventBytes: config.MaxEventBytes,
		Format: config.Format, Attributes: config.Attributes, Sleep: config.Sleep,
		BeforeCall: func(ctx context.Context) error { return function.TimeLeft(ctx, h.Now()) },
	}
	return h, errors.Join(errs...)
}

// FromEnvironment makes the Handler of a deployed function from the environment variables
// TOPIC_ARN, ON_FAILURE_QUEUE_URL, MAX_EVENT_BYTES, EVENT_SOURCE and EVENT_TYPE, and from
// EVENT_ATTRIBUTES (comma-separated) if it is set.
func FromEnvironment(ctx context.Context) (*Handler, error) {
	var env function.Environment
	config := Config{
		TopicARN:          env.String(contract.EnvTopicARN),
		OnFailureQueueURL: env.String(contract.EnvOnFailureQueueURL),
		MaxEventBytes:     env.Bytes(contract.EnvMaxEventBytes),
		Format: order.EventFormat{
			Source: env.String(contract.EnvEventSource), Type: env.String(contract.EnvEventType),
		},
		Attributes: env.List(contract.EnvEventAttributes),
	}
	if err := env.Err(); err != nil {
		return nil, err
	}
	clients, err := function.Config(ctx)
	if err != nil {
		return nil, err
	}
	config.Topic, config.Queue = sns.NewFromConfig(clients), sqs.NewFromConfig(clients)
	return New(config)
}

// Must returns the handler, or panics with the error: the main of a function has no caller to
// return it to, and Lambda logs the panic.
func Must(h *Handler, err error) *Handler {
	if err != nil {
		panic(err)
	}
	return h
}
