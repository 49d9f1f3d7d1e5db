package snapshot

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/ordermonitoring"
	"github.com/orderpipeline/orderpipeline/internal/awsregions"
	"github.com/orderpipeline/orderpipeline/stacks"
)

var folder = flag.String("templates", "", "write the templates of three regions below this folder")

// lintRegions are the regions whose templates cfn-lint judges (make templates): with everything,
// without budgets, and without cost anomaly detection as well.
var lintRegions = []string{"us-east-1", "eu-north-1", "mx-central-1"}

// TestEveryRegion: no template of an environment for a region has a resource type that CloudFormation
// does not have there, and every type is in the table. In three regions these are all environments,
// in the others prod with everything that an environment can have.
func TestEveryRegion(t *testing.T) {
	app, _ := newApp(t, "prod")
	for _, flag := range []string{"validateAgainstDefaultRules", "annotationsInValidationReport"} {
		app.Node().SetContext(jsii.String("@aws-cdk/core:"+flag), false) // TestTemplates validates
	}
	type made struct {
		region string
		scope  constructs.Construct
	}
	var all []made
	for _, region := range awsregions.Regions() {
		for _, env := range stacks.Environments() {
			if env.Local || env.Name != "prod" && !slices.Contains(lintRegions, region) {
				continue
			}
			env.Region = region
			env.Monitoring.CostAnomalies = true
			env.Monitoring.Alarms = ordermonitoring.ProfileFull
			scope := constructs.NewConstruct(app, jsii.String(region+"-"+env.Name))
			stacks.New(scope, env)
			all = append(all, made{region, scope})
		}
	}
	assembly := app.Synth(&awscdk.StageSynthesisOptions{SkipValidation: jsii.Bool(true)})
	types, budgets := map[string]bool{}, map[string]int{}
	for _, m := range all {
		for _, node := range *m.scope.Node().Children() {
			stack, ok := node.(awscdk.Stack)
			if !ok {
				continue
			}
			text, err := os.ReadFile(filepath.Join(*assembly.Directory(), *stack.TemplateFile()))
			if err != nil {
				t.Fatal(err)
			}
			for kind := range typesOf(t, text) {
				types[kind] = true
				if awsregions.Lacks(*stack.Region(), kind) {
					t.Errorf("%s: %s does not exist in %s", *stack.Node().Path(), kind, *stack.Region())
				}
				if kind == "AWS::Budgets::Budget" {
					budgets[*m.scope.Node().Id()]++
				}
			}
			if *folder != "" && slices.Contains(lintRegions, m.region) {
				write(t, filepath.Join(*folder, *stack.Region(), *stack.StackName()+".json"), text)
			}
		}
	}
	for kind := range types {
		if !slices.Contains(awsregions.Types(), kind) {
			t.Errorf("internal/awsregions has no data about %s: make regions", kind)
		}
	}
	for _, m := range all {
		id := *m.scope.Node().Id()
		if want := !strings.HasPrefix(m.region, "us-gov-"); (budgets[id] == 1) != want {
			t.Errorf("%s has %d budgets", id, budgets[id])
		}
	}
}

func typesOf(t *testing.T, text []byte) map[string]bool {
	t.Helper()
	var parsed template
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	types := map[string]bool{}
	for _, r := range parsed.Resources {
		types[r.Type] = true
	}
	if len(types) < 2 {
		t.Fatalf("the template has the types %v only", types)
	}
	return types
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCostsStack: an environment in a region without budgets has a stack for them in another region,
// which has no reference to the others. Region is the environment's own, or that of the credentials.
func TestCostsStack(t *testing.T) {
	for _, test := range []struct {
		region, credentials string
		budget              float64
		anomalies           bool
		want                string // region of the costs stack
	}{
		{"eu-north-1", "", 10, false, "us-east-1"},
		{"eu-north-1", "eu-central-1", 10, false, "us-east-1"},
		{"", "eu-north-1", 10, false, "us-east-1"},
		{"eu-north-1", "", 0, true, "us-east-1"},
		{"eu-north-1", "", 0, false, ""},
		{"eu-central-1", "eu-north-1", 10, true, ""},
		{"", "", 10, true, ""},
		{"us-gov-west-1", "", 10, true, ""},
	} {
		t.Setenv("CDK_DEFAULT_REGION", test.credentials)
		app, env := newApp(t, "prod")
		env.Region = test.region
		env.Monitoring.MonthlyBudgetUSD, env.Monitoring.CostAnomalies = test.budget, test.anomalies
		env.Monitoring.WarningEmails = []string{"team@example.com"}
		_, monitoring := stacks.New(app, env)
		costs, _ := app.Node().TryFindChild(jsii.String("Costs")).(awscdk.Stack)
		if test.want == "" {
			if costs != nil {
				t.Errorf("%+v: there is a costs stack in %s", test, *costs.Region())
			}
			continue
		}
		if costs == nil {
			t.Errorf("%+v: no costs stack", test)
			continue
		}
		if *costs.Region() != test.want || *costs.StackName() != "OrderPipeline-prod-Costs" ||
			!*costs.TerminationProtection() || len(*costs.Dependencies()) != 0 {
			t.Errorf("%+v: the costs stack is %s in %s", test, *costs.StackName(), *costs.Region())
		}
		text, _ := templateOf(t, costs)
		if n := len(resourcesOf(t, text, "AWS::SNS::Subscription")); n != 1 {
			t.Errorf("%+v: %d subscriptions", test, n)
		}
		text, _ = templateOf(t, monitoring)
		if len(resourcesOf(t, text, "AWS::Budgets::Budget")) > 0 ||
			len(resourcesOf(t, text, "AWS::CE::AnomalyMonitor")) > 0 {
			t.Errorf("%+v: the monitoring stack has the budget or the monitor", test)
		}
	}
}
