// Command main is the publisher as a Lambda function.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/orderpipeline/orderpipeline/lambdas/publisher"
)

func main() {
	lambda.Start(publisher.Must(publisher.FromEnvironment(context.Background())).Handle)
}
