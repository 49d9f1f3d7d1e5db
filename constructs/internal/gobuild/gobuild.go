// Package gobuild builds Go main packages for package golambda.
package gobuild

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Build is one `go build` of a package in a module's folder. Within a process, equal values give
// equal bytes.
type Build struct{ Package, Dir, GOOS, GOARCH string }

var (
	// built holds the finished builds, so that an app builds each binary once, not once per stack.
	built sync.Map // from Build to func() ([]byte, error)
	codes sync.Map // from the code given to Register to Build
)

// Register records the build behind a function's code, for [Of].
func Register(code any, b Build) { codes.Store(code, b) }

// GOARCH returns Go's name of a Lambda architecture.
func GOARCH(architecture string) string {
	if architecture == "x86_64" {
		return "amd64"
	}
	return architecture
}

// Of returns the build behind a function's code, if there is one.
func Of(code any) (Build, bool) {
	b, ok := codes.Load(code)
	if !ok {
		return Build{}, false
	}
	return b.(Build), true
}

// Run builds the package and returns the binary.
func (b Build) Run() ([]byte, error) {
	once, _ := built.LoadOrStore(b, sync.OnceValues(b.compile))
	return once.(func() ([]byte, error))()
}

// Args returns the arguments of the go command. They keep the machine out of the binary: no paths
// (-trimpath), no version control state, no build id. They also leave out symbol tables, which
// Lambda would have to load, and the runtime's old protocol (lambda.norpc).
func (b Build) Args(output string) []string {
	return []string{
		"build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc",
		"-ldflags=-s -w -buildid=", "-o", output, b.Package,
	}
}

// variables are the environment variables of the build; they override those of the process.
func (b Build) variables() []string {
	return []string{
		"CGO_ENABLED=0",
		"GOOS=" + b.GOOS,
		"GOARCH=" + b.GOARCH,
		// The module is built with its own go.sum, whatever workspace the consumer uses.
		"GOWORK=off",
		// Replaces the consumer's flags. An empty value would let the flags of `go env -w` in, so
		// this repeats a flag of Args. Without -mod, Go uses a vendor folder if there is one, and
		// -mod=readonly otherwise.
		"GOFLAGS=-trimpath",
	}
}

// Environment returns the variables in CDK's form.
func (b Build) Environment() *map[string]*string {
	env := map[string]*string{}
	for _, v := range b.variables() {
		name, value, _ := strings.Cut(v, "=")
		env[name] = &value
	}
	return &env
}

func (b Build) compile() ([]byte, error) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("golambda: building %s needs the Go toolchain, and there is no go on "+
			"the PATH: install Go (https://go.dev/dl), or pass prebuilt code "+
			"(awslambda.Code_FromAsset) as the function's Code", b.Package)
	}
	tmp, err := os.MkdirTemp("", "golambda-")
	if err != nil {
		return nil, fmt.Errorf("golambda: building %s: %w", b.Package, err)
	}
	defer os.RemoveAll(tmp)

	output := filepath.Join(tmp, "bootstrap")
	cmd := exec.Command(goTool, b.Args(output)...)
	cmd.Dir = b.Dir
	cmd.Env = append(os.Environ(), b.variables()...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("golambda: building %s for %s/%s in %s: %w\n%s",
			b.Package, b.GOOS, b.GOARCH, b.Dir, err, bytes.TrimSpace(text))
	}
	binary, err := os.ReadFile(output)
	if err != nil {
		// `go build` of a package that is not main writes an archive, or nothing.
		return nil, fmt.Errorf("golambda: building %s in %s gave no binary (is it a main package?): %w",
			b.Package, b.Dir, err)
	}
	if bytes.HasPrefix(binary, []byte("!<arch>")) {
		return nil, fmt.Errorf("golambda: %s in %s is not a main package", b.Package, b.Dir)
	}
	return binary, nil
}
