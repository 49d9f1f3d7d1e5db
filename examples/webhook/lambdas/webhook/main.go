// Command webhook receives a shop's webhook calls and sends the orders to the pipeline's queue.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/webhook/shopify"
)

// keysAge is how long the keys are kept: a new one is accepted after this time at the latest.
const keysAge = 5 * time.Minute

func main() {
	// Shopify waits 5 seconds for the answer. Both calls with a retry each take less, and a 503 that
	// arrives tells more than a timeout.
	cfg, err := config.LoadDefaultConfig(context.Background(),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(time.Second)),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = 2, 100*time.Millisecond
			})
		}))
	if err != nil {
		panic(err)
	}
	handler := &shopify.Handler{
		Keys:   keys(secretsmanager.NewFromConfig(cfg), os.Getenv("KEYS_SECRET_ARN")),
		Send:   send(sqs.NewFromConfig(cfg), os.Getenv("QUEUE_URL")),
		Logger: slog.New(slog.NewJSONHandler(os.Stdout, nil)),
	}
	lambda.Start(handler.Handle)
}

// keys reads the keys from a secret. Its value is one key, or several with white space between
// them.
func keys(client *secretsmanager.Client, secret string) func(context.Context) ([][]byte, error) {
	var known [][]byte
	var read time.Time
	return func(ctx context.Context) ([][]byte, error) {
		if known != nil && time.Since(read) < keysAge {
			return known, nil
		}
		value, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
			SecretId: &secret,
		})
		if err == nil {
			known = bytes.Fields([]byte(aws.ToString(value.SecretString)))
		} else if known == nil {
			return nil, err
		} // else the last known keys: orders do not wait for Secrets Manager
		read = time.Now()
		return known, nil
	}
}

// send sends a document to the pipeline's queue.
func send(client *sqs.Client, queue string) func(context.Context, []byte) error {
	return func(ctx context.Context, document []byte) error {
		body := string(document)
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &body})
		if refused := (*types.InvalidMessageContents)(nil); errors.As(err, &refused) {
			return fmt.Errorf("%w: %w", shopify.ErrUnsendable, err)
		}
		return err
	}
}
