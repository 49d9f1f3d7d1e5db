package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// NewAccountStack makes the stack of the one setting that exists per account and region, and so
// belongs to no environment: the role with which API Gateway writes logs. Without it, the
// deployment of a stage with access logs fails. The stack is opt-in (-c account=true), because it
// would replace a role that the account has already.
func NewAccountStack(scope constructs.Construct, id string, env Environment) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, &awscdk.StackProps{
		StackName:   jsii.String(contract.AccountStackName),
		Description: jsii.String("API Gateway's role for logs, one per account and region"),
		Env:         &awscdk.Environment{Account: optional(env.Account), Region: optional(env.Region)},
	})
	policy := awsiam.ManagedPolicy_FromAwsManagedPolicyName(
		jsii.String("service-role/AmazonAPIGatewayPushToCloudWatchLogs"))
	role := awsiam.NewRole(stack, jsii.String("ApiGatewayLogs"), &awsiam.RoleProps{
		AssumedBy:       awsiam.NewServicePrincipal(jsii.String("apigateway.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{policy},
	})
	// The account keeps using the role when the stack is deleted.
	role.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN)
	account := awsapigateway.NewCfnAccount(stack, jsii.String("Account"),
		&awsapigateway.CfnAccountProps{CloudWatchRoleArn: role.RoleArn()})
	account.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return stack
}
