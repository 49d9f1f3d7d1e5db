package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

var (
	inlineCode = regexp.MustCompile("`([^`]+)`")
	command    = regexp.MustCompile(`(?:^|&& |\| )(?:\.local/bin/|go run \./cmd/)?orders((?: \S+)*)`)
)

// commandsIn gives the arguments of every `orders …` in the code of a page: in blocks, whose lines may say behind the command what it
// does, and in spans.
func commandsIn(page string) (all [][]string) {
	add := func(code string) {
		for _, match := range command.FindAllStringSubmatch(strings.TrimSpace(code), -1) {
			args := strings.Fields(match[1])
			if i := slices.IndexFunc(args, func(a string) bool { return a == "#" || a == "|" || a == "&&" }); i >= 0 {
				args = args[:i]
			}
			if args = slices.DeleteFunc(args, func(a string) bool { return a == "--help" }); len(args) > 0 {
				all = append(all, args)
			}
		}
	}
	block, prose := false, ""
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			block = !block
		} else if block {
			add(line)
		} else {
			prose += line // a span may go on in the next line
		}
	}
	for _, span := range inlineCode.FindAllStringSubmatch(prose, -1) {
		add(strings.ReplaceAll(span[1], "\n", " "))
	}
	return all
}

func TestCommandsIn(t *testing.T) {
	got := commandsIn("Orders: `orders doctor`, and `git checkout X && orders up\n--env prod`; `aws sqs orders x`.\n" +
		"```\norders redrive dlq --yes   sends them back\necho {} |\n  .local/bin/orders post -\ncat x | orders post - # comment\nordersX y\n```\n`orders`, `orders --help`, orders status\n")
	want := [][]string{{"redrive", "dlq", "--yes"}, {"post", "-"}, {"post", "-"}, {"doctor"}, {"up", "--env", "prod"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A command that is copied out of the docs at night works: the real command line takes it, and nothing of it is refused as wrong
// usage. Whether it does what the page says is for test/operate.
func TestCommandsInDocs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "../../README.md", "../../CONTRIBUTING.md")
	found := map[string]int{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range commandsIn(string(text)) {
			found[filepath.Base(page)]++
			if problem := usageProblem(t, args); problem != "" {
				t.Errorf("%s: orders %s: %s", page, strings.Join(args, " "), problem)
			}
		}
	}
	for page, least := range map[string]int{"operations.md": 30, "README.md": 6, "local.md": 3} {
		if found[page] < least {
			t.Errorf("sees only %d commands in %s", found[page], page)
		}
	}
}

// The examples of the commands' own help, too.
func TestCommandsInHelp(t *testing.T) {
	found := 0
	for _, node := range parser(t).Model.Leaves(true) {
		for line := range strings.Lines(node.Detail) {
			if !strings.HasPrefix(line, "  ") {
				continue
			}
			for _, args := range commandsIn("```\n" + strings.TrimSpace(line) + "\n```\n") {
				found++
				if problem := usageProblem(t, args); problem != "" {
					t.Errorf("orders %s --help: orders %s: %s", node.Name, strings.Join(args, " "), problem)
				}
			}
		}
	}
	if found < 25 {
		t.Errorf("sees only %d examples", found)
	}
}

func TestUsageProblem(t *testing.T) {
	for args, want := range map[string]string{
		"doctor --env prod":              "",
		"replay --on-failure --yes":      "",
		"replay":                         "", // only named
		"redo dlq":                       "unexpected argument redo",
		"redrive dlq --force":            "unknown flag --force",
		"replay --from yesterday":        "yesterday",
		"redrive subscriber --env prod":  "subscriber",
		"post --sample 1 --env prod":     "prod",
		"dashboard --env prod --out a.b": "", // of what starts tools, the line is only parsed
	} {
		got := usageProblem(t, strings.Fields(args))
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}

func parser(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := newParser(t.Context(), &cli{}, &app{stdout: io.Discard, stderr: io.Discard}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// usageProblem is why a command line is wrong, whatever there is to be found in the environment.
func usageProblem(t *testing.T, args []string) string {
	t.Helper()
	parsed, err := parser(t).Parse(args)
	if err != nil {
		return err.Error()
	}
	// One word is the command's name in a sentence. What installs, starts or deploys is not run here.
	if len(args) == 1 || slices.Contains([]string{"up", "down", "dashboard", "demo", "cost"}, parsed.Selected().Name) {
		return ""
	}
	var said strings.Builder
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &said, connect: func(context.Context) (aws.Config, *deployment.Deployment, error) {
		return aws.Config{}, nil, errors.New("the usage is right")
	}}
	if run(context.Background(), args, a) == failure.StatusUsage {
		return said.String()
	}
	return ""
}
