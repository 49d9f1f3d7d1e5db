// Package bundle turns a Go build into the code of a Lambda function.
package bundle

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/gobuild"
)

// Code returns the code of a function: the binary of a build, and files beside it. goos is "" for
// linux, architecture nil for arm64; they set those of the build. The build runs when a function
// uses the code.
func Code(
	b gobuild.Build, goos string, architecture awslambda.Architecture, files map[string][]byte,
) awslambda.Code {
	if architecture == nil {
		architecture = awslambda.Architecture_ARM_64()
	}
	b.GOOS, b.GOARCH = cmp.Or(goos, "linux"), gobuild.GOARCH(*architecture.Name())
	code := awslambda.Code_FromAsset(&b.Dir, &awss3assets.AssetOptions{
		// The hash is of the output, so that a change of a comment does not change it.
		AssetHashType: awscdk.AssetHashType_OUTPUT,
		Bundling: &awscdk.BundlingOptions{
			Local: &bundler{build: b, files: maps.Clone(files)},
			// The image never runs, because the local bundler never falls back to Docker. CDK
			// requires one, and uses these options as the key of a finished bundle, so they must
			// differ between builds.
			Image:      awscdk.DockerImage_FromRegistry(jsii.String("golambda-never-uses-docker")),
			Command:    jsii.Strings(fmt.Sprintf("%+v", b), digest(files)),
			OutputType: awscdk.BundlingOutput_NOT_ARCHIVED,
		},
	})
	gobuild.Register(code, b)
	return code
}

// bundler is CDK's local bundler. CDK calls it when a function uses the code.
type bundler struct {
	build gobuild.Build
	files map[string][]byte
}

// TryBundle writes the binary and the files into CDK's output folder. It never returns false, which
// would start Docker, and never panics, because jsii would wait for an answer forever. It prints an
// error instead; CDK then panics because there is no output.
func (b *bundler) TryBundle(outputDir *string, _ *awscdk.BundlingOptions) *bool {
	binary, err := b.build.Run()
	if err == nil {
		err = os.Chmod(*outputDir, 0o755)
	}
	if err == nil {
		err = writeFile(filepath.Join(*outputDir, binaryName), binary, 0o755)
	}
	if err == nil {
		err = writeFiles(*outputDir, b.files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return jsii.Bool(true)
}
