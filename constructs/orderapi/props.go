package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

// OrderAPIProps configures an [OrderAPI].
type OrderAPIProps struct {
	// Pipeline behind the API. Required.
	Pipeline *orderpipeline.OrderPipeline
	// Auth is who may call. Default: [AuthIAM].
	Auth Auth
	// Throttle limits the calls. Default: the account's limit (10,000 a second in each region).
	Throttle ThrottleProps
	// IntegrationTimeout is how long a call may wait for SQS, or for the status function, before it is answered with 503;
	// 0.05 to 29 s. Default: 10 s.
	IntegrationTimeout awscdk.Duration
	// ValidationDetails says in an answer 400 what is wrong with the body, instead of that it is invalid. Default: false,
	// since AWS does not document how it escapes the quotes in its own words; try it in your account before you rely on it.
	ValidationDetails bool
	// StageName is the first part of the API's paths. Default: "v1".
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
