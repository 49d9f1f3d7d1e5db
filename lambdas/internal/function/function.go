// Package function holds what the three Lambda functions share: the settings of their AWS clients,
// their environment, and their log.
package function

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Config loads the AWS configuration of a function. It bounds the SDK's standard retries, so that
// one call never takes longer than contract.CallBudget.
func Config(ctx context.Context) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithTimeout(contract.CallAttemptTimeout)
	return config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(client),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = contract.CallAttempts
				o.MaxBackoff = contract.CallMaxBackoff
			})
		}),
	)
}

// Logger writes JSON lines to standard output, which Lambda keeps in CloudWatch Logs. Handlers
// write one line per batch and never the contents of an order.
func Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stdout, nil))
}

// TimeLeft returns ErrOutOfTime when less than contract.CallBudget is left before the deadline of
// ctx. A context without a deadline always has time left.
func TimeLeft(ctx context.Context, now time.Time) error {
	deadline, ok := ctx.Deadline()
	if ok && deadline.Sub(now) < contract.CallBudget {
		return ErrOutOfTime
	}
	return nil
}

// Cause returns an error that is safe to log. Of an error that a service returned it shows only the
// code, because the text may quote what was sent. errors.Is and errors.As see through it.
func Cause(err error) error {
	var api smithy.APIError
	if err == nil || !errors.As(err, &api) {
		return err
	}
	return cause{err, "the service returned " + api.ErrorCode()}
}

type cause struct {
	error
	text string
}

// Error returns the code.
func (c cause) Error() string { return c.text }

// Unwrap returns the error itself.
func (c cause) Unwrap() error { return c.error }

// ErrOutOfTime is the error of a handler that stopped before Lambda would have killed it. What is
// left is delivered again.
var ErrOutOfTime = errors.New("out of time: stopped before the function's timeout")

// Environment reads a function's environment variables and remembers each one that is missing or
// malformed.
type Environment struct{ errs []error }

// String returns the value of a variable that must not be empty.
func (e *Environment) String(name string) string {
	value := os.Getenv(name)
	if value == "" {
		e.errs = append(
			e.errs,
			fmt.Errorf("%s: not set (the construct sets this environment variable)", name),
		)
	}
	return value
}

// Optional returns the value of a variable that may be missing.
func (e *Environment) Optional(name string) string { return os.Getenv(name) }

// List returns the elements of a comma-separated variable that may be missing.
func (e *Environment) List(name string) []string {
	return strings.FieldsFunc(os.Getenv(name), func(r rune) bool { return r == ',' })
}

// Seconds returns a variable that holds a duration in seconds; 0 when it is missing.
func (e *Environment) Seconds(name string) time.Duration {
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		e.errs = append(
			e.errs,
			fmt.Errorf("%s: %q (must be a number of seconds, at least 1)", name, text),
		)
	}
	return time.Duration(value) * time.Second
}

// Bytes returns a variable that holds a size in bytes, at least 1.
func (e *Environment) Bytes(name string) int {
	text := e.String(name)
	value, err := strconv.Atoi(text)
	if text != "" && (err != nil || value < 1) {
		e.errs = append(e.errs, fmt.Errorf("%s: %q (must be a size in bytes, at least 1)", name, text))
	}
	return value
}

// Err returns everything that is wrong with the variables read so far, nil when nothing is.
func (e *Environment) Err() error { return errors.Join(e.errs...) }
