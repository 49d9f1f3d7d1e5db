package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// newDoctor checks environment dev against a fake AWS: CloudWatch answers with the given JSON by
// operation, CloudFormation with a monitoring stack of this alarm profile.
func newDoctor(t *testing.T, cloudWatch map[string]any, profile string) *Doctor {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, found := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if found {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			_ = json.NewEncoder(w).Encode(cloudWatch[operation])
			return
		}
		if name := r.FormValue("StackName"); name != "OrderPipeline-dev-Monitoring" {
			t.Errorf("asks for stack %q", name)
		}
		_, _ = io.WriteString(w, fmt.Sprintf(`<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>m</StackName><Outputs><member>`+
			`<OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
			contract.OutputAlarmProfile, profile))
	}))
	t.Cleanup(server.Close)
	return &Doctor{
		Config: local.Config(server.URL),
		Deployment: &deployment.Deployment{
			Env: "dev", Stacks: []string{"OrderPipeline-dev"}, Endpoint: server.URL, QueueURL: server.URL + "/000000000000/queue",
			PublisherFunction: "publisher", ProcessorFunction: "processor", StatusFunction: "status",
		},
		Command: func(args string) string { return "orders " + args },
		Explain: func(err error) *failure.Error { return &failure.Error{What: err.Error(), Next: "repair it"} },
	}
}

type object = map[string]any

// An environment without alarms is a finding, unless it is configured to have none.
func TestNoAlarms(t *testing.T) {
	for profile, want := range map[string]int{"none": 0, "core": 1, "": 1} {
		d := newDoctor(t, map[string]any{"DescribeAlarms": object{}}, profile)
		found, err := d.checkAlarms(t.Context())
		if err != nil || len(found) != want {
			t.Errorf("profile %q: %+v, %v; want %d", profile, found, err, want)
		}
		if len(found) == 1 && (found[0].What != "there is no alarm" || !strings.Contains(found[0].Do, "orders up")) {
			t.Errorf("says %+v", found[0])
		}
	}
}

// The ages are compared with the thresholds of the deployed alarms, and with nothing else.
func TestThresholdsOfDeployedAlarms(t *testing.T) {
	alarm := func(namespace, metric, dimension, value string, threshold float64) object {
		return object{
			"AlarmName": "OrderPipeline-dev-" + metric, "Namespace": namespace, "MetricName": metric,
			"Dimensions": []object{{"Name": dimension, "Value": value}}, "Threshold": threshold,
		}
	}
	now := float64(time.Now().Unix())
	result := func(id string, values ...float64) object {
		times := make([]float64, len(values))
		for i := range times {
			times[i] = now - 60
		}
		return object{"Id": id, "Timestamps": times, "Values": values}
	}
	const age, lag, throttles = "m4", "m3", "m1" // the places in series()
	for name, test := range map[string]struct {
		alarms  []object
		results []object
		want    []string
	}{
		"above": {
			[]object{alarm("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "queue", 120)},
			[]object{result(age, 100, 121)}, []string{"its oldest order has been waiting for 121 s"},
		},
		"below": {
			[]object{alarm("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "queue", 120)},
			[]object{result(age, 120)}, nil,
		},
		"another queue's alarm": {
			[]object{alarm("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "other", 120)},
			[]object{result(age, 500)}, nil,
		},
		"the lowest of two": {
			[]object{
				alarm("AWS/Lambda", "IteratorAge", "FunctionName", "publisher", 30_000),
				alarm("AWS/Lambda", "IteratorAge", "FunctionName", "publisher", 90_000),
			},
			[]object{result(lag, 45_000)}, []string{"it is 45000 ms behind the table's stream"},
		},
		"a count needs no alarm": {nil, []object{result(throttles, 1, 2)}, []string{"it was throttled 3 times in the last hour"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoctor(t, map[string]any{
				"DescribeAlarms": object{"MetricAlarms": test.alarms},
				"GetMetricData":  object{"MetricDataResults": test.results},
			}, "")
			found, err := d.checkMetrics(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range found {
				got = append(got, f.What)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A check that fails is a finding, in the place of that check.
func TestExamine(t *testing.T) {
	d := newDoctor(t, nil, "")
	found, err := d.Examine(t.Context(), []Check{
		{"mappings", "mapping", func(context.Context) ([]Finding, error) {
			return []Finding{{Resource: "f", What: "w"}}, errors.New("no answer")
		}},
		{"queues", "queue", func(context.Context) ([]Finding, error) { return []Finding{{Resource: "q"}}, nil }},
	})
	want := []Finding{
		{Check: "mapping", Resource: "f", What: "w"},
		{Check: "mapping", Resource: "mappings", What: "status unknown: no answer", Why: "the check failed, so anything may be wrong there", Do: "repair it"},
		{Check: "queue", Resource: "q"},
	}
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := d.Examine(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v, %v", found, err)
	}
}

// In the stack of another app, only alarms about the pipeline count.
func TestAlarmsOfAnotherPipeline(t *testing.T) {
	alarm := func(name, dimension string, math bool) object {
		dimensions := []object{{"Name": "D", "Value": dimension}}
		a := object{"AlarmName": name, "StateValue": "ALARM", "AlarmActions": []string{"arn:aws:lambda:eu-west-1:123456789012:function:page"}, "Dimensions": dimensions}
		if math {
			a["Dimensions"] = nil
			a["Metrics"] = []object{{"Id": "e"}, {"Id": "m", "MetricStat": object{"Metric": object{"Dimensions": dimensions}}}}
		}
		return a
	}
	d := newDoctor(t, map[string]any{"DescribeAlarms": object{
		"MetricAlarms": []object{
			alarm("Shop-processor", "processor", false), alarm("Shop-queue", "queue", true), alarm("Shop-api", "the API", false),
			alarm("Shop-other", "other", false), alarm("Shop-math", "other", true), alarm("Shop-none", "", false),
		},
		"CompositeAlarms": []object{
			{"AlarmName": "Shop-all", "StateValue": "ALARM", "AlarmRule": `ALARM("Shop-queue") OR ALARM("Shop-other")`, "AlarmActions": []string{"x"}},
			{"AlarmName": "Shop-others", "StateValue": "ALARM", "AlarmRule": `ALARM("Shop-other")`, "AlarmActions": []string{"x"}},
		},
	}}, "")
	d.Deployment.Env, d.Deployment.Stacks, d.Deployment.APIName = "", []string{"Shop"}, "the API"
	found, err := d.checkAlarms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		got = append(got, f.Resource)
	}
	if diff := cmp.Diff([]string{"Shop-all", "Shop-processor", "Shop-queue", "Shop-api"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
