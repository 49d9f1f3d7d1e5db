package pipeline

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// UpdateMapping changes a function's one event source mapping, until the test ends or the returned
// function undoes it.
func (s *System) UpdateMapping(
	t testing.TB,
	function string,
	change, undo lambda.UpdateEventSourceMappingInput,
) (back func()) {
	t.Helper()
	uuid := s.Mapping(t, function)
	return s.change(t, func(ctx context.Context, changed bool) error {
		in := undo
		if changed {
			in = change
		}
		in.UUID = &uuid
		_, err := s.Functions.UpdateEventSourceMapping(ctx, &in)
		return err
	})
}

// Mapping is the UUID of a function's one event source mapping.
func (s *System) Mapping(t testing.TB, function string) (uuid string) {
	t.Helper()
	out, err := s.Functions.ListEventSourceMappings(
		t.Context(),
		&lambda.ListEventSourceMappingsInput{FunctionName: &function},
	)
	if err != nil || len(out.EventSourceMappings) != 1 {
		t.Fatalf("the mappings of %s: %v, %v, want one", function, out, err)
	}
	return aws.ToString(out.EventSourceMappings[0].UUID)
}

// Disable switches a function's mapping off.
func (s *System) Disable(t testing.TB, function string) (back func()) {
	t.Helper()
	return s.UpdateMapping(t, function, lambda.UpdateEventSourceMappingInput{Enabled: aws.Bool(false)},
		lambda.UpdateEventSourceMappingInput{Enabled: aws.Bool(true)})
}

// Throttle lets a function not run at all.
func (s *System) Throttle(t testing.TB, function string) (back func()) {
	t.Helper()
	return s.change(t, func(ctx context.Context, changed bool) (err error) {
		if changed {
			_, err = s.Functions.PutFunctionConcurrency(
				ctx,
				&lambda.PutFunctionConcurrencyInput{
					FunctionName:                 &function,
					ReservedConcurrentExecutions: aws.Int32(0),
				},
			)
		} else {
			_, err = s.Functions.DeleteFunctionConcurrency(
				ctx,
				&lambda.DeleteFunctionConcurrencyInput{FunctionName: &function},
			)
		}
		return err
	})
}

// Configure changes a variable of a function's environment.
func (s *System) Configure(t testing.TB, function, variable, value string) (back func()) {
	t.Helper()
	before := s.Configuration(t, function).Environment.Variables
	after := maps.Clone(before)
	after[variable] = value
	return s.change(t, func(ctx context.Context, changed bool) error {
		variables := before
		if changed {
			variables = after
		}
		_, err := s.Functions.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
			FunctionName: &function, Environment: &types.Environment{Variables: variables},
		})
		return err
	})
}

// Configuration of a function.
func (s *System) Configuration(
	t testing.TB,
	function string,
) *lambda.GetFunctionConfigurationOutput {
	t.Helper()
	out, err := s.Functions.GetFunctionConfiguration(
		t.Context(),
		&lambda.GetFunctionConfigurationInput{FunctionName: &function},
	)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// LogGroup is where a function logs to.
func (s *System) LogGroup(t testing.TB, function string) string {
	t.Helper()
	if logging := s.Configuration(
		t,
		function,
	).LoggingConfig; logging != nil &&
		aws.ToString(logging.LogGroup) != "" {
		return aws.ToString(logging.LogGroup)
	}
	return "/aws/lambda/" + function
}

// KillFunctions kills the processes of this emulator's functions, whatever they are in the middle
// of.
func (s *System) KillFunctions() (killed int, err error) {
	lines, err := commandLines()
	for pid, line := range lines {
		ours := strings.Contains(line, fmt.Sprintf("ministack-provided-code-%d", s.Emulator.Port()))
		if ours && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed, err
}

// commandLines are those of all processes: by Linux's /proc (a small container has no ps), else by
// ps.
func commandLines() (map[int]string, error) {
	lines := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, _ := os.ReadFile(file) // an error: it has ended
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		lines[pid] = string(line)
	}
	if len(lines) > 0 {
		return lines, nil
	}
	out, err := exec.Command("ps", "-A", "-ww", "-o", "pid=,args=").Output()
	for line := range strings.Lines(string(out)) {
		var pid int
		if _, err := fmt.Sscan(line, &pid); err == nil {
			lines[pid] = line
		}
	}
	return lines, err
}
