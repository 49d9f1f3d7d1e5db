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

// Config is what a Handler works with. Topic, Queue, TopicARN, OnFailureQueueURL and MaxEventBytes are required.
type Config struct {
	// Topic is the SNS client.
	Topic Topic
	// Queue is the SQS client.
	Queue Queue
	// TopicARN is the topic of the events.
	TopicARN string
	// OnFailureQueueURL is the queue for records that can never be published.
	OnFailureQueueURL string
	// MaxEventBytes is the topic's message size limit, which also holds for the sum of one PublishBatch.
	MaxEventBytes int
	// Format gives the events their source and type. Default: order.DefaultEventSource and order.DefaultEventType.
	Format order.EventFormat
	// Attributes names the document's top-level text fields that become message attributes, for filter policies; with the
	// event's type they are at most 10. Default: none.
	Attributes []string
	// Now gives the time, for the deadline. Default: time.Now.
	Now func() time.Time
	// Sleep waits between two tries at the same entries. Default: a timer that ends with the context.
	Sleep func(context.Context, time.Duration) error
	// Logger gets one line a batch. Default: JSON on standard output.
	Logger *slog.Logger
}

// Handler is the publisher.
type Handler struct {
	Config
	publisher publishing.Publisher
}

// New checks the configuration and fills in its defaults. It reports everything that is wrong at once.
func New(config Config) (*Handler, error) {
	var errs []error
	if config.Topic == nil {
		errs = append(errs, errors.New("publisher: Topic is required"))
	}
	if config.Queue == nil {
		errs = append(errs, errors.New("publisher: Queue is required"))
	}
	if config.TopicARN == "" {
		errs = append(errs, errors.New("publisher: TopicARN is required"))
	}
	if config.OnFailureQueueURL == "" {
		errs = append(errs, errors.New("publisher: OnFailureQueueURL is required"))
	}
	if config.MaxEventBytes < 1 {
		errs = append(errs, fmt.Errorf("publisher: MaxEventBytes is %d, must be at least 1", config.MaxEventBytes))
	}
	if len(config.Attributes) > contract.MaxEventAttributes {
		errs = append(errs, fmt.Errorf("publisher: %d Attributes, at most %d fit beside the event's type", len(config.Attributes), contract.MaxEventAttributes))
	}
	if config.Format == (order.EventFormat{}) {
		config.Format = order.EventFormat{Source: order.DefaultEventSource, Type: order.DefaultEventType}
	}
	if err := config.Format.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("publisher: Format: %w", err))
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

// FromEnvironment makes the Handler of a deployed function from TOPIC_ARN, ON_FAILURE_QUEUE_URL, MAX_EVENT_BYTES,
// EVENT_SOURCE, EVENT_TYPE and EVENT_ATTRIBUTES (comma-separated, may be missing).
func FromEnvironment(ctx context.Context) (*Handler, error) {
	var env function.Environment
	config := Config{
		TopicARN:          env.String(contract.EnvTopicARN),
		OnFailureQueueURL: env.String(contract.EnvOnFailureQueueURL),
		MaxEventBytes:     env.Bytes(contract.EnvMaxEventBytes),
		Format:            order.EventFormat{Source: env.String(contract.EnvEventSource), Type: env.String(contract.EnvEventType)},
		Attributes:        env.List(contract.EnvEventAttributes),
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

// Must gives the handler or panics: a function that cannot start has nobody to return an error to.
func Must(h *Handler, err error) *Handler {
	if err != nil {
		panic(err)
	}
	return h
}
