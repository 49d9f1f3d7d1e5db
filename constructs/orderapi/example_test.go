package orderapi_test

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

func ExampleNewOrderAPI() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)

	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
	api := orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{Pipeline: pipeline})

	// Requests are signed (SigV4): allow the shop's role to send them.
	shop := awsiam.Role_FromRoleName(stack, jsii.String("Shop"), jsii.String("shop"), nil)
	api.GrantSubmit(shop)

	app.Synth(nil)
}

// An API for pages in a browser.
func ExampleNewOrderAPI_browser() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)

	api := orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{
		Pipeline:   pipeline,
		Auth:       orderapi.AuthAPIKey(),
		CORS:       orderapi.CORSProps{AllowOrigins: []string{"https://shop.example"}},
		Throttle:   orderapi.ThrottleProps{RateLimit: 100, BurstLimit: 200},
		AccessLogs: orderapi.AccessLogsKept(awslogs.RetentionDays_ONE_MONTH),
	})
	// The account's role for access logs is set.
	awscdk.Annotations_Of(api).AcknowledgeWarning(jsii.String("orderapi:accessLogsRole"),
		jsii.String("set by the account's stack"))
}

// Mounted on an existing API: POST /shop/orders.
func ExampleNewOrderAPI_mounted() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
	everything := awsapigateway.NewRestApi(stack, jsii.String("Everything"), nil)

	orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{
		Pipeline: pipeline, API: everything, Path: "/shop",
	})
}

// Anything without a prop takes one line through a getter.
func ExampleOrderAPI_Stage() {
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Shop"), nil)
	api := orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{
		Pipeline: orderpipeline.NewOrderPipeline(stack, "Orders", nil),
	})

	// A firewall.
	awswafv2.NewCfnWebACLAssociation(stack, jsii.String("Firewall"), &awswafv2.CfnWebACLAssociationProps{
		ResourceArn: api.Stage().StageArn(),
		WebAclArn:   jsii.String("arn:aws:wafv2:us-east-1:123456789012:regional/webacl/shop/1"),
	})
	// A custom domain name.
	certificate := awscertificatemanager.Certificate_FromCertificateArn(stack,
		jsii.String("Certificate"), jsii.String("arn:aws:acm:us-east-1:123456789012:certificate/1"))
	name := awsapigateway.NewDomainName(stack, jsii.String("Name"), &awsapigateway.DomainNameProps{
		DomainName: jsii.String("orders.shop.example"), Certificate: certificate,
	})
	name.AddBasePathMapping(api.API(), &awsapigateway.BasePathMappingOptions{Stage: api.Stage()})
	// Further resources of the same API.
	api.API().Root().AddResource(jsii.String("health"), nil).AddMethod(jsii.String("GET"), nil, nil)
}
