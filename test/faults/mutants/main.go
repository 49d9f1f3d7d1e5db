// Command mutants breaks the handlers on purpose, one way at a time, and checks that the fault
// simulation notices: each mutant must violate its invariant, and the unmutated code must pass the
// same schedules. It runs in the project's folder.
//
//	go run ./test/faults/mutants [-schedules N] [-seed N] [NAME ...]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	schedules := flag.Int("schedules", 2000, "the most schedules to run against each mutant")
	seed := flag.Int("seed", 1, "the seed of the schedules, also for the unmutated code")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `usage: go run ./test/faults/mutants [flags] [NAME ...]

Breaks the handlers one way at a time and checks that the fault simulation notices.

Flags:
`)
		flag.PrintDefaults()
		fmt.Fprintln(flag.CommandLine.Output(), "\nMutants:")
		for _, m := range mutants {
			fmt.Fprintf(flag.CommandLine.Output(), "  %-46s must violate %q\n", m.name, m.invariant)
		}
	}
	flag.Parse()
	if err := run(*schedules, *seed, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(schedules, seed int, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(mutants, func(m mutant) bool { return m.name == name }) {
			return fmt.Errorf("no mutant is called %q (--help lists them)", name)
		}
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := runner{dir: dir, schedules: schedules, seed: seed}
	violated, err := r.violations(nil)
	if err != nil {
		return fmt.Errorf("the unmutated code: %w", err)
	}
	if len(violated) > 0 {
		return fmt.Errorf("the unmutated code violates %v", violated)
	}
	fmt.Println("unmutated code: passes")
	survivors, total := 0, 0
	for _, m := range mutants {
		if len(names) > 0 && !slices.Contains(names, m.name) {
			continue
		}
		total++
		started := time.Now()
		violated, err := r.violations(&m)
		switch {
		case err != nil: // it does not compile, or what it changes is gone
			survivors++
			fmt.Printf("FAILED   %-46s %v\n", m.name, err)
		case slices.Contains(violated, m.invariant):
			fmt.Printf("killed   %-46s %v (%.1f s)\n", m.name, violated, time.Since(started).Seconds())
		default:
			survivors++
			fmt.Printf("SURVIVED %-46s must violate %s, violated %v\n", m.name, m.invariant, violated)
		}
	}
	if survivors > 0 {
		return fmt.Errorf("%d of %d mutants survived", survivors, total)
	}
	fmt.Printf("%d mutants killed\n", total)
	return nil
}

type runner struct {
	dir             string
	schedules, seed int
}

var violatedLine = regexp.MustCompile(`violated: ([a-z-]+):`)

// violations runs the simulation on the code with the mutant, or without one when m is nil. It
// returns the invariants that the first failing schedule violates.
func (r runner) violations(m *mutant) (names []string, err error) {
	args := []string{"test", "-vet=off", "-count=1", "-run", "TestSchedules"}
	if m != nil {
		overlay, err := r.overlay(m)
		if err != nil {
			return nil, err
		}
		args = append(args, "-overlay", overlay)
	}
	args = append(args, "./test/faults", "-schedules", fmt.Sprint(r.schedules),
		"-rapid.seed", fmt.Sprint(r.seed), "-rapid.shrinktime", "0s", "-rapid.nofailfile")
	out, err := exec.Command("go", args...).CombinedOutput()
	for _, match := range violatedLine.FindAllStringSubmatch(string(out), -1) {
		if !slices.Contains(names, match[1]) {
			names = append(names, match[1])
		}
	}
	if err != nil && len(names) == 0 {
		return nil, fmt.Errorf("%w:\n%s", err, tail(string(out)))
	}
	return names, nil
}

// overlay writes the mutated copy and the file that makes the Go tool use it.
func (r runner) overlay(m *mutant) (string, error) {
	original, code, err := mutate(".", *m)
	if err != nil {
		return "", err
	}
	mutated := filepath.Join(r.dir, m.name+".go")
	if err := os.WriteFile(mutated, code, 0o600); err != nil {
		return "", err
	}
	path, err := filepath.Abs(original)
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(r.dir, m.name+".json")
	return file, os.WriteFile(file, overlay, 0o600)
}

func tail(s string) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
