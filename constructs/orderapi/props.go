package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"

	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

// OrderAPIProps configures an [OrderAPI].
type OrderAPIProps struct {
	// Pipeline behind the API. Required.
	Pipeline *orderpipeline.OrderPipeline
	// Auth is who may call. Default: [AuthIAM].
	Auth Auth
	// API to mount on: a RestApi of the same stack, or an imported one (RestApi_FromRestApiAttributes). What is there is left
	// alone: its stage, and its gateway responses unless GatewayResponses is set. A RestApi is deployed anew by itself; an
	// imported one must be deployed by hand, and a warning at synth says so. Default: an API is made.
	API awsapigateway.IRestApi
	// Path in front of /orders: "/shop" gives /shop/orders. Default: "".
	Path string
	// GatewayResponses gives an API that is brought along the construct's answers (JSON with a status) to what API Gateway
	// refuses by itself, on all its paths. Without them, such a call gets API Gateway's own answer: {"message":...}, and 500 or
	// 504 without Retry-After when SQS is away. Default: false. The construct's own API has them always.
	GatewayResponses bool
	// CORS lets pages of another origin call. Default: none.
	CORS CORSProps
	// AccessLogs is where a line for each call goes: [AccessLogsTo] or [AccessLogsKept]. Default: nil, nowhere.
	AccessLogs AccessLogs
	// Throttle limits the calls. Not with API. Default: the account's limit (10,000 a second in each region).
	Throttle ThrottleProps
	// IntegrationTimeout is how long a call may wait for SQS, or for the status function, before it is answered with 503;
	// 0.05 to 29 s. Default: 10 s.
	IntegrationTimeout awscdk.Duration
	// ValidationDetails says in an answer 400 what is wrong with the body, instead of that it is invalid. Default: false,
	// since AWS does not document how it escapes the quotes in its own words; try it in your account before you rely on it.
	ValidationDetails bool
	// StageName is the first part of the API's paths. Not with API. Default: "v1".
	StageName string
	// Status function settings. The timeout's default is 10 s.
	Status orderpipeline.FunctionProps
}

// ThrottleProps limits the calls of all clients together; what is beyond is answered with 429.
type ThrottleProps struct {
	// RateLimit is the calls a second, on average. Default: 0, the account's limit.
	RateLimit float64
	// BurstLimit is the calls at a time. Needs a RateLimit. Default: as many as RateLimit, 1 at least.
	BurstLimit int
}
