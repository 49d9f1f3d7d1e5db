package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMutantsFindTheirPlace: each mutant changes the code as it is now. That it is killed takes
// minutes, and is what the command checks.
func TestMutantsFindTheirPlace(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutants {
		if seen[m.name] {
			t.Errorf("two mutants are called %s", m.name)
		}
		seen[m.name] = true
		file, code, err := mutate("../../..", m)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if _, err := parser.ParseFile(token.NewFileSet(), file, code, 0); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

func TestMutate(t *testing.T) {
	const code = `package p

import "fmt"

func (r *run) other() { r.send(ctx, 1) }

// send sends: r.send(ctx, 1).
func (r *run) send(ctx context.Context, n int) error {
	r.send(
		ctx, // as it is
		1,
	)
	if a == b { fmt.Println() }
	return nil
}
`
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "p.go"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		old, replacement string
		want             string // "": no match
	}{
		{`$c.send($ctx, 1)`, `$c.receive($ctx)`, "	r.receive(ctx)\n	if a == b"},
		{`if $a == $b {`, `if true {`, "if true { fmt"},
		{`if $a == $a {`, ``, ""}, // not the same identifier
		{`return nil`, `return fmt.Errorf("")`, "return fmt.Errorf(\"\")\n}"},
		{`$x.other`, ``, ""}, // not in this function
		{`ctx`, ``, ""},      // more than once
	} {
		m := mutant{function: ".run.send", old: test.old, replacement: test.replacement,
			imports: []string{"fmt", "time"}}
		_, got, err := mutate(root, m)
		if (err == nil) != (test.want != "") || !strings.Contains(string(got), test.want) {
			t.Errorf("%s: %v\n%s", test.old, err, got)
		}
		if err == nil && (strings.Count(string(got), `import "fmt"`) != 1 ||
			strings.Count(string(got), `import "time"`) != 1) {
			t.Errorf("imports of\n%s", got)
		}
	}
}
