package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
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

func TestDashboardUsage(t *testing.T) {
	for args, want := range map[string]string{
		"dashboard":                              "--out",
		"dashboard --out x.png":                  "ends in .svg",
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
