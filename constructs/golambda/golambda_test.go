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

// module writes a module with a main package ./cmd into a new folder.
func module(t *testing.T, main string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "cmd"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"go.mod": "module example.com/shop\n\ngo 1.24\n", "cmd/main.go": main}
	for name, text := range files {
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
		t.Errorf("the module of the working folder is %s (%v), want %s", got, err, dir)
	}
	if got, err := moduleDir(".."); err != nil || got != dir {
		t.Errorf("the module in .. is %s (%v), want %s", got, err, dir)
	}
	for _, test := range []struct{ dir, want string }{
		{".", `CodeProps.ModuleDir: "." is not the folder of a Go module (`},
		{"", "is not inside a Go module (set it to the folder of the module to build)"},
	} {
		if test.dir == "" {
			t.Chdir(t.TempDir())
		}
		_, err := moduleDir(test.dir)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error is %v, want %s", test.dir, err, test.want)
		}
	}
}

func TestNewCode(t *testing.T) {
	got := synthtest.Panic(func() { NewCode(nil) })
	if !strings.Contains(got, "CodeProps.Package: empty") {
		t.Errorf("panics with %s", got)
	}
	if got := *HostTarget().Architecture.Name(); got == "" {
		t.Error("this machine has no architecture")
	}

	function := func(main string) (out string, message string) {
		out = t.TempDir()
		stack := synthtest.NewStackWithCode(t, out)
		message = synthtest.Panic(func() {
			awslambda.NewFunction(stack, jsii.String("F"), &awslambda.FunctionProps{
				Code:    NewCode(&CodeProps{Package: "./cmd", ModuleDir: module(t, main)}),
				Runtime: awslambda.Runtime_PROVIDED_AL2023(),
				Handler: jsii.String("bootstrap"),
			})
		})
		return out, message
	}
	out, message := function(hello)
	files, _ := filepath.Glob(filepath.Join(out, "asset.*", "*"))
	if message != "" || len(files) != 1 || filepath.Base(files[0]) != "bootstrap" {
		t.Fatalf("the asset holds %q (panic: %q), want one bootstrap", files, message)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("bootstrap is not executable: %v", err)
	}
	// The kernel survives a failed build.
	_, message = function("broken")
	if !strings.Contains(message, "Bundling did not produce any output") {
		t.Errorf("panics with %s", message)
	}
	if _, message := function(hello + "// again"); message != "" {
		t.Errorf("panics with %s", message)
	}
}

func TestFlags(t *testing.T) {
	for name, test := range map[string]struct {
		props CodeProps
		want  string
	}{
		"tag":     {CodeProps{Tags: []string{"prod", "a,b"}}, `CodeProps.Tags: "a,b" is not a build tag (letters, digits, _ and .)`},
		"ldflags": {CodeProps{LDFlags: "all=-s"}, `CodeProps.LDFlags: "all=-s" does not begin with - (it has no package pattern)`},
	} {
		test.props.Package, test.props.ModuleDir = "./cmd", module(t, hello)
		if got := synthtest.Panic(func() { NewCode(&test.props) }); !strings.Contains(got, test.want) {
			t.Errorf("%s: panics with %s, want %s", name, got, test.want)
		}
	}
	// Other flags are another program, also within one process.
	dir := module(t, "package main\n\nvar version = \"\"\n\nfunc main() { println(version) }\n")
	out := t.TempDir()
	stack := synthtest.NewStackWithCode(t, out)
	for i, ldflags := range []string{"", "-X main.version=first", "-X main.version=second"} {
		awslambda.NewFunction(stack, jsii.String("F"+string(rune('A'+i))), &awslambda.FunctionProps{
			Code:    NewCode(&CodeProps{Package: "./cmd", ModuleDir: dir, LDFlags: ldflags}),
			Runtime: awslambda.Runtime_PROVIDED_AL2023(),
			Handler: jsii.String("bootstrap"),
		})
	}
	if found, _ := filepath.Glob(filepath.Join(out, "asset.*")); len(found) != 3 {
		t.Errorf("three versions give the assets %q", found)
	}
}

func TestFiles(t *testing.T) {
	asset := func(files map[string][]byte) (dir string) {
		out := t.TempDir()
		stack := synthtest.NewStackWithCode(t, out)
		awslambda.NewFunction(stack, jsii.String("F"), &awslambda.FunctionProps{
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
	changed := map[string][]byte{"a.json": []byte("{}"), "prices/eu.json": []byte("[2]")}
	for _, other := range []map[string][]byte{nil, changed} {
		if dir := asset(other); filepath.Base(dir) == filepath.Base(one) {
			t.Errorf("files %v give the same asset", other)
		}
	}
	for name, want := range map[string]string{
		"bootstrap":  `CodeProps.Files: "bootstrap" is the binary's name (use another name)`,
		"../a":       `CodeProps.Files: "../a" is not a path inside the function's folder (relative, with slashes)`,
		"/etc/hosts": `CodeProps.Files: "/etc/hosts" is not a path inside`,
		"":           `CodeProps.Files: "" is not a path inside`,
	} {
		got := synthtest.Panic(func() {
			NewCode(&CodeProps{
				Package: "./cmd", ModuleDir: module(t, hello), Files: map[string][]byte{name: nil},
			})
		})

		if !strings.Contains(got, want) {
			t.Errorf("%q panics with %s, want %s", name, got, want)
		}
	}
}
