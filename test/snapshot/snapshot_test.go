// Package snapshot pins what is deployed: the template of each environment, the logical ids of the
// resources that hold orders, and the findings of cdk-nag. It also tests that the same source gives
// the same template in any folder.
//
// A changed template fails the test with a diff. Read it line by line, then accept it:
//
//	go test ./test/snapshot -update
package snapshot

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/stacks"
)

var update = flag.Bool("update", false, "accept the current templates")

const root = "../.."

func TestMain(m *testing.M) {
	flag.Parse()
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20") // any Node will do
	os.Unsetenv("CDK_DEFAULT_REGION")                                // the snapshots have no region
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// synth makes the stacks of an environment with the settings of cdk.json, without building code.
func synth(t *testing.T, name string) (awscdk.App, *stacks.OrdersStack, *stacks.MonitoringStack) {
	t.Helper()
	app, env := newApp(t, name)
	orders, monitoring := stacks.New(app, env)
	return app, orders, monitoring
}

func newApp(t *testing.T, name string) (awscdk.App, stacks.Environment) {
	t.Helper()
	var config struct{ Context map[string]any }
	text, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err == nil {
		err = json.Unmarshal(text, &config)
	}
	if err != nil {
		t.Fatal(err)
	}
	config.Context["aws:cdk:bundling-stacks"] = []string{}
	env, err := stacks.Lookup(stacks.Environments(), name)
	if err != nil {
		t.Fatal(err)
	}
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(t.TempDir()), Context: &config.Context,
	})
	return app, env
}

type template struct {
	Resources map[string]struct{ Type, DeletionPolicy, UpdateReplacePolicy string }
}

func templateOf(t *testing.T, stack awscdk.Stack) (text string, parsed template) {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(assertions.Template_FromStack(stack, nil).ToJSON()); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b.String()), &parsed); err != nil {
		t.Fatal(err)
	}
	return b.String(), parsed
}

var assetHash = regexp.MustCompile(`[0-9a-f]{64}`)

// normalize removes what differs between machines and commits: the hashes of the Lambda code, and
// the architecture of the machine.
func normalize(env, text string) string {
	text = assetHash.ReplaceAllString(text, "ASSET")
	if env == "local" {
		host := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
		if host == "" {
			host = runtime.GOARCH
		}
		text = strings.ReplaceAll(text, `"`+host+`"`, `"HOST"`)
	}
	return text
}

func TestTemplates(t *testing.T) {
	for _, env := range []string{"dev", "staging", "prod", "local"} {
		t.Run(env, func(t *testing.T) {
			_, stack, monitoring := synth(t, env)
			text, parsed := templateOf(t, stack)
			compare(t, filepath.Join("testdata", env+".json"), normalize(env, text))
			text, _ = templateOf(t, monitoring)
			compare(t, filepath.Join("testdata", env+"-monitoring.json"), normalize(env, text))
			assertStateful(t, env, parsed)
			if want := env == "staging" || env == "prod"; *stack.TerminationProtection() != want {
				t.Errorf("termination protection is %t", *stack.TerminationProtection())
			}
			if got := *stack.StackName(); got != "OrderPipeline-"+env {
				t.Errorf("the stack has the name %s", got)
			}
			if got := *monitoring.StackName(); got != "OrderPipeline-"+env+"-Monitoring" {
				t.Errorf("the monitoring stack has the name %s", got)
			}
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	// CloudFormation returns other characters as ?, so every cdk diff would report a change.
	if i := strings.IndexFunc(got, func(r rune) bool { return r > unicode.MaxASCII }); i >= 0 {
		t.Errorf("%s is not ASCII: %s", file, got[max(i-40, 0):min(i+40, len(got))])
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs from the current template (-want +got):\n%s\n"+
			"Read it, then accept it: go test ./test/snapshot -update", file, diff)
	}
}

// assertStateful pins the logical ids of the resources that hold orders or events: another id is
// another table or queue, and the content of the old one stays behind. Never change an entry; add
// an entry for each new resource.
func assertStateful(t *testing.T, env string, parsed template) {
	t.Helper()
	want := []string{
		"PipelineTable0C1A5F45",
		"PipelineDeadLetterQueueF08023D6",
		"PipelineOnFailureQueueAF491703",
		"PipelineQueueC13966F5",
		"PipelineRejectedQueueE37C5099",
		"PipelineTopic95C94D25",
	}
	// A failed creation leaves only the table, which CloudFormation could not delete.
	policies := map[string]string{"AWS::DynamoDB::GlobalTable": "Retain", "AWS::SQS::Queue": "RetainExceptOnCreate"}
	updatePolicy := "Retain"
	if env == "dev" || env == "local" {
		want = slices.Insert(want, 5,
			"PipelineSubscriberBillingDeadLetterQueue224F55ED",
			"PipelineSubscriberBillingQueue8F4F5BAB",
			"PipelineSubscriberShippingDeadLetterQueueE0859594",
			"PipelineSubscriberShippingQueueA5460D5D",
		)
		policies = map[string]string{"AWS::DynamoDB::GlobalTable": "Delete", "AWS::SQS::Queue": "Delete"}
		updatePolicy = "Delete"
	}
	var got []string
	for _, kind := range []string{"AWS::DynamoDB::GlobalTable", "AWS::SQS::Queue", "AWS::SNS::Topic"} {
		var ids []string
		for id, r := range parsed.Resources {
			if r.Type != kind {
				continue
			}
			ids = append(ids, id)
			if policy := policies[kind]; policy != "" &&
				(r.DeletionPolicy != policy || r.UpdateReplacePolicy != updatePolicy) {
				t.Errorf("%s: deletion policy %s, update policy %s, want %s and %s",
					id, r.DeletionPolicy, r.UpdateReplacePolicy, policy, updatePolicy)
			}
		}
		slices.Sort(ids)
		got = append(got, ids...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stateful resources (-want +got):\n%s", diff)
	}
}

// CDK's validation is strict with the flags of cdk.json, and does not know newer properties.
func TestLargeEventsPassValidation(t *testing.T) {
	app, _ := newApp(t, "dev")
	stack := awscdk.NewStack(app, jsii.String("Large"), nil)
	orderpipeline.NewOrderPipeline(stack, "Pipeline", &orderpipeline.OrderPipelineProps{
		Topic: orderpipeline.TopicProps{MaxMessageSizeBytes: 1024 * 1024},
	})
	if text, _ := templateOf(t, stack); !strings.Contains(text, `"MaximumMessageSize": 1048576`) {
		t.Error("the topic has no message size limit")
	}
}
