package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildCommand builds the operator's command.
func (s *System) buildCommand() (string, error) {
	program := filepath.Join(s.Emulator.Dir, "orders")
	build := exec.Command("go", "build", "-o", program, "./cmd/orders")
	build.Dir = s.Tools.Root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the command: %w\n%s", err, out)
	}
	return program, nil
}

// Command prepares a run of the operator's command as a person would run it, in a home and a
// working directory of its own: AWS_ENDPOINT_URL points to the emulator.
func (s *System) Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	program, err := s.command()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = s.Home
	cmd.Env = append(s.Emulator.Environ(), "XDG_CACHE_HOME="+s.Home, "HOME="+s.Home)
	return cmd
}

// Output is what a run of the command wrote, and its exit status.
type Output struct {
	Stdout, Stderr string
	Status         int
}

// Finish runs a prepared command to its end, and does something meanwhile.
func Finish(t testing.TB, cmd *exec.Cmd, meanwhile ...func()) Output {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, do := range meanwhile {
		do()
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return Output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// Want says in what a run differs from a status and from texts that it must have written. A failure
// is two lines, what went wrong and what to do next; 3 is a verdict, not a failure.
func (o Output) Want(status int, texts ...string) error {
	if o.Status != status {
		return fmt.Errorf("it exited with %d, want %d:\n%s%s", o.Status, status, o.Stdout, o.Stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.Stdout+o.Stderr, text) {
			return fmt.Errorf("it does not say %q:\n%s%s", text, o.Stdout, o.Stderr)
		}
	}
	if status != 0 && status != 3 &&
		(!strings.Contains(o.Stderr, "orders: ") || !strings.Contains(o.Stderr, "   ->   ")) {
		return fmt.Errorf("it failed without the two lines:\n%s", o.Stderr)
	}
	return nil
}
