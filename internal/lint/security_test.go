package lint

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	uses   = regexp.MustCompile(`(?m)^\s*(?:- )?uses: (.+)$`)
	pinned = regexp.MustCompile(`^([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$`)
	grants = regexp.MustCompile(`(?m)^\s+([a-z-]+): (?:write|admin)\b`)
)

// TestWorkflows: each action is pinned by commit, the same one everywhere, and each workflow has no
// permission but reading, apart from the identity with which a deployment signs in to AWS.
// actionlint, which checks the rest, takes a tag as well as a commit.
func TestWorkflows(t *testing.T) {
	commits := map[string]string{}
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text := read(t, file)
		for _, use := range uses.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(use[1], "./.github/workflows/") {
				continue
			}
			action := pinned.FindStringSubmatch(use[1])
			if action == nil {
				t.Errorf("%s: %q is not pinned: want OWNER/NAME@COMMIT # vX.Y.Z", file, use[1])
				continue
			}
			if before := commits[action[1]]; before != "" && before != use[1] {
				t.Errorf("%s: %s, elsewhere %s", file, use[1], before)
			}
			commits[action[1]] = use[1]
		}
		if !strings.Contains(text, "\npermissions: {}\n") && !strings.Contains(text, "\npermissions:\n  contents: read\n\n") {
			t.Errorf("%s: the permissions of the workflow are not {} or contents: read", file)
		}
		for _, grant := range grants.FindAllStringSubmatch(text, -1) {
			if grant[1] != "id-token" || !strings.HasPrefix(path.Base(file), "deploy") {
				t.Errorf("%s: %s", file, strings.TrimSpace(grant[0]))
			}
		}
		if n, with := strings.Count(text, "actions/checkout@"), strings.Count(text, "persist-credentials: false"); n != with {
			t.Errorf("%s: %d of %d checkouts keep the token in the working copy", file, n-with, n)
		}
		if strings.Contains(text, "pull_request_target") {
			t.Errorf("%s: pull_request_target runs with the repository's secrets", file)
		}
	}
	if len(files) < 4 || len(commits) < 5 {
		t.Errorf("%d workflows with %d actions only: does the test see them?", len(files), len(commits))
	}
}

// TestDependabot: every folder with a manifest gets updates.
func TestDependabot(t *testing.T) {
	ecosystem := map[string]string{
		"go.mod": "gomod", "package.json": "npm", "requirements.in": "pip",
	}
	entry := regexp.MustCompile(`(?m)- package-ecosystem: (\S+)\n    directories: \[(.+)\]$`)
	watched := map[string][]string{}
	for _, e := range entry.FindAllStringSubmatch(read(t, filepath.Join(root, ".github/dependabot.yml")), -1) {
		watched[e[1]] = strings.Split(e[2], ", ")
	}
	if !slices.Equal(watched["github-actions"], []string{"/"}) {
		t.Errorf("github-actions: dependabot looks at %q, want /", watched["github-actions"])
	}
	for _, file := range sources(t) {
		e := ecosystem[path.Base(file)]
		if e == "" || strings.Contains(file, "testdata/") {
			continue
		}
		folder := path.Clean("/" + path.Dir(file))
		if !slices.ContainsFunc(watched[e], func(pattern string) bool {
			matches, err := path.Match(pattern, folder)
			return matches && err == nil
		}) {
			t.Errorf("%s: dependabot looks at %q only", file, watched[e])
		}
	}
}

// TestThreatModel: the tests that docs/threat-model.md names exist where it says.
func TestThreatModel(t *testing.T) {
	named := regexp.MustCompile("`([a-z0-9/]+) ((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(
		read(t, filepath.Join(root, "docs/threat-model.md")), -1)
	if len(named) < 40 {
		t.Errorf("%d tests only: does the test see them?", len(named))
	}
	for _, n := range named {
		files, err := filepath.Glob(filepath.Join(root, n[1], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			return strings.Contains(read(t, file), "\nfunc "+n[2]+"(")
		}) {
			t.Errorf("no %s in %s", n[2], n[1])
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
