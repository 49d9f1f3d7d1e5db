package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/dashboard"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

func TestDashboardBody(t *testing.T) {
	var template map[string]any
	if err := json.Unmarshal([]byte(`{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"D":{"Type":"AWS::CloudWatch::Dashboard","Properties":{"DashboardBody":{"Fn::Join":["",[
		"{\"region\":\"", {"Ref":"AWS::Region"}, "\",\"alarm\":\"", {"Fn::GetAtt":["MonitoringAlarmQueueAge2F33887B","Arn"]},
		"\",\"queue\":\"", {"Fn::GetStackOutput":{"StackName":"OrderPipeline-dev","OutputName":"QueueName1"}},
		"\",\"table\":\"", {"Fn::GetStackOutput":{"StackName":"OrderPipeline-dev","OutputName":"Unknown"}}, "\"}"]]}}}}}`), &template); err != nil {
		t.Fatal(err)
	}
	e := environment{region: "eu-central-1", outputs: map[string]string{"QueueName1": "the-queue"}}
	got, err := e.body(template)
	if want := `{"region":"eu-central-1","alarm":"QueueAge","queue":"the-queue","table":"Unknown"}`; err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if _, err := e.body(map[string]any{}); err == nil || !strings.Contains(err.Error(), "no dashboard") {
		t.Errorf("got %v", err)
	}
}

// The picture in the docs is that of the dashboard as it is. It is drawn anew by
//
//	orders dashboard --env prod --example --out docs/dashboard.svg
func TestDashboardInDocs(t *testing.T) {
	snapshot, err := os.ReadFile("../../test/snapshot/testdata/prod-monitoring.json")
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]any
	if err := json.Unmarshal(snapshot, &template); err != nil {
		t.Fatal(err)
	}
	env := environment{region: "REGION"}
	body, err := env.body(template)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dashboard.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	cmd := dashboardCmd{Example: true}
	data, err := cmd.data(t.Context(), &app{target: deployment.Target{Env: "prod"}}, &env, d)
	if err != nil {
		t.Fatal(err)
	}
	want, err := dashboard.SVG(d, data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/dashboard.svg")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(got), "\n"), strings.Split(string(want), "\n")); diff != "" {
		t.Errorf("docs/dashboard.svg is out of date: orders dashboard --env prod --example --out docs/dashboard.svg (-docs +now):\n%s", diff)
	}
	// The story is told: datapoints everywhere, an alarm that is on, and nothing that the example does not know.
	for i, w := range d.Widgets {
		for k, m := range w.Metrics {
			if !m.Hidden && len(data.Series[[2]int{i, k}]) == 0 {
				t.Errorf("%s: no datapoints for %s %s", w.Title, m.Name, m.Label)
			}
		}
	}
}

func TestDashboardUsage(t *testing.T) {
	for args, want := range map[string]string{
		"dashboard":                              "--out",
		"dashboard --out x.gif":                  "ends in .svg or .png",
		"dashboard --out x.svg --since 1s":       "--since",
		"dashboard --out x.svg --since sometime": "--since",
	} {
		var said strings.Builder
		status := run(context.Background(), strings.Fields(args), &app{stdout: &said, stderr: &said})
		if status != usageStatus || !strings.Contains(said.String(), want) {
			t.Errorf("%s: status %d, says %s", args, status, said.String())
		}
	}
}
