// Command mutants breaks the handlers on purpose, one way at a time, and checks that the fault simulation notices: each
// mutant must violate the invariant that it is meant to, and the unmutated code must pass the same schedules.
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
	seed := flag.Int("seed", 1, "the seed of the schedules, for the mutants and the unmutated code alike")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run ./test/faults/mutants [flags] [NAME ...]\n\nBreaks the handlers one way at a time and checks that the fault simulation notices.\n\nFlags:")
		flag.PrintDefaults()
		fmt.Fprintln(flag.CommandLine.Output(), "\nMutants:")
		for _, m := range mutants {
			fmt.Fprintf(flag.CommandLine.Output(), "  %-36s must violate %q\n", m.name, m.invariant)
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
			return fmt.Errorf("no mutant is called %q; --help lists them", name)
		}
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := runner{dir: dir, schedules: schedules, seed: seed}
	if violated, err := r.violations(nil); err != nil || len(violated) > 0 {
		return fmt.Errorf("the unmutated code violates %v, error %v", violated, err)
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
		case err != nil: // it does not compile, or there is nothing to change any more
			survivors++
			fmt.Printf("FAILED   %-36s %v\n", m.name, err)
		case slices.Contains(violated, m.invariant):
			fmt.Printf("killed   %-36s %v (%.1f s)\n", m.name, violated, time.Since(started).Seconds())
		default:
			survivors++
			fmt.Printf("SURVIVED %-36s must violate %s, violated %v\n", m.name, m.invariant, violated)
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

// violations runs the simulation against the code with the mutant in place of the original (nil for none) and names the
// invariants that the first failing schedule violates.
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

// overlay writes the mutated copy and the file that tells the Go tool to use it.
func (r runner) overlay(m *mutant) (string, error) {
	original, err := os.ReadFile(m.file)
	if err != nil {
		return "", fmt.Errorf("%w (run it from the project's folder)", err)
	}
	if n := strings.Count(string(original), m.old); n != 1 {
		return "", fmt.Errorf("what it changes stands %d times in %s, must be once: adapt the mutant to the code", n, m.file)
	}
	mutated := filepath.Join(r.dir, m.name+".go")
	code := strings.Replace(string(original), m.old, m.new, 1)
	for _, path := range m.imports {
		code = strings.Replace(code, "import (\n", fmt.Sprintf("import (\n\t%q\n", path), 1)
	}
	if err := os.WriteFile(mutated, []byte(code), 0o600); err != nil {
		return "", err
	}
	path, err := filepath.Abs(m.file)
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
