package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// NewAccountStack makes the stack for what is one an account and region, and so in no environment: the role with which API
// Gateway writes logs. Without it, the deployment of a stage with access logs fails. It is made only when asked for
// (-c account=true), since an account may have such a role already, which this one would replace.
func NewAccountStack(scope constructs.Construct, id string, env Environment) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, &awscdk.StackProps{
		StackName:   jsii.String(contract.AccountStackName),
		Description: jsii.String("API Gateway's role for logs, one an account and region"),
		Env:         &awscdk.Environment{Account: optional(env.Account), Region: optional(env.Region)},
	})
	role := awsiam.NewRole(stack, jsii.String("ApiGatewayLogs"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("service-role/AmazonAPIGatewayPushToCloudWatchLogs")),
		},
	})
	// The account goes on using it, whatever becomes of the stack.
	role.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN)
	account := awsapigateway.NewCfnAccount(stack, jsii.String("Account"), &awsapigateway.CfnAccountProps{CloudWatchRoleArn: role.RoleArn()})
	account.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return stack
}
