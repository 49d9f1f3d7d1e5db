package golambda

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

const hello = "package main\n\nfunc main() { println(\"hello\") }\n"

// module writes a module with a main package ./cmd into a folder of its own.
func module(t *testing.T, main string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "cmd"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"go.mod": "module example.com/shop\n\ngo 1.24\n", "cmd/main.go": main} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestModuleDir(t *testing.T) {
	dir := module(t, hello)
	t.Chdir(filepath.Join(dir, "cmd"))
	if got, err := moduleDir(""); err != nil || got != dir {
		t.Errorf("the working folder's module is %s (%v), want %s", got, err, dir)
	}
	if got, err := moduleDir(".."); err != nil || got != dir {
		t.Errorf("the module in .. is %s (%v), want %s", got, err, dir)
	}
	if _, err := moduleDir("."); err == nil || !strings.Contains(err.Error(), `CodeProps.ModuleDir "." needs to be the folder of a Go module`) {
		t.Errorf("error is %v", err)
	}
	t.Chdir(t.TempDir())
	if _, err := moduleDir(""); err == nil || !strings.Contains(err.Error(), "nor above it: CodeProps.ModuleDir needs the folder") {
		t.Errorf("error is %v", err)
	}
}

func TestNewCode(t *testing.T) {
	if got := synthtest.Panic(func() { NewCode(nil) }); !strings.Contains(got, "CodeProps.Package is empty") {
		t.Errorf("panics with %s", got)
	}
	if got := *HostTarget().Architecture.Name(); got == "" {
		t.Error("this machine has no architecture")
	}

	function := func(main string) (out string, said string) {
		out = t.TempDir()
		stack := synthtest.NewStackWithCode(t, out)
		said = synthtest.Panic(func() {
			awslambda.NewFunction(stack, jsii.String("F"), &awslambda.FunctionProps{
				Code:    NewCode(&CodeProps{Package: "./cmd", ModuleDir: module(t, main)}),
				Runtime: awslambda.Runtime_PROVIDED_AL2023(),
				Handler: jsii.String("bootstrap"),
			})
		})
		return out, said
	}
	out, said := function(hello)
	files, _ := filepath.Glob(filepath.Join(out, "asset.*", "*"))
	if said != "" || len(files) != 1 || filepath.Base(files[0]) != "bootstrap" {
		t.Fatalf("the asset holds %q, and it says %q; want one bootstrap", files, said)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("bootstrap is not executable: %v", err)
	}
	// A failed build leaves a kernel that works on.
	if _, said := function("broken"); !strings.Contains(said, "Bundling did not produce any output") {
		t.Errorf("panics with %s", said)
	}
	if _, said := function(hello + "// again"); said != "" {
		t.Errorf("panics with %s", said)
	}
}

func TestFiles(t *testing.T) {
	asset := func(files map[string][]byte) (dir string) {
		out := t.TempDir()
		awslambda.NewFunction(synthtest.NewStackWithCode(t, out), jsii.String("F"), &awslambda.FunctionProps{
			Code:    NewCode(&CodeProps{Package: "./cmd", ModuleDir: module(t, hello), Files: files}),
			Runtime: awslambda.Runtime_PROVIDED_AL2023(),
			Handler: jsii.String("bootstrap"),
		})
		found, _ := filepath.Glob(filepath.Join(out, "asset.*"))
		if len(found) != 1 {
			t.Fatalf("assets: %q", found)
		}
		return found[0]
	}
	files := map[string][]byte{"a.json": []byte("{}"), "prices/eu.json": []byte("[1]")}
	one, two := asset(files), asset(maps.Clone(files))
	if filepath.Base(one) != filepath.Base(two) {
		t.Errorf("the same files give %s and %s", one, two)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(one, name)); string(got) != string(want) {
			t.Errorf("%s holds %q (%v), want %q", name, got, err, want)
		}
	}
	for _, other := range []map[string][]byte{nil, {"a.json": []byte("{}"), "prices/eu.json": []byte("[2]")}} {
		if dir := asset(other); filepath.Base(dir) == filepath.Base(one) {
			t.Errorf("other files %v, but the same asset", other)
		}
	}
	for name, want := range map[string]string{
		"bootstrap":  `CodeProps.Files is "bootstrap": needs another name: this is the binary's`,
		"../a":       `CodeProps.Files is "../a": needs a path inside the function's folder, with slashes`,
		"/etc/hosts": `CodeProps.Files is "/etc/hosts": needs a path inside`,
		"":           `CodeProps.Files is "": needs a path inside`,
	} {
		got := synthtest.Panic(func() {
			NewCode(&CodeProps{Package: "./cmd", ModuleDir: module(t, hello), Files: map[string][]byte{name: nil}})
		})
		if !strings.Contains(got, want) {
			t.Errorf("%q panics with %s, want %s", name, got, want)
		}
	}
}
