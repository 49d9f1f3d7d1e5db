package orderapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// synth makes an API with the default props as changed by mutate.
func synth(t *testing.T, mutate func(awscdk.Stack, *orderapi.OrderAPIProps)) synthtest.Template {
	t.Helper()
	stack := synthtest.NewStack(t)
	props := orderapi.OrderAPIProps{Pipeline: orderpipeline.NewOrderPipeline(stack, "P", nil)}
	if mutate != nil {
		mutate(stack, &props)
	}
	orderapi.NewOrderAPI(stack, "A", &props)
	return synthtest.Synth(t, stack)
}

// methods returns the methods of the API by path and verb.
func methods(template synthtest.Template) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, id := range template.IDs("AWS::ApiGateway::Method") {
		name := strings.TrimPrefix(id, "ARestApi")
		found[name[:len(name)-8]] = template.Resources[id].Properties
	}
	return found
}

func deployment(t *testing.T, template synthtest.Template) string {
	t.Helper()
	return template.IDs("AWS::ApiGateway::Deployment")[0]
}

const (
	wantSend     = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
	wantAccepted = `{"status":"ACCEPTED","messageId":"$input.path('$.SendMessageResponse.SendMessageResult.MessageId')"}`
	wantTooLarge = `{"status":"TOO_LARGE","message":"the body is too large"}`
	wantFailed   = `#set($context.responseOverride.status = 503){"status":"UNAVAILABLE","message":"not accepted, please try again"}`
	// After a change, run TestVelocity (its command is in velocity_test.go) and the emulator's tests.
	wantRefused = `#set($code = $input.path('$.Error.Code'))` +
		`#set($statuses = {"$code": 503, "InvalidParameterValue": 413, "InvalidMessageContents": 400})` +
		`#set($names = {"$code": "UNAVAILABLE", "InvalidParameterValue": "TOO_LARGE", "InvalidMessageContents": "INVALID"})` +
		`#set($messages = {"$code": "not accepted, please try again", "InvalidParameterValue": "the body is too large", ` +
		`"InvalidMessageContents": "the body holds characters that the queue cannot carry"})` +
		`#set($context.responseOverride.status = $statuses.get("$code"))` +
		`#set($name = "UNAVAILABLE")#set($name = $names.get("$code"))` +
		`#set($message = "not accepted, please try again")#set($message = $messages.get("$code"))` +
		`{"status":"$name","message":"$message"}`
)

func TestDefaults(t *testing.T) {
	template := synth(t, nil)
	arn := func(path string) string { return `{"Fn::GetAtt":["` + template.ID(t, path) + `","Arn"]}` }
	ref := func(path string) string { return `{"Ref":"` + template.ID(t, path) + `"}` }

	t.Run("API and stage", func(t *testing.T) {
		for _, want := range [][2]string{
			{"ARestApi.EndpointConfiguration", `{"Types":["REGIONAL"]}`},
			{"ARestApi.Name", `"Test-TestA04FE4F89"`},
			{"ARestApiDeploymentStagev1.StageName", `"v1"`},
			{"ARestApiDeploymentStagev1.AccessLogSetting", "null"},
			{"ARestApiDeploymentStagev1.MethodSettings", "null"},
			{"ARestApiDeploymentStagev1.DeploymentId", `{"Ref":"` + deployment(t, template) + `"}`},
			{"AStatus.Timeout", "10"},
			{"AStatus.Environment.Variables", `{"TABLE_NAME":` + ref("PTable") + `}`},
			{"AStatusLogs.RetentionInDays", "30"},
			{"AStatusLogs.DeletionPolicy", `"RetainExceptOnCreate"`},
		} {
			if got := template.At(t, want[0]); got != want[1] {
				t.Errorf("%s is %s, want %s", want[0], got, want[1])
			}
		}
		if got := template.IDs("AWS::ApiGateway::Account"); got != nil {
			t.Errorf("sets the account's role: %v", got)
		}
		if len(template.Outputs) > 0 {
			t.Errorf("unexpected outputs: %v", template.Outputs)
		}
	})

	t.Run("the API opens after its consumer exists", func(t *testing.T) {
		depends := template.Resources[deployment(t, template)].DependsOn
		if mapping := template.ID(t, "PProcessorMapping"); !slices.Contains(depends, mapping) {
			t.Errorf("the deployment does not depend on %s: %v", mapping, depends)
		}
		for _, kind := range []string{
			"AWS::ApiGateway::Model", "AWS::ApiGateway::GatewayResponse",
			"AWS::ApiGateway::Method", "AWS::ApiGateway::RequestValidator",
		} {
			for _, id := range template.IDs(kind) {
				if !slices.Contains(depends, id) {
					t.Errorf("the deployment does not depend on %s, so it could miss it", id)
				}
			}
		}
	})

	t.Run("roles", func(t *testing.T) {
		for policy, want := range map[string][]string{
			"ARoleDefaultPolicy": {`{"Action":"sqs:SendMessage","Effect":"Allow","Resource":` + arn("PQueue") + `}`},
			"AStatusRoleDefaultPolicy": {
				`{"Action":["logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":` + arn("AStatusLogs") + `}`,
				`{"Action":"dynamodb:Query","Effect":"Allow","Resource":` + arn("PTable") + `}`,
			},
		} {
			if diff := cmp.Diff(want, template.Statements(t, policy)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", policy, diff)
			}
		}
		permissions := template.IDs("AWS::Lambda::Permission")
		if len(permissions) != 2 {
			t.Fatalf("permissions: %v", permissions)
		}
		// "batch" is a valid order id.
		for i, want := range []string{`"/GET/orders/batch"]]}`, `"/GET/orders/*"]]}`} {
			if got := synthtest.JSON(t, template.Resources[permissions[i]].Properties["SourceArn"]); !strings.HasSuffix(got, want) {
				t.Errorf("source is %s, want it to end with %s", got, want)
			}
		}
	})

	t.Run("methods", func(t *testing.T) {
		all := methods(template)
		if len(all) != 4 {
			t.Fatalf("methods: %v", all)
		}
		for name, model := range map[string]string{"ordersPOST": "AOrderModel", "ordersbatchPOST": "ABatchModel"} {
			method := all[name]
			integration := method["Integration"].(map[string]any)
			want := map[string]any{
				"Type": "AWS", "IntegrationHttpMethod": "POST", "PassthroughBehavior": "NEVER", "TimeoutInMillis": 10_000.0,
				"Credentials":      map[string]any{"Fn::GetAtt": []any{template.ID(t, "ARole"), "Arn"}},
				"RequestTemplates": map[string]any{"application/json": wantSend},
				"RequestParameters": map[string]any{
					"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'",
					"integration.request.header.Accept":       "'application/json'",
				},
				"IntegrationResponses": []any{
					map[string]any{"StatusCode": "202", "SelectionPattern": `2\d{2}`, "ResponseTemplates": map[string]any{"application/json": wantAccepted}},
					map[string]any{"StatusCode": "413", "SelectionPattern": "413", "ResponseTemplates": map[string]any{"application/json": wantTooLarge}},
					map[string]any{"StatusCode": "500", "SelectionPattern": `5\d{2}`, "ResponseTemplates": map[string]any{"application/json": wantFailed},
						"ResponseParameters": map[string]any{"method.response.header.Retry-After": "'1'"}},
					map[string]any{"StatusCode": "503", "ResponseTemplates": map[string]any{"application/json": wantRefused},
						"ResponseParameters": map[string]any{"method.response.header.Retry-After": "'1'"}},
				},
				"Uri": integration["Uri"],
			}
			if diff := cmp.Diff(want, integration); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			wantURI := `{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":apigateway:",{"Ref":"AWS::Region"},` +
				`":sqs:path/",{"Ref":"AWS::AccountId"},"/",{"Fn::GetAtt":["` + template.ID(t, "PQueue") + `","QueueName"]}]]}`
			if got := synthtest.JSON(t, integration["Uri"]); got != wantURI {
				t.Errorf("%s goes to %s, want %s", name, got, wantURI)
			}
			for field, want := range map[string]string{
				"AuthorizationType":  `"AWS_IAM"`,
				"ApiKeyRequired":     "null",
				"RequestModels":      `{"application/json":` + ref(model) + `}`,
				"RequestValidatorId": ref("ARestApiValidator"),
				"MethodResponses":    `[{"StatusCode":"202"},{"StatusCode":"413"},{"ResponseParameters":{"method.response.header.Retry-After":true},"StatusCode":"500"},{"ResponseParameters":{"method.response.header.Retry-After":true},"StatusCode":"503"}]`,
			} {
				if got := synthtest.JSON(t, method[field]); got != want {
					t.Errorf("%s: %s is %s, want %s", name, field, got, want)
				}
			}
		}
		for _, name := range []string{"ordersorderIdGET", "ordersbatchGET"} {
			get := all[name]
			integration := get["Integration"].(map[string]any)
			if get["AuthorizationType"] != "AWS_IAM" || integration["Type"] != "AWS_PROXY" || integration["TimeoutInMillis"] != 10_000.0 {
				t.Errorf("%s is %v", name, get)
			}
		}
	})

	t.Run("models", func(t *testing.T) {
		// The model has the bytes of the schema that the processor validates with.
		if got := template.Resources[template.ID(t, "AOrderModel")].Properties["Schema"]; got != string(order.DefaultSchema().JSON()) {
			t.Errorf("the model is %v", got)
		}
		var batch map[string]any
		if err := json.Unmarshal([]byte(template.Resources[template.ID(t, "ABatchModel")].Properties["Schema"].(string)), &batch); err != nil {
			t.Fatal(err)
		}
		if batch["maxItems"] != 25.0 || batch["minItems"] != 1.0 {
			t.Errorf("a batch holds %v to %v orders", batch["minItems"], batch["maxItems"])
		}
		if got := template.At(t, "ARestApiValidator.ValidateRequestBody"); got != "true" {
			t.Errorf("ValidateRequestBody is %s", got)
		}
	})

	t.Run("gateway responses", func(t *testing.T) {
		got := map[string]string{}
		for _, id := range template.IDs("AWS::ApiGateway::GatewayResponse") {
			p := template.Resources[id].Properties
			code, _ := p["StatusCode"].(string)
			header := ""
			if p["ResponseParameters"] != nil {
				header = " " + synthtest.JSON(t, p["ResponseParameters"])
			}
			text := p["ResponseTemplates"].(map[string]any)["application/json"].(string)
			got[p["ResponseType"].(string)] = code + " " + text + header
			assertJSON(t, text)
		}
		const retry = ` {"gatewayresponse.header.Retry-After":"'1'"}`
		const unavailable = `503 {"status":"UNAVAILABLE","message":"not accepted, please try again"}` + retry
		want := map[string]string{
			"BAD_REQUEST_BODY":             `400 {"status":"INVALID","message":$context.error.messageString,"details":"$context.error.validationErrorString"}`,
			"BAD_REQUEST_PARAMETERS":       `400 {"status":"INVALID","message":$context.error.messageString}`,
			"UNSUPPORTED_MEDIA_TYPE":       `415 {"status":"UNSUPPORTED_MEDIA_TYPE","message":"the content type must be application/json"}`,
			"REQUEST_TOO_LARGE":            `413 {"status":"TOO_LARGE","message":"the body is too large"}`,
			"UNAUTHORIZED":                 `401 {"status":"UNAUTHORIZED","message":$context.error.messageString}`,
			"ACCESS_DENIED":                `403 {"status":"FORBIDDEN","message":$context.error.messageString}`,
			"EXPIRED_TOKEN":                `403 {"status":"FORBIDDEN","message":$context.error.messageString}`,
			"INVALID_API_KEY":              `403 {"status":"FORBIDDEN","message":$context.error.messageString}`,
			"INVALID_SIGNATURE":            `403 {"status":"FORBIDDEN","message":$context.error.messageString}`,
			"MISSING_AUTHENTICATION_TOKEN": `403 {"status":"FORBIDDEN","message":$context.error.messageString}`,
			"WAF_FILTERED":                 `403 {"status":"FORBIDDEN","message":$context.error.messageString}`,
			"THROTTLED":                    `429 {"status":"THROTTLED","message":$context.error.messageString}` + retry,
			"QUOTA_EXCEEDED":               `429 {"status":"THROTTLED","message":$context.error.messageString}` + retry,
			"INTEGRATION_FAILURE":          unavailable,
			"INTEGRATION_TIMEOUT":          unavailable,
			"API_CONFIGURATION_ERROR":      unavailable,
			"AUTHORIZER_FAILURE":           unavailable,
			"DEFAULT_4XX":                  ` {"status":"ERROR","message":$context.error.messageString}`,
			"DEFAULT_5XX":                  ` {"status":"ERROR","message":$context.error.messageString}` + retry,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// assertJSON checks that a template becomes JSON when API Gateway inserts its message.
func assertJSON(t *testing.T, template string) {
	t.Helper()
	text := strings.ReplaceAll(template, "$context.error.messageString", `"message"`)
	if !json.Valid([]byte(text)) {
		t.Errorf("not JSON: %s", text)
	}
}

func TestProps(t *testing.T) {
	type props = orderapi.OrderAPIProps
	function := func(stack awscdk.Stack) awslambda.IFunction {
		return awslambda.NewFunction(stack, jsii.String("Authorizer"), &awslambda.FunctionProps{
			Code:    awslambda.Code_FromInline(jsii.String("x")),
			Runtime: awslambda.Runtime_PYTHON_3_13(),
			Handler: jsii.String("index.x"),
		})
	}
	for _, test := range []struct {
		name   string
		mutate func(awscdk.Stack, *props)
		auth   string // of each method
		key    string
		want   map[string]string
	}{
		{"AuthNone", func(_ awscdk.Stack, p *props) { p.Auth = orderapi.AuthNone() }, `"NONE"`, "null", nil},
		{"AuthAPIKey", func(_ awscdk.Stack, p *props) {
			p.Auth = orderapi.AuthAPIKey()
		}, `"NONE"`, "true", map[string]string{
			"AKey.Enabled": "true",
		}},
		{"AuthCognito", func(stack awscdk.Stack, p *props) {
			p.Auth = orderapi.AuthCognito([]awscognito.IUserPool{
				awscognito.NewUserPool(stack, jsii.String("Pool"), nil),
			}, nil)
		}, `"COGNITO_USER_POOLS"`, "null", map[string]string{
			"AAuthorizer.Type":           `"COGNITO_USER_POOLS"`,
			"AAuthorizer.IdentitySource": `"method.request.header.Authorization"`,
		}},
		{"AuthLambda", func(stack awscdk.Stack, p *props) {
			p.Auth = orderapi.AuthLambda(function(stack), nil)
		}, `"CUSTOM"`, "null", map[string]string{
			"AAuthorizer.Type":                         `"REQUEST"`,
			"AAuthorizer.IdentitySource":               `"method.request.header.Authorization"`,
			"AAuthorizer.AuthorizerResultTtlInSeconds": "300",
		}},
		{"AuthLambda with props", func(stack awscdk.Stack, p *props) {
			p.Auth = orderapi.AuthLambda(function(stack), &orderapi.LambdaAuthProps{
				Header: "X-Token", CacheTTL: awscdk.Duration_Seconds(jsii.Number(0)),
			})
		}, `"CUSTOM"`, "null", map[string]string{
			"AAuthorizer.IdentitySource":               `"method.request.header.X-Token"`,
			"AAuthorizer.AuthorizerResultTtlInSeconds": "0",
		}},
		{"Throttle", func(_ awscdk.Stack, p *props) {
			p.Throttle = orderapi.ThrottleProps{RateLimit: 100, BurstLimit: 200}
		}, `"AWS_IAM"`, "null", map[string]string{
			"ARestApiDeploymentStagev1.MethodSettings": `[{"DataTraceEnabled":false,"HttpMethod":"*","ResourcePath":"/*","ThrottlingBurstLimit":200,"ThrottlingRateLimit":100}]`,
		}},
		{"Throttle.RateLimit", func(_ awscdk.Stack, p *props) {
			p.Throttle.RateLimit = 0.5
		}, `"AWS_IAM"`, "null", map[string]string{
			"ARestApiDeploymentStagev1.MethodSettings": `[{"DataTraceEnabled":false,"HttpMethod":"*","ResourcePath":"/*","ThrottlingBurstLimit":1,"ThrottlingRateLimit":0.5}]`,
		}},
		{"HideValidationDetails", func(_ awscdk.Stack, p *props) {
			p.HideValidationDetails = true
		}, `"AWS_IAM"`, "null", map[string]string{
			"ARestApiBadRequestBody.ResponseTemplates": `{"application/json":"{\"status\":\"INVALID\",\"message\":$context.error.messageString}"}`,
		}},
		{"StageName", func(_ awscdk.Stack, p *props) { p.StageName = "shop" }, `"AWS_IAM"`, "null", map[string]string{
			"ARestApiDeploymentStageshop.StageName": `"shop"`,
		}},
		{"Status", func(_ awscdk.Stack, p *props) {
			p.Status = orderpipeline.FunctionProps{
				Timeout:   awscdk.Duration_Seconds(jsii.Number(3)),
				MemoryMiB: 512, Architecture: awslambda.Architecture_X86_64(),
			}
		}, `"AWS_IAM"`, "null", map[string]string{
			"AStatus.Timeout": "3", "AStatus.MemorySize": "512", "AStatus.Architectures": `["x86_64"]`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			template := synth(t, test.mutate)
			for path, want := range test.want {
				if got := template.At(t, path); got != want {
					t.Errorf("%s is %s, want %s", path, got, want)
				}
			}
			for name, method := range methods(template) {
				if got := synthtest.JSON(t, method["AuthorizationType"]); got != test.auth {
					t.Errorf("%s: auth is %s, want %s", name, got, test.auth)
				}
				if got := synthtest.JSON(t, method["ApiKeyRequired"]); got != test.key {
					t.Errorf("%s: an API key is required: %s, want %s", name, got, test.key)
				}
			}
		})
	}
	t.Run("IntegrationTimeout", func(t *testing.T) {
		template := synth(t, func(_ awscdk.Stack, p *props) {
			p.IntegrationTimeout = awscdk.Duration_Millis(jsii.Number(2500))
		})
		for name, method := range methods(template) {
			if got := method["Integration"].(map[string]any)["TimeoutInMillis"]; got != 2500.0 {
				t.Errorf("%s: timeout is %v ms", name, got)
			}
		}
	})
	t.Run("usage plan", func(t *testing.T) {
		stack := synthtest.NewStack(t)
		api := orderapi.NewOrderAPI(stack, "A", &props{
			Pipeline: orderpipeline.NewOrderPipeline(stack, "P", nil), Auth: orderapi.AuthAPIKey(),
		})
		if api.APIKey() == nil || api.UsagePlan() == nil {
			t.Fatal("no key, or no plan")
		}
		template := synthtest.Synth(t, stack)
		plan := template.At(t, "AUsagePlan.ApiStages")
		if want := `{"Ref":"` + template.ID(t, "ARestApiDeploymentStagev1") + `"}`; !strings.Contains(plan, want) {
			t.Errorf("the plan's stages are %s, want %s", plan, want)
		}
		if got := template.IDs("AWS::ApiGateway::UsagePlanKey"); len(got) != 1 {
			t.Errorf("keys of the plan: %v", got)
		}
	})
}

// Account quotas of API Gateway, by region.
func TestThrottleQuota(t *testing.T) {
	for _, test := range []struct {
		region    string // "" is not known at synth
		throttle  orderapi.ThrottleProps
		wantBurst string
		warning   string
	}{
		{"eu-central-2", orderapi.ThrottleProps{RateLimit: 2500}, "1250", ""},
		{"eu-central-2", orderapi.ThrottleProps{RateLimit: 2501}, "1250",
			"Throttle (2501 requests per second, burst 1250) is above the default quota of an account in " +
				"eu-central-2, which all of its APIs share: 2500 requests per second, burst 1250."},
		{"mx-central-1", orderapi.ThrottleProps{RateLimit: 100, BurstLimit: 1251}, "1251",
			"Throttle (100 requests per second, burst 1251) is above the default quota"},
		{"eu-central-1", orderapi.ThrottleProps{RateLimit: 10_000}, "5000", ""},
		{"eu-central-1", orderapi.ThrottleProps{RateLimit: 20_000}, "5000",
			"in eu-central-1, which all of its APIs share: 10000 requests per second, burst 5000."},
		{"", orderapi.ThrottleProps{RateLimit: 20_000}, "5000", ""},
		{"eu-central-2", orderapi.ThrottleProps{}, "null", ""},
	} {
		stack := synthtest.NewStack(t)
		if test.region != "" {
			stack = synthtest.NewStackIn(t, test.region)
		}
		api := orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{
			Pipeline: orderpipeline.NewOrderPipeline(stack, "P", nil), Throttle: test.throttle,
		})
		template := synthtest.Synth(t, stack)
		if got := template.At(t, "ARestApiDeploymentStagev1.MethodSettings.0.ThrottlingBurstLimit"); got != test.wantBurst {
			t.Errorf("%s: %+v: the burst limit is %s, want %s", test.region, test.throttle, got, test.wantBurst)
		}
		messages := strings.Join(synthtest.Warnings(api), "\n")
		if test.warning == "" && messages != "" || !strings.Contains(messages, test.warning) {
			t.Errorf("%s: %+v: warnings %q, want %q", test.region, test.throttle, messages, test.warning)
		}
	}
}

func TestCognitoScopes(t *testing.T) {
	const idTokens = "Without Scopes, AuthCognito accepts ID tokens only, and no app client of the user pools can get one"
	const noScope = "No app client of the user pools can get one of CognitoAuthProps.Scopes (orders/submit, orders/all), so every request gets a 401."
	machine := func(scope string) *awscognito.UserPoolClientOptions {
		return &awscognito.UserPoolClientOptions{
			GenerateSecret: jsii.Bool(true),
			OAuth: &awscognito.OAuthSettings{
				Flows:  &awscognito.OAuthFlows{ClientCredentials: jsii.Bool(true)},
				Scopes: &[]awscognito.OAuthScope{awscognito.OAuthScope_Custom(&scope)},
			},
		}
	}
	ours := []string{"orders/submit", "orders/all"}
	for _, test := range []struct {
		name    string
		scopes  []string
		clients []*awscognito.UserPoolClientOptions
		warning string
	}{
		{"no client yet", nil, nil, ""},
		{"people", nil, []*awscognito.UserPoolClientOptions{nil}, ""},
		{"a machine", nil, []*awscognito.UserPoolClientOptions{machine("orders/submit")}, idTokens},
		{"a machine and people", nil, []*awscognito.UserPoolClientOptions{machine("orders/submit"), nil}, ""},
		{"a machine with one of the scopes", ours, []*awscognito.UserPoolClientOptions{machine("orders/all")}, ""},
		{"a machine with another scope", ours, []*awscognito.UserPoolClientOptions{machine("prices/read")}, noScope},
		{"people without the scope", ours, []*awscognito.UserPoolClientOptions{nil}, noScope},
		{"people, signed in through an SDK", []string{"aws.cognito.signin.user.admin"},
			[]*awscognito.UserPoolClientOptions{{DisableOAuth: jsii.Bool(true)}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			stack := synthtest.NewStack(t)
			pool := awscognito.NewUserPool(stack, jsii.String("Pool"), nil)
			for i, client := range test.clients {
				pool.AddClient(jsii.String("Client"+string(rune('A'+i))), client)
			}
			api := orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{
				Pipeline: orderpipeline.NewOrderPipeline(stack, "P", nil),
				Auth: orderapi.AuthCognito([]awscognito.IUserPool{pool},
					&orderapi.CognitoAuthProps{Scopes: test.scopes}),
			})
			want := "null"
			if test.scopes != nil {
				want = synthtest.JSON(t, test.scopes)
			}
			for name, method := range methods(synthtest.Synth(t, stack)) {
				if got := synthtest.JSON(t, method["AuthorizationScopes"]); got != want {
					t.Errorf("%s: scopes are %s, want %s", name, got, want)
				}
			}
			messages := strings.Join(synthtest.Warnings(api), "\n")
			if test.warning == "" && messages != "" || !strings.Contains(messages, test.warning) {
				t.Errorf("warnings %q, want %q", messages, test.warning)
			}
		})
	}
	t.Run("imported pool", func(t *testing.T) {
		stack := synthtest.NewStack(t)
		pool := awscognito.UserPool_FromUserPoolId(stack, jsii.String("Pool"), jsii.String("us-east-1_abc"))
		pool.AddClient(jsii.String("Client"), machine("prices/read"))
		api := orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{
			Pipeline: orderpipeline.NewOrderPipeline(stack, "P", nil),
			Auth:     orderapi.AuthCognito([]awscognito.IUserPool{pool}, nil),
		})
		if got := synthtest.Warnings(api); got != nil {
			t.Errorf("warnings about a pool whose clients are not known: %q", got)
		}
	})
}

func newClient(stack awscdk.Stack) awsiam.Role {
	return awsiam.NewRole(stack, jsii.String("Client"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewAccountRootPrincipal(),
	})
}

// A deployment is a snapshot: its id must change when its content changes, and only then.
func TestDeploymentID(t *testing.T) {
	type props = orderapi.OrderAPIProps
	first := deployment(t, synth(t, nil))
	for range 3 {
		if again := deployment(t, synth(t, nil)); again != first {
			t.Fatalf("the same API is deployed as %s, then as %s", first, again)
		}
	}
	text := strings.Replace(string(order.DefaultSchema().JSON()), `"maxItems": 100`, `"maxItems": 99`, 1)
	schema, err := order.NewSchema([]byte(text), "orderId")
	if err != nil {
		t.Fatal(err)
	}
	for name, mutate := range map[string]func(awscdk.Stack, *props){
		"auth":    func(_ awscdk.Stack, p *props) { p.Auth = orderapi.AuthNone() },
		"details": func(_ awscdk.Stack, p *props) { p.HideValidationDetails = true },
		"origin":  func(_ awscdk.Stack, p *props) { p.CORS.AllowOrigins = []string{"*"} },
		"path":    func(_ awscdk.Stack, p *props) { p.Path = "/shop" },
		"timeout": func(_ awscdk.Stack, p *props) {
			p.IntegrationTimeout = awscdk.Duration_Seconds(jsii.Number(29))
		},
		"schema": func(stack awscdk.Stack, p *props) {
			stack.Node().TryRemoveChild(jsii.String("P"))
			var custom orderpipeline.OrderPipelineProps
			custom.Schema = schema
			custom.Processor.Function.Code = awslambda.Code_FromCfnParameters(nil)
			p.Pipeline = orderpipeline.NewOrderPipeline(stack, "P", &custom)
		},
	} {
		if deployment(t, synth(t, mutate)) == first {
			t.Errorf("a change of %s gives the same deployment", name)
		}
	}
}

func TestTwoAPIs(t *testing.T) {
	stack := synthtest.NewStack(t)
	pipeline := orderpipeline.NewOrderPipeline(stack, "P", nil)
	orderapi.NewOrderAPI(stack, "One", &orderapi.OrderAPIProps{Pipeline: pipeline})
	orderapi.NewOrderAPI(stack, "Two", &orderapi.OrderAPIProps{Pipeline: pipeline})
	template := synthtest.Synth(t, stack)
	if one, two := template.At(t, "OneRestApi.Name"), template.At(t, "TwoRestApi.Name"); one == two {
		t.Errorf("two APIs have the name %s, so they share their metrics", one)
	}
}

func TestGrantSubmitAndGetters(t *testing.T) {
	stack := synthtest.NewStack(t)
	api := orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{
		Pipeline: orderpipeline.NewOrderPipeline(stack, "P", nil),
	})
	client := newClient(stack)
	api.GrantSubmit(client)
	awscdk.Tags_Of(api).Add(jsii.String("team"), jsii.String("orders"), nil)
	if api.API() == nil || api.Stage() == nil || api.Role() == nil || api.Status() == nil ||
		api.StatusLogs() == nil {
		t.Error("a getter is empty")
	}
	if api.APIKey() != nil || api.UsagePlan() != nil {
		t.Error("a key without AuthAPIKey")
	}
	template := synthtest.Synth(t, stack)
	got := template.Statements(t, "ClientDefaultPolicy")
	if len(got) != 1 || !strings.Contains(got[0], `"Action":"execute-api:Invoke"`) {
		t.Fatalf("statements: %s", got)
	}
	for _, path := range []string{"/v1/POST/orders", "/v1/POST/orders/batch", "/v1/GET/orders/*"} {
		if !strings.Contains(got[0], path+`"`) {
			t.Errorf("no %s in %s", path, got[0])
		}
	}
	if got := template.At(t, "ARestApi.Tags"); got != `[{"Key":"team","Value":"orders"}]` {
		t.Errorf("tags are %s", got)
	}
}

func TestInvalidProps(t *testing.T) {
	type props = orderapi.OrderAPIProps
	stack := synthtest.NewStack(t)
	pipeline := orderpipeline.NewOrderPipeline(stack, "P", nil)
	theirs := theirAPI(stack)
	theirs.Root().ResourceForPath(jsii.String("/taken/orders"))
	elsewhere := theirAPI(awscdk.NewStack(stack.Node().Root().(constructs.Construct), jsii.String("Other"), nil))
	definition := awsapigateway.NewSpecRestApi(stack, jsii.String("Definition"),
		&awsapigateway.SpecRestApiProps{
			ApiDefinition: awsapigateway.ApiDefinition_FromInline(map[string]any{"openapi": "3.0.2"}),
		})
	pool := awscognito.NewUserPool(stack, jsii.String("Pool"), nil)
	theirs.AddGatewayResponse(jsii.String("Missing"), &awsapigateway.GatewayResponseOptions{
		Type: awsapigateway.ResponseType_MISSING_AUTHENTICATION_TOKEN(),
	})
	rootless := awsapigateway.RestApi_FromRestApiId(stack, jsii.String("Rootless"), jsii.String("abc"))
	importedAPI := awsapigateway.RestApi_FromRestApiAttributes(stack, jsii.String("ImportedAPI"),
		&awsapigateway.RestApiAttributes{
			RestApiId: jsii.String("abc"), RootResourceId: jsii.String("root"),
		})
	const about = "orderapi.OrderAPIProps: "
	got, want := synthtest.Panic(func() { orderapi.NewOrderAPI(stack, "nil", nil) }),
		about+`Pipeline: nil (pass the pipeline that the orders go to)`
	if got != want {
		t.Errorf("panics with\n%s\nwant\n%s", got, want)
	}
	for _, test := range []struct {
		name   string
		mutate func(*props)
		want   string
	}{
		{"cognito", func(p *props) { p.Auth = orderapi.AuthCognito(nil, nil) },
			`Auth: AuthCognito has no user pool (no request could be authorized)`},
		{"cognito nil", func(p *props) {
			p.Auth = orderapi.AuthCognito([]awscognito.IUserPool{nil}, nil)
		}, `Auth: AuthCognito has a user pool that is nil`},
		{"cognito scope", func(p *props) {
			p.Auth = orderapi.AuthCognito([]awscognito.IUserPool{pool},
				&orderapi.CognitoAuthProps{Scopes: []string{"orders/read orders/submit"}})
		}, `CognitoAuthProps.Scopes: "orders/read orders/submit" is not a scope (one per element, without spaces)`},
		{"lambda", func(p *props) { p.Auth = orderapi.AuthLambda(nil, nil) },
			`Auth: AuthLambda has no function`},
		{"header", func(p *props) {
			p.Auth = orderapi.AuthLambda(pipeline.Processor(), &orderapi.LambdaAuthProps{Header: "X Y"})
		}, `LambdaAuthProps.Header: "X Y" is not a header name`},
		{"ttl", func(p *props) {
			p.Auth = orderapi.AuthLambda(pipeline.Processor(), &orderapi.LambdaAuthProps{
				CacheTTL: awscdk.Duration_Hours(jsii.Number(2)),
			})
		}, `LambdaAuthProps.CacheTTL: 7200 s is out of range 0 s to 3600 s (API Gateway's limits)`},
		{"stage", func(p *props) { p.StageName = "a/b" },
			`StageName: "a/b" is not a valid stage name (1 to 128 letters, digits, _ and -)`},
		{"rate", func(p *props) { p.Throttle.RateLimit = -1 },
			`Throttle.RateLimit: -1 is negative (0 is the account's quota)`},
		{"burst", func(p *props) { p.Throttle.BurstLimit = 5 },
			`Throttle.BurstLimit: set without Throttle.RateLimit (BurstLimit has no effect without RateLimit)`},
		{"negative burst", func(p *props) { p.Throttle.BurstLimit = -5 },
			`Throttle.BurstLimit: -5 is negative (0 is as many as RateLimit)`},
		{"timeout", func(p *props) { p.IntegrationTimeout = awscdk.Duration_Seconds(jsii.Number(30)) },
			`IntegrationTimeout: 30 s is out of range 0.05 s to 29 s (API Gateway's limits)`},
		{"status", func(p *props) { p.Status.Environment = map[string]string{contract.EnvTableName: "x"} },
			`Status.Environment: TABLE_NAME is set by the construct (use another name)`},
		{"path", func(p *props) { p.Path = "shop/" },
			`Path: "shop/" is not valid (it begins with / and does not end with it, such as /shop)`},
		{"responses", func(p *props) { p.GatewayResponses = true },
			`GatewayResponses: set without API (the construct's own API always has them)`},
		{"stage of theirs", func(p *props) {
			p.API, p.StageName, p.Throttle.RateLimit = theirs, "v2", 1
			p.AccessLogs = orderapi.AccessLogsKept(awslogs.RetentionDays_ONE_DAY)
		}, "3 problems:\n  - StageName: set with API (configure it on that API's stage)" +
			"\n  - Throttle: set with API (configure it on that API's stage)" +
			"\n  - AccessLogs: set with API (configure it on that API's stage)"},
		{"another stack's", func(p *props) { p.API = elsewhere },
			`API: Other/Theirs is in another stack (the two stacks would depend on each other; import it with RestApi_FromRestApiAttributes)`},
		{"taken", func(p *props) { p.API, p.Path = theirs, "/taken" },
			`API: Test/Theirs already has a resource /taken/orders (set another Path)`},
		{"definition", func(p *props) { p.API = definition },
			`API: Test/Definition is neither a RestApi nor imported (the resources of other APIs come from their definition)`},
		{"imported by id alone", func(p *props) { p.API = rootless },
			`API: Test/Rootless has no root resource (import it with RestApi_FromRestApiAttributes and its RootResourceId)`},
		{"key without a stage", func(p *props) { p.API, p.Auth = importedAPI, orderapi.AuthAPIKey() },
			`Auth: AuthAPIKey needs a stage that is made in this app (a usage plan belongs to a stage)`},
		{"gateway responses of theirs", func(p *props) { p.API, p.GatewayResponses = theirs, true },
			`GatewayResponses: Test/Theirs already has gateway responses: MISSING_AUTHENTICATION_TOKEN ` +
				`(an API has one of each type; leave it unset where another OrderAPI made them, or remove them)`},
		{"origin", func(p *props) { p.CORS.AllowOrigins = []string{"https://shop.example/"} },
			`CORS.AllowOrigins: "https://shop.example/" is not an origin (a scheme and a host without a path, such as https://shop.example, or *)`},
		{"every origin and one", func(p *props) { p.CORS.AllowOrigins = []string{"https://shop.example", "*"} },
			`CORS.AllowOrigins: * is not the only one (it allows every origin)`},
		{"one origin twice", func(p *props) {
			p.CORS.AllowOrigins = []string{"https://shop.example", "https://shop.example"}
		}, `CORS.AllowOrigins: "https://shop.example" is in the list twice`},
		{"no origin", func(p *props) { p.CORS.AllowHeaders = []string{"X"} },
			`CORS.AllowOrigins: empty, but AllowHeaders or MaxAge is set (they have no effect without an origin)`},
		{"CORS header", func(p *props) {
			p.CORS = orderapi.CORSProps{AllowOrigins: []string{"*"}, AllowHeaders: []string{"a b"}}
		}, `CORS.AllowHeaders: "a b" is not a header name`},
		{"CORS age", func(p *props) {
			p.CORS = orderapi.CORSProps{AllowOrigins: []string{"*"}, MaxAge: awscdk.Duration_Days(jsii.Number(2))}
		}, `CORS.MaxAge: 2 days is out of range 0 s to 1 day (browsers cache it no longer)`},
		{"logs to nothing", func(p *props) { p.AccessLogs = orderapi.AccessLogsTo(nil) },
			`AccessLogs: AccessLogsTo has no log group`},
		{"logs without retention", func(p *props) { p.AccessLogs = orderapi.AccessLogsKept("") },
			`AccessLogs: AccessLogsKept has no retention (access logs hold the callers' addresses, so they must expire)`},
		{"all at once", func(p *props) { p.StageName, p.Throttle.RateLimit = "a b", -1 },
			"2 problems:\n  - StageName: \"a b\" is"},
	} {
		p := props{Pipeline: pipeline}
		test.mutate(&p)
		children := len(*stack.Node().Children())
		got := synthtest.Panic(func() { orderapi.NewOrderAPI(stack, "A"+test.name, &p) })
		if !strings.HasPrefix(got, about+test.want) {
			t.Errorf("%s: panics with\n%s\nwant\n%s", test.name, got, about+test.want)
		}
		if len(*stack.Node().Children()) != children {
			t.Errorf("%s: something was created before the props were checked", test.name)
		}
	}
}

// Queue and table with a customer managed key need the permission to use the key.
func TestEncryptionKey(t *testing.T) {
	stack := synthtest.NewStackIn(t, "us-east-1")
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{
		Pipeline: orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{EncryptionKey: key}),
	})
	template := synthtest.Synth(t, stack)
	arn := `{"Fn::GetAtt":["` + template.ID(t, "Key") + `","Arn"]}`
	for policy, want := range map[string]string{
		"ARoleDefaultPolicy":       `{"Action":["kms:Decrypt","kms:GenerateDataKey*"],"Effect":"Allow","Resource":` + arn + `}`,
		"AStatusRoleDefaultPolicy": `{"Action":["kms:Decrypt","kms:DescribeKey"],"Effect":"Allow","Resource":` + arn + `}`,
	} {
		if got := template.Statements(t, policy); !slices.Contains(got, want) {
			t.Errorf("%s is %s, want it to contain %s", policy, got, want)
		}
	}
}

// The construct cannot let API Gateway invoke an imported function.
func TestImportedAuthorizer(t *testing.T) {
	for arn, want := range map[string]string{
		"": "",
		"arn:aws:lambda:us-east-1:123456789012:function:f": "The authorizer's function Test/Imported is imported, " +
			"so the construct cannot change its policy. " +
			"The policy must allow apigateway.amazonaws.com to use lambda:InvokeFunction",
	} {
		stack := synthtest.NewStackIn(t, "us-east-1")
		p := orderpipeline.NewOrderPipeline(stack, "P", nil)
		var handler awslambda.IFunction = p.Processor() // any will do
		if arn != "" {
			handler = awslambda.Function_FromFunctionArn(stack, jsii.String("Imported"), &arn)
		}
		api := orderapi.NewOrderAPI(stack, "A", &orderapi.OrderAPIProps{
			Pipeline: p, Auth: orderapi.AuthLambda(handler, nil),
		})
		messages := strings.Join(synthtest.Warnings(api), "\n")
		if want == "" && messages != "" || !strings.Contains(messages, want) {
			t.Errorf("%q: warnings %q, want %q", arn, messages, want)
		}
	}
}
