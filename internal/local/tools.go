package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// requirements is what `make lock` generates. pip checks every hash in it.
const requirements = "internal/local/requirements.txt"

// Tools are the installed tools of one project folder. [Install] returns them.
type Tools struct {
	Root   string // the project's folder
	Node   string // the pinned node program where it runs, otherwise the machine's
	Python string // the python of the emulator's virtual environment
}

// Install installs the tools that the project's lock files pin: the CDK command line (and, on
// Linux, Node) with npm into node_modules, the emulator with pip into .local/venv. A complete
// installation is left alone, an incomplete one is repeated. Concurrent runs wait for each other.
// progress receives a line per step; it is optional.
//
// Every missing or outdated program (Go, Node, npm, Python) and every failed download is a
// [*failure.Error]; one error joins them.
func Install(
	ctx context.Context, root string, progress func(format string, args ...any),
) (*Tools, error) {
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
		if !in.npmDone() || !in.pipDone() { // report everything that is missing at once
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

// wanted reads the lock files. The stamps are inside the folders that they vouch for and hold these
// hashes. The virtual environment's also covers its path, since it cannot be moved.
func (in *installer) wanted() error {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	var err error
	in.npmHash, err = hashFiles(platform, in.path("package.json"), in.path("package-lock.json"))
	if err != nil {
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
			return "", &failure.Error{
				What: fmt.Sprintf("a lock file is missing: %v", err),
				Next: "restore it: git checkout -- " + filepath.Base(file), Err: err,
			}
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

// pinnedNode returns the node that npm installed, "" if it does not run on this machine.
func (in *installer) pinnedNode() string {
	_, node, _ := strings.Cut(readString(in.npmStamp()), "\n")
	if node = strings.TrimSpace(node); node == "" {
		return ""
	}
	return in.path(node)
}

func (in *installer) install(ctx context.Context) error {
	unlock, err := Lock(ctx, in.root, "install",
		func() { in.progress("tools: waiting for another run that installs them") })
	if err != nil {
		return err
	}
	defer unlock()

	// Report everything that the machine lacks before downloading anything.
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

	// Not errgroup.WithContext: if one download fails, the next run still needs the other.
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
	// --include overrides NODE_ENV=production and `omit` in the machine's npm configuration.
	cmd := command(ctx, in.root, without(os.Environ(), isAWS), "npm", "ci", "--ignore-scripts",
		"--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=warn")
	if err := runLogged(cmd, log, nil); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure.Error{
			What: fmt.Sprintf("npm ci failed: %v", err),
			Next: fmt.Sprintf("read %s; fix the network, the proxy or `npm config get registry`, "+
				"then run the same command again", rel(in.root, log)),
			Err: err,
		}
	}
	// The pinned Node is an optional dependency: npm installs the one for this platform, or none.
	// Where it does not run (another C library), the machine's own is used.
	node := ""
	for _, platform := range []string{"linux-x64", "linux-arm64"} {
		candidate := "node_modules/node-" + platform + "/bin/node"
		run := command(ctx, in.root, os.Environ(), in.path(candidate), "--version")
		if exists(in.path(candidate)) && run.Run() == nil {
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
	if err := os.RemoveAll(venv); err != nil { // an incomplete one
		return err
	}
	env := without(os.Environ(), func(name string) bool {
		switch name { // these install the packages elsewhere, or load others
		case "PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT",
			"PIP_REQUIRE_VIRTUALENV", "PIP_NO_DEPENDENCIES", "VIRTUAL_ENV":
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
			Next: fmt.Sprintf("read %s; on Debian and Ubuntu, apt install python3-venv; "+
				"then run the same command again", rel(in.root, log)),
			Err: err,
		}
	}
	log = in.path(StateDir + "/log/pip.log")
	// Wheels only: a build from source would download build tools that no hash pins.
	cmd := command(ctx, in.root, env, in.python(), "-m", "pip", "install", "--require-hashes",
		"--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--progress-bar=off",
		"-r", in.path(requirements))
	if err := runLogged(cmd, log, nil); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure.Error{
			What: fmt.Sprintf("pip install failed: %v", err),
			Next: fmt.Sprintf("read %s; fix the network, the proxy or `pip config list`, "+
				"then run the same command again", rel(in.root, log)),
			Err: err,
		}
	}
	if err := os.WriteFile(in.pipStamp(), []byte(in.pipHash+"\n"), 0o644); err != nil {
		return err
	}
	in.progress("tools: the emulator is installed (%s)", seconds(started))
	return nil
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
