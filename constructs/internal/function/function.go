// Package function makes the Lambda functions of the constructs. All of them are alike except for
// their [Spec].
package function

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/bundle"
	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/internal/gobuild"
	"github.com/orderpipeline/orderpipeline/constructs/internal/source"
)

// Props has the fields of orderpipeline.FunctionProps, where they are documented.
type Props struct {
	Code                awslambda.Code
	Architecture        awslambda.Architecture
	MemoryMiB           int
	Timeout             awscdk.Duration
	ReservedConcurrency int
	Environment         map[string]string
	Tracing             bool
	LogRetention        awslogs.RetentionDays
	Role                awsiam.IRole
	VPC                 awsec2.IVpc
	Subnets             *awsec2.SubnetSelection
	SecurityGroups      []awsec2.ISecurityGroup
}

// Spec is what the construct decides about a function.
type Spec struct {
	// Package is the main package of this module that is the function's default code.
	Package string
	// Files are placed beside the binary.
	Files map[string][]byte
	// Description is the function's description.
	Description string
	// Timeout is the default timeout, in seconds.
	Timeout float64
	// Environment holds the variables that the function's code needs. The caller's variables must
	// not have these names.
	Environment map[string]*string
	// RemovalPolicy applies to the log group.
	RemovalPolicy awscdk.RemovalPolicy
}

var variable = regexp.MustCompile(`^[a-zA-Z]\w+$`)

// Check adds what is wrong with the props to errs, and returns the timeout in seconds. prop is the
// path of the props, timeout the default in seconds, and reserved lists the variables that the
// construct sets.
func Check(
	errs *check.Errors, prop string, p Props, timeout float64, reserved ...string,
) float64 {
	if p.MemoryMiB != 0 {
		errs.Range(prop+".MemoryMiB", p.MemoryMiB, 128, 10240, "Lambda's limits")
	}
	checkArchitecture(errs, prop, p)
	if p.ReservedConcurrency < 0 {
		errs.Addf(prop+".ReservedConcurrency", "%d is negative (0 reserves nothing)",
			p.ReservedConcurrency)
	}
	if p.VPC == nil && p.Subnets != nil {
		errs.Addf(prop+".Subnets", "set without %s.VPC (subnets belong to a VPC)", prop)
	}
	if p.VPC == nil && len(p.SecurityGroups) > 0 {
		errs.Addf(prop+".SecurityGroups",
			"set without %s.VPC (security groups only apply inside a VPC)", prop)
	}
	if slices.Contains(p.SecurityGroups, nil) {
		errs.Addf(prop+".SecurityGroups", "contains nil")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Environment)) {
		if slices.Contains(reserved, name) {
			errs.Addf(prop+".Environment", "%s is set by the construct (use another name)", name)
		} else if !variable.MatchString(name) {
			errs.Addf(prop+".Environment", "%s is not a valid variable name "+
				"(a letter, then at least one more letter, digit or _)", check.Quote(name))
		}
	}
	if p.Code == nil {
		if _, err := source.Dir(); err != nil {
			errs.Addf(prop+".Code", "unset, and the packaged code cannot be built (%v)", err)
		}
	}
	return errs.Seconds(prop+".Timeout", p.Timeout, timeout, 1, 900, "Lambda's limits")
}

func checkArchitecture(errs *check.Errors, prop string, p Props) {
	architecture := awslambda.Architecture_ARM_64()
	if p.Architecture != nil {
		architecture = p.Architecture
	}
	switch name := *architecture.Name(); name {
	case *awslambda.Architecture_ARM_64().Name(), *awslambda.Architecture_X86_64().Name():
		if b, ok := gobuild.Of(p.Code); ok && b.GOARCH != gobuild.GOARCH(name) {
			errs.Addf(prop+".Code", "built for %s, but %s.Architecture is %s "+
				"(set golambda.CodeProps.Target, or no invocation starts)", b.GOARCH, prop, name)
		}
	default:
		errs.Addf(prop+".Architecture", "%s is not supported (ARM_64 or X86_64)",
			check.Quote(name))
	}
}

// CheckRole adds a warning at synth when the caller's role cannot be changed. needs lists what the
// role must allow. Call it after all grants.
func CheckRole(f awslambda.Function, prop string, p Props, needs string) {
	switch p.Role.(type) {
	case nil, awsiam.Role, awsiam.LazyRole: // of this app; a frozen role has neither type
		return
	}
	for _, child := range *p.Role.Node().Children() {
		if strings.HasPrefix(*child.Node().Id(), "Policy") {
			return // imported, and CDK has attached a policy to it
		}
	}
	needs += "; logs:CreateLogStream and logs:PutLogEvents on its log group"
	if p.Tracing {
		needs += "; xray:PutTraceSegments and xray:PutTelemetryRecords on *"
	}
	if p.VPC != nil {
		needs += "; what the managed policy AWSLambdaVPCAccessExecutionRole allows"
	}
	awscdk.Annotations_Of(f).AddWarningV2(jsii.String("orderpipeline:role"),
		jsii.String(fmt.Sprintf("%s.Role (%s) cannot be changed by the construct. "+
			"It must let lambda.amazonaws.com assume it, and allow: %s. "+
			"Where one of these is encrypted with a customer managed key, "+
			"the role must be allowed to use the key as well.", prop, *p.Role.Node().Path(), needs)))
}

// Code returns the code of a main package of this module, with files beside it. It panics when the
// sources of this module are not found.
func Code(pkg string, files map[string][]byte, target golambda.Target) awslambda.Code {
	dir, err := source.Dir()
	if err != nil {
		panic(err)
	}
	return bundle.Code(gobuild.Build{Package: pkg, Dir: dir, Isolated: true},
		target.OS, target.Architecture, files)
}

// New makes the function with its own log group and, unless the caller gives one, its own role. It
// panics when code that golambda builds does not build.
func New(
	scope constructs.Construct, id string, p Props, spec Spec,
) (awslambda.Function, awslogs.LogGroup) {
	if p.Architecture == nil {
		p.Architecture = awslambda.Architecture_ARM_64()
	}
	if p.Code == nil {
		target := golambda.Target{Architecture: p.Architecture}
		p.Code = Code(spec.Package, spec.Files, target)
	}
	if b, ok := gobuild.Of(p.Code); ok && *awscdk.Stack_Of(scope).BundlingRequired() {
		// Build now: inside CDK's callback, a panic could not carry the compiler's output. Each
		// binary is built once.
		if _, err := b.Run(); err != nil {
			panic(err)
		}
	}
	if p.MemoryMiB == 0 {
		p.MemoryMiB = 256
	}
	if p.Timeout == nil {
		p.Timeout = awscdk.Duration_Seconds(&spec.Timeout)
	}
	if p.LogRetention == "" {
		p.LogRetention = awslogs.RetentionDays_ONE_MONTH
	}
	tracing := awslambda.Tracing_DISABLED
	if p.Tracing {
		tracing = awslambda.Tracing_ACTIVE
	}
	environment := maps.Clone(spec.Environment)
	for name, value := range p.Environment {
		environment[name] = &value
	}

	// The log group that Lambda makes never expires, and CDK's FunctionProps.LogRetention is a
	// hidden custom resource.
	logs := awslogs.NewLogGroup(scope, jsii.String(id+"Logs"), &awslogs.LogGroupProps{
		Retention:     p.LogRetention,
		RemovalPolicy: spec.RemovalPolicy,
	})
	role := p.Role
	if role == nil {
		// CDK's default role may write to every log group of the account.
		lambda := awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil)
		role = awsiam.NewRole(scope, jsii.String(id+"Role"), &awsiam.RoleProps{AssumedBy: lambda})
	}
	logs.GrantWrite(role)
	props := &awslambda.FunctionProps{
		Description:  &spec.Description,
		Code:         p.Code,
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Handler:      jsii.String("bootstrap"),
		Architecture: p.Architecture,
		MemorySize:   jsii.Number(p.MemoryMiB),
		Timeout:      p.Timeout,
		Environment:  &environment,
		Role:         role,
		LogGroup:     logs,
		// Makes Lambda's own log lines as searchable as the handlers'.
		LoggingFormat: awslambda.LoggingFormat_JSON,
		Tracing:       tracing,
	}
	if p.ReservedConcurrency > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(p.ReservedConcurrency)
	}
	if p.VPC != nil {
		props.Vpc, props.VpcSubnets = p.VPC, p.Subnets
		if len(p.SecurityGroups) > 0 {
			props.SecurityGroups = &p.SecurityGroups
		}
		// Lambda needs these on all resources (AWS Lambda, "Giving Lambda functions access to
		// resources in an Amazon VPC").
		awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
			Grantee: role,
			Actions: jsii.Strings("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
				"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
				"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
			ResourceArns: jsii.Strings("*"),
		})
	}
	return awslambda.NewFunction(scope, &id, props), logs
}
