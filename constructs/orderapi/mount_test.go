package orderapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

func theirAPI(stack awscdk.Stack) awsapigateway.RestApi {
	api := awsapigateway.NewRestApi(stack, jsii.String("Theirs"), &awsapigateway.RestApiProps{
		CloudWatchRole: jsii.Bool(false),
	})
	api.Root().AddResource(jsii.String("shop"), nil).AddMethod(jsii.String("GET"), nil, nil)
	return api
}

func TestExistingAPI(t *testing.T) {
	stack := synthtest.NewStack(t)
	pipeline := orderpipeline.NewOrderPipeline(stack, "P", nil)
	theirs := theirAPI(stack)
	api := orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{Pipeline: pipeline, API: theirs, Path: "/shop/v2"})
	api.GrantSubmit(newClient(stack))
	if messages := synthtest.Warnings(stack); len(messages) > 0 {
		t.Errorf("warnings: %q", messages)
	}
	if api.API() != awsapigateway.IRestApi(theirs) ||
		*api.Stage().Node().Path() != *theirs.DeploymentStage().Node().Path() {
		t.Error("a getter does not return the existing resource")
	}
	template := synthtest.Synth(t, stack)
	for kind, want := range map[string]int{
		"AWS::ApiGateway::RestApi": 1, "AWS::ApiGateway::Stage": 1,
		"AWS::ApiGateway::GatewayResponse": 0, "AWS::ApiGateway::Method": 5,
	} {
		if got := len(template.IDs(kind)); got != want {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
	}
	depends := template.Resources[template.IDs("AWS::ApiGateway::Deployment")[0]].DependsOn
	for _, path := range []string{"PProcessorMapping", "AOrderModel", "ABatchModel"} {
		if !slices.Contains(depends, template.ID(t, path)) {
			t.Errorf("their deployment does not depend on %s: %v", path, depends)
		}
	}
	if got := template.At(t, "Theirsshopv2orders.PathPart"); got != `"orders"` {
		t.Errorf("the resource is %s", got)
	}
	got := template.Statements(t, "ClientDefaultPolicy")
	if len(got) != 1 || !strings.Contains(got[0], `"/POST/shop/v2/orders"`) ||
		!strings.Contains(got[0], `"/GET/shop/v2/orders/*"`) {
		t.Errorf("GrantSubmit gives %s", got)
	}
	if id := template.ID(t, "AValidator"); id == "" {
		t.Error("no validator")
	}
	dimensions := synthtest.JSON(t, stack.Resolve(api.MetricRequests(nil).Dimensions()))
	if want := `{"ApiName":"Theirs","Stage":{"Ref":"` + template.ID(t, "TheirsDeploymentStageprod") + `"}}`; dimensions != want {
		t.Errorf("dimensions are %s, want %s", dimensions, want)
	}
}

func TestExistingAPIGatewayResponses(t *testing.T) {
	template := synth(t, func(stack awscdk.Stack, p *orderapi.OrderAPIProps) {
		p.API, p.GatewayResponses = theirAPI(stack), true
	})
	if got := len(template.IDs("AWS::ApiGateway::GatewayResponse")); got != 19 {
		t.Errorf("%d gateway responses, want 19", got)
	}
}

func TestImportedAPI(t *testing.T) {
	stack := synthtest.NewStack(t)
	pipeline := orderpipeline.NewOrderPipeline(stack, "P", nil)
	imported := awsapigateway.RestApi_FromRestApiAttributes(stack, jsii.String("Imported"),
		&awsapigateway.RestApiAttributes{
			RestApiId: jsii.String("abc"), RootResourceId: jsii.String("root"),
		})
	api := orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{Pipeline: pipeline, API: imported})
	api.GrantSubmit(newClient(stack))
	const warning = "API is imported, so the construct cannot deploy it. " +
		"Deploy its stage now and after every change of this stack."
	messages := synthtest.Warnings(stack)
	if len(messages) != 1 || !strings.Contains(messages[0], warning) {
		t.Errorf("warnings: %q, want %s", messages, warning)
	}
	if api.Stage() != nil {
		t.Error("Stage returns a stage that CDK does not know")
	}
	template := synthtest.Synth(t, stack)
	if got := template.Statements(t, "ClientDefaultPolicy"); len(got) != 1 || !strings.Contains(got[0], `:abc/*/POST/orders"`) {
		t.Errorf("GrantSubmit gives %s", got)
	}
	if got := len(template.IDs("AWS::ApiGateway::RestApi")) + len(template.IDs("AWS::ApiGateway::Deployment")); got != 0 {
		t.Errorf("%d APIs and deployments", got)
	}
	if got := synthtest.JSON(t, stack.Resolve(api.MetricRequests(nil).Dimensions())); strings.Contains(got, "Stage") {
		t.Errorf("dimensions are %s", got)
	}
	// CloudWatch knows an API by its name.
	const nameless = "API is imported without its name, which its metrics have. Set RestApiName in RestApi_FromRestApiAttributes."
	if messages := strings.Join(synthtest.Warnings(stack), "\n"); strings.Count(messages, nameless) != 1 {
		t.Errorf("warnings: %s, want once %s", messages, nameless)
	}
}

func TestPathOfOwnAPI(t *testing.T) {
	template := synth(t, func(_ awscdk.Stack, p *orderapi.OrderAPIProps) { p.Path = "/shop" })
	if got := template.At(t, "ARestApishoporders.PathPart"); got != `"orders"` {
		t.Errorf("the resource is %s", got)
	}
}

func TestCORS(t *testing.T) {
	template := synth(t, func(_ awscdk.Stack, p *orderapi.OrderAPIProps) {
		p.CORS = orderapi.CORSProps{
			AllowOrigins: []string{"https://shop.example"}, AllowHeaders: []string{"Content-Type"},
			MaxAge: awscdk.Duration_Hours(jsii.Number(1)),
		}
	})
	all := methods(template)
	for name, allowed := range map[string]string{"ordersOPTIONS": "POST", "ordersbatchOPTIONS": "GET,POST", "ordersorderIdOPTIONS": "GET"} {
		method, ok := all[name]
		if !ok {
			t.Fatalf("no %s", name)
		}
		got := method["Integration"].(map[string]any)["IntegrationResponses"].([]any)[0].(map[string]any)["ResponseParameters"]
		want := map[string]any{
			"method.response.header.Access-Control-Allow-Origin":  "'https://shop.example'",
			"method.response.header.Access-Control-Allow-Headers": "'Content-Type'",
			"method.response.header.Access-Control-Allow-Methods": "'" + allowed + "'",
			"method.response.header.Access-Control-Max-Age":       "'3600'",
			"method.response.header.Vary":                         "'Origin'",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if method["AuthorizationType"] != "NONE" {
			t.Errorf("%s requires %s, but preflight requests have no credentials", name, method["AuthorizationType"])
		}
	}
	for _, name := range []string{"ordersPOST", "ordersbatchPOST"} {
		for _, response := range all[name]["Integration"].(map[string]any)["IntegrationResponses"].([]any) {
			headers := response.(map[string]any)["ResponseParameters"].(map[string]any)
			if headers["method.response.header.Access-Control-Allow-Origin"] != "'https://shop.example'" ||
				headers["method.response.header.Access-Control-Expose-Headers"] != "'Retry-After'" {
				t.Errorf("%s: headers of a response are %v", name, headers)
			}
		}
		for _, response := range all[name]["MethodResponses"].([]any) {
			headers := response.(map[string]any)["ResponseParameters"].(map[string]any)
			if headers["method.response.header.Access-Control-Allow-Origin"] != true {
				t.Errorf("%s: declared headers are %v", name, headers)
			}
		}
	}
	for _, id := range template.IDs("AWS::ApiGateway::GatewayResponse") {
		headers, _ := template.Resources[id].Properties["ResponseParameters"].(map[string]any)
		if headers["gatewayresponse.header.Access-Control-Allow-Origin"] != "'https://shop.example'" {
			t.Errorf("%s: headers are %v", id, headers)
		}
	}
	if got := template.At(t, "AStatus.Environment.Variables.CORS_ALLOW_ORIGINS"); got != `"https://shop.example"` {
		t.Errorf("the status function's origin is %s", got)
	}
	depends := template.Resources[deployment(t, template)].DependsOn
	for _, id := range template.IDs("AWS::ApiGateway::Method") {
		if !slices.Contains(depends, id) {
			t.Errorf("the deployment does not depend on %s", id)
		}
	}
}

func TestCORSDefaultHeaders(t *testing.T) {
	headers := func(auth orderapi.Auth, pipeline *orderpipeline.OrderPipeline, stack awscdk.Stack) string {
		orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{
			Pipeline: pipeline, Auth: auth, CORS: orderapi.CORSProps{AllowOrigins: []string{"*"}},
		})
		options := methods(synthtest.Synth(t, stack))["ordersOPTIONS"]["Integration"].(map[string]any)
		response := options["IntegrationResponses"].([]any)[0].(map[string]any)["ResponseParameters"].(map[string]any)
		if vary := response["method.response.header.Vary"]; vary != nil {
			t.Errorf("the response for every origin varies by %v", vary)
		}
		return response["method.response.header.Access-Control-Allow-Headers"].(string)
	}
	const signed = "'Content-Type,X-Amz-Date,Authorization,X-Api-Key,X-Amz-Security-Token,X-Amz-User-Agent,X-Amz-Content-Sha256"
	for name, test := range map[string]struct {
		auth func(*orderpipeline.OrderPipeline) orderapi.Auth
		want string
	}{
		// What @smithy/signature-v4 sends.
		"signed": {func(*orderpipeline.OrderPipeline) orderapi.Auth { return nil }, signed + "'"},
		"authorizer": {func(p *orderpipeline.OrderPipeline) orderapi.Auth {
			return orderapi.AuthLambda(p.Processor(), nil)
		}, signed + "'"},
		"authorizer with a header of its own": {func(p *orderpipeline.OrderPipeline) orderapi.Auth {
			return orderapi.AuthLambda(p.Processor(), &orderapi.LambdaAuthProps{Header: "X-Token"})
		}, signed + ",X-Token'"},
	} {
		stack := synthtest.NewStack(t)
		pipeline := orderpipeline.NewOrderPipeline(stack, "P", nil)
		if got := headers(test.auth(pipeline), pipeline, stack); got != test.want {
			t.Errorf("%s: allows %s, want %s", name, got, test.want)
		}
	}
}

// A response names the origin of the page that asked. TestVelocity renders the templates.
func TestCORSSeveralOrigins(t *testing.T) {
	const shop, admin = "https://shop.example", "https://admin.shop.example"
	template := synth(t, func(_ awscdk.Stack, p *orderapi.OrderAPIProps) {
		p.CORS.AllowOrigins = []string{shop, admin}
	})
	const prefix = "method.response.header."
	for name, method := range methods(template) {
		if strings.HasSuffix(name, "GET") {
			continue // the status function's
		}
		declared := map[any]any{}
		for _, response := range method["MethodResponses"].([]any) {
			r := response.(map[string]any)
			declared[r["StatusCode"]] = r["ResponseParameters"]
		}
		for _, response := range method["Integration"].(map[string]any)["IntegrationResponses"].([]any) {
			r := response.(map[string]any)
			headers := r["ResponseParameters"].(map[string]any)
			if headers[prefix+"Access-Control-Allow-Origin"] != "'"+shop+"'" || headers[prefix+"Vary"] != "'Origin'" {
				t.Errorf("%s %s: headers are %v", name, r["StatusCode"], headers)
			}
			for header := range headers {
				if declared[r["StatusCode"]].(map[string]any)[header] != true {
					t.Errorf("%s %s: %s is not declared", name, r["StatusCode"], header)
				}
			}
			text := r["ResponseTemplates"].(map[string]any)["application/json"].(string)
			if !strings.Contains(text, `#set($context.responseOverride.header.Access-Control-Allow-Origin = `) ||
				!strings.Contains(text, admin) {
				t.Errorf("%s %s: the template is %s", name, r["StatusCode"], text)
			}
		}
	}
	for _, id := range template.IDs("AWS::ApiGateway::GatewayResponse") {
		headers := template.Resources[id].Properties["ResponseParameters"].(map[string]any)
		if headers["gatewayresponse.header.Access-Control-Allow-Origin"] != "method.request.header.Origin" ||
			headers["gatewayresponse.header.Vary"] != "'Origin'" {
			t.Errorf("%s: headers are %v", id, headers)
		}
	}
	if got, want := template.At(t, "AStatus.Environment.Variables.CORS_ALLOW_ORIGINS"), `"`+shop+","+admin+`"`; got != want {
		t.Errorf("the status function's origins are %s, want %s", got, want)
	}
}

// Two OrderAPIs on one API: the gateway responses are made once.
func TestTwoOnOneAPI(t *testing.T) {
	stack := synthtest.NewStack(t)
	pipeline := orderpipeline.NewOrderPipeline(stack, "P", nil)
	first := orderapi.NewOrderAPI(stack, "First", &orderapi.OrderAPIProps{Pipeline: pipeline})
	orderapi.NewOrderAPI(stack, "Second", &orderapi.OrderAPIProps{
		Pipeline: pipeline, API: first.API(), Path: "/second", Auth: orderapi.AuthAPIKey(),
	})
	attributes := &awsapigateway.RestApiAttributes{
		RestApiId: jsii.String("abc"), RootResourceId: jsii.String("root"),
	}
	imported := awsapigateway.RestApi_FromRestApiAttributes(stack, jsii.String("Imported"), attributes)
	again := awsapigateway.RestApi_FromRestApiAttributes(stack, jsii.String("Again"), attributes)
	mount := func(id, path string, api awsapigateway.IRestApi) string {
		return synthtest.Panic(func() {
			orderapi.NewOrderAPI(stack, id, &orderapi.OrderAPIProps{
				Pipeline: pipeline, API: api, Path: path, GatewayResponses: true,
			})
		})
	}
	if got := mount("Third", "/third", imported); got != "" {
		t.Errorf("the first OrderAPI on an imported API panics with %s", got)
	}
	for name, got := range map[string]string{
		"on an OrderAPI's own API":               mount("Own", "/own", first.API()),
		"on the same imported API":               mount("Same", "/same", imported),
		"on the same API, imported another time": mount("Again2", "/again", again),
	} {
		if !strings.Contains(got, "GatewayResponses: Test/") ||
			!strings.Contains(got, "already has gateway responses: BAD_REQUEST_BODY, BAD_REQUEST_PARAMETERS, ") {
			t.Errorf("%s: panics with %q", name, got)
		}
	}
	if got := mount("Taken", "/third", imported); !strings.Contains(got, "Test/Imported already has a resource /third/orders") {
		t.Errorf("the same path again: panics with %q", got)
	}
	seen := map[string]bool{}
	template := synthtest.Synth(t, stack)
	for _, id := range template.IDs("AWS::ApiGateway::GatewayResponse") {
		p := template.Resources[id].Properties
		key := synthtest.JSON(t, p["RestApiId"]) + p["ResponseType"].(string)
		if seen[key] {
			t.Errorf("%s is made twice", key)
		}
		seen[key] = true
	}
	if len(seen) != 2*19 {
		t.Errorf("%d gateway responses, want 19 for each of two APIs", len(seen))
	}
}

func TestAccessLogs(t *testing.T) {
	stack := synthtest.NewStack(t)
	pipeline := orderpipeline.NewOrderPipeline(stack, "P", nil)
	theirs := awslogs.NewLogGroup(stack, jsii.String("Theirs"), nil)
	to := orderapi.NewOrderAPI(stack, "To", &orderapi.OrderAPIProps{
		Pipeline: pipeline, AccessLogs: orderapi.AccessLogsTo(theirs),
	})
	kept := orderapi.NewOrderAPI(stack, "Kept", &orderapi.OrderAPIProps{
		Pipeline: pipeline, AccessLogs: orderapi.AccessLogsKept(awslogs.RetentionDays_ONE_WEEK),
	})
	if to.AccessLogGroup() != awslogs.ILogGroup(theirs) || kept.AccessLogGroup() == nil {
		t.Error("AccessLogGroup returns another log group")
	}
	const warning = "Access logs need the API Gateway role for CloudWatch (AWS::ApiGateway::Account, CloudWatchRoleArn)"
	messages := synthtest.Warnings(stack)
	if len(messages) != 2 || !strings.Contains(messages[0], warning) {
		t.Errorf("warnings: %q, want %s", messages, warning)
	}
	template := synthtest.Synth(t, stack)
	for stage, group := range map[string]string{"ToRestApiDeploymentStagev1": "Theirs", "KeptRestApiDeploymentStagev1": "KeptAccessLogs"} {
		if got, want := template.At(t, stage+".AccessLogSetting.DestinationArn"), `{"Fn::GetAtt":["`+template.ID(t, group)+`","Arn"]}`; got != want {
			t.Errorf("%s logs to %s, want %s", stage, got, want)
		}
		line := template.At(t, stage+".AccessLogSetting.Format")
		if !strings.Contains(line, "$context.requestId") || strings.Contains(line, "$context.path") {
			t.Errorf("a line is %s", line)
		}
	}
	if got := template.At(t, "KeptAccessLogs.RetentionInDays"); got != "7" {
		t.Errorf("the retention is %s days", got)
	}
	if got := template.IDs("AWS::ApiGateway::Account"); got != nil {
		t.Errorf("sets the account's role: %v", got)
	}
}

func TestMetrics(t *testing.T) {
	stack := synthtest.NewStack(t)
	api := orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{
		Pipeline: orderpipeline.NewOrderPipeline(stack, "P", nil),
	})
	for _, test := range []struct {
		metric          func(*awscloudwatch.MetricOptions) awscloudwatch.Metric
		name, statistic string
	}{
		{api.MetricRequests, "Count", "Sum"},
		{api.MetricClientErrors, "4XXError", "Sum"},
		{api.MetricServerErrors, "5XXError", "Sum"},
		{api.MetricLatency, "Latency", "p99"},
	} {
		m := test.metric(nil)
		got := *m.Namespace() + " " + *m.MetricName() + " " + *m.Statistic() + " " + synthtest.JSON(t, stack.Resolve(m.Dimensions())) + " " + *m.Period().ToString()
		if want := "AWS/ApiGateway " + test.name + " " + test.statistic + ` {"ApiName":"Test-TestA04FE4F89","Stage":"v1"} Duration.minutes(1)`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if m := api.MetricRequests(&awscloudwatch.MetricOptions{Statistic: jsii.String("Average")}); *m.Statistic() != "Average" {
		t.Errorf("with the caller's statistic: %s", *m.Statistic())
	}
}
