package status

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
)

// Table is what the function needs of DynamoDB.
type Table interface {
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Config is what a Handler works with. Table and TableName are required.
type Config struct {
	// Table is the DynamoDB client.
	Table Table
	// TableName is the table of the orders and refusals.
	TableName string
	// AllowOrigin is the origin whose pages may read the answers (CORS), "*" for all. Default: none.
	AllowOrigin string
	// Now gives the time. Default: time.Now.
	Now func() time.Time
	// Logger gets one line a failed request. Default: JSON on standard output.
	Logger *slog.Logger
}

// MaxRefusals is the most refusals that one answer tells of.
const MaxRefusals = 100

// Handler is the status function.
type Handler struct{ Config }

// New checks the configuration and fills in its defaults. It reports everything that is missing at once.
func New(config Config) (*Handler, error) {
	var errs []error
	if config.Table == nil {
		errs = append(errs, errors.New("status: Table is required"))
	}
	if config.TableName == "" {
		errs = append(errs, errors.New("status: TableName is required"))
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = function.Logger()
	}
	return &Handler{config}, errors.Join(errs...)
}

// FromEnvironment makes the Handler of a deployed function from TABLE_NAME, and CORS_ALLOW_ORIGIN where it is set.
func FromEnvironment(ctx context.Context) (*Handler, error) {
	var env function.Environment
	config := Config{TableName: env.String(contract.EnvTableName), AllowOrigin: env.Optional(contract.EnvCORSAllowOrigin)}
	if err := env.Err(); err != nil {
		return nil, err
	}
	clients, err := function.Config(ctx)
	if err != nil {
		return nil, err
	}
	config.Table = dynamodb.NewFromConfig(clients)
	return New(config)
}

// Must gives the handler or panics: a function that cannot start has nobody to return an error to.
func Must(h *Handler, err error) *Handler {
	if err != nil {
		panic(err)
	}
	return h
}
