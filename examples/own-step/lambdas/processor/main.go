// Command processor is the processor of the pipeline with the shop's business step.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"example.com/own-step/jobs"

	"github.com/orderpipeline/orderpipeline/lambdas/processor"
)

func main() {
	lambda.Start(processor.Must(processor.FromEnvironment(context.Background(), jobs.Price)).Handle)
}
