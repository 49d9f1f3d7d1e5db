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
// The binary is the program that `go build` makes in the module's folder: the build follows
// go.work, GOFLAGS (also from `go env -w`) and the rest of the environment. It adds -trimpath,
// -buildvcs=false, the build tag lambda.norpc, and the linker flags -s, -w and -buildid=. It is
// without cgo (CGO_ENABLED=0), which would need a C compiler for the target.
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
	"regexp"
	"runtime"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"

	"github.com/orderpipeline/orderpipeline/constructs/internal/bundle"
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
	// Tags are build tags, in addition to those in GOFLAGS. Default: none.
	Tags []string
	// LDFlags are flags for the linker, in addition to those in GOFLAGS: "-X main.version=7".
	// Default: none.
	LDFlags string
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
	if err := errors.Join(err, checkFlags(p), bundle.CheckFiles(p.Files)); err != nil {
		panic(err)
	}
	return bundle.Code(gobuild.Build{
		Package: p.Package, Dir: dir, Tags: strings.Join(p.Tags, ","), LDFlags: p.LDFlags,
	}, p.Target.OS, p.Target.Architecture, p.Files)
}

// checkFlags reports what is wrong with the flags of a build.
func checkFlags(p CodeProps) error {
	var errs []error
	for _, tag := range p.Tags {
		if !buildTag.MatchString(tag) {
			errs = append(errs, fmt.Errorf("golambda: CodeProps.Tags: %q is not a build tag "+
				"(letters, digits, _ and .)", tag))
		}
	}
	if p.LDFlags != "" && !strings.HasPrefix(p.LDFlags, "-") {
		errs = append(errs, fmt.Errorf("golambda: CodeProps.LDFlags: %q does not begin with - "+
			"(it has no package pattern)", p.LDFlags))
	}
	return errors.Join(errs...)
}

var buildTag = regexp.MustCompile(`^[\pL\pN_.]+$`)
