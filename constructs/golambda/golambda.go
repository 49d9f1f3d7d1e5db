// Package golambda builds a Go main package into the code of a Lambda function, at synth, with the Go toolchain of the
// machine: no Docker, nothing to install but Go.
//
//	awslambda.NewFunction(stack, jsii.String("Handler"), &awslambda.FunctionProps{
//		Code:         golambda.NewCode(&golambda.CodeProps{Package: "./lambdas/handler"}),
//		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
//		Architecture: awslambda.Architecture_ARM_64(),
//		Handler:      jsii.String("bootstrap"),
//	})
//
// The build is reproducible: the same source gives the same asset hash in whichever folder it lies, so that a deployment
// changes a function only when its code changed. Each binary is built once a process, however many stacks use it.
//
// When a build fails, the compiler's words go to stderr, and the function that takes the code panics; there is no falling
// back to Docker. The functions of stacks that the CDK CLI was not asked for are not built.
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

// Target is the machine that a binary is built for. The zero value is Lambda on Graviton: linux, arm64.
type Target struct {
	// OS is a GOOS. Default "linux", the only one that AWS runs; another is for an emulator that starts the binary as a
	// process of its own machine.
	OS string
	// Architecture of the function. Default ARM_64.
	Architecture awslambda.Architecture
}

// HostTarget is the machine that this process runs on. It panics on an architecture that Lambda does not know.
func HostTarget() Target {
	switch runtime.GOARCH {
	case "arm64":
		return Target{OS: runtime.GOOS, Architecture: awslambda.Architecture_ARM_64()}
	case "amd64":
		return Target{OS: runtime.GOOS, Architecture: awslambda.Architecture_X86_64()}
	}
	panic(errors.New("golambda: Lambda knows arm64 and amd64 only, this machine is " + runtime.GOARCH))
}

// CodeProps says what to build, and for which machine.
type CodeProps struct {
	// Package is the main package, as `go build` takes it: a path that begins with "./" inside ModuleDir, or an import
	// path. Required.
	Package string
	// ModuleDir is the folder of the go.mod that governs the build. Default: the working folder's module.
	ModuleDir string
	// Target is the machine to build for. Default: linux, arm64. Its architecture must be the function's.
	Target Target
	// Files lie beside the binary, in the folder that the variable LAMBDA_TASK_ROOT names. The keys are paths in that
	// folder, with slashes: "prices/eu.json". Default: none.
	Files map[string][]byte
}

// NewCode is the code of a function for the runtime provided.al2023: a file named bootstrap, and Files. It panics with an
// error that names what is wrong with the props; the build itself runs when a function takes the code.
func NewCode(props *CodeProps) awslambda.Code {
	var p CodeProps
	if props != nil {
		p = *props
	}
	if p.Package == "" {
		panic(errors.New(`golambda: CodeProps.Package is empty: it needs a main package, such as "./lambdas/handler"`))
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
	b := gobuild.Build{Package: p.Package, Dir: dir, GOOS: p.Target.OS, GOARCH: gobuild.GOARCH(*p.Target.Architecture.Name())}

	environment := b.Environment()
	if len(p.Files) > 0 {
		(*environment)["GOLAMBDA_FILES"] = jsii.String(digest(p.Files))
	}
	code := awslambda.Code_FromAsset(jsii.String(dir), &awss3assets.AssetOptions{
		// The hash of what was built, not of the sources: a comment changes nothing.
		AssetHashType: awscdk.AssetHashType_OUTPUT,
		Bundling: &awscdk.BundlingOptions{
			Local: &bundler{build: b, files: maps.Clone(p.Files)},
			// Never run: the local bundler never leaves it to Docker. Required by CDK, and its options are the key under which
			// CDK keeps a finished bundle, so they must tell one build from another.
			Image:       awscdk.DockerImage_FromRegistry(jsii.String("golambda-never-uses-docker")),
			Command:     jsii.Strings(append([]string{"go"}, b.Args(binaryName)...)...),
			Environment: environment,
			OutputType:  awscdk.BundlingOutput_NOT_ARCHIVED,
		},
	})
	gobuild.Register(code, b)
	return code
}

// bundler is CDK's local bundler. CDK calls it back while a function takes the code.
type bundler struct {
	build gobuild.Build
	files map[string][]byte
}

// TryBundle puts the binary and the files into CDK's output folder. It never says false, which would start Docker, and it does not panic:
// jsii would wait for an answer for ever. What failed is told here; CDK then panics, since there is no output.
func (b *bundler) TryBundle(outputDir *string, _ *awscdk.BundlingOptions) *bool {
	binary, err := b.build.Run()
	if err == nil {
		err = os.WriteFile(filepath.Join(*outputDir, binaryName), binary, 0o755)
	}
	if err == nil {
		err = writeFiles(*outputDir, b.files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return jsii.Bool(true)
}
