package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
)

// FunctionProps configures a Lambda function.
type FunctionProps struct {
	// Code is the code of the function for the runtime provided.al2023, built for Architecture.
	// Default: this module's own code, built at synth.
	Code awslambda.Code
	// Architecture is the function's architecture. Default: ARM_64.
	Architecture awslambda.Architecture
	// MemoryMiB is the function's memory, 128 to 10240 MiB. Its CPU share is proportional. Default:
	// 256; 1024 for the processor where Topic.MaxMessageSizeBytes is above 262144.
	MemoryMiB int
	// Timeout is the timeout of an invocation in whole seconds, 1 to 900 s. The default is
	// documented with each function.
	Timeout awscdk.Duration
	// ReservedConcurrency reserves concurrent executions of the account for the function, and
	// limits the function to them. The processor also needs Processor.MaxConcurrency of at most
	// this value: otherwise the pollers go on receiving, and throttled messages count as received.
	// Default: 0, none.
	ReservedConcurrency int
	// Environment holds further environment variables for your own code. It cannot replace the
	// variables that the construct sets. Default: none.
	Environment map[string]string
	// Tracing turns AWS X-Ray on, which is charged per trace. Default: false.
	Tracing bool
	// LogRetention is the retention of the function's log group. Default: ONE_MONTH.
	LogRetention awslogs.RetentionDays
	// Role is the function's role. The construct grants it what its own role would get. A role that
	// CDK cannot change (imported as immutable, or from Role.WithoutPolicyUpdates) must have the
	// permissions already: a warning at synth lists them. Default: a role is made.
	Role awsiam.IRole
	// VPC is the VPC that the function runs in. From there it must reach the services that it
	// calls, through VPC endpoints or a NAT gateway: the processor calls DynamoDB and SQS, the
	// publisher SNS and SQS, the API's status function DynamoDB. Default: none.
	VPC awsec2.IVpc
	// Subnets selects subnets of the VPC. Default: the private ones.
	Subnets *awsec2.SubnetSelection
	// SecurityGroups are the function's security groups. Default: one is made that allows all
	// outbound traffic.
	SecurityGroups []awsec2.ISecurityGroup
}
