package orderapi

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
	"github.com/orderpipeline/orderpipeline/constructs/internal/grant"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

const statusPackage = "./lambdas/status/main"

// StatusCode returns the packaged status function, built for a target; see
// [orderpipeline.ProcessorCode].
func StatusCode(target golambda.Target) awslambda.Code {
	return function.Code(statusPackage, nil, target)
}

// checkStatus checks the settings of the status function, and returns its timeout in seconds.
func checkStatus(errs *check.Errors, p orderpipeline.FunctionProps) float64 {
	return function.Check(errs, "Status", function.Props(p), 10,
		contract.EnvTableName, contract.EnvCORSAllowOrigins)
}

// addStatus makes the status function, and lets it answer GET.
func (a *OrderAPI) addStatus(
	auth awsapigateway.MethodOptions, resources ...awsapigateway.Resource,
) {
	s := a.settings
	environment := map[string]*string{contract.EnvTableName: s.Pipeline.Table().TableName()}
	if len(s.CORS.AllowOrigins) > 0 {
		environment[contract.EnvCORSAllowOrigins] = jsii.String(strings.Join(s.CORS.AllowOrigins, ","))
	}
	a.status, a.logs = function.New(a, "Status", function.Props(s.Status), function.Spec{
		Package:       statusPackage,
		Description:   "OrderPipeline: returns the status of an order",
		Timeout:       s.statusTimeout,
		Environment:   environment,
		RemovalPolicy: s.Pipeline.RemovalPolicy(),
	})
	grant.Read(s.Pipeline.Table(), a.status, "dynamodb:Query")
	function.CheckRole(a.status, "Status", function.Props(s.Status),
		"dynamodb:Query on the pipeline's Table")
	integration := awsapigateway.NewLambdaIntegration(a.status,
		&awsapigateway.LambdaIntegrationOptions{
			Timeout:         a.integrationTimeout(),
			AllowTestInvoke: jsii.Bool(false),
		})
	for i, resource := range resources {
		method := resource.AddMethod(jsii.String("GET"), integration, &auth)
		if i == 0 {
			a.mark(method)
		}
	}
}
