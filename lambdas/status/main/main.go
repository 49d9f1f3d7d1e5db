// Command main is the status function as a Lambda function.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/orderpipeline/orderpipeline/lambdas/status"
)

func main() {
	lambda.Start(status.Must(status.FromEnvironment(context.Background())).Handle)
}
