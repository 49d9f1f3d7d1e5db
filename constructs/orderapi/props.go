package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

// OrderAPIProps configures an [OrderAPI].
type OrderAPIProps struct {
	// Pipeline is the pipeline behind the API. Required.
	Pipeline *orderpipeline.OrderPipeline
	// Auth is how requests are authorized. Default: [AuthIAM].
	Auth Auth
	// API is an existing API to mount on: a RestApi of the same stack, or an imported one
	// (RestApi_FromRestApiAttributes). Its stage is kept, and so are its gateway responses unless
	// GatewayResponses is set. CDK redeploys a RestApi; an imported API must be deployed by hand,
	// and a warning at synth says so. Default: an API is made.
	API awsapigateway.IRestApi
	// Path is the path before /orders: "/shop" gives /shop/orders. Default: "".
	Path string
	// GatewayResponses gives an existing API the construct's responses (JSON with a status) to
	// requests that API Gateway rejects itself, on all of its paths. Without them, such a request
	// gets API Gateway's own response: {"message":...}, and 500 or 504 without Retry-After when SQS
	// is unavailable. An API has one response of each type, so nothing else may have made one; of
	// two OrderAPIs on one API, only one may set this. The construct's own API always has them.
	// Default: false.
	GatewayResponses bool
	// CORS lets pages of other origins use the API. Default: none.
	CORS CORSProps
	// AccessLogs is where API Gateway writes a line for each request: [AccessLogsTo] or
	// [AccessLogsKept]. Default: nil, no access logs.
	AccessLogs AccessLogs
	// Throttle limits the requests. Not with API. Default: the account's quota, which all APIs of
	// the account in the region share: 10,000 requests per second with a burst of 5,000, and in 13
	// newer regions 2,500 with a burst of 1,250, unless AWS has raised it.
	Throttle ThrottleProps
	// IntegrationTimeout is how long a request can wait for SQS or for the status function before
	// it gets a 503, 0.05 to 29 s. Default: 10 s.
	IntegrationTimeout awscdk.Duration
	// HideValidationDetails leaves the details out of a 400 response: what the schema does not allow
	// in the body. They name members of the document and can repeat values of it. The local emulator
	// does not know them. Default: false, the response has them.
	HideValidationDetails bool
	// StageName is the first part of the API's paths. Not with API. Default: "v1".
	StageName string
	// Status configures the status function. Default: a timeout of 10 s, and the defaults of
	// [orderpipeline.FunctionProps].
	Status orderpipeline.FunctionProps
}

// settings are the caller's props with every default filled in.
type settings struct {
	OrderAPIProps
	statusTimeout float64 // seconds
	timeout       float64 // seconds
}

// resolve fills in the defaults without changing props, and reports everything that is wrong.
func resolve(scope constructs.Construct, props *OrderAPIProps) (*settings, error) {
	var errs check.Errors
	s := &settings{}
	if props != nil {
		s.OrderAPIProps = *props
	}
	if s.Pipeline == nil {
		errs.Addf("Pipeline", "nil (pass the pipeline that the orders go to)")
	}
	if s.Auth == nil {
		s.Auth = AuthIAM()
	}
	s.Auth.validate(&errs)
	s.CORS.resolve(&errs, s.Auth)
	if s.AccessLogs != nil {
		s.AccessLogs.validate(&errs)
	}
	s.checkMount(&errs, scope)
	s.resolveStage(&errs, scope)
	s.timeout = errs.Seconds("IntegrationTimeout", s.IntegrationTimeout, 10, 0.05, 29,
		"API Gateway's limits")
	s.statusTimeout = checkStatus(&errs, s.Status)
	return s, errs.Err("orderapi.OrderAPIProps")
}
