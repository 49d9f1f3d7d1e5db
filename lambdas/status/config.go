package status

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
)

// Table is what the function needs of DynamoDB.
type Table interface {
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (
		*dynamodb.QueryOutput, error)
}

// Config configures a Handler.
type Config struct {
	// Table is the DynamoDB client. Required.
	Table Table
	// TableName is the table of the orders and refusals. Required.
	TableName string
	// AllowOrigins are the origins whose pages may read the answers (CORS), or one "*" for all.
	// Default: none.
	AllowOrigins []string
	// Logger gets one line per failed request. Default: JSON on standard output.
	Logger *slog.Logger
}

// MaxRefusals is the most refusals in one answer.
const MaxRefusals = 100

// Handler is the status function.
type Handler struct{ Config }

// New checks the configuration and fills in its defaults. The error lists everything that is wrong.
func New(config Config) (*Handler, error) {
	var errs []error
	if config.Table == nil {
		errs = append(errs, errors.New("status.Config.Table: required"))
	}
	if config.TableName == "" {
		errs = append(errs, errors.New("status.Config.TableName: required"))
	}
	if config.Logger == nil {
		config.Logger = function.Logger()
	}
	return &Handler{config}, errors.Join(errs...)
}

// FromEnvironment makes the Handler of a deployed function from the environment variable
// TABLE_NAME, and from CORS_ALLOW_ORIGINS if it is set.
func FromEnvironment(ctx context.Context) (*Handler, error) {
	var env function.Environment
	config := Config{
		TableName: env.String(contract.EnvTableName),
	}
	if origins := env.Optional(contract.EnvCORSAllowOrigins); origins != "" {
		config.AllowOrigins = strings.Split(origins, ",")
	}
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

// Must returns the handler, or panics with the error: the main of a function has no caller to
// return it to, and Lambda logs the panic.
func Must(h *Handler, err error) *Handler {
	if err != nil {
		panic(err)
	}
	return h
}
