package orderapi

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
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

// CognitoAuthProps configures [AuthCognito].
type CognitoAuthProps struct {
	// Scopes are the OAuth scopes that allow the use of the API; one of them is enough. With scopes,
	// only access tokens are accepted: machine clients (the client credentials grant) have no other
	// tokens, and get scopes of a resource server, such as "orders/submit". Access tokens of users
	// who signed in through an SDK have the scope "aws.cognito.signin.user.admin" only. Default:
	// none, only ID tokens are accepted.
	Scopes []string
}

// AuthCognito accepts requests whose header Authorization holds a token of one of the user pools:
// an ID token, or with Scopes an access token. Any other token gets a 401. props may be nil. When
// none of the app clients that the pools have so far can get such a token, a warning at synth says
// so.
func AuthCognito(pools []awscognito.IUserPool, props *CognitoAuthProps) Auth {
	a := authCognito{pools: slices.Clone(pools)}
	if props != nil {
		a.scopes = slices.Clone(props.Scopes)
	}
	return a
}

type authCognito struct {
	pools  []awscognito.IUserPool
	scopes []string
}

// scope is the form of a scope in OAuth 2.0 (RFC 6749, 3.3).
var scope = regexp.MustCompile(`^[!#-\[\]-~]+$`)

func (a authCognito) validate(errs *check.Errors) {
	if len(a.pools) == 0 {
		errs.Addf("Auth", "AuthCognito has no user pool (no request could be authorized)")
	}
	if slices.Contains(a.pools, nil) {
		errs.Addf("Auth", "AuthCognito has a user pool that is nil")
	}
	for _, s := range a.scopes {
		if !*awscdk.Token_IsUnresolved(s) && !scope.MatchString(s) {
			errs.Addf("CognitoAuthProps.Scopes", "%s is not a scope (one per element, without spaces)",
				check.Quote(s))
		}
	}
}

func (a authCognito) method(api *OrderAPI) awsapigateway.MethodOptions {
	options := awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_COGNITO,
		Authorizer: awsapigateway.NewCognitoUserPoolsAuthorizer(api, jsii.String("Authorizer"),
			&awsapigateway.CognitoUserPoolsAuthorizerProps{CognitoUserPools: &a.pools}),
	}
	if len(a.scopes) > 0 {
		options.AuthorizationScopes = jsii.Strings(a.scopes...)
	}
	return options
}

// finish adds a warning when no app client can get a token that is accepted. It cannot know the
// clients of an imported pool, nor those that are added later.
func (a authCognito) finish(api *OrderAPI) {
	clients := a.clients(api)
	if len(clients) == 0 || slices.ContainsFunc(clients, a.fits) {
		return
	}
	why := "Without Scopes, AuthCognito accepts ID tokens only, and no app client of the user pools " +
		"can get one: client credentials give access tokens. Set CognitoAuthProps.Scopes."
	if len(a.scopes) > 0 {
		why = "No app client of the user pools can get one of CognitoAuthProps.Scopes " +
			"(" + strings.Join(a.scopes, ", ") + "), so every request gets a 401. " +
			"Allow a client one of them."
	}
	awscdk.Annotations_Of(api).AddWarningV2(jsii.String("orderapi:cognitoToken"), &why)
}

// clients returns the app clients of the pools, none if a pool is imported.
func (a authCognito) clients(api *OrderAPI) (found []awscognito.CfnUserPoolClient) {
	stack := awscdk.Stack_Of(api)
	var ids []any
	for _, pool := range a.pools {
		if pool.Node().DefaultChild() == nil {
			return nil
		}
		ids = append(ids, stack.Resolve(pool.UserPoolId()))
	}
	for _, node := range *api.Node().Root().Node().FindAll(constructs.ConstructOrder_PREORDER) {
		client, ok := node.(awscognito.CfnUserPoolClient)
		if ok && slices.ContainsFunc(ids, func(id any) bool {
			return reflect.DeepEqual(id, stack.Resolve(client.UserPoolId()))
		}) {
			found = append(found, client)
		}
	}
	return found
}

// fits is whether an app client can get a token that is accepted. A client with the client
// credentials grant is a machine, which has no ID token.
func (a authCognito) fits(client awscognito.CfnUserPoolClient) bool {
	list := func(values *[]*string) (texts []string) {
		if values != nil {
			for _, v := range *values {
				texts = append(texts, *v)
			}
		}
		return texts
	}
	machine := slices.Contains(list(client.AllowedOAuthFlows()), "client_credentials")
	if len(a.scopes) == 0 {
		return !machine
	}
	if !machine && slices.Contains(a.scopes, "aws.cognito.signin.user.admin") {
		return true
	}
	return slices.ContainsFunc(list(client.AllowedOAuthScopes()), func(allowed string) bool {
		return slices.Contains(a.scopes, allowed) || *awscdk.Token_IsUnresolved(allowed)
	})
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
