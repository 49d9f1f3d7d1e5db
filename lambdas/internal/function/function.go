// Package function holds what the three Lambda functions share: the settings of their AWS clients, their environment,
// and their log.
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
)

const (
	attempts       = 3
	attemptTimeout = 1500 * time.Millisecond
	maxBackoff     = 500 * time.Millisecond

	// CallBudget is the longest that one AWS call takes, its retries by the SDK included. A handler starts no call with
	// less than this left before its deadline, so that it always gets to say which records failed.
	CallBudget = attempts*attemptTimeout + (attempts-1)*maxBackoff
)

// Config loads the AWS configuration of a function: the SDK's standard retries, each attempt bounded, so that one call
// never takes longer than CallBudget.
func Config(ctx context.Context) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(attemptTimeout)),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = attempts
				o.MaxBackoff = maxBackoff
			})
		}),
	)
}

// Logger writes JSON lines to standard output, which Lambda keeps in CloudWatch Logs. Handlers write one line a batch and
// never the contents of an order.
func Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(os.Stdout, nil))
}

// TimeLeft reports an error when less than CallBudget is left before the deadline of ctx. A context without a deadline
// always has time left.
func TimeLeft(ctx context.Context, now time.Time) error {
	deadline, ok := ctx.Deadline()
	if ok && deadline.Sub(now) < CallBudget {
		return ErrOutOfTime
	}
	return nil
}

// Cause is an error for the log: of an error that a service answered only its code, since its text may quote what it was
// sent. errors.Is and errors.As see through it.
func Cause(err error) error {
	var api smithy.APIError
	if err == nil || !errors.As(err, &api) {
		return err
	}
	return cause{err, "the service answered " + api.ErrorCode()}
}

type cause struct {
	error
	text string
}

// Error gives the code.
func (c cause) Error() string { return c.text }

// Unwrap gives the error itself.
func (c cause) Unwrap() error { return c.error }

// ErrOutOfTime says that a handler stopped before Lambda would have killed it; what is left is delivered again.
var ErrOutOfTime = errors.New("out of time: stopped before the function's timeout")

// Environment reads a function's environment variables and remembers every one that is missing or malformed.
type Environment struct{ errs []error }

// String gives the value of a variable that must not be empty.
func (e *Environment) String(name string) string {
	value := os.Getenv(name)
	if value == "" {
		e.errs = append(e.errs, fmt.Errorf("environment variable %s is not set", name))
	}
	return value
}

// Optional gives the value of a variable that may be missing.
func (e *Environment) Optional(name string) string { return os.Getenv(name) }

// List gives a comma-separated variable that may be missing.
func (e *Environment) List(name string) []string {
	return strings.FieldsFunc(os.Getenv(name), func(r rune) bool { return r == ',' })
}

// Seconds gives a variable that holds a duration in seconds; 0 when it is missing.
func (e *Environment) Seconds(name string) time.Duration {
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		e.errs = append(e.errs, fmt.Errorf("environment variable %s must be a number of seconds, at least 1", name))
	}
	return time.Duration(value) * time.Second
}

// Bytes gives a variable that holds a size in bytes, at least 1.
func (e *Environment) Bytes(name string) int {
	value, err := strconv.Atoi(e.String(name))
	if err != nil || value < 1 {
		e.errs = append(e.errs, fmt.Errorf("environment variable %s must be a size in bytes, at least 1", name))
	}
	return value
}

// Err gives all that was wrong with the variables read so far, nil when nothing was.
func (e *Environment) Err() error { return errors.Join(e.errs...) }
