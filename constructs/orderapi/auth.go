package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// Auth is who may call the API: one of [AuthIAM], [AuthAPIKey], [AuthCognito], [AuthLambda] and [AuthNone]. All callers of
// one API may do all that it offers.
type Auth interface {
	validate(errs *check.Errors)
	// method completes the options of a method. It runs once, after the API was made.
	method(api *OrderAPI) awsapigateway.MethodOptions
	// finish runs when the stage is there.
	finish(api *OrderAPI)
}

// AuthIAM takes calls that are signed (SigV4) by a principal that IAM allows to: see [OrderAPI.GrantSubmit].
func AuthIAM() Auth { return authIAM{} }

type authIAM struct{}

func (authIAM) validate(*check.Errors) {}
func (authIAM) finish(*OrderAPI)       {}
func (authIAM) method(*OrderAPI) awsapigateway.MethodOptions {
	return awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_IAM}
}

// AuthNone takes every call, from anybody who knows the address.
func AuthNone() Auth { return authNone{} }

type authNone struct{}

func (authNone) validate(*check.Errors) {}
func (authNone) finish(*OrderAPI)       {}
func (authNone) method(*OrderAPI) awsapigateway.MethodOptions {
	return awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE}
}

// AuthAPIKey takes calls with the header x-api-key of a key in [OrderAPI.UsagePlan]; the first one is [OrderAPI.APIKey].
// A key tells callers apart and limits them; AWS does not call it authentication.
func AuthAPIKey() Auth { return authAPIKey{} }

type authAPIKey struct{}

func (authAPIKey) validate(*check.Errors) {}
func (authAPIKey) method(*OrderAPI) awsapigateway.MethodOptions {
	return awsapigateway.MethodOptions{AuthorizationType: awsapigateway.AuthorizationType_NONE, ApiKeyRequired: jsii.Bool(true)}
}

func (authAPIKey) finish(api *OrderAPI) {
	api.apiKey = awsapigateway.NewApiKey(api, jsii.String("Key"), nil)
	api.usagePlan = awsapigateway.NewUsagePlan(api, jsii.String("UsagePlan"), &awsapigateway.UsagePlanProps{
		ApiStages: &[]*awsapigateway.UsagePlanPerApiStage{{Api: api.api, Stage: api.stage}},
	})
	api.usagePlan.AddApiKey(api.apiKey, nil)
}

// AuthCognito takes calls with the header Authorization that holds a token of one of the user pools.
func AuthCognito(pools ...awscognito.IUserPool) Auth { return authCognito{pools} }

type authCognito struct{ pools []awscognito.IUserPool }

func (a authCognito) validate(errs *check.Errors) {
	if len(a.pools) == 0 {
		errs.Addf("Auth", check.Verbatim("AuthCognito()"), "needs a user pool: nobody could call")
	}
	for _, pool := range a.pools {
		if pool == nil {
			errs.Addf("Auth", check.Verbatim("AuthCognito(nil)"), "needs user pools that are not nil")
		}
	}
}
func (authCognito) finish(*OrderAPI) {}
func (a authCognito) method(api *OrderAPI) awsapigateway.MethodOptions {
	return awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_COGNITO,
		Authorizer: awsapigateway.NewCognitoUserPoolsAuthorizer(api, jsii.String("Authorizer"), &awsapigateway.CognitoUserPoolsAuthorizerProps{
			CognitoUserPools: &a.pools,
		}),
	}
}

// LambdaAuthProps configures [AuthLambda].
type LambdaAuthProps struct {
	// Header that holds the caller's credentials. A call without it is answered with 401. Default: "Authorization".
	Header string
	// CacheTTL is how long an answer of the function stands for the same header, whole seconds, 0 to 3600 s. Default: 300 s.
	// The policy in an answer must allow all calls that the caller may make, not only the one at hand.
	CacheTTL awscdk.Duration
}

// AuthLambda takes the calls that a Lambda authorizer of type REQUEST allows. props may be nil.
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
		errs.Addf("Auth", check.Verbatim("AuthLambda(nil)"), "needs the authorizer's function")
	}
	if !headerName.MatchString(a.props.Header) {
		errs.Addf("Auth: LambdaAuthProps.Header", a.props.Header, "needs the name of a header")
	}
	errs.Seconds("Auth: LambdaAuthProps.CacheTTL", a.props.CacheTTL, 300, 0, 3600, "these are API Gateway's bounds")
}
func (a authLambda) finish(api *OrderAPI) {
	if a.handler.Node().DefaultChild() == nil && len(*a.handler.PermissionsNode().Children()) == 0 {
		awscdk.Annotations_Of(api).AddWarningV2(jsii.String("orderapi:authorizerFunction"), jsii.String("The authorizer's function "+*a.handler.Node().Path()+
			" is imported, so it cannot be changed from here. Let the service apigateway.amazonaws.com call it (lambda:InvokeFunction, with the authorizer's ARN as source): else every call is answered with 500."))
	}
}
func (a authLambda) method(api *OrderAPI) awsapigateway.MethodOptions {
	ttl := a.props.CacheTTL
	if ttl == nil {
		ttl = awscdk.Duration_Minutes(jsii.Number(5))
	}
	return awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_CUSTOM,
		Authorizer: awsapigateway.NewRequestAuthorizer(api, jsii.String("Authorizer"), &awsapigateway.RequestAuthorizerProps{
			Handler:         a.handler,
			IdentitySources: &[]*string{awsapigateway.IdentitySource_Header(&a.props.Header)},
			ResultsCacheTtl: ttl,
		}),
	}
}
