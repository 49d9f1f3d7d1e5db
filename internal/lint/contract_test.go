package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// shared are the constants of internal/contract whose values stand nowhere else. The others are
// ordinary words, or names that AWS uses as well (TableName, TopicArn).
var shared = regexp.MustCompile(
	`^(Env[A-Z]|Metric(Orders|Events|OldestFailure)|Output(Queue|DeadLetter|Rejected|OnFailure|Processor|Publisher|Status|Critical|Warning|AlarmProfile))`)

// TestNoSecondLiteral: names of environment variables, custom metrics and stack outputs are string
// literals in internal/contract alone.
func TestNoSecondLiteral(t *testing.T) {
	names := map[string]string{} // value: constant
	literals(t, "internal/contract/", func(_ token.Position, name, value string) {
		if shared.MatchString(name) {
			names[value] = name
		}
	})
	if len(names) < 25 {
		t.Fatalf("internal/contract has %d such constants only: does the test see them?", len(names))
	}
	literals(t, "", func(at token.Position, _, value string) {
		file := strings.TrimPrefix(filepath.ToSlash(at.Filename), root+"/")
		if name := names[value]; name != "" && !strings.HasPrefix(file, "internal/contract/") {
			t.Errorf("%s:%d: %q is contract.%s", file, at.Line, value, name)
		}
	})
}

// TestNumbersInMessages: no message or expression of a construct is formatted so that a number can be
// 1.2096e+06.
func TestNumbersInMessages(t *testing.T) {
	exponent := regexp.MustCompile(`%[-+# 0-9.]*[eEgG]`)
	for _, folder := range []string{"constructs/", "stacks/"} {
		literals(t, folder, func(at token.Position, _, value string) {
			if exponent.MatchString(value) && !strings.HasSuffix(at.Filename, "_test.go") {
				t.Errorf("%s:%d: %q can have an exponent (use check.Number)", at.Filename, at.Line, value)
			}
		})
	}
}

// literals calls found for each string literal of the Go sources below a folder, with the name of
// the constant that it defines, if any.
func literals(t *testing.T, folder string, found func(at token.Position, name, value string)) {
	t.Helper()
	for _, file := range sources(t) {
		if !strings.HasSuffix(file, ".go") || !strings.HasPrefix(file, folder) || strings.Contains(file, "testdata/") {
			continue
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		constants := map[ast.Expr]string{}
		ast.Inspect(syntax, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
				for i, value := range spec.Values {
					constants[value] = spec.Names[i].Name
				}
			}
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				found(set.Position(literal.Pos()), constants[literal], value)
			}
			return true
		})
	}
}
