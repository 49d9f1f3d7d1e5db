package lint

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/orderpipeline/orderpipeline"

// arrows lists which packages of this module each part may import, and docs/architecture.md says
// why. The first row whose pattern matches a package decides; a pattern ends with /... to hold for
// everything below as well.
var arrows = []struct {
	from string
	to   []string
}{
	{"internal/contract", nil},
	{"order", []string{"internal/contract"}},
	{"internal/publishing", []string{"order", "internal/contract"}},

	{"lambdas/internal/...", []string{"order", "internal/contract"}},
	{"lambdas/processor/main", []string{"lambdas/processor"}},
	{"lambdas/publisher/main", []string{"lambdas/publisher"}},
	{"lambdas/status/main", []string{"lambdas/status"}},
	{"lambdas/...", []string{"order", "internal/contract", "internal/publishing", "lambdas/internal/..."}},

	{"constructs/internal/synthtest", []string{"internal/policies"}},
	{"constructs/...", []string{
		"constructs/...", "order", "internal/contract", "internal/awsmetrics", "internal/awsregions",
		"internal/filterpolicy", "internal/prices",
	}},
	{"stacks", []string{"constructs/...", "order", "internal/contract"}},
	{".", []string{"stacks"}},

	{"internal/filterpolicy", nil},
	{"internal/recovery", []string{
		"order", "internal/contract", "internal/filterpolicy", "internal/publishing",
	}},
	{"internal/...", []string{"order", "internal/..."}},
	{"cmd/...", []string{"order", "internal/..."}},

	{"test/...", []string{"..."}},
}

// TestArrows: dependencies point one way.
func TestArrows(t *testing.T) {
	for _, pkg := range packages(t, "{{.ImportPath}} {{join .Imports \" \"}}", "./...") {
		from, imports := pkg[0], pkg[1:]
		i := slices.IndexFunc(arrows, func(a struct {
			from string
			to   []string
		}) bool {
			return matches(a.from, from)
		})
		if i < 0 {
			t.Errorf("%s: no row of arrows says what it may import", from)
			continue
		}
		for _, to := range imports {
			if !slices.ContainsFunc(arrows[i].to, func(pattern string) bool { return matches(pattern, to) }) {
				t.Errorf("%s imports %s (the row %q of arrows allows %q)", from, to, arrows[i].from, arrows[i].to)
			}
		}
	}
}

// TestSynthNeedsNoEmulator: a synth of any environment compiles neither the emulator's launcher nor
// the operator's command, and no function's handler.
func TestSynthNeedsNoEmulator(t *testing.T) {
	for _, pkg := range packages(t, "{{.ImportPath}}", "-deps", ".") {
		for _, not := range []string{"internal/local", "internal/deployment", "internal/recovery", "cmd/...", "lambdas/..."} {
			if matches(not, pkg[0]) {
				t.Errorf("app.go reaches %s", pkg[0])
			}
		}
	}
}

// packages runs go list and gives the fields of each line, without those of other modules. This
// module's packages lose the module's path; its root is ".".
func packages(t *testing.T, format string, args ...string) (lines [][]string) {
	t.Helper()
	list := exec.Command("go", append([]string{"list", "-tags", "emulator,slow", "-f", format}, args...)...)
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		var own []string
		for _, path := range strings.Fields(line) {
			if path == module {
				own = append(own, ".")
			} else if inside, ok := strings.CutPrefix(path, module+"/"); ok {
				own = append(own, inside)
			}
		}
		if len(own) > 0 {
			lines = append(lines, own)
		}
	}
	if len(lines) == 0 {
		t.Fatal(fmt.Sprint("go list names no package of ", module))
	}
	return lines
}

// matches reports whether a package is the pattern's, which ends with ... for a whole tree.
func matches(pattern, pkg string) bool {
	tree, ok := strings.CutSuffix(pattern, "...")
	if !ok {
		return pkg == pattern
	}
	return strings.HasPrefix(pkg+"/", tree)
}
