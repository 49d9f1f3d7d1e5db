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

// Target says where an environment is deployed.
type Target struct {
	// Env is the environment's name.
	Env string
	// Region and Profile are for AWS only. Default: the SDK's usual chain (AWS_REGION, AWS_PROFILE,
	// the profile's region).
	Region, Profile string
}

// Config returns the AWS configuration for an environment.
//
// The local environment never uses real credentials: it is the emulator that this project runs (or
// AWS_ENDPOINT_URL, if set) with test credentials; without a running emulator the error is a
// [*NotDeployedError]. Every other environment uses the SDK's usual chain.
func Config(ctx context.Context, target Target) (aws.Config, error) {
	if target.Env == contract.EnvironmentLocal {
		if target.Region != "" || target.Profile != "" {
			return aws.Config{}, &failure.Error{
				What: `--region and --profile do not apply to environment "local", which is not on AWS`,
				Next: "leave them out, or name another environment with --env",
			}
		}
		endpoint, err := localEndpoint(ctx)
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

func localEndpoint(ctx context.Context) (string, error) {
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
			Env: contract.EnvironmentLocal, Stack: contract.StackName(contract.EnvironmentLocal),
			Why: "its emulator is not running",
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
