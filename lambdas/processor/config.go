package processor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
	"github.com/orderpipeline/orderpipeline/order"
)

// Table is what the processor needs of DynamoDB.
type Table interface {
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (
		*dynamodb.PutItemOutput, error)
	// TransactWriteItems writes refusals, and orders when there is a Step.
	TransactWriteItems(
		context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options),
	) (*dynamodb.TransactWriteItemsOutput, error)
}

// Queue is what the processor needs of SQS.
type Queue interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (
		*sqs.SendMessageOutput, error)
}

// Config configures a Handler.
type Config struct {
	// Table is the DynamoDB client. Required.
	Table Table
	// Queue is the SQS client. Required.
	Queue Queue
	// TableName is the table of the orders and refusals. Required.
	TableName string
	// RejectedQueueURL is the queue for refused documents. Required.
	RejectedQueueURL string
	// MaxDocumentBytes is the size of the largest document whose event fits the topic's message size
	// limit. Required.
	MaxDocumentBytes int
	// Schema validates the documents. Default: order.DefaultSchema().
	Schema *order.Schema
	// Step is the business step of an embedding application. Default: none.
	Step Step
	// IndexedFields names top-level text fields of the document that are copied to attributes of the
	// item, for secondary indexes. Each attribute is called order.IndexedAttribute(name).
	// Default: none.
	IndexedFields []string
	// Lifetime is how long an order is kept before the table's TTL removes it, at least
	// order.MinLifetime. Default: 0, which keeps it forever.
	Lifetime time.Duration
	// Now returns the time, for storedAt and for the deadline. Default: time.Now.
	Now func() time.Time
	// Logger gets one line per batch. Default: JSON on standard output.
	Logger *slog.Logger
}

// Handler is the processor.
type Handler struct{ Config }

// New checks the configuration and fills in its defaults. The error lists everything that is wrong.
func New(config Config) (*Handler, error) {
	var errs []error
	require := func(given bool, field string) {
		if !given {
			errs = append(errs, fmt.Errorf("processor.Config.%s: required", field))
		}
	}
	require(config.Table != nil, "Table")
	require(config.Queue != nil, "Queue")
	require(config.TableName != "", "TableName")
	require(config.RejectedQueueURL != "", "RejectedQueueURL")
	require(config.MaxDocumentBytes > 0, "MaxDocumentBytes")
	if config.Lifetime != 0 && config.Lifetime < order.MinLifetime {
		errs = append(errs, fmt.Errorf("processor.Config.Lifetime: %v (must be at least %v: "+
			"a redriven order that outlives its item would be stored again)",
			config.Lifetime, order.MinLifetime))
	}
	if config.Schema == nil {
		config.Schema = order.DefaultSchema()
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = function.Logger()
	}
	return &Handler{config}, errors.Join(errs...)
}

// FromEnvironment makes the Handler of a deployed function from the environment variables
// TABLE_NAME, REJECTED_QUEUE_URL and MAX_DOCUMENT_BYTES, and from INDEXED_FIELDS (comma-separated)
// and ORDER_TTL_SECONDS if they are set. If there is an order.schema.json beside the function's
// binary, it is the schema, and ORDER_ID_FIELD names its id field. step may be nil.
func FromEnvironment(ctx context.Context, step Step) (*Handler, error) {
	var env function.Environment
	config := Config{
		TableName:        env.String(contract.EnvTableName),
		RejectedQueueURL: env.String(contract.EnvRejectedQueueURL),
		MaxDocumentBytes: env.Bytes(contract.EnvMaxDocumentBytes),
		IndexedFields:    env.List(contract.EnvIndexedFields),
		Lifetime:         env.Seconds(contract.EnvOrderTTLSeconds),
		Step:             step,
	}
	schema, schemaErr := packagedSchema(
		env.Optional("LAMBDA_TASK_ROOT"), env.Optional(contract.EnvOrderIDField))
	if err := errors.Join(env.Err(), schemaErr); err != nil {
		return nil, err
	}
	clients, err := function.Config(ctx)
	if err != nil {
		return nil, err
	}
	config.Schema = schema
	config.Table, config.Queue = dynamodb.NewFromConfig(clients), sqs.NewFromConfig(clients)
	return New(config)
}

// packagedSchema reads the schema that was packaged with the function. It is nil when there is
// none.
func packagedSchema(folder, idField string) (*order.Schema, error) {
	if folder == "" {
		return nil, nil
	}
	document, err := os.ReadFile(filepath.Join(folder, contract.SchemaFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if idField == "" {
		idField = order.DefaultSchema().IDField()
	}
	return order.NewSchema(document, idField)
}

// Must returns the handler, or panics with the error: the main of a function has no caller to
// return it to, and Lambda logs the panic.
func Must(h *Handler, err error) *Handler {
	if err != nil {
		panic(err)
	}
	return h
}
