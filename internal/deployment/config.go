package deployment

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// Target says which AWS an environment is in.
type Target struct {
	Env     string
	Region  string // "": the SDK's usual chain (AWS_REGION, the profile); AWS only
	Profile string // "": the SDK's usual chain; AWS only
}

// Config gives the AWS configuration for an environment.
//
// The local one never uses anybody's credentials: it is the running emulator of this project (or AWS_ENDPOINT_URL, if set) with
// test credentials; a [*NotDeployedError] when none runs. Any other is the SDK's usual chain.
func Config(ctx context.Context, target Target) (aws.Config, error) {
	if target.Env == contract.EnvironmentLocal {
		if target.Region != "" || target.Profile != "" {
			return aws.Config{}, &local.Error{What: `--region and --profile are for AWS, and environment "local" is this machine's emulator`, Remedy: "leave them out, or name another environment with --env"}
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
		return aws.Config{}, &local.Error{What: fmt.Sprintf("the AWS configuration cannot be loaded: %v", err), Remedy: "choose a profile of ~/.aws/config with --profile, or mend the file", Err: err}
	}
	if cfg.Region == "" {
		return aws.Config{}, &local.Error{What: "no AWS region is set", Remedy: "give --region, or set AWS_REGION, or a region in the profile"}
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
		return "", &NotDeployedError{Env: contract.EnvironmentLocal, Stack: contract.StackName(contract.EnvironmentLocal), Why: "its emulator is not running"}
	}
	return emulator.Endpoint(), nil
}
