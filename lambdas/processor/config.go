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
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	// TransactWriteItems writes refusals, and orders where there is a Step.
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Queue is what the processor needs of SQS.
type Queue interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Config is what a Handler works with. Table, Queue, TableName, RejectedQueueURL and MaxDocumentBytes are required.
type Config struct {
	// Table is the DynamoDB client.
	Table Table
	// Queue is the SQS client.
	Queue Queue
	// TableName is the table of the orders and refusals.
	TableName string
	// RejectedQueueURL is the queue for documents that are refused.
	RejectedQueueURL string
	// MaxDocumentBytes is the size of the largest document whose event still fits the topic's message size limit.
	MaxDocumentBytes int
	// Schema validates the documents. Default: order.DefaultSchema().
	Schema *order.Schema
	// Step is the embedding application's own business step. Default: none.
	Step Step
	// IndexedFields names top-level text fields of the document that are written as attributes of the item as well, each
	// under order.IndexedAttribute(name), for secondary indexes. Default: none.
	IndexedFields []string
	// Lifetime is how long an order is kept before the table's TTL removes it, at least order.MinLifetime. Default 0: for ever.
	Lifetime time.Duration
	// Now gives the time, for storedAt and for the deadline. Default: time.Now.
	Now func() time.Time
	// Logger gets one line a batch. Default: JSON on standard output.
	Logger *slog.Logger
}

// Handler is the processor.
type Handler struct{ Config }

// New checks the configuration and fills in its defaults. It reports everything that is missing at once.
func New(config Config) (*Handler, error) {
	var errs []error
	if config.Table == nil {
		errs = append(errs, errors.New("processor: Table is required"))
	}
	if config.Queue == nil {
		errs = append(errs, errors.New("processor: Queue is required"))
	}
	if config.TableName == "" {
		errs = append(errs, errors.New("processor: TableName is required"))
	}
	if config.RejectedQueueURL == "" {
		errs = append(errs, errors.New("processor: RejectedQueueURL is required"))
	}
	if config.MaxDocumentBytes < 1 {
		errs = append(errs, fmt.Errorf("processor: MaxDocumentBytes is %d, must be at least 1", config.MaxDocumentBytes))
	}
	if config.Lifetime != 0 && config.Lifetime < order.MinLifetime {
		errs = append(errs, fmt.Errorf("processor: Lifetime is %v, must be at least %v: a redriven order that outlived its item would be stored again", config.Lifetime, order.MinLifetime))
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

// FromEnvironment makes the Handler of a deployed function from TABLE_NAME, REJECTED_QUEUE_URL and MAX_DOCUMENT_BYTES, and
// where they are set INDEXED_FIELDS (comma-separated) and ORDER_TTL_SECONDS. An order.schema.json beside the function's
// binary is the schema, with ORDER_ID_FIELD as the name of its id field. step may be nil.
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
	schema, schemaErr := packagedSchema(env.Optional("LAMBDA_TASK_ROOT"), env.Optional(contract.EnvOrderIDField))
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

// packagedSchema reads the schema that was packaged with the function, nil when there is none.
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

// Must gives the handler or panics: a function that cannot start has nobody to return an error to.
func Must(h *Handler, err error) *Handler {
	if err != nil {
		panic(err)
	}
	return h
}
