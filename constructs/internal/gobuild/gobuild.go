// Package gobuild builds Go main packages for golambda.
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

// Build is one `go build` of a package, in a module's folder. Equal values give equal bytes within a process.
type Build struct{ Package, Dir, GOOS, GOARCH string }

var (
	// built keeps what this process has built: an app builds each binary once, not once a stack or environment.
	built sync.Map // of Build to func() ([]byte, error)
	codes sync.Map // of what Register was given to Build
)

// Register remembers which build stands behind a function's code, for Of.
func Register(code any, b Build) { codes.Store(code, b) }

// GOARCH is that of a Lambda architecture's name.
func GOARCH(architecture string) string {
	if architecture == "x86_64" {
		return "amd64"
	}
	return architecture
}

// Of is the build behind a function's code, if there is one.
func Of(code any) (Build, bool) {
	b, ok := codes.Load(code)
	if !ok {
		return Build{}, false
	}
	return b.(Build), true
}

// Run gives the binary.
func (b Build) Run() ([]byte, error) {
	once, _ := built.LoadOrStore(b, sync.OnceValues(b.compile))
	return once.(func() ([]byte, error))()
}

// Args of the go command. Nothing of the machine enters the binary: no path (-trimpath), no version control state, no
// build id; no symbol tables either, which Lambda would have to load. lambda.norpc leaves out the runtime's old protocol.
func (b Build) Args(output string) []string {
	return []string{"build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags=-s -w -buildid=", "-o", output, b.Package}
}

// variables of the build, over those of the process.
func (b Build) variables() []string {
	return []string{
		"CGO_ENABLED=0",
		"GOOS=" + b.GOOS,
		"GOARCH=" + b.GOARCH,
		// The module is built as it is, with its own go.sum, whatever workspace the consumer works in.
		"GOWORK=off",
		// The consumer's flags stay out. Not empty, which would let those of `go env -w` in: a flag that is given anyway.
		// Without -mod, Go takes a vendor folder where there is one, else -mod=readonly.
		"GOFLAGS=-trimpath",
	}
}

// Environment is the variables as CDK wants them.
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
		return nil, fmt.Errorf("golambda: building %s needs the Go toolchain, and there is no go on the PATH: "+
			"install Go (https://go.dev/dl), or hand in code that is already built (awslambda.Code_FromAsset) as the function's Code", b.Package)
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
	if words, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("golambda: building %s for %s/%s in %s: %w\n%s", b.Package, b.GOOS, b.GOARCH, b.Dir, err, bytes.TrimSpace(words))
	}
	binary, err := os.ReadFile(output)
	if err != nil {
		// `go build` of a package that is not main writes an archive or nothing at all.
		return nil, fmt.Errorf("golambda: building %s in %s gave no binary (is it a main package?): %w", b.Package, b.Dir, err)
	}
	if bytes.HasPrefix(binary, []byte("!<arch>")) {
		return nil, fmt.Errorf("golambda: %s in %s is not a main package", b.Package, b.Dir)
	}
	return binary, nil
}
