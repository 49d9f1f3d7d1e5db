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

	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// What the emulator knows everyone by.
const (
	Region  = "us-east-1"    // the region of everything local
	Account = "000000000000" // the emulator's account
	testKey = "test"         // access key and secret of every client; the emulator takes any
)

const startTimeout = 60 * time.Second // it takes 2 s on an idle machine

var stopTimeout = 10 * time.Second // before it is killed; less in a test

// EmulatorOptions are optional; their zero values suit a test.
type EmulatorOptions struct {
	Port           int      // TCP port on 127.0.0.1; 0: any free one
	Dir            string   // its state, log and temporary files; "": .local/emulator when detached, else a folder that Stop removes
	LambdaEndpoint string   // the AWS endpoint inside the Lambdas (a fault proxy, say); "": the emulator itself
	Detached       bool     // outlive this process; recorded in .local/emulator.json, where [Running] finds it
	Env            []string // more environment for the emulator, NAME=value (AUTH=true, say)
}

// Emulator is a running emulator.
type Emulator struct {
	record
	root  string
	owned *exec.Cmd     // nil when another process started it
	gone  chan struct{} // closed when the owned process has ended
	temp  string        // a folder to remove with it
	leash *os.File      // while this process holds it open, the watchdog leaves the emulator and its folder alone
}

// record is .local/emulator.json.
type record struct {
	PIDValue  int       `json:"pid"` // also its process group
	PortValue int       `json:"port"`
	URL       string    `json:"endpoint"`
	Dir       string    `json:"dir"`
	Identity  string    `json:"identity"` // shows in its health answer: a stale record is never taken for a stranger on the same port
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

// Config is the AWS configuration for it: its endpoint and test credentials, whatever the environment says.
func (e *Emulator) Config(context.Context) (aws.Config, error) { return Config(e.URL), nil }

// Config is the AWS configuration for an emulator at an endpoint. It reads neither the environment nor the shared files, so that
// nobody's credentials get into it.
func Config(endpoint string) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(testKey, testKey, ""),
	}
}

// Environ is this process's environment for a child that works with the emulator: its endpoint and test credentials, and
// nothing of what could lead to real ones.
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
		"AWS_ACCESS_KEY_ID="+testKey,
		"AWS_SECRET_ACCESS_KEY="+testKey,
		"AWS_REGION="+Region,
		"AWS_DEFAULT_REGION="+Region,
		"AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true",
		"NO_PROXY="+local,
		"no_proxy="+local,
	)
}

// Running finds the emulator that an earlier run left running for this project (EmulatorOptions.Detached). It is nil when there
// is none; a record of one that has ended is removed.
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
		return nil, ignoreMissing(os.Remove(recordFile(root))) // cut off while it was written
	}
	// Two signs: the process is there, and what answers on the port gives the recorded identity.
	if syscall.Kill(e.PIDValue, 0) == nil && e.answers(ctx, 20*time.Second) {
		return e, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.ours() { // it hangs: end it, or the next one finds its port taken
		e.kill()
	}
	return nil, ignoreMissing(os.Remove(recordFile(root)))
}

func recordFile(root string) string { return filepath.Join(root, StateDir, "emulator.json") }

// Start starts the emulator and waits until it answers.
//
// A detached one outlives this process (end it with Stop of the one that [Running] finds). Any other ends with this process,
// however that ends, and its Lambdas with it.
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

var errPortLost = errors.New("the port was taken meanwhile")

// leashed runs a command as the leader of its process group beside a watchdog in the same group. The watchdog waits for the
// end of the pipe at descriptor 3, which the system closes when the starting process ends, even by SIGKILL; then it ends
// the group, and removes the folder $0 that was made for it (empty: none).
const leashed = `(
	trap '' TERM INT HUP
	cat <&3 >/dev/null
	kill -s TERM -- -$$
	n=0
	while kill -0 $$ && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done
	case "$0" in */.local/tmp/emulator-*) rm -rf -- "$0" ;; esac
	kill -s KILL -- -$$
) >/dev/null 2>&1 &
exec 3<&-
exec "$@"`

func (t *Tools) start(ctx context.Context, options EmulatorOptions, port int) (_ *Emulator, err error) {
	e := &Emulator{root: t.Root, gone: make(chan struct{})}
	e.PortValue = port
	e.URL = "http://127.0.0.1:" + strconv.Itoa(port)
	e.Identity = "orderpipeline-" + rand.Text()
	e.Dir = options.Dir
	switch {
	case e.Dir != "":
	case options.Detached:
		e.Dir = filepath.Join(t.Root, StateDir, "emulator")
		if err := os.RemoveAll(e.Dir); err != nil { // nothing of an ended one is of use
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
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal's Ctrl-C or hang-up reaches it
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
			e.kill() // or nobody would know of it
			return nil, err
		}
	}
	if err := e.await(ctx, logged); err != nil {
		e.kill() // it has nothing to lose yet
		_ = e.cleanUp()
		return nil, err
	}
	return e, nil
}

// serverEnviron is the emulator's own environment, made from nothing: it heeds dozens of variables, and the machine's Docker,
// LocalStack or AWS settings must not change what it does.
func (e *Emulator) serverEnviron(tmp string, options EmulatorOptions) []string {
	lambdaEndpoint := options.LambdaEndpoint
	if lambdaEndpoint == "" {
		lambdaEndpoint = e.URL
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + e.Dir,
		"TMPDIR=" + tmp, // Lambda code is unpacked and run below it: /tmp may forbid programs
		"LANG=C.UTF-8",
		"PYTHONDONTWRITEBYTECODE=1",
		"PYTHONUNBUFFERED=1",
		"GATEWAY_PORT=" + strconv.Itoa(e.PortValue),
		"BIND_HOST=127.0.0.1", // its default is every interface
		"MINISTACK_EDITION=" + e.Identity,
		"SFTP_ENABLED=0",
		"STATE_DIR=" + filepath.Join(e.Dir, "state"),
		"S3_DATA_DIR=" + filepath.Join(e.Dir, "s3"),
		"AWS_ENDPOINT_URL=" + lambdaEndpoint, // Lambdas get this one
		"AWS_ACCESS_KEY_ID=" + testKey,
		"AWS_SECRET_ACCESS_KEY=" + testKey,
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
			said := e.logSince(logged)
			if strings.Contains(strings.ToLower(said), "already in use") {
				return fmt.Errorf("port %d: %w", e.PortValue, errPortLost)
			}
			return &failure.Error{
				What: "the emulator ended while it started: " + firstLine(lastLine(said), "it wrote nothing"),
				Next: "look at " + e.keepLog(),
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-tooLate:
			return &failure.Error{
				What: fmt.Sprintf("the emulator did not answer at %s within %v", e.URL, startTimeout),
				Next: "look at " + e.keepLog(),
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// keepLog saves the log of an emulator that did not start from the removal of its folder, and says where it is.
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

// answers says whether what answers at its address within the time is this very emulator.
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

// plainClient keeps no connections, so that nothing lingers after the emulator.
var plainClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Stop ends the emulator and its Lambdas, gently first, and removes its record and, when Start made it, its folder.
// A second call does nothing.
func (e *Emulator) Stop() error {
	if e.owned == nil && !e.ours() { // ended already; the number may be someone else's by now
		return e.cleanUp()
	}
	_ = syscall.Kill(e.PIDValue, syscall.SIGTERM)
	if !e.awaitEnd(stopTimeout) {
		_ = syscall.Kill(-e.PIDValue, syscall.SIGKILL)
		if !e.awaitEnd(stopTimeout) {
			return fmt.Errorf("the emulator (process %d) does not end", e.PIDValue)
		}
	}
	_ = syscall.Kill(-e.PIDValue, syscall.SIGKILL) // its Lambdas
	e.owned = nil                                  // from here on its number can be another process's
	return e.cleanUp()
}

func (e *Emulator) kill() {
	_ = syscall.Kill(-e.PIDValue, syscall.SIGKILL)
	e.awaitEnd(stopTimeout)
}

func (e *Emulator) cleanUp() error {
	if current, err := os.ReadFile(recordFile(e.root)); err == nil && strings.Contains(string(current), e.Identity) {
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
	var err error
	for range 20 { // a Lambda that is just being killed can still write
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
		case <-e.gone: // nil, so never ready, when it is not owned
			return true
		case <-deadline:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ours says whether the recorded process is the emulator: numbers are used again.
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

// freePort asks the system for a port that is free now.
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
