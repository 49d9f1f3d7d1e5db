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

// published serves this module to consumers as a Go proxy does: the folder for them, the version,
// and the environment of their commands.
func published(t testing.TB) (home, version string, env []string) {
	t.Helper()
	home, err := filepath.Abs(filepath.Join(root, ".local", "embed"))
	if err != nil {
		t.Fatal(err)
	}
	proxy := filepath.Join(home, "proxy")
	version = publish(t, proxy)
	// The consumers use the machine's module cache, so that the bindings of the CDK, above all, are
	// compiled once.
	cache := goEnv(t, "GOMODCACHE")
	forget(t, cache, version)
	t.Cleanup(func() { forget(t, cache, version) })
	env = []string{
		"GOENV=off", // no settings of the machine's user
		"GOPROXY=file://" + filepath.ToSlash(proxy) +
			",file://" + filepath.ToSlash(filepath.Join(cache, "cache", "download")) +
			"," + goEnv(t, "GOPROXY"),
		// It does not know a version that was never published. This module's go.sum has the rest.
		"GOSUMDB=off",
		"GOFLAGS=-mod=readonly",
		"GOWORK=",
		"GOTOOLCHAIN=local",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20",
	}
	return home, version, env
}

func TestEmbed(t *testing.T) {
	home, version, env := published(t)
	want := ownAssets(t)

	shop := newConsumer(t, filepath.Join(home, "shop"), version, env, map[string]string{"main.go": app})
	t.Run("module cache", func(t *testing.T) {
		assets, _ := shop.synth(t)
		same(t, want, assets)
		// The cache is read-only except for root, and nothing in it has changed.
		shop.command(t, "go", "mod", "verify")
	})
	env = append(env, "CDK_VALIDATION=false") // the validation takes seconds and ran above
	shop.env = env
	t.Run("trimpath", func(t *testing.T) {
		assets, _ := shop.with("GOFLAGS=-trimpath").synth(t)
		same(t, want, assets)
	})
	t.Run("workspace", func(t *testing.T) {
		// A workspace around the consumer, with another module in it.
		work := filepath.Join(home, "go.work")
		write(t, filepath.Join(home, "beside", "go.mod"), "module example.com/beside\n")
		write(t, work, "go 1.26\n\nuse (\n\t./shop\n\t./beside\n)\n")
		defer os.Remove(work)
		if got := strings.TrimSpace(shop.command(t, "go", "env", "GOWORK")); got != work {
			t.Fatalf("GOWORK is %q, want %q", got, work)
		}
		assets, _ := shop.synth(t)
		same(t, want, assets)
	})
	t.Run("no Go at synth", func(t *testing.T) {
		for flags, wants := range map[string][]string{
			"": {
				"needs the Go toolchain, and there is no go on the PATH",
				"install Go (https://go.dev/dl)", "as the function's Code",
			},
			"-trimpath": {
				modulePath + " were not found", `"go": executable file not found in $PATH`,
				"set each function's Code to your own build",
			},
		} {
			shop.command(t, "go", append(strings.Fields("build "+flags), "-o", "shop", ".")...)
			output, err := shop.with("PATH="+onlyNode(t)).run(t, t.TempDir(), "./shop")
			fails(t, err, output, wants...)
		}
	})
	t.Run("vendored", func(t *testing.T) {
		files := map[string]string{"main.go": app}
		for _, name := range functions {
			files["lambdas/"+name+"/main.go"] = fmt.Sprintf(functionMain, name, map[string]string{"processor": ", nil"}[name])
		}
		// With -trimpath, the vendored packages are compiled already (above). TestFind tests the build
		// without it.
		vendored := newConsumer(t, filepath.Join(home, "vendored"), version, append(slices.Clone(env), "GOFLAGS=-trimpath"), files)
		vendored.command(t, "go", "mod", "tidy") // a vendor folder is for all platforms and build tags
		vendored.command(t, "go", "mod", "vendor")
		output, err := vendored.run(t, t.TempDir(), "go", "run", ".")
		fails(t, err, output, modulePath+" were not found",
			"a vendor folder holds only imported packages",
			"Processor.Function.Code: unset", "Publisher.Function.Code: unset",
			"golambda.NewCode of a main package in your module")

		// The remedy that the error names works.
		write(t, filepath.Join(vendored.dir, "main.go"), ownCodeApp)
		if assets, _ := vendored.synth(t); len(assets) != len(functions) {
			t.Errorf("built %q, want %q", assets, functions)
		}
	})
}

// TestOffline: a build without a network needs the modules of the functions, which the consumer's
// own `go mod download` does not fetch; the error names the command that does.
func TestOffline(t *testing.T) {
	home, version, env := published(t)
	want := ownAssets(t)
	shop := newConsumer(t, filepath.Join(home, "shop"), version, env, map[string]string{"main.go": app})
	// An empty module cache. With -trimpath, what is compiled does not depend on where it is.
	online := shop.with("GOMODCACHE="+t.TempDir(), "GOFLAGS=-trimpath -modcacherw", "CDK_VALIDATION=false")
	offline := online.with("GOPROXY=off")
	online.command(t, "go", "mod", "download")
	dir := strings.TrimSpace(offline.command(t, "go", "list", "-m", "-f", "{{.Dir}}", modulePath))

	output, err := offline.run(t, t.TempDir(), "go", "run", ".")
	fails(t, err, output, "module lookup disabled by GOPROXY=off", "Offline, download them first: go -C "+dir+" mod download")

	online.command(t, "go", "-C", dir, "mod", "download")
	assets, _ := offline.synth(t)
	same(t, want, assets)
}

// ownFunctionApp has one function of its own.
const ownFunctionApp = `package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/orderpipeline/orderpipeline/constructs/golambda"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)
	target := golambda.HostTarget()
	awslambda.NewFunction(stack, jsii.String("Price"), &awslambda.FunctionProps{
		Code: golambda.NewCode(&golambda.CodeProps{
			Package: "./price", Target: target, LDFlags: "-X main.channel=web",
		}),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: target.Architecture,
		Handler:      jsii.String("bootstrap"),
	})
	app.Synth(nil)
}
`

// TestOwnFunction: golambda.NewCode builds what go build builds in the consumer's module, which is in
// a workspace and has flags in GOFLAGS.
func TestOwnFunction(t *testing.T) {
	home, version, env := published(t)
	dir := filepath.Join(home, "own", "shop")
	shop := newConsumer(t, dir, version, env, map[string]string{"main.go": ownFunctionApp})
	for name, text := range map[string]string{
		"go.work":                "go 1.26\n\nuse (\n\t./shop\n\t./currency\n)\n",
		"currency/go.mod":        "module example.com/currency\n",
		"currency/currency.go":   "package currency\n\nconst Name = \"EUR\"\n",
		"shop/price/with.go":     "//go:build shopprod\n\npackage main\n\nconst tag = \"prod\"\n",
		"shop/price/without.go":  "//go:build !shopprod\n\npackage main\n\nconst tag = \"test\"\n",
		"shop/price/function.go": ownFunction,
	} {
		write(t, filepath.Join(home, "own", name), text)
	}
	shop = shop.with("GOFLAGS=-mod=readonly -tags=shopprod -ldflags=-X=main.version=7", "CDK_VALIDATION=false")
	out := t.TempDir()
	if output, err := shop.run(t, out, "go", "run", "."); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	found, err := filepath.Glob(filepath.Join(out, "asset.*", "bootstrap"))
	if err != nil || len(found) != 1 {
		t.Fatalf("functions: %q, %v", found, err)
	}
	program := filepath.Join(t.TempDir(), "price")
	shop.command(t, "go", "build", "-o", program, "./price")
	if got, want := shop.command(t, program), "EUR 7 prod none\n"; got != want {
		t.Errorf("what go build makes prints %q, want %q", got, want)
	}
	if got, want := shop.command(t, found[0]), "EUR 7 prod web\n"; got != want { // the prop is added
		t.Errorf("the function prints %q, want %q", got, want)
	}
}

const ownFunction = `package main

import (
	"fmt"

	"example.com/currency"
)

var version, channel = "none", "none"

func main() { fmt.Println(currency.Name, version, tag, channel) }
`

var functions = []string{"processor", "publisher", "status"}

// ownCodeApp is the app with functions of its own module, each a functionMain.
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
func newConsumer(t testing.TB, dir, version string, env []string, files map[string]string) consumer {
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

// synth runs the app as the CDK CLI does, and returns the functions that it built.
func (c consumer) synth(t testing.TB) (assets []string, took time.Duration) {
	t.Helper()
	out := t.TempDir()
	started := time.Now()
	output, err := c.run(t, out, "go", "run", ".")
	took = time.Since(started)
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return assetsOf(t, out), took
}

func (c consumer) run(t testing.TB, out, name string, args ...string) (text string, err error) {
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

func (c consumer) command(t testing.TB, name string, args ...string) string {
	t.Helper()
	started := time.Now()
	output, err := c.run(t, "", name, args...)
	if err != nil {
		t.Fatalf("%s %s in %s: %v\n%s", name, strings.Join(args, " "), c.dir, err, output)
	}
	if took := time.Since(started); took > time.Second {
		t.Logf("%s %s: %.1f s", name, strings.Join(args, " "), took.Seconds())
	}
	return output
}

// ownAssets are what this repository's own app builds for AWS.
func ownAssets(t testing.TB) []string {
	t.Helper()
	c := consumer{root, []string{`CDK_CONTEXT_JSON={"env":"prod"}`, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20"}}
	assets, _ := c.synth(t)
	if len(assets) != 3 {
		t.Fatalf("this repository's app builds %q, want three functions", assets)
	}
	return assets
}

// assetsOf are the names of the built functions, which are hashes of what was built.
func assetsOf(t testing.TB, out string) (names []string) {
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

func same(t testing.TB, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the functions are others than those of this repository's own synth (-repository +consumer):\n%s", diff)
	}
}

// fails is the end of a synth that cannot work: it says so, and what to do.
func fails(t testing.TB, err error, output string, wants ...string) {
	t.Helper()
	if err == nil {
		t.Error("the synth succeeds")
	}
	for _, want := range wants {
		if !strings.Contains(output, want) {
			t.Errorf("does not say %q, but:\n%s", want, output)
		}
	}
}

func write(t testing.TB, file, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// forget removes a version of this module from a module cache.
func forget(t testing.TB, cache, version string) {
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

func goEnv(t testing.TB, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// onlyNode is a PATH with Node, which the CDK runs on, and nothing else.
func onlyNode(t testing.TB) string {
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

// BenchmarkSynth compares the synth of the consumer, when everything is compiled, with that of an
// empty CDK app and the builds of the three functions.
func BenchmarkSynth(b *testing.B) {
	home, version, env := published(b)
	shop := newConsumer(b, filepath.Join(home, "shop"), version, env, map[string]string{"main.go": app})
	empty := newConsumer(b, filepath.Join(home, "empty"), version, env, map[string]string{"main.go": emptyApp})
	dir := strings.TrimSpace(shop.command(b, "go", "list", "-m", "-f", "{{.Dir}}", modulePath))
	module := consumer{dir, append(slices.Clone(env), "GOWORK=off", "GOFLAGS=-trimpath", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")}
	shop.synth(b)
	empty.synth(b)
	// The least of each, taken in turns: a machine has other things to do as well.
	with, without, builds := time.Hour, time.Hour, time.Hour
	for b.Loop() {
		_, took := shop.synth(b)
		with = min(with, took)
		_, took = empty.synth(b)
		without = min(without, took)
		started := time.Now()
		for _, name := range functions {
			module.command(b, "go", "build", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w -buildid=",
				"-o", filepath.Join(b.TempDir(), name), "./lambdas/"+name+"/main")
		}
		builds = min(builds, time.Since(started))
	}
	b.ReportMetric(with.Seconds(), "consumer-s")
	b.ReportMetric(without.Seconds(), "empty-s")
	b.ReportMetric(builds.Seconds(), "builds-s")
	b.ReportMetric(with.Seconds()/(without+builds).Seconds(), "ratio")
}
