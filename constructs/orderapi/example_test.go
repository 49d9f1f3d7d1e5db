package orderapi_test

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
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

	// Calls are signed (SigV4): let the shop's role call.
	shop := awsiam.Role_FromRoleName(stack, jsii.String("Shop"), jsii.String("shop"), nil)
	api.GrantSubmit(shop)

	app.Synth(nil)
}
