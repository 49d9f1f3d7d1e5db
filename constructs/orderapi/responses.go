package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// retryAfter is how long a client should wait, in seconds. Most of the causes are over at once.
const retryAfter = "1"

// addGatewayResponses makes every response that API Gateway gives itself JSON with a status, like
// the others. The list is a slice, not a map, because its order affects the logical id of the
// deployment.
func (a *OrderAPI) addGatewayResponses(scope constructs.Construct) {
	const message = "$context.error.messageString" // quoted by API Gateway
	invalid := message
	if !a.settings.HideValidationDetails {
		invalid += `,"details":"$context.error.validationErrorString"` // API Gateway escapes quotes in it
	}
	const unavailable = `"` + tryAgain + `"`
	for _, r := range []struct {
		id      string
		kind    awsapigateway.ResponseType
		code    string // "" keeps API Gateway's
		status  string
		message string // JSON, and further members
		retry   bool
	}{
		{"BadRequestBody", awsapigateway.ResponseType_BAD_REQUEST_BODY(),
			"400", "INVALID", invalid, false},
		{"BadRequestParameters", awsapigateway.ResponseType_BAD_REQUEST_PARAMETERS(),
			"400", "INVALID", message, false},
		{"UnsupportedMediaType", awsapigateway.ResponseType_UNSUPPORTED_MEDIA_TYPE(),
			"415", "UNSUPPORTED_MEDIA_TYPE",
			`"the content type must be application/json"`, false},
		{"RequestTooLarge", awsapigateway.ResponseType_REQUEST_TOO_LARGE(),
			"413", "TOO_LARGE", `"` + tooLarge + `"`, false},
		{"Unauthorized", awsapigateway.ResponseType_UNAUTHORIZED(),
			"401", "UNAUTHORIZED", message, false},
		{"AccessDenied", awsapigateway.ResponseType_ACCESS_DENIED(), "403", "FORBIDDEN", message, false},
		{"ExpiredToken", awsapigateway.ResponseType_EXPIRED_TOKEN(), "403", "FORBIDDEN", message, false},
		{"InvalidAPIKey", awsapigateway.ResponseType_INVALID_API_KEY(),
			"403", "FORBIDDEN", message, false},
		{"InvalidSignature", awsapigateway.ResponseType_INVALID_SIGNATURE(),
			"403", "FORBIDDEN", message, false},
		{"MissingAuthenticationToken", awsapigateway.ResponseType_MISSING_AUTHENTICATION_TOKEN(),
			"403", "FORBIDDEN", message, false},
		{"WAFFiltered", awsapigateway.ResponseType_WAF_FILTERED(), "403", "FORBIDDEN", message, false},
		{"Throttled", awsapigateway.ResponseType_THROTTLED(), "429", "THROTTLED", message, true},
		{"QuotaExceeded", awsapigateway.ResponseType_QUOTA_EXCEEDED(), "429", "THROTTLED", message, true},
		{"IntegrationFailure", awsapigateway.ResponseType_INTEGRATION_FAILURE(),
			"503", "UNAVAILABLE", unavailable, true},
		{"IntegrationTimeout", awsapigateway.ResponseType_INTEGRATION_TIMEOUT(),
			"503", "UNAVAILABLE", unavailable, true},
		// The engine could not read the answer of SQS.
		{"APIConfigurationError", awsapigateway.ResponseType_API_CONFIGURATION_ERROR(),
			"503", "UNAVAILABLE", unavailable, true},
		{"AuthorizerFailure", awsapigateway.ResponseType_AUTHORIZER_FAILURE(),
			"503", "UNAVAILABLE", unavailable, true},
		{"Default4XX", awsapigateway.ResponseType_DEFAULT_4XX(), "", "ERROR", message, false},
		{"Default5XX", awsapigateway.ResponseType_DEFAULT_5XX(), "", "ERROR", message, true},
	} {
		var headers map[string]*string
		if r.retry {
			headers = map[string]*string{"Retry-After": jsii.String("'" + retryAfter + "'")}
		}
		props := &awsapigateway.GatewayResponseProps{
			RestApi:         a.api,
			ResponseHeaders: a.settings.CORS.gatewayHeaders(headers),
			Type:            r.kind,
			Templates: &map[string]*string{
				"application/json": jsii.String(`{"status":"` + r.status + `","message":` + r.message + `}`),
			},
		}
		if r.code != "" {
			props.StatusCode = jsii.String(r.code)
		}
		awsapigateway.NewGatewayResponse(scope, jsii.String(r.id), props)
	}
}

// inResponse returns the headers of a response in an integration's form.
func inResponse(headers *map[string]*string) *map[string]*string {
	if headers == nil {
		return nil
	}
	mapped := map[string]*string{}
	for name, value := range *headers {
		mapped["method.response.header."+name] = value
	}
	return &mapped
}

// declared returns the headers of a response in a method's form.
func declared(headers *map[string]*string) *map[string]*bool {
	if headers == nil {
		return nil
	}
	named := map[string]*bool{}
	for name := range *headers {
		named["method.response.header."+name] = jsii.Bool(true)
	}
	return &named
}
