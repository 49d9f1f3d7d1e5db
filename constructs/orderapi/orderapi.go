// Package orderapi is a CDK construct that puts a REST API in front of an order pipeline:
//
//	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
//	orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{Pipeline: pipeline})
//
//	POST /orders            one order            202, it will be stored or refused
//	POST /orders/batch      1 to 25 orders       202, each will be
//	GET  /orders/{orderId}                       200 stored or refused, 404 not known (yet)
//
// API Gateway checks a body against the order's schema and hands it to SQS by itself: no function to warm up, to throttle
// or to fail stands between a customer and the queue. Calls are signed with SigV4 unless Auth says otherwise. Every answer
// is JSON with a "status".
//
// # What fails, and when
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

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
	"github.com/orderpipeline/orderpipeline/constructs/internal/grant"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

const statusPackage = "./lambdas/status/main"

// StatusCode is the packaged status function, built for a target; see [orderpipeline.ProcessorCode].
func StatusCode(target golambda.Target) awslambda.Code {
	return function.Code(statusPackage, nil, target)
}

// OrderAPI is the construct; [NewOrderAPI] makes it. Everything inside is to be had by a method, as the CDK's own type. The address
// of the API is [OrderAPI.Stage]'s UrlForPath, to which the paths above are added.
type OrderAPI struct {
	constructs.Construct

	settings   *settings
	api        awsapigateway.IRestApi
	stage      awsapigateway.Stage // nil when CDK knows none
	accessLogs awslogs.ILogGroup
	validator  awsapigateway.RequestValidator
	role       awsiam.Role
	status     awslambda.Function
	logs       awslogs.LogGroup
	apiKey     awsapigateway.ApiKey
	usagePlan  awsapigateway.UsagePlan
}

// NewOrderAPI makes an API. It panics with an error that names everything that is wrong with the props.
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
	a.addStatus(auth, one, batchResource) // an order may be called batch
	s.CORS.preflight(orders, "POST")
	s.CORS.preflight(batchResource, "GET", "POST")
	s.CORS.preflight(one, "GET")
	if s.API == nil || s.GatewayResponses {
		a.addGatewayResponses(home)
	}
	s.Auth.finish(a)
	return a
}

// API is the REST API itself.
func (a *OrderAPI) API() awsapigateway.IRestApi { return a.api }

// Stage that the API is served from; nil when it was brought along and CDK does not know its stage.
func (a *OrderAPI) Stage() awsapigateway.Stage { return a.stage }

// AccessLogGroup that [AccessLogsTo] or [AccessLogsKept] named, nil without.
func (a *OrderAPI) AccessLogGroup() awslogs.ILogGroup { return a.accessLogs }

// Role that API Gateway sends to the queue with.
func (a *OrderAPI) Role() awsiam.Role { return a.role }

// Status is the function that answers GET.
func (a *OrderAPI) Status() awslambda.Function { return a.status }

// StatusLogs is the status function's log group.
func (a *OrderAPI) StatusLogs() awslogs.ILogGroup { return a.logs }

// APIKey that [AuthAPIKey] made, nil with another auth.
func (a *OrderAPI) APIKey() awsapigateway.IApiKey {
	if a.apiKey == nil {
		return nil
	}
	return a.apiKey
}

// UsagePlan that [AuthAPIKey] made, nil with another auth. Further keys, limits and quotas are added to it.
func (a *OrderAPI) UsagePlan() awsapigateway.UsagePlan { return a.usagePlan }

// GrantSubmit lets the grantee post orders, one and many, and ask for their status. It matters with [AuthIAM].
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
		Grantee:      grantee,
		Actions:      jsii.Strings("execute-api:Invoke"),
		ResourceArns: &[]*string{arn("POST", "/orders"), arn("POST", "/orders/batch"), arn("GET", "/orders/*")},
	})
}

// newAPI makes the API, or takes the one that is brought along, and gives the scope of what belongs to it.
func (a *OrderAPI) newAPI() (home constructs.Construct) {
	s := a.settings
	if s.API != nil {
		a.api, home = s.API, a
		if imported(a.api) {
			awscdk.Annotations_Of(a).AddWarningV2(jsii.String("orderapi:importedAPI"), jsii.String(
				"API is imported, so it cannot be deployed from here: what this stack adds to it is served after its stage has got a new deployment, now and after every change."))
		}
	} else {
		own := a.newOwnAPI()
		a.api, home = own, own
	}
	a.stage = stageOf(a.api)
	if deployment := deploymentOf(a.api); deployment != nil {
		// The door opens when there is somebody behind it: a version of the API never accepts what the processor does not know.
		deployment.Node().AddDependency(s.Pipeline.ProcessorMapping())
	}
	a.validator = awsapigateway.NewRequestValidator(home, jsii.String("Validator"), &awsapigateway.RequestValidatorProps{
		RestApi:             a.api,
		ValidateRequestBody: jsii.Bool(true),
	})
	a.role = awsiam.NewRole(a, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
	})
	s.Pipeline.GrantEnqueue(a.role)
	return home
}

func (a *OrderAPI) newOwnAPI() awsapigateway.RestApi {
	s := a.settings
	stage := &awsapigateway.StageOptions{StageName: &s.StageName}
	if s.Throttle.RateLimit > 0 {
		stage.ThrottlingRateLimit = &s.Throttle.RateLimit
		stage.ThrottlingBurstLimit = jsii.Number(s.Throttle.BurstLimit)
	}
	a.logAccess(stage)
	api := awsapigateway.NewRestApi(a, jsii.String("RestApi"), &awsapigateway.RestApiProps{
		RestApiName:   a.displayName(),
		EndpointTypes: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL},
		DeployOptions: stage,
		// The role is one an account, and a stack that sets it takes it from the others when it is deleted.
		CloudWatchRole: jsii.Bool(false),
	})
	// An output that nobody asked for.
	api.Node().TryRemoveChild(jsii.String("Endpoint"))
	return api
}

// stageName is nil when CDK knows no stage.
func (a *OrderAPI) stageName() *string {
	switch {
	case a.settings.API == nil:
		return &a.settings.StageName // not a reference, which other stacks would have to import
	case a.stage != nil:
		return a.stage.StageName()
	}
	return nil
}

// displayName is unique in the account: the API's metrics are found by this name, not by its id.
func (a *OrderAPI) displayName() *string {
	unique := awscdk.Names_UniqueResourceName(a, &awscdk.UniqueResourceNameOptions{MaxLength: jsii.Number(64)})
	return jsii.String(*awscdk.Stack_Of(a).StackName() + "-" + *unique)
}

func (a *OrderAPI) integrationTimeout() awscdk.Duration {
	return awscdk.Duration_Millis(jsii.Number(a.settings.timeout * 1000))
}

// addPost lets API Gateway validate a body and send it to the queue.
func (a *OrderAPI) addPost(resource awsapigateway.Resource, auth awsapigateway.MethodOptions, name, schema string) {
	model := awsapigateway.NewCfnModel(a, jsii.String(name+"Model"), &awsapigateway.CfnModelProps{
		RestApiId:   a.api.RestApiId(),
		ContentType: jsii.String("application/json"),
	})
	// The very text: of an object, CDK drops what is empty, and an empty schema means something. CloudFormation takes either,
	// CDK's type only the object.
	model.AddPropertyOverride(jsii.String("Schema"), ascii(schema))
	queue := a.settings.Pipeline.Queue()
	acceptedHeaders := a.settings.CORS.headers(nil)
	refusedHeaders := a.settings.CORS.headers(map[string]*string{"Retry-After": jsii.String("'" + retryAfter + "'")})
	template := func(text string) *map[string]*string {
		return &map[string]*string{"application/json": &text}
	}
	integration := awsapigateway.NewAwsIntegration(&awsapigateway.AwsIntegrationProps{
		Service:               jsii.String("sqs"),
		Path:                  jsii.String(*queue.Env().Account + "/" + *queue.QueueName()),
		Region:                queue.Env().Region,
		IntegrationHttpMethod: jsii.String("POST"),
		Options: &awsapigateway.IntegrationOptions{
			CredentialsRole: a.role,
			Timeout:         a.integrationTimeout(),
			// The query protocol: no header of the client's reaches SQS, and it answers JSON whatever the client accepts.
			RequestParameters: &map[string]*string{
				"integration.request.header.Content-Type": jsii.String("'application/x-www-form-urlencoded'"),
				"integration.request.header.Accept":       jsii.String("'application/json'"),
			},
			RequestTemplates: template(sendMessage),
			// A content type without a template would bypass template and model.
			PassthroughBehavior: awsapigateway.PassthroughBehavior_NEVER,
			IntegrationResponses: &[]*awsapigateway.IntegrationResponse{
				{
					StatusCode:         jsii.String("202"),
					SelectionPattern:   jsii.String(`2\d{2}`),
					ResponseTemplates:  template(accepted),
					ResponseParameters: inResponse(acceptedHeaders),
				},
				{
					StatusCode:         jsii.String("503"),
					ResponseTemplates:  template(notAccepted),
					ResponseParameters: inResponse(refusedHeaders),
				},
			},
		},
	})
	auth.RequestModels = &map[string]awsapigateway.IModel{
		"application/json": awsapigateway.Model_FromModelName(a, jsii.String(name+"ModelRef"), model.Ref()),
	}
	auth.RequestValidator = a.validator
	auth.MethodResponses = &[]*awsapigateway.MethodResponse{
		{StatusCode: jsii.String("202"), ResponseParameters: declared(acceptedHeaders)},
		{StatusCode: jsii.String("503"), ResponseParameters: declared(refusedHeaders)},
	}
	resource.AddMethod(jsii.String("POST"), integration, &auth)
	if deployment := deploymentOf(a.api); deployment != nil {
		// A deployment is a snapshot, models included: a new schema needs a new one.
		deployment.AddToLogicalId(map[string]any{name + "Model": schema})
		deployment.Node().AddDependency(model)
	}
}

// addStatus lets the status function answer.
func (a *OrderAPI) addStatus(auth awsapigateway.MethodOptions, resources ...awsapigateway.Resource) {
	s := a.settings
	environment := map[string]*string{contract.EnvTableName: s.Pipeline.Table().TableName()}
	if s.CORS.AllowOrigin != "" {
		environment[contract.EnvCORSAllowOrigin] = &s.CORS.AllowOrigin
	}
	a.status, a.logs = function.New(a, "Status", function.Props(s.Status), function.Leg{
		Package:       statusPackage,
		Description:   "OrderPipeline: says what became of an order",
		Timeout:       s.statusTimeout,
		Environment:   environment,
		RemovalPolicy: s.Pipeline.RemovalPolicy(),
	})
	grant.Read(s.Pipeline.Table(), a.status, "dynamodb:Query")
	function.CheckRole(a.status, "Status", function.Props(s.Status), "dynamodb:Query on the pipeline's Table")
	integration := awsapigateway.NewLambdaIntegration(a.status, &awsapigateway.LambdaIntegrationOptions{
		Timeout:         a.integrationTimeout(),
		AllowTestInvoke: jsii.Bool(false),
	})
	for _, resource := range resources {
		resource.AddMethod(jsii.String("GET"), integration, &auth)
	}
}
