package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// The oldest versions that the machine's programs may have.
const (
	minNode   = "20.0"
	minPython = "3.10"
)

// checkGo compares the Go on the PATH with the go line of go.mod. `go env GOVERSION`, run in the
// project's folder, is the version that Go would use: with GOTOOLCHAIN=auto it downloads a newer
// one.
func checkGo(ctx context.Context, root string) error {
	want := goLine(filepath.Join(root, "go.mod"))
	next := fmt.Sprintf("install Go %s or newer (https://go.dev/dl) and put it on the PATH", want)
	if _, err := exec.LookPath("go"); err != nil {
		return &failure.Error{What: "Go is not installed (no go on the PATH)", Next: next, Err: err}
	}
	cmd := command(ctx, root, os.Environ(), "go", "env", "GOVERSION")
	var messages strings.Builder
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		why := strings.TrimSpace(messages.String())
		if os.Getenv("GOTOOLCHAIN") == "local" || strings.Contains(why, "GOTOOLCHAIN=local") {
			next += ", or unset GOTOOLCHAIN so that Go downloads it"
		}
		return &failure.Error{
			What: "Go does not work here: " + firstLine(why, err.Error()), Next: next, Err: err,
		}
	}
	have := strings.TrimPrefix(strings.TrimSpace(string(out)), "go")
	if olderThan(have, want) {
		return &failure.Error{
			What: fmt.Sprintf("Go %s is too old: go.mod asks for %s", have, want), Next: next,
		}
	}
	return nil
}

var goLinePattern = regexp.MustCompile(`(?m)^go\s+(\S+)`)

func goLine(mod string) string {
	if found := goLinePattern.FindStringSubmatch(readString(mod)); found != nil {
		return found[1]
	}
	return "1.26"
}

func checkNode(ctx context.Context) (string, error) {
	next := fmt.Sprintf("install Node.js %s or newer with npm (https://nodejs.org, or your package "+
		"manager) and put it on the PATH", strings.TrimSuffix(minNode, ".0"))
	path, err := exec.LookPath("node")
	if err != nil {
		return "", &failure.Error{
			What: "Node.js is not installed (no node on the PATH)", Next: next, Err: err,
		}
	}
	out, err := command(ctx, "", os.Environ(), path, "--version").Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	have := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	if err != nil {
		return "", &failure.Error{
			What: fmt.Sprintf("%s does not run: %v", path, err), Next: next, Err: err,
		}
	}
	if olderThan(have, minNode) {
		return "", &failure.Error{
			What: fmt.Sprintf("Node.js %s (%s) is too old", have, path), Next: next,
		}
	}
	return path, nil
}

func checkNpm(ctx context.Context) error {
	next := "install npm (part of Node.js; on Debian and Ubuntu, apt install npm) " +
		"and put it on the PATH"
	path, err := exec.LookPath("npm")
	if err != nil {
		return &failure.Error{What: "npm is not installed (no npm on the PATH)", Next: next, Err: err}
	}
	if err := command(ctx, "", os.Environ(), path, "--version").Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure.Error{What: fmt.Sprintf("%s does not run: %v", path, err), Next: next, Err: err}
	}
	return nil
}

// pythonNames are tried in this order: the usual one, then newer ones that a machine may have
// beside an old python3.
var pythonNames = []string{
	"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python",
}

// printVersion prints the version, and whether virtual environments can be created.
const printVersion = `import sys
print('%d.%d.%d' % sys.version_info[:3])
try:
 import venv, ensurepip
 print('venv')
except ImportError: pass`

// findPython finds a Python that is new enough and can create virtual environments. If there is
// none, the error is about the one that came closest.
func findPython(ctx context.Context) (string, error) {
	next := fmt.Sprintf("install Python %s or newer (https://www.python.org/downloads, or your "+
		"package manager) and put it on the PATH", minPython)
	env := without(os.Environ(),
		func(name string) bool { return name == "PYTHONHOME" || name == "PYTHONPATH" })
	var tooOld, noVenv error
	for _, name := range pythonNames {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := command(ctx, "", env, path, "-c", printVersion).Output()
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			continue // such as a pyenv shim without a version
		}
		have, venv, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		switch {
		case olderThan(have, minPython):
			if tooOld == nil {
				tooOld = &failure.Error{
					What: fmt.Sprintf("Python %s (%s) is too old", have, path), Next: next,
				}
			}
		case venv == "":
			if noVenv == nil {
				minor := strings.Join(strings.Split(have, ".")[:2], ".")
				noVenv = &failure.Error{
					What: fmt.Sprintf("Python %s (%s) cannot create virtual environments "+
						"(its venv or ensurepip module is missing)", have, path),
					Next: fmt.Sprintf("install it: on Debian and Ubuntu, apt install python3-venv "+
						"(or python%s-venv); elsewhere, a complete Python", minor),
				}
			}
		default:
			return path, nil
		}
	}
	switch {
	case noVenv != nil:
		return "", noVenv
	case tooOld != nil:
		return "", tooOld
	}
	return "", &failure.Error{
		What: "Python is not installed (no python3 that runs on the PATH)",
		Next: next, Err: exec.ErrNotFound,
	}
}

// olderThan compares the first two numbers of two versions. A version without numbers (a
// development build) is new enough.
func olderThan(have, want string) bool {
	haveMajor, haveMinor, ok := majorMinor(have)
	wantMajor, wantMinor, _ := majorMinor(want)
	return ok && (haveMajor < wantMajor || haveMajor == wantMajor && haveMinor < wantMinor)
}

var versionPattern = regexp.MustCompile(`^(\d+)\.(\d+)`)

func majorMinor(version string) (major, minor int, ok bool) {
	found := versionPattern.FindStringSubmatch(version)
	if found == nil {
		return 0, 0, false
	}
	major, _ = strconv.Atoi(found[1])
	minor, _ = strconv.Atoi(found[2])
	return major, minor, true
}
