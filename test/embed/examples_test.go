//go:build slow

package embed

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// example tests and synthesizes an app of examples/, and returns its template and its output folder.
func example(t testing.TB, name, stack string) (template, string) {
	t.Helper()
	c := consumer{filepath.Join(root, "examples", name), []string{"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", "GOFLAGS=-mod=readonly"}}
	out := t.TempDir()
	for _, args := range [][]string{{"test", "./..."}, {"run", "."}} {
		if output, err := c.run(t, out, "go", args...); err != nil {
			t.Fatalf("go %s in examples/%s: %v\n%s\nIf go.mod is out of date: go -C examples/%s mod tidy",
				strings.Join(args, " "), name, err, output, name)
		}
	}
	text, err := os.ReadFile(filepath.Join(out, stack+".template.json"))
	if err != nil {
		t.Fatal(err)
	}
	var parsed template
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed, out
}

type template struct {
	Resources map[string]struct {
		Type       string
		Properties map[string]any
	}
}

// all returns the results of f for the resources of a type, sorted.
func (t template) all(kind string, f func(id string, properties map[string]any) string) (texts []string) {
	for id, r := range t.Resources {
		if r.Type == kind {
			texts = append(texts, f(id, r.Properties))
		}
	}
	slices.Sort(texts)
	return texts
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestTwoPipelines(t *testing.T) {
	shop, out := example(t, "two-pipelines", "Shop")
	for kind, want := range map[string]int{
		"AWS::DynamoDB::GlobalTable": 2, "AWS::ApiGateway::RestApi": 2, "AWS::ApiGateway::ApiKey": 1, "AWS::SNS::Topic": 3, "AWS::S3::Bucket": 1, "AWS::CloudWatch::Alarm": 2,
	} {
		if got := shop.all(kind, func(id string, _ map[string]any) string { return id }); len(got) != want {
			t.Errorf("%s: %q, want %d", kind, got, want)
		}
	}
	names := shop.all("AWS::ApiGateway::RestApi", func(_ string, p map[string]any) string { return text(p["Name"]) })
	if len(slices.Compact(slices.Clone(names))) != 2 {
		t.Errorf("the two APIs have the names %s, so they share their metrics", names)
	}
	archived := shop.all("AWS::SNS::Subscription", func(_ string, p map[string]any) string {
		if p["Protocol"] == "lambda" && strings.Contains(text(p["Endpoint"]), `"Archive`) {
			return text(p["TopicArn"])
		}
		return ""
	})
	if len(slices.Compact(slices.DeleteFunc(archived, func(s string) bool { return s == "" }))) != 2 {
		t.Errorf("the archive receives the events of %q, want two topics", archived)
	}
	if assets := assetsOf(t, out); len(assets) != 4 {
		t.Errorf("built %q, want three functions for both pipelines, and the archive", assets)
	}
}

func TestOwnStep(t *testing.T) {
	shop, out := example(t, "own-step", "PrintShop")
	schema, err := os.ReadFile(filepath.Join(root, "examples", "own-step", "jobs", "job.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	beside, err := filepath.Glob(filepath.Join(out, "asset.*", "order.schema.json"))
	if err != nil || len(beside) != 1 {
		t.Fatalf("schemas beside functions: %q (%v), want one", beside, err)
	}
	if packed, err := os.ReadFile(beside[0]); err != nil || string(packed) != string(schema) {
		t.Errorf("the schema beside the processor is %s (%v)", packed, err)
	}
	processor := filepath.Base(filepath.Dir(beside[0]))
	if assets := assetsOf(t, out); len(assets) != 3 || !slices.Contains(assets, processor) {
		t.Errorf("built %q, want three functions, %s among them", assets, processor)
	}
	processors := shop.all("AWS::Lambda::Function", func(_ string, p map[string]any) string {
		if !strings.Contains(text(p["Code"]), strings.TrimPrefix(processor, "asset.")) {
			return ""
		}
		return text(p["Environment"])
	})
	if got := strings.Join(processors, ""); !strings.Contains(got, `"ORDER_ID_FIELD":"jobId"`) || !strings.Contains(got, `"INDEXED_FIELDS":"customer"`) {
		t.Errorf("the environment of the function with the step is %s", got)
	}
	models := shop.all("AWS::ApiGateway::Model", func(_ string, p map[string]any) string { return p["Schema"].(string) })
	for _, model := range models {
		if !strings.Contains(model, `"jobId"`) {
			t.Errorf("API Gateway validates bodies with %s", model)
		}
	}
	if len(models) == 0 {
		t.Error("API Gateway validates no bodies")
	}
	tables := shop.all("AWS::DynamoDB::GlobalTable", func(id string, p map[string]any) string { return id + text(p["TimeToLiveSpecification"]) })
	if len(tables) != 1 || !strings.HasPrefix(tables[0], "Table") || !strings.Contains(tables[0], `"expiresAt"`) {
		t.Errorf("tables: %q, want the existing one, with the pipeline's TTL attribute", tables)
	}
	sources := shop.all("AWS::Lambda::EventSourceMapping", func(_ string, p map[string]any) string { return text(p["EventSourceArn"]) })
	if !slices.ContainsFunc(sources, func(s string) bool {
		return strings.HasPrefix(s, `{"Fn::GetAtt":["Table`) && strings.Contains(s, `"StreamArn"`)
	}) {
		t.Errorf("event sources: %q, want the table's stream among them", sources)
	}
}

func TestWebhook(t *testing.T) {
	shop, out := example(t, "webhook", "Shop")
	if assets := assetsOf(t, out); len(assets) != 3 {
		t.Errorf("built %q, want the pipeline's two functions and the webhook", assets)
	}
	urls := shop.all("AWS::Lambda::Url", func(_ string, p map[string]any) string { return text(p["TargetFunctionArn"]) })
	if len(urls) != 1 || !strings.Contains(urls[0], `"Webhook`) {
		t.Errorf("functions with a URL: %q, want the webhook only", urls)
	}
	// Since October 2025, a URL needs both permissions (AWS Lambda, "Control access to Lambda function
	// URLs").
	public := shop.all("AWS::Lambda::Permission", func(_ string, p map[string]any) string {
		if p["Principal"] != "*" {
			return ""
		}
		return text(p["Action"]) + text(p["FunctionUrlAuthType"]) + text(p["InvokedViaFunctionUrl"])
	})
	public = slices.DeleteFunc(public, func(s string) bool { return s == "" })
	if want := []string{`"lambda:InvokeFunction"nulltrue`, `"lambda:InvokeFunctionUrl""NONE"null`}; !slices.Equal(public, want) {
		t.Errorf("public permissions: %q, want %q (through the URL only)", public, want)
	}
	// The public function can only enqueue orders and read its keys.
	var may []string
	shop.all("AWS::IAM::Policy", func(_ string, p map[string]any) string {
		if strings.Contains(text(p["Roles"]), `"Webhook`) {
			for _, s := range p["PolicyDocument"].(map[string]any)["Statement"].([]any) {
				statement := s.(map[string]any)
				may = append(may, text(statement["Action"])+text(statement["Resource"]))
			}
		}
		return ""
	})
	if len(may) != 2 || !strings.HasPrefix(may[0], `"sqs:SendMessage"{"Fn::GetAtt":["OrdersQueue`) ||
		!strings.HasPrefix(may[1], `["secretsmanager:GetSecretValue","secretsmanager:DescribeSecret"]{"Ref":"Keys`) {
		t.Errorf("permissions of the webhook: %q, want to send to the queue and to read the keys", may)
	}
	functions := shop.all("AWS::Lambda::Function", func(id string, p map[string]any) string {
		if !strings.HasPrefix(id, "Webhook") {
			return ""
		}
		return text(p["ReservedConcurrentExecutions"]) + text(p["Environment"])
	})
	if got := strings.Join(functions, ""); !strings.HasPrefix(got, "10{") || !strings.Contains(got, `"QUEUE_URL":{"Ref":"OrdersQueue`) {
		t.Errorf("the webhook is %s, want a bounded concurrency and the pipeline's queue", got)
	}
	// The filter and the handler's log must agree on the field; the handler's test has the other half.
	filters := shop.all("AWS::Logs::MetricFilter", func(_ string, p map[string]any) string { return text(p["FilterPattern"]) })
	if !slices.Equal(filters, []string{`"{ $.status = 400 }"`}) {
		t.Errorf("filters %q", filters)
	}
	if alarms := shop.all("AWS::CloudWatch::Alarm", func(_ string, p map[string]any) string { return text(p["MetricName"]) }); !slices.Equal(alarms, []string{`"Refused"`, `"Url5xxCount"`}) {
		t.Errorf("alarms on %q", alarms)
	}
}
