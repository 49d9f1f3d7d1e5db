package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

const (
	// Region is the region of everything local.
	Region = contract.LocalRegion
	// Account is the emulator's account.
	Account = "000000000000"

	// TestKey is the access key and the secret of every client; the emulator accepts any.
	TestKey = "test"
)

const startTimeout = 3 * time.Minute // it takes 2 s on an idle machine

const killTimeout = time.Minute // after which what was killed is not gone

var stopTimeout = 10 * time.Second // before it is killed; less in a test

// EmulatorOptions are the settings of an emulator. The zero value suits a test.
type EmulatorOptions struct {
	// Port is the TCP port on 127.0.0.1. Default: a free one.
	Port int
	// Dir is the folder for state, log and temporary files. Default: .local/emulator for a detached
	// emulator, otherwise a folder that Stop removes.
	Dir string
	// LambdaEndpoint is the AWS endpoint inside the functions, such as a fault proxy. Default: the
	// emulator itself.
	LambdaEndpoint string
	// Detached lets the emulator outlive this process. [Running] finds it by .local/emulator.json.
	Detached bool
	// Env is additional environment for the emulator, such as AUTH=true.
	Env []string
}

// Emulator is a running emulator.
type Emulator struct {
	record
	root  string
	owned *exec.Cmd     // nil when another process started it
	gone  chan struct{} // closed when the owned process has ended
	temp  string        // a folder to remove with it
	leash *os.File      // the watchdog ends the emulator when this is closed
}

// record is .local/emulator.json.
type record struct {
	PIDValue  int       `json:"pid"` // also its process group
	PortValue int       `json:"port"`
	URL       string    `json:"endpoint"`
	Dir       string    `json:"dir"`
	Identity  string    `json:"identity"` // part of its health answer; tells it from a stranger
	Started   time.Time `json:"started"`
}

// Endpoint is the address of every AWS service of the emulator, http://127.0.0.1:PORT.
func (e *Emulator) Endpoint() string { return e.URL }

// Port is its TCP port.
func (e *Emulator) Port() int { return e.PortValue }

// PID is its process id, which is also the process group of the emulator and its Lambdas.
func (e *Emulator) PID() int { return e.PIDValue }

// LogFile is where its output goes.
func (e *Emulator) LogFile() string { return filepath.Join(e.Dir, "emulator.log") }

// Config returns the AWS configuration for it: its endpoint and test credentials, whatever the
// environment says.
func (e *Emulator) Config(context.Context) (aws.Config, error) { return Config(e.URL), nil }

// Config returns the AWS configuration for an emulator at an endpoint. It reads neither the
// environment nor the shared files, so that it never holds real credentials.
func Config(endpoint string) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(TestKey, TestKey, ""),
	}
}

// Environ returns the environment for a child process that uses the emulator: this process's, with
// the emulator's endpoint and test credentials, and without anything that leads to real ones.
func (e *Emulator) Environ() []string {
	env := without(os.Environ(), func(name string) bool {
		return isAWS(name) || strings.EqualFold(name, "NO_PROXY")
	})
	local := "127.0.0.1,localhost"
	if others := os.Getenv("NO_PROXY") + "," + os.Getenv("no_proxy"); strings.Trim(others, ",") != "" {
		local += "," + strings.Trim(others, ",")
	}
	return append(env,
		"AWS_ENDPOINT_URL="+e.URL,
		"AWS_ENDPOINT_URL_S3="+e.URL,
		"AWS_ACCESS_KEY_ID="+TestKey,
		"AWS_SECRET_ACCESS_KEY="+TestKey,
		"AWS_REGION="+Region,
		"AWS_DEFAULT_REGION="+Region,
		"AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
		"NO_PROXY="+local,
		"no_proxy="+local,
	)
}

// Running finds the detached emulator that an earlier run left running for this project. It returns
// nil when there is none, and removes the record of one that has ended.
func Running(ctx context.Context, root string) (*Emulator, error) {
	content, err := os.ReadFile(recordFile(root))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e := &Emulator{root: root}
	if err := json.Unmarshal(content, &e.record); err != nil || e.PIDValue <= 1 {
		return nil, ignoreMissing(os.Remove(recordFile(root))) // the write was interrupted
	}
	// Two signs: the process exists, and what answers on the port has the recorded identity.
	if syscall.Kill(e.PIDValue, 0) == nil && e.answers(ctx, 20*time.Second) {
		return e, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.ours() { // it hangs, and it would keep its port
		e.kill()
	}
	return nil, ignoreMissing(os.Remove(recordFile(root)))
}

func recordFile(root string) string { return filepath.Join(root, StateDir, "emulator.json") }

// Start starts the emulator and waits until it answers.
//
// A detached emulator outlives this process: stop the one that [Running] finds. Any other ends with
// this process, however that ends, and its functions with it.
func (t *Tools) Start(ctx context.Context, options EmulatorOptions) (*Emulator, error) {
	if options.Port != 0 {
		if err := CheckPort(options.Port); err != nil {
			return nil, err
		}
		e, err := t.start(ctx, options, options.Port)
		if errors.Is(err, errPortLost) {
			return nil, errors.Join(CheckPort(options.Port), err)
		}
		return e, err
	}
	var err error
	for range 5 { // another process can take the free port before the emulator does
		var port int
		if port, err = freePort(); err != nil {
			return nil, err
		}
		var e *Emulator
		if e, err = t.start(ctx, options, port); !errors.Is(err, errPortLost) {
			return e, err
		}
	}
	return nil, err
}

var errPortLost = errors.New("the port was taken in the meantime")

// leashed runs a command as the leader of its process group beside a watchdog in the same group.
// The watchdog waits for the end of the pipe at descriptor 3, which the system closes when the
// starting process ends, even by SIGKILL. Then it ends the group and removes the folder $0, if it
// is one that Start created.
const leashed = `(
	trap '' TERM INT HUP
	cat <&3 >/dev/null
	kill -s TERM -- -$$
	n=0
	while kill -0 $$ && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done
	kill -s KILL $$
	n=0
	case "$0" in */.local/tmp/emulator-*)
		until rm -rf -- "$0" || [ $n -ge 50 ]; do sleep 0.1; n=$((n+1)); done ;;
	esac
	kill -s KILL -- -$$
) >/dev/null 2>&1 &
exec 3<&-
exec "$@"`

func (t *Tools) start(
	ctx context.Context, options EmulatorOptions, port int,
) (_ *Emulator, err error) {
	e := &Emulator{root: t.Root, gone: make(chan struct{})}
	e.PortValue = port
	e.URL = "http://127.0.0.1:" + strconv.Itoa(port)
	e.Identity = "orderpipeline-" + rand.Text()
	e.Dir = options.Dir
	switch {
	case e.Dir != "":
	case options.Detached:
		e.Dir = filepath.Join(t.Root, StateDir, "emulator")
		if err := os.RemoveAll(e.Dir); err != nil { // the state of an emulator that has ended
			return nil, err
		}
	default:
		parent := filepath.Join(t.Root, StateDir, "tmp")
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return nil, err
		}
		if e.Dir, err = os.MkdirTemp(parent, "emulator-"); err != nil {
			return nil, err
		}
		e.temp = e.Dir // below the root, which is absolute
	}
	if e.Dir, err = filepath.Abs(e.Dir); err != nil {
		return nil, err
	}
	tmp := filepath.Join(e.Dir, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(e.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	logged, err := log.Seek(0, 2)
	if err != nil {
		return nil, err
	}

	program := []string{t.Python, "-m", "ministack"}
	var cmd *exec.Cmd
	if options.Detached {
		cmd = exec.Command(program[0], program[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of the terminal's Ctrl-C
	} else {
		read, write, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer read.Close()
		e.leash = write
		cmd = exec.Command("/bin/sh", append([]string{"-c", leashed, e.temp}, program...)...)
		cmd.ExtraFiles = []*os.File{read}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	cmd.Dir = e.Dir
	cmd.Env = e.serverEnviron(tmp, options)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		if e.leash != nil {
			e.leash.Close()
		}
		return nil, fmt.Errorf("start the emulator: %w", err)
	}
	e.owned, e.PIDValue, e.Started = cmd, cmd.Process.Pid, time.Now().UTC()
	go func() {
		_ = cmd.Wait()
		close(e.gone)
	}()
	if options.Detached {
		if err := e.writeRecord(); err != nil {
			e.kill() // without a record it could not be found
			return nil, err
		}
	}
	if err := e.await(ctx, logged); err != nil {
		e.kill() // it holds no state yet
		_ = e.cleanUp()
		return nil, err
	}
	return e, nil
}

// serverEnviron returns the emulator's own environment. It starts from nothing: the emulator reads
// dozens of variables, and the machine's Docker, LocalStack or AWS settings must not change it.
func (e *Emulator) serverEnviron(tmp string, options EmulatorOptions) []string {
	lambdaEndpoint := options.LambdaEndpoint
	if lambdaEndpoint == "" {
		lambdaEndpoint = e.URL
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + e.Dir,
		"TMPDIR=" + tmp, // functions run below it; /tmp may be mounted noexec
		"LANG=C.UTF-8",
		"PYTHONDONTWRITEBYTECODE=1",
		"PYTHONUNBUFFERED=1",
		"GATEWAY_PORT=" + strconv.Itoa(e.PortValue),
		"BIND_HOST=127.0.0.1", // its default is every interface
		"MINISTACK_EDITION=" + e.Identity,
		"SFTP_ENABLED=0",
		"STATE_DIR=" + filepath.Join(e.Dir, "state"),
		"S3_DATA_DIR=" + filepath.Join(e.Dir, "s3"),
		"AWS_ENDPOINT_URL=" + lambdaEndpoint, // what the functions see
		"AWS_ACCESS_KEY_ID=" + TestKey,
		"AWS_SECRET_ACCESS_KEY=" + TestKey,
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
	}
	return append(env, options.Env...)
}

// await waits until the emulator answers under its own identity.
func (e *Emulator) await(ctx context.Context, logged int64) error {
	tooLate := time.After(startTimeout)
	for !e.answers(ctx, time.Second) {
		select {
		case <-e.gone:
			messages := e.logSince(logged)
			if strings.Contains(strings.ToLower(messages), "already in use") {
				return fmt.Errorf("port %d: %w", e.PortValue, errPortLost)
			}
			return &failure.Error{
				What: "the emulator ended during its start: " +
					firstLine(lastLine(messages), "it wrote nothing"),
				Next: "read " + e.keepLog(),
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-tooLate:
			return &failure.Error{
				What: fmt.Sprintf("the emulator did not answer at %s within %v", e.URL, startTimeout),
				Next: "read " + e.keepLog(),
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// keepLog moves the log of an emulator that did not start out of the folder that is removed, and
// returns where it is.
func (e *Emulator) keepLog() string {
	if e.temp == "" {
		return e.LogFile()
	}
	kept := filepath.Join(e.root, StateDir, "log", "emulator.log")
	if os.MkdirAll(filepath.Dir(kept), 0o755) != nil || os.Rename(e.LogFile(), kept) != nil {
		return "its output above"
	}
	return kept
}

func (e *Emulator) logSince(offset int64) string {
	content, err := os.ReadFile(e.LogFile())
	if err != nil || int64(len(content)) < offset {
		return ""
	}
	return string(content[offset:])
}

// answers reports whether this emulator, and not another one, answers at its address in time.
func (e *Emulator) answers(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+"/_ministack/health", nil)
	if err != nil {
		return false
	}
	response, err := plainClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	var health struct{ Edition string }
	return json.NewDecoder(response.Body).Decode(&health) == nil && health.Edition == e.Identity
}

// plainClient keeps no idle connections to an emulator that ends.
var plainClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Stop ends the emulator and its functions with SIGTERM, then SIGKILL. It removes the record and a
// folder that Start created. A second call does nothing.
func (e *Emulator) Stop() error {
	if e.owned == nil && !e.ours() { // it has ended; the process id may be another process's by now
		return e.cleanUp()
	}
	_ = syscall.Kill(e.PIDValue, syscall.SIGTERM)
	if !e.awaitEnd(stopTimeout) {
		_ = syscall.Kill(-e.PIDValue, syscall.SIGKILL)
		if !e.awaitEnd(killTimeout) {
			return fmt.Errorf("the emulator (process %d) does not stop", e.PIDValue)
		}
	}
	_ = syscall.Kill(-e.PIDValue, syscall.SIGKILL) // its functions
	// From here on the process id may be another process's.
	e.owned = nil
	return e.cleanUp()
}

func (e *Emulator) kill() {
	_ = syscall.Kill(-e.PIDValue, syscall.SIGKILL)
	e.awaitEnd(killTimeout)
}

func (e *Emulator) cleanUp() error {
	current, err := os.ReadFile(recordFile(e.root))
	if err == nil && strings.Contains(string(current), e.Identity) {
		if err := ignoreMissing(os.Remove(recordFile(e.root))); err != nil {
			return err
		}
	}
	if e.leash != nil {
		e.leash.Close()
	}
	if e.temp == "" {
		return nil
	}
	for range 20 { // a function that is being killed can still write
		if err = os.RemoveAll(e.temp); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// awaitEnd waits for the end of the emulator's process.
func (e *Emulator) awaitEnd(within time.Duration) bool {
	deadline := time.After(within)
	for {
		if e.owned == nil && syscall.Kill(e.PIDValue, 0) != nil {
			return true
		}
		select {
		case <-e.gone: // nil for an emulator that this process does not own
			return true
		case <-deadline:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ours reports whether the recorded process is the emulator: process ids are reused.
func (e *Emulator) ours() bool {
	if syscall.Kill(e.PIDValue, 0) != nil {
		return false
	}
	line, err := os.ReadFile("/proc/" + strconv.Itoa(e.PIDValue) + "/cmdline")
	if err != nil { // no /proc, as on macOS
		line, err = exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(e.PIDValue)).Output()
	}
	return err == nil && strings.Contains(string(line), "ministack")
}

func (e *Emulator) writeRecord() error {
	content, err := json.MarshalIndent(e.record, "", "  ")
	if err != nil {
		return err
	}
	temp := recordFile(e.root) + ".new"
	if err := os.WriteFile(temp, append(content, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, recordFile(e.root))
}

// freePort returns a port that is free now.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
