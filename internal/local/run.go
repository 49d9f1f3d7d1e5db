package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// command returns a child process that is terminated with its own children when ctx ends, and
// killed ten seconds later.
func command(ctx context.Context, dir string, env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// runLogged runs a command and writes its output to the log file, and to stdout if given. Its error
// ends with the last lines of the output.
func runLogged(cmd *exec.Cmd, logFile string, stdout io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(logFile), 0o755); err != nil {
		return err
	}
	log, err := os.Create(logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	last := &tail{max: 4 << 10}
	writers := []io.Writer{log, last}
	if stdout != nil {
		writers = append(writers, stdout)
	}
	out := io.MultiWriter(writers...)
	cmd.Stdout, cmd.Stderr = out, out // the same value: os/exec then writes from one goroutine
	err = cmd.Run()
	if cmd.Process != nil && err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the processes that it left
	}
	if err != nil {
		return &commandError{err: err, tail: last.lines(8)}
	}
	return nil
}

// commandError is a failed command with the last lines of its output.
type commandError struct {
	err  error
	tail []string
}

func (e *commandError) Error() string {
	if len(e.tail) == 0 {
		return e.err.Error()
	}
	return fmt.Sprintf("%v\n    | %s", e.err, strings.Join(e.tail, "\n    | "))
}

func (e *commandError) Unwrap() error { return e.err }

// tail keeps the last max bytes written to it.
type tail struct {
	max int
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > t.max {
		t.buf = append([]byte(nil), t.buf[len(t.buf)-t.max:]...)
	}
	return len(p), nil
}

func (t *tail) lines(n int) []string {
	var lines []string
	for line := range bytes.Lines(t.buf) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, string(line))
		}
	}
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return lines
}

// Lock acquires a lock of the project, such as "up". While another run holds it, Lock waits, and
// calls waiting once if given. The system releases the lock when this process ends, however it
// ends.
func Lock(ctx context.Context, root, name string, waiting func()) (unlock func(), err error) {
	dir := filepath.Join(root, StateDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
		}
		if first && waiting != nil {
			waiting()
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// without returns the environment without the variables that drop accepts.
func without(env []string, drop func(name string) bool) []string {
	kept := make([]string, 0, len(env))
	for _, variable := range env {
		if name, _, _ := strings.Cut(variable, "="); !drop(name) {
			kept = append(kept, variable)
		}
	}
	return kept
}

// cutName returns the value of a variable with this name.
func cutName(variable, name string) (value string, found bool) {
	if key, value, _ := strings.Cut(variable, "="); key == name {
		return value, true
	}
	return "", false
}
