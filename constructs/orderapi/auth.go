package orderapi

import (
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// Auth is how the API authorizes requests: [AuthIAM], [AuthAPIKey], [AuthCognito], [AuthLambda] or
// [AuthNone]. Every authorized caller may use the whole API.
type Auth interface {
	validate(errs *check.Errors)
	// method returns the options of a method. It runs once, after the API was made.
	method(api *OrderAPI) awsapigateway.MethodOptions
	// finish runs after the stage was made.
	finish(api *OrderAPI)
}

// AuthIAM accepts requests that are signed (SigV4) by a principal with the permission, see
// [OrderAPI.GrantSubmit].
func AuthIAM() Auth { return authIAM{} }

type authIAM struct{}

func (authIAM) validate(*check.Errors) {}
func (authIAM) finish(*OrderAPI)       {}
func (authIAM) method(*OrderAPI) awsapigateway.MethodOptions {
	return awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_IAM}
}

// AuthNone accepts every request, from anyone who knows the URL.
func AuthNone() Auth { return authNone{} }

type authNone struct{}

func (authNone) validate(*check.Errors) {}
func (authNone) finish(*OrderAPI)       {}
func (authNone) method(*OrderAPI) awsapigateway.MethodOptions {
	return awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE}
}

// AuthAPIKey accepts requests whose header x-api-key holds a key of [OrderAPI.UsagePlan]. The first
// key is [OrderAPI.APIKey]. Keys identify and limit callers; AWS does not recommend them for
// authentication.
func AuthAPIKey() Auth { return authAPIKey{} }

type authAPIKey struct{}

func (authAPIKey) validate(*check.Errors) {}
func (authAPIKey) method(*OrderAPI) awsapigateway.MethodOptions {
	return awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_NONE, ApiKeyRequired: jsii.Bool(true),
	}
}

func (authAPIKey) finish(api *OrderAPI) {
	api.apiKey = awsapigateway.NewApiKey(api, jsii.String("Key"), nil)
	stages := []*awsapigateway.UsagePlanPerApiStage{{Api: api.api, Stage: api.stage}}
	api.usagePlan = awsapigateway.NewUsagePlan(api, jsii.String("UsagePlan"),
		&awsapigateway.UsagePlanProps{ApiStages: &stages})
	api.usagePlan.AddApiKey(api.apiKey, nil)
}

// AuthCognito accepts requests whose header Authorization holds a token of one of the user pools.
func AuthCognito(pools ...awscognito.IUserPool) Auth { return authCognito{pools} }

type authCognito struct{ pools []awscognito.IUserPool }

func (a authCognito) validate(errs *check.Errors) {
	if len(a.pools) == 0 {
		errs.Addf("Auth", "AuthCognito has no user pool (no request could be authorized)")
	}
	if slices.Contains(a.pools, nil) {
		errs.Addf("Auth", "AuthCognito has a user pool that is nil")
	}
}
func (authCognito) finish(*OrderAPI) {}
func (a authCognito) method(api *OrderAPI) awsapigateway.MethodOptions {
	return awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_COGNITO,
		Authorizer: awsapigateway.NewCognitoUserPoolsAuthorizer(api, jsii.String("Authorizer"),
			&awsapigateway.CognitoUserPoolsAuthorizerProps{CognitoUserPools: &a.pools}),
	}
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// LambdaAuthProps configures [AuthLambda].
type LambdaAuthProps struct {
	// Header is the header that holds the caller's credentials. A request without it gets a 401.
	// Default: "Authorization".
	Header string
	// CacheTTL is how long API Gateway reuses the function's result for the same header, in whole
	// seconds, 0 to 3600 s. The policy in a result must therefore allow all requests that the
	// caller may send, not only the current one. Default: 300 s.
	CacheTTL awscdk.Duration
}

// AuthLambda accepts the requests that a Lambda authorizer of type REQUEST allows. props may be
// nil.
func AuthLambda(handler awslambda.IFunction, props *LambdaAuthProps) Auth {
	a := authLambda{handler: handler}
	if props != nil {
		a.props = *props
	}
	if a.props.Header == "" {
		a.props.Header = "Authorization"
	}
	return a
}

type authLambda struct {
	handler awslambda.IFunction
	props   LambdaAuthProps
}

func (a authLambda) validate(errs *check.Errors) {
	if a.handler == nil {
		errs.Addf("Auth", "AuthLambda has no function")
	}
	if !headerName.MatchString(a.props.Header) {
		errs.Addf("LambdaAuthProps.Header", "%s is not a header name", check.Quote(a.props.Header))
	}
	errs.Seconds("LambdaAuthProps.CacheTTL", a.props.CacheTTL, 300, 0, 3600, "API Gateway's limits")
}
func (a authLambda) finish(api *OrderAPI) {
	if a.handler.Node().DefaultChild() == nil && len(*a.handler.PermissionsNode().Children()) == 0 {
		awscdk.Annotations_Of(api).AddWarningV2(jsii.String("orderapi:authorizerFunction"), jsii.String(
			"The authorizer's function "+*a.handler.Node().Path()+" is imported, so the construct "+
				"cannot change its policy. The policy must allow apigateway.amazonaws.com to use "+
				"lambda:InvokeFunction with the authorizer as source. "+
				"Otherwise every request gets a 500."))
	}
}
func (a authLambda) method(api *OrderAPI) awsapigateway.MethodOptions {
	ttl := a.props.CacheTTL
	if ttl == nil {
		ttl = awscdk.Duration_Minutes(jsii.Number(5))
	}
	return awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_CUSTOM,
		Authorizer: awsapigateway.NewRequestAuthorizer(api, jsii.String("Authorizer"),
			&awsapigateway.RequestAuthorizerProps{
				Handler:         a.handler,
				IdentitySources: &[]*string{awsapigateway.IdentitySource_Header(&a.props.Header)},
				ResultsCacheTtl: ttl,
			}),
	}
}
