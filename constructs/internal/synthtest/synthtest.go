// Package synthtest synthesizes stacks for tests and reads their templates.
package synthtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/policies"
)

// Main runs a package's tests in one jsii kernel. CDK's own validation of templates takes a second
// or two and is left to test/snapshot. jsii does not allow t.Parallel.
func Main(m *testing.M) {
	os.Setenv("CDK_VALIDATION", "false")
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
	jsii.Close() // a kernel that was started earlier has the old environment
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// NewStack makes an app with one stack, without building Lambda code.
func NewStack(t testing.TB) awscdk.Stack { return newStack(t, nil) }

// NewStackIn is NewStack with a region.
func NewStackIn(t testing.TB, region string) awscdk.Stack {
	return newStack(t, &awscdk.StackProps{Env: &awscdk.Environment{Region: &region}})
}

func newStack(t testing.TB, props *awscdk.StackProps) awscdk.Stack {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir:  jsii.String(t.TempDir()),
		Context: &map[string]any{"aws:cdk:bundling-stacks": []string{}},
	})
	return awscdk.NewStack(app, jsii.String("Test"), props)
}

// NewStackWithCode is NewStack with Lambda code, built into a folder.
func NewStackWithCode(t testing.TB, out string) awscdk.Stack {
	t.Helper()
	return awscdk.NewStack(awscdk.NewApp(&awscdk.AppProps{Outdir: &out}), jsii.String("Test"), nil)
}

// Warnings returns the warnings that the constructs in a scope gave at synth.
func Warnings(scope constructs.Construct) []string {
	var messages []string
	for _, node := range *scope.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		for _, entry := range *node.Node().Metadata() {
			if *entry.Type == "aws:cdk:warning" {
				messages = append(messages, fmt.Sprint(entry.Data))
			}
		}
	}
	return messages
}

// Template is a CloudFormation template.
type Template struct {
	Resources map[string]Resource
	Outputs   map[string]map[string]any
}

// Resource is a resource of a template.
type Resource struct {
	Type                                string
	Properties                          map[string]any
	Metadata                            map[string]any
	DependsOn                           []string
	DeletionPolicy, UpdateReplacePolicy string
}

// Synth returns a stack's template.
func Synth(t testing.TB, stack awscdk.Stack) Template {
	t.Helper()
	text, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	if err != nil {
		t.Fatal(err)
	}
	findings, err := policies.Check(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Errorf("%s allows too much: %s", f.At, f.What)
	}
	// CloudFormation returns other characters as ?, so every cdk diff would report a change.
	if i := bytes.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }); i >= 0 {
		t.Errorf("the template is not ASCII: %s", text[max(i-40, 0):min(i+40, len(text))])
	}
	var template Template
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// IDs returns the logical ids of the resources of a type, sorted.
func (t Template) IDs(kind string) []string {
	var ids []string
	for id, r := range t.Resources {
		if r.Type == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ID returns the logical id of the one resource whose id is path followed by CDK's hash.
func (t Template) ID(tb testing.TB, path string) string {
	tb.Helper()
	var found []string
	for id := range t.Resources {
		hash, ok := strings.CutPrefix(id, path)
		if ok && len(hash) == 8 && hash == strings.ToUpper(hash) {
			found = append(found, id)
		}
	}
	if len(found) != 1 {
		tb.Fatalf("resources called %s: %q, want one", path, found)
	}
	return found[0]
}

// At returns the JSON of the value at a path of properties, or "null". The path begins with the
// resource's logical id, without CDK's hash.
func (t Template) At(tb testing.TB, path string) string {
	tb.Helper()
	parts := strings.Split(path, ".")
	resource := t.Resources[t.ID(tb, parts[0])]
	var at any = resource.Properties
	if len(parts) == 2 && parts[1] == "DeletionPolicy" {
		at = map[string]any{"DeletionPolicy": resource.DeletionPolicy}
	}
	for _, part := range parts[1:] {
		switch v := at.(type) {
		case map[string]any:
			at = v[part]
		case []any:
			at = v[int(part[0]-'0')]
		default:
			at = nil
		}
	}
	return JSON(tb, at)
}

// Statements returns the statements of a policy, each as JSON.
func (t Template) Statements(tb testing.TB, policy string) []string {
	tb.Helper()
	document := t.Resources[t.ID(tb, policy)].Properties["PolicyDocument"].(map[string]any)
	var list []string
	for _, s := range document["Statement"].([]any) {
		list = append(list, JSON(tb, s))
	}
	return list
}

// JSON returns a value as JSON, with <, > and & unescaped.
func JSON(tb testing.TB, v any) string {
	tb.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

var exponent = regexp.MustCompile(`[0-9][eE][+-][0-9]`)

// Panic returns the text that f panics with, or "" when it does not panic. No message may have a
// number such as 1.2096e+06.
func Panic(f func()) (text string) {
	defer func() {
		if exponent.MatchString(text) {
			panic("a number with an exponent in the message: " + text)
		}
	}()
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			text = r.Error()
		case string:
			text = r
		default:
			text = "not an error"
		}
	}()
	f()
	return ""
}
