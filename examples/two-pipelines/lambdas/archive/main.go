// Command archive writes the events of orders to a bucket, one object per event.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	bucket := os.Getenv("BUCKET")
	client := s3.NewFromConfig(cfg)
	lambda.Start(func(ctx context.Context, e events.SNSEvent) error {
		for _, record := range e.Records {
			message := record.SNS.Message
			var event struct{ ID string }
			if err := json.Unmarshal([]byte(message), &event); err != nil {
				return fmt.Errorf("message %s is not an event: %w", record.SNS.MessageID, err)
			}
			// The event id is stable across redeliveries, so a duplicate writes the same object.
			key := event.ID + ".json"
			object := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(message)}
			if _, err := client.PutObject(ctx, object); err != nil {
				return err
			}
		}
		return nil
	})
}
