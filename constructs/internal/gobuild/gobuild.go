// Package gobuild builds Go main packages for package golambda.
package gobuild

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Build is one `go build` of a package in a module's folder. Within a process, equal values give
// equal bytes.
type Build struct {
	Package, Dir, GOOS, GOARCH string
	// Tags are build tags, separated by commas. LDFlags are flags for the linker. Both are added to
	// those in GOFLAGS.
	Tags, LDFlags string
	// Isolated builds with this package's flags alone, whatever GOFLAGS and workspace the consumer
	// uses: for the functions that are packaged with this module.
	Isolated bool
}

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

// What every build has. The flags keep the machine out of the binary: no paths (-trimpath), no
// version control state, no build id. They also leave out symbol tables, which Lambda would have to
// load, and the runtime's old protocol (lambda.norpc).
const (
	ownTag     = "lambda.norpc"
	ownLDFlags = "-s -w -buildid="
)

// arguments returns the arguments of the go command. goflags are the flags of GOFLAGS, which the
// command follows by itself, except where an argument here replaces one.
func (b Build) arguments(goflags []string, output string) []string {
	tags, ldflags := []string{ownTag}, []string{""}
	if b.Tags != "" {
		tags = append(tags, b.Tags)
	}
	var theirs string
	for _, flag := range goflags {
		name, value, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		switch name {
		case "tags":
			theirs = value // the last one counts
		case "ldflags":
			ldflags = append(ldflags, value)
		}
	}
	// Commas or, in the old form, spaces.
	tags = append(tags, strings.FieldsFunc(theirs, func(r rune) bool {
		return r == ',' || r == ' '
	})...)
	args := []string{"build", "-trimpath", "-buildvcs=false", "-tags=" + strings.Join(tags, ",")}
	for _, value := range ldflags {
		// The go command takes the last value whose pattern matches a package.
		pattern := ""
		if i := strings.Index(value, "="); i > 0 && !strings.HasPrefix(value, "-") {
			pattern, value = value[:i+1], value[i+1:]
		}
		args = append(args, "-ldflags="+pattern+
			strings.TrimSpace(ownLDFlags+" "+strings.TrimSpace(value+" "+b.LDFlags)))
	}
	return append(args, "-o", output, b.Package)
}

// variables are the environment variables of the build; they override those of the process.
func (b Build) variables() []string {
	v := []string{"CGO_ENABLED=0", "GOOS=" + b.GOOS, "GOARCH=" + b.GOARCH}
	if b.Isolated {
		v = append(v,
			// The module is built with its own go.sum.
			"GOWORK=off",
			// An empty value would let the flags of `go env -w` in, so this repeats an argument.
			// Without -mod, Go uses a vendor folder if there is one, and -mod=readonly otherwise.
			"GOFLAGS=-trimpath",
			// The defaults of Go.
			"GOEXPERIMENT=", "GOARM64=v8.0", "GOAMD64=v1", "GOFIPS140=off")
	}
	return v
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

	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(goTool, args...)
		cmd.Dir = b.Dir
		cmd.Env = append(os.Environ(), b.variables()...)
		return cmd
	}
	settings, err := command("env", "GOFLAGS", "GOWORK").Output()
	if err != nil {
		return nil, fmt.Errorf("golambda: go env in %s: %w", b.Dir, err)
	}
	goflags, workspace, _ := strings.Cut(strings.TrimSuffix(string(settings), "\n"), "\n")
	output := filepath.Join(tmp, "bootstrap")
	arguments := b.arguments(splitFlags(goflags), output)
	if text, err := command(arguments...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("golambda: building %s for %s/%s in %s: %w\n%s\n%s",
			b.Package, b.GOOS, b.GOARCH, b.Dir, err, bytes.TrimSpace(text), b.explain(goflags, workspace))
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

// explain returns what differs from `go build`, for somebody whose own build works.
func (b Build) explain(goflags, workspace string) string {
	if b.Isolated {
		return "golambda builds the functions of this module without your GOFLAGS and go.work. " +
			"It needs modules that your module does not require. Offline, download them first: " +
			"go -C " + b.Dir + " mod download"
	}
	return fmt.Sprintf("golambda follows GOFLAGS (%s) and go.work (%s), and builds without cgo "+
		"(CGO_ENABLED=0), with -trimpath, -buildvcs=false, -tags=%s and -ldflags=%q.",
		cmp.Or(goflags, "unset"), cmp.Or(workspace, "none"), ownTag, ownLDFlags)
}

// splitFlags splits GOFLAGS as the go command does: at spaces, except in a flag that is in quotes.
func splitFlags(goflags string) (flags []string) {
	for rest := strings.TrimSpace(goflags); rest != ""; rest = strings.TrimSpace(rest) {
		end, quoted := strings.IndexAny(rest, " \t\n\r"), rest[0] == '\'' || rest[0] == '"'
		if quoted {
			end = strings.IndexByte(rest[1:], rest[0]) + 1
		}
		switch {
		case quoted && end > 0:
			flags, rest = append(flags, rest[1:end]), rest[end+1:]
		case quoted || end < 0: // go reports quotes that do not close
			return append(flags, rest)
		default:
			flags, rest = append(flags, rest[:end]), rest[end:]
		}
	}
	return flags
}
