package upgrade

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/semver"

	"github.com/orderpipeline/orderpipeline/stacks"
)

var freeze = flag.String("freeze", "", "add what is here now to testdata, as the release of this `version`")

const root = "../.."

func TestMain(m *testing.M) {
	flag.Parse()
	os.Setenv("CDK_VALIDATION", "false") // test/snapshot validates
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
	jsii.Close() // the kernel that is ready to start has the environment of before
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// identity lists, of each kind of resource that holds orders, carries them on, or is known to
// others by its address, the properties that CloudFormation cannot change: with another value it
// makes a new resource, and what the old one held stays behind ("Update requires: Replacement", AWS
// CloudFormation Template Reference). A table's stream can be changed, but then it is a new one,
// without what was not published yet. A subscription under another logical id would be gone after
// the update: SNS gives the new one the old one's ARN, which CloudFormation then deletes. A mapping
// would clash with the old one and fail the update.
var identity = map[string][]string{
	"AWS::DynamoDB::GlobalTable":      {"TableName", "KeySchema", "LocalSecondaryIndexes", "StreamSpecification"},
	"AWS::SQS::Queue":                 {"QueueName", "FifoQueue"},
	"AWS::SNS::Topic":                 {"TopicName", "FifoTopic"},
	"AWS::SNS::Subscription":          {"TopicArn", "Protocol", "Endpoint"},
	"AWS::ApiGateway::RestApi":        {},
	"AWS::Lambda::EventSourceMapping": {"EventSourceArn", "StartingPosition", "StartingPositionTimestamp"},
}

// kept is what must stay of a resource.
type kept struct {
	Type     string
	Identity map[string]any `json:",omitempty"`
}

type template struct {
	Resources map[string]struct {
		Type       string
		Properties map[string]any
		DependsOn  []string
	}
}

func (t template) stateful() map[string]kept {
	found := map[string]kept{}
	for id, r := range t.Resources {
		properties, ok := identity[r.Type]
		if !ok {
			continue
		}
		k := kept{Type: r.Type}
		for _, name := range properties {
			if value, set := r.Properties[name]; set {
				if k.Identity == nil {
					k.Identity = map[string]any{}
				}
				k.Identity[name] = value
			}
		}
		found[id] = k
	}
	return found
}

// environments are the templates as they are now.
func environments(t *testing.T) map[string]template {
	t.Helper()
	var config struct{ Context map[string]any }
	read(t, filepath.Join(root, "cdk.json"), &config)
	config.Context["aws:cdk:bundling-stacks"] = []string{}
	templates := map[string]template{}
	for _, env := range stacks.Environments() {
		app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir()), Context: &config.Context})
		text, err := json.Marshal(assertions.Template_FromStack(stacks.NewOrdersStack(app, "Orders", env).Stack, nil).ToJSON())
		if err != nil {
			t.Fatal(err)
		}
		var parsed template
		if err := json.Unmarshal(text, &parsed); err != nil {
			t.Fatal(err)
		}
		templates[env.Name] = parsed
	}
	return templates
}

// TestStateful: whatever held orders in a release is still there, under the same logical id, and
// can be updated in place.
func TestStateful(t *testing.T) {
	now := environments(t)
	if *freeze != "" {
		freezeRelease(t, now)
	}
	for _, release := range releases(t) {
		var frozen map[string]map[string]kept
		read(t, filepath.Join(release, "stateful.json"), &frozen)
		for env, resources := range frozen {
			is := now[env].stateful()
			for id, was := range resources {
				if diff := cmp.Diff(was, is[id]); diff != "" {
					t.Errorf("%s, environment %s: %s would be replaced or removed, and what it holds would be left behind (-release +now):\n%s",
						filepath.Base(release), env, id, diff)
				}
			}
		}
	}
}

// TestDoorOpensLast: the API is deployed when the processor of the same version reads the queue, so
// it never accepts what the processor does not know yet.
func TestDoorOpensLast(t *testing.T) {
	for env, now := range environments(t) {
		deployments := 0
		for id, r := range now.Resources {
			if r.Type != "AWS::ApiGateway::Deployment" {
				continue
			}
			deployments++
			mappings := slices.DeleteFunc(slices.Clone(r.DependsOn), func(other string) bool {
				mapping := now.Resources[other]
				function, _ := mapping.Properties["FunctionName"].(map[string]any)
				name, _ := function["Ref"].(string)
				return mapping.Type != "AWS::Lambda::EventSourceMapping" || !strings.HasPrefix(name, "PipelineProcessor") || now.Resources[name].Type != "AWS::Lambda::Function"
			})
			if len(mappings) != 1 {
				t.Errorf("%s: %s depends on %v, want the processor's event source mapping among them", env, id, r.DependsOn)
			}
		}
		if deployments != 1 {
			t.Errorf("%s: there are %d deployments of the API, want 1", env, deployments)
		}
	}
}

// releases are the folders of testdata, the last one last.
func releases(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", "v*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no release in testdata (%v)", err)
	}
	slices.SortFunc(found, func(a, b string) int { return semver.Compare(filepath.Base(a), filepath.Base(b)) })
	return found
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
