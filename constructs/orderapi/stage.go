package orderapi

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// ThrottleProps limits the requests of all clients together. A request beyond the limits gets a
// 429.
type ThrottleProps struct {
	// RateLimit is the average requests per second. A limit above the account's quota has no effect;
	// where the region is known, a warning at synth says so. Default: 0, the account's quota.
	RateLimit float64
	// BurstLimit is the most concurrent requests. It has no effect without a RateLimit. Default:
	// the same number as RateLimit, at least 1, and at most the account's burst quota.
	BurstLimit int
}

var stageName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// resolveStage resolves the settings of the stage.
func (s *settings) resolveStage(errs *check.Errors, scope constructs.Construct) {
	if s.StageName == "" {
		s.StageName = "v1"
	}
	if !stageName.MatchString(s.StageName) {
		errs.Addf("StageName", "%s is not a valid stage name (1 to 128 letters, digits, _ and -)",
			check.Quote(s.StageName))
	}
	t := &s.Throttle
	if t.RateLimit < 0 {
		errs.Addf("Throttle.RateLimit", "%s is negative (0 is the account's quota)",
			check.Number(t.RateLimit))
	}
	if t.BurstLimit < 0 {
		errs.Addf("Throttle.BurstLimit", "%d is negative (0 is as many as RateLimit)", t.BurstLimit)
	} else if t.BurstLimit > 0 && t.RateLimit == 0 {
		errs.Addf("Throttle.BurstLimit",
			"set without Throttle.RateLimit (BurstLimit has no effect without RateLimit)")
	}
	if t.RateLimit > 0 && t.BurstLimit == 0 {
		t.BurstLimit = min(max(1, int(t.RateLimit)), quotaOf(regionOf(scope)).BurstLimit)
	}
}

// newOwnAPI makes the REST API with its stage.
func (a *OrderAPI) newOwnAPI() awsapigateway.RestApi {
	s := a.settings
	stage := &awsapigateway.StageOptions{StageName: &s.StageName}
	if s.Throttle.RateLimit > 0 {
		stage.ThrottlingRateLimit = &s.Throttle.RateLimit
		stage.ThrottlingBurstLimit = jsii.Number(s.Throttle.BurstLimit)
	}
	a.compareWithQuota()
	a.logAccess(stage)
	api := awsapigateway.NewRestApi(a, jsii.String("RestApi"), &awsapigateway.RestApiProps{
		RestApiName:   a.displayName(),
		EndpointTypes: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		DeployOptions: stage,
		// The role is per account and region: deleting a stack that sets it would remove it for
		// all other APIs.
		CloudWatchRole: jsii.Bool(false),
	})
	// CDK adds an output without being asked.
	api.Node().TryRemoveChild(jsii.String("Endpoint"))
	return api
}

// stageName is the name of the stage, nil when CDK does not know it.
func (a *OrderAPI) stageName() *string {
	switch {
	case a.settings.API == nil:
		// A reference to the stage would be one that other stacks have to import.
		return &a.settings.StageName
	case a.stage != nil:
		return a.stage.StageName()
	}
	return nil
}

// displayName is unique in the account, because the API's metrics have this name, not its id.
func (a *OrderAPI) displayName() *string {
	unique := awscdk.Names_UniqueResourceName(a, &awscdk.UniqueResourceNameOptions{
		MaxLength: jsii.Number(64),
	})
	return jsii.String(*awscdk.Stack_Of(a).StackName() + "-" + *unique)
}
