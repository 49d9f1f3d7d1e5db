// Package function makes the Lambda functions of the constructs: all alike, but for what the leg needs.
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

// Leg is what the construct decides.
type Leg struct {
	// Package of this module that is the function's default code.
	Package string
	// Files beside it.
	Files map[string][]byte
	// Description of the function.
	Description string
	// Timeout by default, in seconds.
	Timeout float64
	// Environment that the function's code needs. The caller's variables must not bear these names.
	Environment map[string]*string
	// RemovalPolicy of the log group.
	RemovalPolicy awscdk.RemovalPolicy
}

var variable = regexp.MustCompile(`^[a-zA-Z]\w+$`)

// Check adds what is wrong with the props to errs. reserved are the variables that the construct sets. It gives the
// timeout in seconds.
func Check(errs *check.Errors, field string, p Props, timeout float64, reserved ...string) float64 {
	if p.MemoryMiB != 0 {
		errs.Range(field+".MemoryMiB", p.MemoryMiB, 128, 10240, "these are Lambda's bounds")
	}
	architecture := awslambda.Architecture_ARM_64()
	if p.Architecture != nil {
		architecture = p.Architecture
	}
	switch name := *architecture.Name(); name {
	case *awslambda.Architecture_ARM_64().Name(), *awslambda.Architecture_X86_64().Name():
		if b, ok := gobuild.Of(p.Code); ok && b.GOARCH != gobuild.GOARCH(name) {
			errs.Addf(field+".Code", check.Verbatim("built for "+b.GOARCH), "needs to be built for %s, %s's: set golambda.CodeProps.Target, else no invocation would start",
				gobuild.GOARCH(name), field+".Architecture")
		}
	default:
		errs.Addf(field+".Architecture", name, "needs ARM_64 or X86_64: Lambda knows no other")
	}
	if p.ReservedConcurrency < 0 {
		errs.Addf(field+".ReservedConcurrency", p.ReservedConcurrency, "needs 1 at least, or 0 for none reserved: 0 as Lambda knows it would stop the function")
	}
	if p.VPC == nil && p.Subnets != nil {
		errs.Addf(field+".Subnets", check.Verbatim("set"), "needs %s.VPC: that is what they are subnets of", field)
	}
	if p.VPC == nil && len(p.SecurityGroups) > 0 {
		errs.Addf(field+".SecurityGroups", len(p.SecurityGroups), "needs %s.VPC: outside of one there is nothing to guard", field)
	}
	if slices.Contains(p.SecurityGroups, nil) {
		errs.Addf(field+".SecurityGroups", check.Verbatim("nil"), "needs groups that are not nil")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Environment)) {
		if slices.Contains(reserved, name) {
			errs.Addf(field+".Environment", name, "needs another name: the construct sets this variable itself")
		} else if !variable.MatchString(name) {
			errs.Addf(field+".Environment", name, "needs a name of letters, digits and _, two at least and a letter first, as Lambda does")
		}
	}
	if p.Code == nil {
		if _, err := source.Dir(); err != nil {
			errs.Addf(field+".Code", check.Verbatim("nil"), "needs a value: %v", err)
		}
	}
	return errs.Seconds(field+".Timeout", p.Timeout, timeout, 1, 900, "these are Lambda's bounds")
}

// CheckRole warns at synth where a role that was brought along does not change: needs is what it must allow. It comes after all
// grants.
func CheckRole(f awslambda.Function, field string, p Props, needs string) {
	switch p.Role.(type) {
	case nil, awsiam.Role, awsiam.LazyRole: // of this app, and not frozen: that one is of no type that CDK tells
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
	awscdk.Annotations_Of(f).AddWarningV2(jsii.String("orderpipeline:role"), jsii.String(fmt.Sprintf(
		"%s.Role (%s) is not changed from here. It must let lambda.amazonaws.com assume it, and allow: %s. Where one of these is encrypted with a key of the customer's, "+
			"it must be allowed to use the key as well.", field, *p.Role.Node().Path(), needs)))
}

// Code builds a main package of this module, with files beside it. It panics when this module's sources are not to be found.
func Code(pkg string, files map[string][]byte, target golambda.Target) awslambda.Code {
	dir, err := source.Dir()
	if err != nil {
		panic(err)
	}
	return golambda.NewCode(&golambda.CodeProps{Package: pkg, ModuleDir: dir, Files: files, Target: target})
}

// New makes the function with a log group and a role of its own. It panics when code of golambda's cannot be built.
func New(scope constructs.Construct, id string, p Props, leg Leg) (awslambda.Function, awslogs.LogGroup) {
	if p.Architecture == nil {
		p.Architecture = awslambda.Architecture_ARM_64()
	}
	if p.Code == nil {
		p.Code = Code(leg.Package, leg.Files, golambda.Target{Architecture: p.Architecture})
	}
	if b, ok := gobuild.Of(p.Code); ok && *awscdk.Stack_Of(scope).BundlingRequired() {
		// Now, since inside CDK's callback there is no panicking with the compiler's words. It is built once.
		if _, err := b.Run(); err != nil {
			panic(err)
		}
	}
	if p.MemoryMiB == 0 {
		p.MemoryMiB = 256
	}
	if p.Timeout == nil {
		p.Timeout = awscdk.Duration_Seconds(&leg.Timeout)
	}
	if p.LogRetention == "" {
		p.LogRetention = awslogs.RetentionDays_ONE_MONTH
	}
	tracing := awslambda.Tracing_DISABLED
	if p.Tracing {
		tracing = awslambda.Tracing_ACTIVE
	}
	environment := maps.Clone(leg.Environment)
	for name, value := range p.Environment {
		environment[name] = &value
	}

	// A log group of its own: the one that Lambda makes never expires, and FunctionProps.LogRetention is a hidden custom
	// resource.
	logs := awslogs.NewLogGroup(scope, jsii.String(id+"Logs"), &awslogs.LogGroupProps{
		Retention:     p.LogRetention,
		RemovalPolicy: leg.RemovalPolicy,
	})
	role := p.Role
	if role == nil {
		// Not CDK's default one, which may write to every log group of the account.
		role = awsiam.NewRole(scope, jsii.String(id+"Role"), &awsiam.RoleProps{
			AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		})
	}
	logs.GrantWrite(role)
	props := &awslambda.FunctionProps{
		Description:   &leg.Description,
		Code:          p.Code,
		Runtime:       awslambda.Runtime_PROVIDED_AL2023(),
		Handler:       jsii.String("bootstrap"),
		Architecture:  p.Architecture,
		MemorySize:    jsii.Number(p.MemoryMiB),
		Timeout:       p.Timeout,
		Environment:   &environment,
		Role:          role,
		LogGroup:      logs,
		LoggingFormat: awslambda.LoggingFormat_JSON, // so that Lambda's own lines are as searchable as the handlers'
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
		// Lambda asks for these on all resources (AWS Lambda, "Giving Lambda functions access to resources in an Amazon VPC").
		awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
			Grantee: role,
			Actions: jsii.Strings("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
				"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
			ResourceArns: jsii.Strings("*"),
		})
	}
	return awslambda.NewFunction(scope, &id, props), logs
}
