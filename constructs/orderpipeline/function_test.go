package orderpipeline_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

func TestInvalidFunctionProps(t *testing.T) {
	stack := synthtest.NewStack(t)
	vpc := awsec2.Vpc_FromVpcAttributes(stack, jsii.String("VPC"), &awsec2.VpcAttributes{
		VpcId: jsii.String("vpc-1"), AvailabilityZones: jsii.Strings("a"),
	})
	group := awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("Group"), jsii.String("sg-1"), nil)
	checkProps(t, stack, []propsTest{
		{"negative reserved concurrency", func(p *props) { p.Publisher.Function.ReservedConcurrency = -1 },
			`Publisher.Function.ReservedConcurrency: -1 is negative (0 reserves nothing)`},
		{"subnets without a VPC", func(p *props) {
			p.Processor.Function.Subnets = &awsec2.SubnetSelection{
				SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED,
			}
		}, `Processor.Function.Subnets: set without Processor.Function.VPC (subnets belong to a VPC)`},
		{"security groups without a VPC", func(p *props) {
			p.Processor.Function.SecurityGroups = []awsec2.ISecurityGroup{group}
		}, `Processor.Function.SecurityGroups: set without Processor.Function.VPC (security groups only apply inside a VPC)`},
		{"nil security group", func(p *props) {
			p.Processor.Function.VPC = vpc
			p.Processor.Function.SecurityGroups = []awsec2.ISecurityGroup{nil}
		}, `Processor.Function.SecurityGroups: contains nil`},
		{"timeout", func(p *props) { p.Processor.Function.Timeout = seconds(901) },
			`Processor.Function.Timeout: 901 s is out of range 1 s to 900 s (Lambda's limits)`},
		{"memory", func(p *props) { p.Processor.Function.MemoryMiB = 64 },
			`Processor.Function.MemoryMiB: 64 is out of range 128 to 10240 (Lambda's limits)`},
		{"variable of the processor", func(p *props) {
			p.Processor.Function.Environment = map[string]string{contract.EnvTableName: "mine"}
		}, `Processor.Function.Environment: TABLE_NAME is set by the construct (use another name)`},
		{"variable of the publisher", func(p *props) {
			p.Publisher.Function.Environment = map[string]string{contract.EnvMetrics: "off"}
		}, `Publisher.Function.Environment: METRICS is set by the construct (use another name)`},
		{"variable name", func(p *props) {
			p.Publisher.Function.Environment = map[string]string{"a-b": ""}
		}, `Publisher.Function.Environment: "a-b" is not a valid variable name (a letter, then at least one more letter, digit or _)`},
		{"architecture", func(p *props) {
			p.Publisher.Function.Architecture = awslambda.Architecture_Custom(jsii.String("mips"), nil)
		}, `Publisher.Function.Architecture: "mips" is not supported (ARM_64 or X86_64)`},
		{"code for another machine", func(p *props) {
			p.Processor.Function.Architecture = awslambda.Architecture_X86_64()
			p.Processor.Function.Code = orderpipeline.ProcessorCode(golambda.Target{}, nil)
		}, `Processor.Function.Code: built for arm64, but Processor.Function.Architecture is x86_64 (set golambda.CodeProps.Target, or no invocation starts)`},
	})
}
