package deployment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// Target says where a pipeline is deployed.
type Target struct {
	// Env is the environment's name. With Stacks it is empty, or local for the emulator that this
	// project runs.
	Env string
	// Stacks are CloudFormation stacks of another app: the one of the pipeline, and those of its API
	// and its alarms if they are others. Default: the stack of the environment.
	Stacks []string
	// Pipeline is the pipeline in the stacks. Default: the only one.
	Pipeline string
	// Region and Profile are for AWS only. Default: the SDK's usual chain (AWS_REGION, AWS_PROFILE,
	// the profile's region).
	Region, Profile string
}

func (t Target) stacks() []string {
	if len(t.Stacks) > 0 {
		return t.Stacks
	}
	return []string{contract.StackName(t.Env)}
}

// String names the target in a sentence.
func (t Target) String() string {
	if len(t.Stacks) > 0 {
		return "stack " + strings.Join(t.Stacks, ", ")
	}
	return t.Env
}

// Flags returns the flags of the operator's command for the target, each after a space.
func (t Target) Flags() (flags string) {
	add := func(flag, value string) {
		if value != "" {
			flags += " --" + flag + " " + value
		}
	}
	if t.Env != contract.EnvironmentLocal || len(t.Stacks) > 0 {
		add("env", t.Env)
	}
	add("stack", strings.Join(t.Stacks, ","))
	add("pipeline", t.Pipeline)
	add("region", t.Region)
	add("profile", t.Profile)
	return flags
}

// Config returns the AWS configuration for a target.
//
// The local environment never uses real credentials: it is the emulator that this project runs (or
// AWS_ENDPOINT_URL, if set) with test credentials; without a running emulator the error is a
// [*NotDeployedError]. Everything else uses the SDK's usual chain.
func Config(ctx context.Context, target Target) (aws.Config, error) {
	if target.Env == contract.EnvironmentLocal {
		if target.Region != "" || target.Profile != "" {
			return aws.Config{}, &failure.Error{
				What: `--region and --profile do not apply to environment "local", which is not on AWS`,
				Next: "leave them out, or name another environment with --env",
			}
		}
		endpoint, err := localEndpoint(ctx, target)
		if err != nil {
			return aws.Config{}, err
		}
		return local.Config(endpoint), nil
	}
	options := []func(*config.LoadOptions) error{config.WithRetryMaxAttempts(5)}
	if target.Region != "" {
		options = append(options, config.WithRegion(target.Region))
	}
	if target.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(target.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, &failure.Error{
			What: fmt.Sprintf("cannot load the AWS configuration: %v", err),
			Next: "choose a profile of ~/.aws/config with --profile, or correct the file",
			Err:  err,
		}
	}
	if cfg.Region == "" {
		return aws.Config{}, &failure.Error{
			What: "no AWS region is set",
			Next: "give --region, or set AWS_REGION or the profile's region",
		}
	}
	return cfg, nil
}

// AWSCommand returns a command line of the AWS CLI that works as it is printed: with region and
// profile, and for the emulator with its endpoint and credentials.
func AWSCommand(cfg aws.Config, profile, format string, args ...any) string {
	line := "aws " + fmt.Sprintf(format, args...) + " --region " + cfg.Region
	if endpoint := aws.ToString(cfg.BaseEndpoint); endpoint != "" {
		const credentials = "AWS_ACCESS_KEY_ID=" + local.TestKey +
			" AWS_SECRET_ACCESS_KEY=" + local.TestKey + " "
		return credentials + line + " --endpoint-url " + endpoint
	}
	if profile != "" {
		line += " --profile " + profile
	}
	return line
}

func localEndpoint(ctx context.Context, target Target) (string, error) {
	if explicit := os.Getenv("AWS_ENDPOINT_URL"); explicit != "" {
		return explicit, nil
	}
	root, err := local.Root()
	if err != nil {
		return "", err
	}
	emulator, err := local.Running(ctx, root)
	if err != nil {
		return "", err
	}
	if emulator == nil {
		return "", &NotDeployedError{
			Target: Target{Env: target.Env}, Why: "its emulator is not running",
		}
	}
	return emulator.Endpoint(), nil
}

// CloudWatch returns a client. With the emulator it uses JSON: the SDK's default, CBOR, needs a
// library that the emulator does not install.
func CloudWatch(cfg aws.Config) *cloudwatch.Client {
	return cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
		if cfg.BaseEndpoint != nil {
			o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801)
		}
	})
}

// IsNotFound reports whether SQS, SNS or Lambda answered that a resource does not exist.
func IsNotFound(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.ContainsFunc([]string{
		"NonExistentQueue", "QueueDoesNotExist", "NotFound", "NotFoundException",
	}, func(suffix string) bool { return strings.HasSuffix(api.ErrorCode(), suffix) })
}
