package deployment

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// stack is a pretended CloudFormation stack: its state, and the resources with their metadata.
type stack struct {
	status    string
	protected bool
	events    []string // oldest first: id type state reason
	outputs   map[string]string
	resources map[string]resource
}

type resource struct {
	kind, physicalID string
	mark             *contract.Mark
}

// cloudFormation pretends to be the service.
func cloudFormation(t *testing.T, stacks map[string]stack) aws.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.FormValue("StackName")
		s, ok := stacks[name]
		if !ok {
			w.WriteHeader(400)
			fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id %s does not exist</Message></Error></ErrorResponse>`, name)
			return
		}
		action := r.FormValue("Action")
		answer := func(format string, args ...any) {
			fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", action, fmt.Sprintf(format, args...))
		}
		switch action {
		case "DescribeStacks":
			var members strings.Builder
			for key, value := range s.outputs {
				fmt.Fprintf(&members, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", key, value)
			}
			answer("<Stacks><member><StackName>%[1]s</StackName><StackId>%[1]s</StackId><StackStatus>%[2]s</StackStatus>"+
				"<EnableTerminationProtection>%[3]t</EnableTerminationProtection><Outputs>%[4]s</Outputs></member></Stacks>",
				name, cmp.Or(s.status, "CREATE_COMPLETE"), s.protected, members.String())
		case "DescribeStackEvents":
			var members strings.Builder
			for _, event := range slices.Backward(s.events) {
				part := strings.SplitN(event, " ", 4)
				fmt.Fprintf(&members, "<member><LogicalResourceId>%[1]s</LogicalResourceId><PhysicalResourceId>Physical%[1]s</PhysicalResourceId>"+
					"<ResourceType>%[2]s</ResourceType><ResourceStatus>%[3]s</ResourceStatus><ResourceStatusReason>%[4]s</ResourceStatusReason></member>",
					part[0], part[1], part[2], part[3])
			}
			answer("<StackEvents>%s</StackEvents>", members.String())
		case "GetTemplate": // with references: only DescribeStackResource resolves them
			template := map[string]any{}
			for id, r := range s.resources {
				metadata := map[string]any{"aws:cdk:path": "x"}
				if r.mark != nil {
					metadata[contract.MetadataKey] = map[string]any{"queueUrl": map[string]string{"Ref": "Q"}}
				}
				template[id] = map[string]any{"Type": r.kind, "Metadata": metadata}
			}
			text, _ := json.Marshal(map[string]any{"Resources": template})
			answer("<TemplateBody>%s</TemplateBody>", html.EscapeString(string(text)))
		case "DescribeStackResource":
			r := s.resources[r.FormValue("LogicalResourceId")]
			text, _ := json.Marshal(map[string]any{contract.MetadataKey: r.mark})
			answer("<StackResourceDetail><PhysicalResourceId>%s</PhysicalResourceId><Metadata>%s</Metadata></StackResourceDetail>",
				r.physicalID, html.EscapeString(string(text)))
		default:
			t.Errorf("unexpected action %s", action)
		}
	}))
	t.Cleanup(server.Close)
	return local.Config(server.URL)
}

func marked(marks ...contract.Mark) stack {
	s := stack{resources: map[string]resource{"Other": {kind: "AWS::S3::Bucket"}}}
	for i := range marks {
		s.resources[fmt.Sprintf("R%d", i)] = resource{mark: &marks[i]}
	}
	return s
}

// pipelineMark is the mark of a pipeline whose parts begin with its name.
func pipelineMark(path, id string) contract.Mark {
	return contract.Mark{
		Pipeline: path, ID: id, TableName: id + "-t", QueueURL: id + "-q", DeadLetterQueueURL: id + "-dlq", RejectedQueueURL: id + "-r",
		OnFailureQueueURL: id + "-f", TopicARN: id + "-arn", ProcessorFunction: id + "-pro", PublisherFunction: id + "-pub",
	}
}

func TestDescribe(t *testing.T) {
	web := pipelineMark("Prod/Shop/Web", "Web")
	api := contract.Mark{Pipeline: web.Pipeline, StatusFunction: "sta", APIID: "abc", APIName: "shop", Stage: "v1", Path: "/shop"}
	shipping := contract.Mark{Pipeline: web.Pipeline, Subscriber: "Shipping", QueueURL: "s", DeadLetterQueueURL: "sd"}
	billing := contract.Mark{Pipeline: web.Pipeline, Subscriber: "Billing", QueueURL: "b", DeadLetterQueueURL: "bd"}
	function := contract.Mark{Pipeline: web.Pipeline, Subscriber: "Archive", DeadLetterQueueURL: "ad"}
	want := Deployment{
		Env: "dev", Stacks: []string{"OrderPipeline-dev"}, Pipeline: "Web", Region: "eu-west-1",
		APIName: "shop", APIURL: "https://abc.execute-api.eu-west-1.amazonaws.com/v1/shop",
		TableName: "Web-t", QueueURL: "Web-q", DeadLetterQueueURL: "Web-dlq", RejectedQueueURL: "Web-r", OnFailureQueueURL: "Web-f", TopicARN: "Web-arn",
		ProcessorFunction: "Web-pro", PublisherFunction: "Web-pub", StatusFunction: "sta",
		Subscribers: []Subscriber{{"Billing", "b", "bd"}, {"Shipping", "s", "sd"}},
	}
	all := marked(shipping, api, web, function, billing)
	cfg := cloudFormation(t, map[string]stack{
		"OrderPipeline-dev": all, "OrderPipeline-local": all,
		"Shop":   marked(web, shipping, billing, pipelineMark("Prod/Shop/Wholesale", "Wholesale")),
		"API":    marked(api, contract.Mark{Pipeline: "Prod/Shop/Wholesale", StatusFunction: "other", APIID: "no-stage"}),
		"Outer":  {resources: map[string]resource{"N": {kind: "AWS::CloudFormation::Stack", physicalID: "Nested"}}},
		"Nested": marked(pipelineMark("Prod/Outer/N/P", "P")),
	})
	endpoint := *cfg.BaseEndpoint
	describe := func(onAWS bool, target Target) (*Deployment, error) {
		d, err := Describe(t.Context(), cfg, target)
		if err == nil && onAWS {
			d.Region, d.Endpoint = "eu-west-1", ""
			d.APIURL = d.urlOf(api)
		}
		return d, err
	}
	got, err := describe(true, Target{Env: "dev"})
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	// The emulator's APIs have other addresses.
	got, err = describe(false, Target{Env: contract.EnvironmentLocal})
	want.Env, want.Stacks, want.Region = contract.EnvironmentLocal, []string{"OrderPipeline-local"}, contract.LocalRegion
	want.Endpoint, want.APIURL = endpoint, endpoint+"/restapis/abc/v1/_user_request_/shop"
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if s := got.Subscriber("shipping"); s == nil || s.Name != "Shipping" {
		t.Errorf("Subscriber: %+v", s)
	}
	if s := got.Subscriber("nobody"); s != nil {
		t.Errorf("Subscriber: %+v", s)
	}

	// Two pipelines in a stack, the API in another one.
	got, err = describe(false, Target{Stacks: []string{"Shop", "API"}, Pipeline: "Web"})
	want.Env, want.Stacks = "", []string{"Shop", "API"}
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	got, err = describe(false, Target{Stacks: []string{"Shop", "API"}, Pipeline: "Wholesale"})
	if err != nil || got.QueueURL != "Wholesale-q" || len(got.Subscribers) != 0 || got.APIURL != "" {
		t.Errorf("got %+v, %v", got, err)
	} else if err := got.RequireAPI(); err == nil || !strings.Contains(err.Error(), "stack Shop, API, pipeline Wholesale has no API") {
		t.Errorf("without an API: %v", err)
	}
	if got, err := describe(false, Target{Stacks: []string{"Outer"}}); err != nil || got.Pipeline != "P" {
		t.Errorf("in a nested stack: %+v, %v", got, err)
	}
	china := Deployment{Region: "cn-north-1"}
	if got := china.urlOf(api); got != "https://abc.execute-api.cn-north-1.amazonaws.com.cn/v1/shop" {
		t.Errorf("in China: %s", got)
	}
}

func TestOutputs(t *testing.T) {
	want := map[string]string{contract.OutputAlarmProfile: "none", "SomethingElse": "x"}
	if got, err := Outputs(t.Context(), cloudFormation(t, map[string]stack{"stack": {outputs: want}}), "stack"); !reflect.DeepEqual(got, want) || err != nil {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if got, err := Outputs(t.Context(), cloudFormation(t, nil), "stack"); len(got) != 0 || err != nil {
		t.Errorf("without a stack: %v, %v", got, err)
	}
	if _, err := Outputs(t.Context(), local.Config("http://127.0.0.1:1"), "stack"); err == nil {
		t.Error("no error when the service does not answer")
	}
}

func TestNotDeployed(t *testing.T) {
	cfg := cloudFormation(t, map[string]stack{
		"OrderPipeline-dev": {status: "CREATE_IN_PROGRESS"}, "Empty": marked(),
		"Shop": marked(pipelineMark("Shop/Web", "Web"), pipelineMark("Shop/Wholesale", "Wholesale")),
	})
	for name, test := range map[string]struct {
		target     Target
		said, next string
		absent     bool
	}{
		"no stack":         {Target{Env: "prod"}, `environment "prod" is not deployed: there is no stack OrderPipeline-prod in http://127.0.0.1`, "orders up --env prod", true},
		"under way":        {Target{Env: "dev"}, "stack OrderPipeline-dev is in state CREATE_IN_PROGRESS", "orders up --env dev", true},
		"local":            {Target{Env: contract.EnvironmentLocal}, "is not deployed", "run: make local", true},
		"no such stack":    {Target{Stacks: []string{"Nowhere"}}, "there is no stack Nowhere in http://127.0.0.1", "check --stack", true},
		"the second":       {Target{Stacks: []string{"Shop", "Nowhere"}}, "there is no stack Nowhere", "check --stack", true},
		"no pipeline":      {Target{Stacks: []string{"Empty"}}, "stack Empty holds no OrderPipeline", "check --stack", true},
		"two pipelines":    {Target{Stacks: []string{"Shop"}}, "stack Shop holds 2 pipelines", "--pipeline: Web, Wholesale", false},
		"no such pipeline": {Target{Stacks: []string{"Shop"}, Pipeline: "Retail"}, `stack Shop holds no pipeline "Retail"`, "its pipelines are: Web, Wholesale", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Describe(t.Context(), cfg, test.target)
			var absent *NotDeployedError
			var person *failure.Error
			if !errors.As(err, &person) || !strings.Contains(person.What, test.said) || !strings.Contains(person.Next, test.next) {
				t.Errorf("got %v, want %q and %q in it", err, test.said, test.next)
			}
			if errors.As(err, &absent) != test.absent {
				t.Errorf("%v is a NotDeployedError: %t", err, !test.absent)
			}
		})
	}
}

// A stack whose first deployment failed: why, and the commands that remove it.
func TestFailedCreation(t *testing.T) {
	events := []string{
		"Table AWS::DynamoDB::GlobalTable CREATE_COMPLETE -",
		"Topic AWS::SNS::Topic CREATE_FAILED no such  key",
		"Queue AWS::SQS::Queue CREATE_FAILED Resource creation cancelled",
		"Table AWS::DynamoDB::GlobalTable DELETE_SKIPPED -",
	}
	cfg := cloudFormation(t, map[string]stack{
		"OrderPipeline-prod": {status: "ROLLBACK_COMPLETE", protected: true, events: events},
		"OrderPipeline-dev":  {status: "ROLLBACK_FAILED"}, "OrderPipeline-dev-Monitoring": {status: "CREATE_FAILED"},
		"OrderPipeline-staging": marked(pipelineMark("P", "P")),
	})
	_, err := Describe(t.Context(), cfg, Target{Env: "prod"})
	var person *failure.Error
	if !errors.As(err, &person) {
		t.Fatalf("got %v", err)
	}
	const what = "stack OrderPipeline-prod is in state ROLLBACK_COMPLETE: its first deployment failed (Topic: no such key), " +
		"and termination protection keeps the next one from replacing it"
	if person.What != what || !strings.Contains(person.Next, "orders up --env prod") || !strings.Contains(person.Next, "The table is empty") {
		t.Errorf("says %q, %q", person.What, person.Next)
	}
	var want []string
	for _, command := range []string{
		"cloudformation update-termination-protection --no-enable-termination-protection --stack-name OrderPipeline-prod",
		"cloudformation delete-stack --stack-name OrderPipeline-prod",
		"cloudformation wait stack-delete-complete --stack-name OrderPipeline-prod",
		"dynamodb update-table --no-deletion-protection-enabled --table-name PhysicalTable",
		"dynamodb delete-table --table-name PhysicalTable",
	} {
		want = append(want, "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws "+command+" --region us-east-1 --endpoint-url "+*cfg.BaseEndpoint)
	}
	if !slices.Equal(person.Commands, want) {
		t.Errorf("commands\n%s\nwant\n%s", strings.Join(person.Commands, "\n"), strings.Join(want, "\n"))
	}
	cfg.BaseEndpoint = nil
	if got := AWSCommand(cfg, "ops", "sts get-caller-identity"); got != "aws sts get-caller-identity --region us-east-1 --profile ops" {
		t.Errorf("on AWS: %s", got)
	}
}

func TestFailedCreations(t *testing.T) {
	cfg := cloudFormation(t, map[string]stack{
		"OrderPipeline-dev": {status: "ROLLBACK_FAILED"}, "OrderPipeline-dev-Monitoring": {status: "CREATE_FAILED", protected: true},
		"OrderPipeline-staging": {status: "UPDATE_ROLLBACK_COMPLETE"},
	})
	failed, err := FailedCreations(t.Context(), cfg, Target{Env: "dev"})
	if err != nil || len(failed) != 2 || failed[0].Protected || !failed[1].Protected {
		t.Fatalf("%+v, %v", failed, err)
	}
	if commands := failed[0].Commands(); len(commands) != 2 { // no protection, no table
		t.Errorf("commands %q", commands)
	}
	for _, env := range []string{"staging", "prod"} {
		if failed, err := FailedCreations(t.Context(), cfg, Target{Env: env}); len(failed) > 0 || err != nil {
			t.Errorf("%s: %+v, %v", env, failed, err)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		target Target
		want   string
	}{
		{Target{Env: contract.EnvironmentLocal}, ""},
		{Target{Env: "prod", Region: "eu-west-1", Profile: "ops"}, " --env prod --region eu-west-1 --profile ops"},
		{Target{Stacks: []string{"Shop", "API"}, Pipeline: "Web"}, " --stack Shop,API --pipeline Web"},
		{Target{Env: contract.EnvironmentLocal, Stacks: []string{"Shop"}}, " --env local --stack Shop"},
	} {
		if got := test.target.Flags(); got != test.want {
			t.Errorf("%+v: %q, want %q", test.target, got, test.want)
		}
	}
}

func TestConfig(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_ENDPOINT_URL", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "real")
	t.Setenv("AWS_REGION", "eu-west-1")

	t.Run("local never has the user's credentials", func(t *testing.T) {
		t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:7")
		cfg, err := Config(t.Context(), Target{Env: contract.EnvironmentLocal})
		if err != nil {
			t.Fatal(err)
		}
		credentials, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil || credentials.AccessKeyID != "test" || cfg.Region != contract.LocalRegion || aws.ToString(cfg.BaseEndpoint) != "http://127.0.0.1:7" {
			t.Errorf("%+v, %s, %v", credentials, cfg.Region, err)
		}
	})
	t.Run("local without an emulator", func(t *testing.T) {
		root := t.TempDir()
		for name, content := range map[string]string{"go.mod": "module " + local.Module + "\n", "cdk.json": "{}"} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		t.Chdir(root)
		_, err := Config(t.Context(), Target{Env: contract.EnvironmentLocal})
		var absent *NotDeployedError
		if !errors.As(err, &absent) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("local has no region or profile to choose", func(t *testing.T) {
		if _, err := Config(t.Context(), Target{Env: contract.EnvironmentLocal, Profile: "x"}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("AWS", func(t *testing.T) {
		cfg, err := Config(t.Context(), Target{Env: "dev"})
		if err != nil || cfg.Region != "eu-west-1" || cfg.BaseEndpoint != nil {
			t.Errorf("%+v, %v", cfg, err)
		}
		credentials, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil || credentials.AccessKeyID != "AKIAREAL" {
			t.Errorf("%+v, %v", credentials, err)
		}
		if cfg, err := Config(t.Context(), Target{Env: "dev", Region: "us-west-2"}); err != nil || cfg.Region != "us-west-2" {
			t.Errorf("%s, %v", cfg.Region, err)
		}
		if _, err := Config(t.Context(), Target{Env: "dev", Profile: "nobody"}); err == nil {
			t.Error("a profile that does not exist: no error")
		}
	})
	t.Run("AWS without a region", func(t *testing.T) {
		t.Setenv("AWS_REGION", "")
		t.Setenv("AWS_DEFAULT_REGION", "")
		if _, err := Config(t.Context(), Target{Env: "dev"}); err == nil || !strings.Contains(err.Error(), "--region") {
			t.Errorf("got %v", err)
		}
	})
}
