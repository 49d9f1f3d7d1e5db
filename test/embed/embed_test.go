//go:build slow

package embed

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// app is the smallest embedding, as in README.md.
const app = `package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)

	pipeline := orderpipeline.NewOrderPipeline(stack, "Orders", nil)
	pipeline.AddSubscriber("Billing", nil)
	orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{Pipeline: pipeline})

	app.Synth(nil)
}
`

// emptyApp is what a synth takes without this module.
const emptyApp = `package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	awscdk.NewStack(app, jsii.String("Shop"), nil)
	app.Synth(nil)
}
`

// consumer is a module of another team.
type consumer struct {
	dir string
	env []string // of every command, over the machine's
}

func TestEmbed(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the CDK's bindings for several consumers")
	}
	home, err := filepath.Abs(filepath.Join(root, ".local", "embed"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := filepath.Join(home, "proxy")
	version := publish(t, proxy)
	// The machine's own module cache, where a consumer has this module: what is compiled from it, the
	// bindings of the CDK above all, is compiled once for all.
	cache := goEnv(t, "GOMODCACHE")
	forget(t, cache, version)
	t.Cleanup(func() { forget(t, cache, version) })
	env := []string{
		"GOENV=off", // the settings of whoever runs this
		"GOPROXY=file://" + filepath.ToSlash(proxy) + ",file://" + filepath.ToSlash(filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download")) + "," + goEnv(t, "GOPROXY"),
		"GOSUMDB=off", // it knows nothing of a version that was never published; what is compiled is in this module's go.sum
		"GOFLAGS=-mod=readonly",
		"GOWORK=",
		"GOTOOLCHAIN=local",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20",
	}
	want := ownAssets(t)

	shop := newConsumer(t, filepath.Join(home, "shop"), version, env, map[string]string{"main.go": app})
	t.Run("module cache", func(t *testing.T) {
		assets, _ := shop.synth(t)
		same(t, want, assets)
		// The cache is read-only to everybody but root, and nothing in it has changed.
		shop.command(t, "go", "mod", "verify")
	})
	empty := newConsumer(t, filepath.Join(home, "empty"), version, env, map[string]string{"main.go": emptyApp})
	empty.synth(t)
	t.Run("warm", func(t *testing.T) { shop.compare(t, empty) })
	env = append(env, "CDK_VALIDATION=false") // of templates, which takes seconds and was done above
	shop.env = env
	t.Run("trimpath", func(t *testing.T) {
		assets, _ := shop.with("GOFLAGS=-trimpath").synth(t)
		same(t, want, assets)
	})
	t.Run("workspace", func(t *testing.T) {
		// Around it, and with a module beside it, as one has them.
		work := filepath.Join(home, "go.work")
		write(t, work, "go 1.26\n\nuse (\n\t./shop\n\t./empty\n)\n")
		defer os.Remove(work)
		if got := strings.TrimSpace(shop.command(t, "go", "env", "GOWORK")); got != work {
			t.Fatalf("GOWORK is %q, want %q", got, work)
		}
		assets, _ := shop.synth(t)
		same(t, want, assets)
	})
	t.Run("no Go at synth", func(t *testing.T) {
		for flags, wants := range map[string][]string{
			"":          {"needs the Go toolchain, and there is no go on the PATH", "install Go (https://go.dev/dl)", "as the function's Code"},
			"-trimpath": {modulePath + " are not to be found", `"go": executable file not found in $PATH`, "set each function's Code to a build of your own"},
		} {
			shop.command(t, "go", append(strings.Fields("build "+flags), "-o", "shop", ".")...)
			said, err := shop.with("PATH="+onlyNode(t)).run(t, t.TempDir(), "./shop")
			fails(t, err, said, wants...)
		}
	})
	t.Run("vendored", func(t *testing.T) {
		files := map[string]string{"main.go": app}
		for _, name := range functions {
			files["lambdas/"+name+"/main.go"] = fmt.Sprintf(functionMain, name, map[string]string{"processor": ", nil"}[name])
		}
		// With -trimpath, what is vendored is compiled already (above). Without it, it is not found in another way: TestFind.
		vendored := newConsumer(t, filepath.Join(home, "vendored"), version, append(slices.Clone(env), "GOFLAGS=-trimpath"), files)
		vendored.command(t, "go", "mod", "tidy") // a vendor folder is for all platforms and build tags
		vendored.command(t, "go", "mod", "vendor")
		said, err := vendored.run(t, t.TempDir(), "go", "run", ".")
		fails(t, err, said, modulePath+" are not to be found", "A vendor folder holds only what is imported",
			"Processor.Function.Code", "Publisher.Function.Code", "golambda.NewCode of a main package in your module")

		// What it says, done.
		write(t, filepath.Join(vendored.dir, "main.go"), ownCodeApp)
		if assets, _ := vendored.synth(t); len(assets) != len(functions) {
			t.Errorf("built %q, want %q", assets, functions)
		}
	})
}

var functions = []string{"processor", "publisher", "status"}

// ownCodeApp is the app with functions of its own module, functionMain each.
var ownCodeApp = strings.NewReplacer(
	`"Orders", nil)`, `"Orders", &orderpipeline.OrderPipelineProps{
		Processor: orderpipeline.ProcessorProps{Function: orderpipeline.FunctionProps{Code: code("processor")}},
		Publisher: orderpipeline.PublisherProps{Function: orderpipeline.FunctionProps{Code: code("publisher")}},
	})`,
	`Pipeline: pipeline}`, `Pipeline: pipeline, Status: orderpipeline.FunctionProps{Code: code("status")}}`,
	`"github.com/aws/jsii-runtime-go"`, `"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/orderpipeline/orderpipeline/constructs/golambda"`,
).Replace(app) + `
func code(name string) awslambda.Code {
	return golambda.NewCode(&golambda.CodeProps{Package: "./lambdas/" + name})
}
`

const functionMain = `package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/orderpipeline/orderpipeline/lambdas/%[1]s"
)

func main() { lambda.Start(%[1]s.Must(%[1]s.FromEnvironment(context.Background()%[2]s)).Handle) }
`

// newConsumer makes a fresh module that requires the version.
func newConsumer(t *testing.T, dir, version string, env []string, files map[string]string) consumer {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c := consumer{dir, env}
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.com/"+filepath.Base(dir)+"\n\ngo 1.26\n\nrequire "+modulePath+" "+version+"\n")
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), string(sums))
	c.with("GOFLAGS=-mod=mod", "GOWORK=off").command(t, "go", "get", "./...")
	return c
}

func (c consumer) with(env ...string) consumer {
	return consumer{c.dir, append(slices.Clone(c.env), env...)}
}

// synth runs the app as the CDK CLI does, and gives what it built.
func (c consumer) synth(t *testing.T) (assets []string, took time.Duration) {
	t.Helper()
	out := t.TempDir()
	started := time.Now()
	said, err := c.run(t, out, "go", "run", ".")
	took = time.Since(started)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return assetsOf(t, out), took
}

func (c consumer) run(t *testing.T, out, name string, args ...string) (said string, err error) {
	t.Helper()
	var output bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.Env = append(append(os.Environ(), c.env...), "CDK_OUTDIR="+out)
	cmd.Stdout, cmd.Stderr = &output, &output
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return output.String(), err
}

func (c consumer) command(t *testing.T, name string, args ...string) string {
	t.Helper()
	started := time.Now()
	said, err := c.run(t, "", name, args...)
	if err != nil {
		t.Fatalf("%s %s in %s: %v\n%s", name, strings.Join(args, " "), c.dir, err, said)
	}
	if took := time.Since(started); took > time.Second {
		t.Logf("%s %s: %.1f s", name, strings.Join(args, " "), took.Seconds())
	}
	return said
}

// ownAssets are what this repository's own app builds for AWS.
func ownAssets(t *testing.T) []string {
	t.Helper()
	c := consumer{root, []string{`CDK_CONTEXT_JSON={"env":"prod"}`, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20"}}
	assets, _ := c.synth(t)
	if len(assets) != 3 {
		t.Fatalf("this repository's app builds %q, want three functions", assets)
	}
	return assets
}

// assetsOf are the names of the built functions, which are hashes of what was built.
func assetsOf(t *testing.T, out string) (names []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(out, "asset.*", "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		names = append(names, filepath.Base(filepath.Dir(f)))
	}
	return names // sorted by Glob
}

func same(t *testing.T, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the functions are others than those of this repository's own synth (-repository +consumer):\n%s", diff)
	}
}

// fails is the end of a synth that cannot work: it says so, and what to do.
func fails(t *testing.T, err error, said string, wants ...string) {
	t.Helper()
	if err == nil {
		t.Error("the synth succeeds")
	}
	for _, want := range wants {
		if !strings.Contains(said, want) {
			t.Errorf("does not say %q, but:\n%s", want, said)
		}
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// forget removes a version of this module from a module cache.
func forget(t *testing.T, cache, version string) {
	t.Helper()
	extracted := filepath.Join(cache, filepath.FromSlash(modulePath)+"@"+version)
	unlock(extracted)
	downloaded, err := filepath.Glob(filepath.Join(cache, "cache", "download", filepath.FromSlash(modulePath), "@v", version+".*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(downloaded, extracted) {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

// unlock makes folders that Go made read-only removable.
func unlock(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return nil
	})
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// onlyNode is a PATH with Node, which the CDK runs on, and nothing else.
func onlyNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(node, filepath.Join(dir, "node")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// compare says how long a synth takes when everything is compiled: beside that of an empty app, and the builds of the
// functions. The lesser of two times, taken by turns: this machine has other things to do.
func (c consumer) compare(t *testing.T, empty consumer) {
	t.Helper()
	dir := strings.TrimSpace(c.command(t, "go", "list", "-m", "-f", "{{.Dir}}", modulePath))
	module := consumer{dir, append(slices.Clone(c.env), "GOWORK=off", "GOFLAGS=-trimpath", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")}
	with, without, builds := time.Hour, time.Hour, time.Hour
	for range 2 {
		_, took := c.synth(t)
		with = min(with, took)
		_, took = empty.synth(t)
		without = min(without, took)
		started := time.Now()
		for _, name := range functions {
			module.command(t, "go", "build", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w -buildid=", "-o", filepath.Join(t.TempDir(), name), "./lambdas/"+name+"/main")
		}
		builds = min(builds, time.Since(started))
	}
	t.Logf("warm synth of the consumer: %.1f s; of an empty CDK app: %.1f s; the three Go builds: %.1f s; ratio %.2f",
		with.Seconds(), without.Seconds(), builds.Seconds(), with.Seconds()/(without+builds).Seconds())
}
