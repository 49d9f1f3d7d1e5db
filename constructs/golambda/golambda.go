// Package golambda builds a Go main package into the code of a Lambda function, at synth, with the
// machine's Go toolchain. It needs no Docker.
//
//	awslambda.NewFunction(stack, jsii.String("Handler"), &awslambda.FunctionProps{
//		Code:         golambda.NewCode(&golambda.CodeProps{Package: "./lambdas/handler"}),
//		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
//		Architecture: awslambda.Architecture_ARM_64(),
//		Handler:      jsii.String("bootstrap"),
//	})
//
// The build is reproducible: the same source gives the same asset hash in any folder, so a
// deployment changes a function only when its code changed. Each binary is built once per process,
// however many stacks use it. Functions in stacks that the CDK CLI does not select are not built.
//
// When a build fails, the compiler's output goes to stderr, and the function that uses the code
// panics. There is no fallback to Docker.
package golambda

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/gobuild"
)

// Target is the machine that a binary is built for. The zero value is Lambda on Graviton: linux,
// arm64.
type Target struct {
	// OS is a GOOS. AWS runs linux only; other values are for an emulator that starts the binary as
	// a process on its own machine. Default: "linux".
	OS string
	// Architecture is the architecture of the function. Default: ARM_64.
	Architecture awslambda.Architecture
}

// HostTarget returns the machine that this process runs on. It panics on an architecture that
// Lambda does not support.
func HostTarget() Target {
	switch runtime.GOARCH {
	case "arm64":
		return Target{OS: runtime.GOOS, Architecture: awslambda.Architecture_ARM_64()}
	case "amd64":
		return Target{OS: runtime.GOOS, Architecture: awslambda.Architecture_X86_64()}
	}
	panic(errors.New(
		"golambda: this machine is " + runtime.GOARCH + ", and Lambda supports arm64 and amd64 only"))
}

// CodeProps configures [NewCode].
type CodeProps struct {
	// Package is the main package in a form that `go build` accepts: a path inside ModuleDir that
	// begins with "./", or an import path. Required.
	Package string
	// ModuleDir is the folder of the go.mod that governs the build. Default: the module of the
	// working folder.
	ModuleDir string
	// Target is the machine to build for. Its architecture must be the function's. Default: linux,
	// arm64.
	Target Target
	// Files are placed beside the binary, in the folder that the variable LAMBDA_TASK_ROOT names.
	// The keys are paths in that folder, with slashes: "prices/eu.json". Default: none.
	Files map[string][]byte
}

// NewCode returns the code of a function for the runtime provided.al2023: a file named bootstrap,
// and Files. It panics with an error that names what is wrong with the props. The build runs when a
// function uses the code.
func NewCode(props *CodeProps) awslambda.Code {
	var p CodeProps
	if props != nil {
		p = *props
	}
	if p.Package == "" {
		panic(errors.New(
			`golambda: CodeProps.Package: empty (set a main package, such as "./lambdas/handler")`))
	}
	dir, err := moduleDir(p.ModuleDir)
	if err == nil {
		err = checkFiles(p.Files)
	}
	if err != nil {
		panic(err)
	}
	if p.Target.OS == "" {
		p.Target.OS = "linux"
	}
	if p.Target.Architecture == nil {
		p.Target.Architecture = awslambda.Architecture_ARM_64()
	}
	b := gobuild.Build{
		Package: p.Package, Dir: dir,
		GOOS: p.Target.OS, GOARCH: gobuild.GOARCH(*p.Target.Architecture.Name()),
	}

	environment := b.Environment()
	if len(p.Files) > 0 {
		(*environment)["GOLAMBDA_FILES"] = jsii.String(digest(p.Files))
	}
	code := awslambda.Code_FromAsset(jsii.String(dir), &awss3assets.AssetOptions{
		// The hash is of the output, so that a change of a comment does not change it.
		AssetHashType: awscdk.AssetHashType_OUTPUT,
		Bundling: &awscdk.BundlingOptions{
			Local: &bundler{build: b, files: maps.Clone(p.Files)},
			// The image never runs, because the local bundler never falls back to Docker. CDK
			// requires one, and uses these options as the key of a finished bundle, so they must
			// differ between builds.
			Image:       awscdk.DockerImage_FromRegistry(jsii.String("golambda-never-uses-docker")),
			Command:     jsii.Strings(append([]string{"go"}, b.Args(binaryName)...)...),
			Environment: environment,
			OutputType:  awscdk.BundlingOutput_NOT_ARCHIVED,
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
