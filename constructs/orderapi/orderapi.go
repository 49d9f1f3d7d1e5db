// Package orderapi provides a CDK construct that puts a REST API in front of an order pipeline:
//
//	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
//	orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{Pipeline: pipeline})
//
//	POST /orders            one order            202, will be stored or refused
//	POST /orders/batch      1 to 25 orders       202, each will be stored or refused
//	GET  /orders/{orderId}                       200 stored or refused, 404 unknown (yet)
//
// API Gateway validates a body against the schema of the order and sends it to SQS itself: between
// a client and the queue there is no function that could be cold, throttled or failing. Requests
// are signed with SigV4 unless Auth says otherwise. Every response is JSON with a "status".
//
// # Errors
//
// [NewOrderAPI] panics with an error that names every wrong prop, before it creates anything.
package orderapi

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// OrderAPI is the construct. [NewOrderAPI] makes it. Its methods return everything inside as CDK's
// own types. The API's base URL is the UrlForPath of [OrderAPI.Stage].
type OrderAPI struct {
	constructs.Construct

	settings   *settings
	api        awsapigateway.IRestApi
	stage      awsapigateway.Stage // nil when CDK does not know it
	accessLogs awslogs.ILogGroup
	validator  awsapigateway.RequestValidator
	role       awsiam.Role
	status     awslambda.Function
	logs       awslogs.LogGroup
	apiKey     awsapigateway.ApiKey
	usagePlan  awsapigateway.UsagePlan
}

// NewOrderAPI makes an API. It panics with an error that names everything that is wrong with the
// props.
func NewOrderAPI(scope constructs.Construct, id string, props *OrderAPIProps) *OrderAPI {
	s, err := resolve(scope, props)
	if err != nil {
		panic(err)
	}
	a := &OrderAPI{settings: s}
	constructs.NewConstruct_Override(a, scope, &id)

	home := a.newAPI()
	auth := s.Auth.method(a)
	base := a.api.Root()
	if s.Path != "" {
		base = base.ResourceForPath(&s.Path)
	}
	orders := base.AddResource(jsii.String(strings.TrimPrefix(ordersPath, "/")), nil)
	a.addPost(orders, auth, "Order", string(s.Pipeline.Schema().JSON()))
	batchResource := orders.AddResource(jsii.String("batch"), nil)
	a.addPost(batchResource, auth, "Batch", string(s.Pipeline.Schema().BatchJSON()))
	one := orders.AddResource(jsii.String("{orderId}"), nil)
	a.addStatus(auth, one, batchResource) // "batch" is a valid order id
	s.CORS.preflight(orders, "POST")
	s.CORS.preflight(batchResource, "GET", "POST")
	s.CORS.preflight(one, "GET")
	if s.API == nil || s.GatewayResponses {
		a.addGatewayResponses(home)
	}
	s.Auth.finish(a)
	return a
}

// API returns the REST API.
func (a *OrderAPI) API() awsapigateway.IRestApi { return a.api }

// Stage returns the stage that serves the API, or nil for an existing API whose stage CDK does not
// know.
func (a *OrderAPI) Stage() awsapigateway.Stage { return a.stage }

// AccessLogGroup returns the log group of [AccessLogsTo] or [AccessLogsKept], or nil without access
// logs.
func (a *OrderAPI) AccessLogGroup() awslogs.ILogGroup { return a.accessLogs }

// Role returns the role with which API Gateway sends to the queue.
func (a *OrderAPI) Role() awsiam.Role { return a.role }

// Status returns the function that answers GET.
func (a *OrderAPI) Status() awslambda.Function { return a.status }

// StatusLogs returns the status function's log group.
func (a *OrderAPI) StatusLogs() awslogs.ILogGroup { return a.logs }

// APIKey returns the key that [AuthAPIKey] made, or nil with another Auth.
func (a *OrderAPI) APIKey() awsapigateway.IApiKey {
	if a.apiKey == nil {
		return nil
	}
	return a.apiKey
}

// UsagePlan returns the usage plan that [AuthAPIKey] made, or nil with another Auth. Add further
// keys, limits and quotas to it.
func (a *OrderAPI) UsagePlan() awsapigateway.UsagePlan { return a.usagePlan }

// GrantSubmit lets the grantee post orders and batches, and get the status of orders. It is for
// [AuthIAM].
func (a *OrderAPI) GrantSubmit(grantee awsiam.IGrantable) awsiam.Grant {
	stage := a.stageName()
	if stage == nil {
		stage = jsii.String("*")
	}
	arn := func(method, path string) *string {
		path = a.settings.Path + path
		return a.api.ArnForExecuteApi(&method, &path, stage)
	}
	return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: grantee,
		Actions: jsii.Strings("execute-api:Invoke"),
		ResourceArns: &[]*string{
			arn("POST", "/orders"), arn("POST", "/orders/batch"), arn("GET", "/orders/*"),
		},
	})
}

// newAPI makes the API or takes the existing one, and returns the scope of the resources that
// belong to it.
func (a *OrderAPI) newAPI() (home constructs.Construct) {
	s := a.settings
	if s.API != nil {
		a.api, home = s.API, a
		if imported(a.api) {
			awscdk.Annotations_Of(a).AddWarningV2(jsii.String("orderapi:importedAPI"), jsii.String(
				"API is imported, so the construct cannot deploy it. Deploy its stage now and after "+
					"every change of this stack."))
		}
	} else {
		api := a.newOwnAPI()
		a.api, home = api, api
	}
	a.stage = stageOf(a.api)
	if deployment := deploymentOf(a.api); deployment != nil {
		// The API opens after its consumer exists: no version of the API accepts orders that the
		// processor does not know.
		deployment.Node().AddDependency(s.Pipeline.ProcessorMapping())
	}
	a.validator = awsapigateway.NewRequestValidator(home, jsii.String("Validator"),
		&awsapigateway.RequestValidatorProps{
			RestApi:             a.api,
			ValidateRequestBody: jsii.Bool(true),
		})
	a.role = awsiam.NewRole(a, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
	})
	s.Pipeline.GrantEnqueue(a.role)
	return home
}
