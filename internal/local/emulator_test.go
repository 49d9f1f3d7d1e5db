package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// fakeTools run this test binary in the emulator's place; mood is how it behaves.
func fakeTools(t *testing.T, mood string) (*Tools, EmulatorOptions) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Tools{Root: t.TempDir(), Python: self}, EmulatorOptions{Env: []string{"PLAY=emulator", "MOOD=" + mood}}
}

func start(t *testing.T, tools *Tools, options EmulatorOptions) *Emulator {
	t.Helper()
	e, err := tools.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// members are the processes of a group, by the system's own list.
func members(t *testing.T, group int) []string {
	t.Helper()
	var found []string
	for _, p := range processes(t) {
		if p.group == group && p.state != "Z" {
			found = append(found, fmt.Sprintf("%+v", p))
		}
	}
	return found
}

type process struct {
	pid, group, session int
	name, state         string
}

// processes are all of the machine: by Linux's /proc (a small container has no ps), else by ps.
func processes(t *testing.T) []process {
	t.Helper()
	var all []process
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		pid, rest, _ := strings.Cut(readString(stat), " (")
		end := strings.LastIndex(rest, ") ") // the name may hold anything
		if end < 0 {
			continue // ended meanwhile
		}
		p := process{name: rest[:end]}
		fields := strings.Fields(rest[end+2:])
		p.pid, _ = strconv.Atoi(pid)
		p.state = fields[0]
		p.group, _ = strconv.Atoi(fields[2])
		p.session, _ = strconv.Atoi(fields[3])
		all = append(all, p)
	}
	if len(all) > 0 {
		return all
	}
	out, err := exec.Command("ps", "-A", "-o", "pid=,pgid=,sess=,stat=,comm=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var p process
		if _, err := fmt.Sscan(line, &p.pid, &p.group, &p.session, &p.state, &p.name); err == nil {
			p.state = p.state[:1]
			all = append(all, p)
		}
	}
	return all
}

func wantGone(t *testing.T, group int) {
	t.Helper()
	var left []string
	for range 1200 { // two minutes, on a busy machine
		if left = members(t, group); len(left) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("processes are left:\n%s", strings.Join(left, "\n"))
	_ = syscall.Kill(-group, syscall.SIGKILL)
}

func TestStartAndStop(t *testing.T) {
	for _, mood := range []string{"good", "stubborn"} {
		t.Run(mood, func(t *testing.T) {
			defer func(before time.Duration) { stopTimeout = before }(stopTimeout)
			if mood == "stubborn" {
				stopTimeout = 200 * time.Millisecond
			}
			tools, options := fakeTools(t, mood)
			e := start(t, tools, options)
			if got := members(t, e.PID()); len(got) < 3 { // itself, its child, the watchdog
				t.Errorf("group of %d: %q", e.PID(), got)
			}
			if err := e.Stop(); err != nil {
				t.Fatal(err)
			}
			wantGone(t, e.PID())
			if _, err := os.Stat(e.Dir); !os.IsNotExist(err) {
				t.Errorf("its folder is left: %v", err)
			}
			if err := e.Stop(); err != nil {
				t.Errorf("a second Stop: %v", err)
			}
		})
	}
}

// The emulator heeds many variables of the environment; none of the machine's may reach it, and none of the user's credentials anybody.
func TestEnvironments(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_PROFILE": "production", "AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_SECRET_ACCESS_KEY": "real", "AWS_SESSION_TOKEN": "real",
		"AWS_ENDPOINT_URL_SQS": "http://real", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://real", "AWS_WEB_IDENTITY_TOKEN_FILE": "/real",
		"LAMBDA_EXECUTOR": "docker", "PERSIST_STATE": "1", "NO_PROXY": "internal.example",
	} {
		t.Setenv(name, value)
	}
	tools, options := fakeTools(t, "good")
	options.LambdaEndpoint = "http://127.0.0.1:1"
	e := start(t, tools, options)

	response, err := http.Get(e.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Environ []string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	for _, environ := range [][]string{answer.Environ, e.Environ()} {
		for _, variable := range environ {
			if strings.Contains(strings.ToLower(variable), "real") || strings.HasPrefix(variable, "AWS_PROFILE") {
				t.Errorf("it sees %s", variable)
			}
		}
	}
	for _, want := range []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1", "BIND_HOST=127.0.0.1", "AWS_ACCESS_KEY_ID=test"} {
		if !slices.Contains(answer.Environ, want) {
			t.Errorf("the emulator lacks %s", want)
		}
	}
	if slices.ContainsFunc(answer.Environ, func(v string) bool { return strings.HasPrefix(v, "LAMBDA_EXECUTOR") || strings.HasPrefix(v, "PERSIST") }) {
		t.Errorf("the machine's settings reach the emulator: %q", answer.Environ)
	}
	for _, want := range []string{"AWS_ENDPOINT_URL=" + e.Endpoint(), "AWS_ACCESS_KEY_ID=test", "AWS_CONFIG_FILE=/dev/null", "NO_PROXY=127.0.0.1,localhost,internal.example"} {
		if !slices.Contains(e.Environ(), want) {
			t.Errorf("its clients lack %s", want)
		}
	}
	cfg, err := e.Config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil || credentials.AccessKeyID != "test" || *cfg.BaseEndpoint != e.Endpoint() {
		t.Errorf("Config: %v %v, %v", credentials, *cfg.BaseEndpoint, err)
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	t.Run("it ends at once", func(t *testing.T) {
		tools, options := fakeTools(t, "broken")
		_, err := tools.Start(t.Context(), options)
		wantError(t, err, "No module named 'ministack'", "emulator.log")
		if log := readString(filepath.Join(tools.Root, StateDir, "log/emulator.log")); !strings.Contains(log, "No module named") {
			t.Errorf("the log that it names: %q", log)
		}
	})
	t.Run("the port is taken", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		tools, options := fakeTools(t, "good")
		options.Port = listener.Addr().(*net.TCPAddr).Port
		_, err = tools.Start(t.Context(), options)
		wantError(t, err, fmt.Sprintf("port %d is taken by process %d", options.Port, os.Getpid()), "--port")
	})
	t.Run("no such port", func(t *testing.T) {
		wantError(t, CheckPort(70000), "70000 is not a port", "--port")
	})
	t.Run("the caller gives up", func(t *testing.T) {
		tools, options := fakeTools(t, "deaf")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := tools.Start(ctx, options); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if left, _ := filepath.Glob(filepath.Join(tools.Root, StateDir, "tmp", "*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}

// wantError wants an *failure.Error whose two lines have these parts.
func wantError(t *testing.T, err error, what, remedy string) {
	t.Helper()
	var e *failure.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *failure.Error", err)
	}
	if !strings.Contains(e.What, what) || !strings.Contains(e.Next, remedy) {
		t.Errorf("got %q / %q, want %q / %q in them", e.What, e.Next, what, remedy)
	}
}

// An emulator that is not detached ends with the process that started it, even when that is killed.
func TestKilledOwnerLeavesNothing(t *testing.T) {
	tools, options := fakeTools(t, "good")
	testKilledOwner(t, tools, options)
}

func testKilledOwner(t *testing.T, tools *Tools, options EmulatorOptions) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	owner := exec.Command(self)
	owner.Env = append(os.Environ(), "PLAY=owner", "ROOT="+tools.Root, "PYTHON="+tools.Python, "EMULATOR_ENV="+strings.Join(options.Env, " "))
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	var pid int
	if _, err := fmt.Sscan(line, &pid); err != nil {
		t.Fatalf("the owner says %q", line)
	}
	if got := members(t, pid); len(got) < 2 {
		t.Fatalf("group of %d: %q", pid, got)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	wantGone(t, pid)
	if left, _ := filepath.Glob(filepath.Join(tools.Root, StateDir, "tmp", "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestDetached(t *testing.T) {
	tools, options := fakeTools(t, "good")
	options.Detached = true
	if e, err := Running(t.Context(), tools.Root); e != nil || err != nil {
		t.Fatalf("before: %v, %v", e, err)
	}
	started := start(t, tools, options)
	for _, p := range processes(t) {
		if p.pid == started.PID() && p.session != started.PID() {
			t.Errorf("it is in another's session: %+v", p)
		}
	}
	found, err := Running(t.Context(), tools.Root)
	if err != nil || found == nil {
		t.Fatalf("Running: %v, %v", found, err)
	}
	if found.Endpoint() != started.Endpoint() || found.PID() != started.PID() || found.Port() != started.Port() {
		t.Errorf("Running: %+v, want %+v", found.record, started.record)
	}
	if tools.Deployed(found, "local") {
		t.Error("deployed, before anything was")
	}
	// Stopping the found one: its command line must say what it is, as the real one's does.
	if !found.ours() {
		t.Error("the found one is not taken for an emulator")
	}
	if err := found.Stop(); err != nil {
		t.Fatal(err)
	}
	wantGone(t, started.PID())
	if _, err := os.Stat(recordFile(tools.Root)); !os.IsNotExist(err) {
		t.Errorf("its record is left: %v", err)
	}
}

// A record can outlive its emulator (a reboot): the number may then be another process's, the port another server's.
func TestStaleRecord(t *testing.T) {
	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	tools, options := fakeTools(t, "good")
	other := start(t, tools, options) // an emulator, but not the recorded one
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"process gone":             fmt.Sprintf(`{"pid":%d,"port":1,"endpoint":"http://127.0.0.1:1","identity":"x"}`, ended.Process.Pid),
		"a stranger's process":     fmt.Sprintf(`{"pid":%d,"port":1,"endpoint":"http://127.0.0.1:1","identity":"x"}`, stranger.Process.Pid),
		"a stranger on the port":   fmt.Sprintf(`{"pid":%d,"port":%d,"endpoint":%q,"identity":"x"}`, stranger.Process.Pid, other.Port(), other.Endpoint()),
		"cut off":                  `{"pid":12`,
		"empty":                    ``,
		"a process that never was": `{"pid":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(recordFile(tools.Root), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			if e, err := Running(t.Context(), tools.Root); e != nil || err != nil {
				t.Errorf("Running: %v, %v", e, err)
			}
			if _, err := os.Stat(recordFile(tools.Root)); !os.IsNotExist(err) {
				t.Errorf("the record is left: %v", err)
			}
			if stranger.Process.Signal(syscall.Signal(0)) != nil {
				t.Fatal("the stranger was ended")
			}
		})
	}
}
