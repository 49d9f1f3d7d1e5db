package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

func (a *OrderAPI) integrationTimeout() awscdk.Duration {
	return awscdk.Duration_Millis(jsii.Number(a.settings.timeout * 1000))
}

// addPost adds a method with which API Gateway validates a body and sends it to the queue.
func (a *OrderAPI) addPost(
	resource awsapigateway.Resource, auth awsapigateway.MethodOptions, name, schema string,
) {
	model := awsapigateway.NewCfnModel(a, jsii.String(name+"Model"), &awsapigateway.CfnModelProps{
		RestApiId:   a.api.RestApiId(),
		ContentType: jsii.String("application/json"),
	})
	// CDK's type takes only an object, and CDK drops empty values from it, which mean something in
	// a schema. CloudFormation accepts the text as well.
	model.AddPropertyOverride(jsii.String("Schema"), ascii(schema))
	queue := a.settings.Pipeline.Queue()
	acceptedHeaders := a.settings.CORS.headers(nil)
	refusedHeaders := a.settings.CORS.headers(map[string]*string{
		"Retry-After": jsii.String("'" + retryAfter + "'"),
	})
	template := func(text string) *map[string]*string {
		return &map[string]*string{"application/json": &text}
	}
	response := func(
		status, pattern, text string, headers *map[string]*string,
	) *awsapigateway.IntegrationResponse {
		r := &awsapigateway.IntegrationResponse{
			StatusCode:         &status,
			ResponseTemplates:  template(reflectOrigin(a.settings.CORS.AllowOrigins) + text),
			ResponseParameters: inResponse(headers),
		}
		if pattern != "" {
			r.SelectionPattern = &pattern
		}
		return r
	}
	integration := awsapigateway.NewAwsIntegration(&awsapigateway.AwsIntegrationProps{
		Service:               jsii.String("sqs"),
		Path:                  jsii.String(*queue.Env().Account + "/" + *queue.QueueName()),
		Region:                queue.Env().Region,
		IntegrationHttpMethod: jsii.String("POST"),
		Options: &awsapigateway.IntegrationOptions{
			CredentialsRole: a.role,
			Timeout:         a.integrationTimeout(),
			// The query protocol: SQS sees no header of the client, and answers with JSON whatever
			// the client accepts.
			RequestParameters: &map[string]*string{
				"integration.request.header.Content-Type": jsii.String("'application/x-www-form-urlencoded'"),
				"integration.request.header.Accept":       jsii.String("'application/json'"),
			},
			RequestTemplates: template(sendMessage),
			// A content type without a template would bypass template and model.
			PassthroughBehavior: awsapigateway.PassthroughBehavior_NEVER,
			// The pattern is compared with the status code of SQS; "" is any other. Only the last
			// response reads the body of an error.
			IntegrationResponses: &[]*awsapigateway.IntegrationResponse{
				response("202", `2\d{2}`, accepted, acceptedHeaders),
				response("413", "413", refusedAsTooLarge, acceptedHeaders),
				response("500", `5\d{2}`, failed, refusedHeaders),
				response("503", "", notAccepted, refusedHeaders),
			},
		},
	})
	reference := awsapigateway.Model_FromModelName(a, jsii.String(name+"ModelRef"), model.Ref())
	auth.RequestModels = &map[string]awsapigateway.IModel{"application/json": reference}
	auth.RequestValidator = a.validator
	auth.MethodResponses = &[]*awsapigateway.MethodResponse{
		{StatusCode: jsii.String("202"), ResponseParameters: declared(acceptedHeaders)},
		{StatusCode: jsii.String("413"), ResponseParameters: declared(acceptedHeaders)},
		{StatusCode: jsii.String("500"), ResponseParameters: declared(refusedHeaders)},
		{StatusCode: jsii.String("503"), ResponseParameters: declared(refusedHeaders)},
	}
	resource.AddMethod(jsii.String("POST"), integration, &auth)
	if deployment := deploymentOf(a.api); deployment != nil {
		// A deployment is a snapshot that includes the models: a new schema needs a new deployment.
		deployment.AddToLogicalId(map[string]any{name + "Model": schema})
		deployment.Node().AddDependency(model)
	}
}
