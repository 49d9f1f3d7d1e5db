package deployment

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// cloudFormation pretends to be the service: it has one stack with these outputs, or none.
func cloudFormation(t *testing.T, outputs map[string]string) aws.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.FormValue("StackName")
		if outputs == nil {
			w.WriteHeader(400)
			fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id %s does not exist</Message></Error></ErrorResponse>`, name)
			return
		}
		var members strings.Builder
		for key, value := range outputs {
			fmt.Fprintf(&members, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", key, value)
		}
		_, _ = io.WriteString(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>`+name+`</StackName><StackStatus>CREATE_IN_PROGRESS</StackStatus><Outputs>`+
			members.String()+`</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`)
	}))
	t.Cleanup(server.Close)
	return local.Config(server.URL)
}

func outputs() map[string]string {
	return map[string]string{
		contract.OutputAPIID: "abc", contract.OutputAPIStage: "v1", contract.OutputAPIURL: "https://abc.execute-api.eu-west-1.amazonaws.com/v1/",
		contract.OutputTableName: "t", contract.OutputQueueURL: "q", contract.OutputDeadLetterQueueURL: "dlq", contract.OutputRejectedQueueURL: "r", contract.OutputOnFailureQueueURL: "f", contract.OutputTopicARN: "arn",
		contract.OutputProcessorFunctionName: "pro", contract.OutputPublisherFunctionName: "pub", contract.OutputStatusFunctionName: "sta",
		contract.OutputSubscriberQueueURL("Shipping"): "s", contract.OutputSubscriberDeadLetterQueueURL("Shipping"): "sd",
		contract.OutputSubscriberQueueURL("Billing"): "b", contract.OutputSubscriberDeadLetterQueueURL("Billing"): "bd",
		"SomethingElse": "x",
	}
}

func TestDescribe(t *testing.T) {
	want := Deployment{
		Env: "dev", Region: "us-east-1", APIURL: "https://abc.execute-api.eu-west-1.amazonaws.com/v1",
		TableName: "t", QueueURL: "q", DeadLetterQueueURL: "dlq", RejectedQueueURL: "r", OnFailureQueueURL: "f", TopicARN: "arn",
		ProcessorFunction: "pro", PublisherFunction: "pub", StatusFunction: "sta",
		Subscribers: []Subscriber{{"Billing", "b", "bd"}, {"Shipping", "s", "sd"}},
	}
	cfg := cloudFormation(t, outputs())
	got, err := Describe(t.Context(), cfg, "dev")
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	// The emulator's APIs have other addresses than CloudFormation says.
	want.Env, want.Endpoint, want.APIURL = contract.EnvironmentLocal, *cfg.BaseEndpoint, *cfg.BaseEndpoint+"/restapis/abc/v1/_user_request_"
	got, err = Describe(t.Context(), cfg, contract.EnvironmentLocal)
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if s := got.Subscriber("shipping"); s == nil || s.Name != "Shipping" {
		t.Errorf("Subscriber: %+v", s)
	}
	if s := got.Subscriber("nobody"); s != nil {
		t.Errorf("Subscriber: %+v", s)
	}
}

func TestOutputs(t *testing.T) {
	want := map[string]string{contract.OutputAlarmProfile: "none", "SomethingElse": "x"}
	if got, err := Outputs(t.Context(), cloudFormation(t, want), "stack"); !reflect.DeepEqual(got, want) || err != nil {
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
	short := outputs()
	delete(short, contract.OutputQueueURL)
	delete(short, contract.OutputSubscriberDeadLetterQueueURL("Billing"))
	for name, test := range map[string]struct {
		outputs   map[string]string
		env, said string
	}{
		"no stack":           {nil, "dev", `environment "dev" is not deployed: there is no stack OrderPipeline-dev in http://127.0.0.1`},
		"under way":          {map[string]string{}, "dev", "stack OrderPipeline-dev is in state CREATE_IN_PROGRESS"},
		"of another version": {short, "dev", "stack OrderPipeline-dev lacks the outputs QueueUrl, SubscriberBillingDeadLetterQueueUrl"},
		"local":              {nil, contract.EnvironmentLocal, "run: make local"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Describe(t.Context(), cloudFormation(t, test.outputs), test.env)
			var absent *NotDeployedError
			if !errors.As(err, &absent) || !strings.Contains(err.Error(), test.said) {
				t.Errorf("got %v, want %q in it", err, test.said)
			}
			var person *failure.Error
			if !errors.As(err, &person) || test.env == "dev" && !strings.Contains(person.Next, "orders up --env dev") {
				t.Errorf("what to do: %+v", person)
			}
		})
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
