// Command main is the processor as a Lambda function.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/orderpipeline/orderpipeline/lambdas/processor"
)

func main() {
	lambda.Start(processor.Must(processor.FromEnvironment(context.Background(), nil)).Handle)
}
