package dashboard

import (
	"strings"
	"testing"
)

func TestTemplateBody(t *testing.T) {
	template := `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"D":{"Type":"AWS::CloudWatch::Dashboard","Properties":{"DashboardBody":{"Fn::Join":["",[
		"{\"region\":\"", {"Ref":"AWS::Region"}, "\",\"alarm\":\"", {"Fn::GetAtt":["MonitoringAlarmQueueAge2F33887B","Arn"]},
		"\",\"queue\":\"", {"Fn::GetStackOutput":{"StackName":"OrderPipeline-dev","OutputName":"QueueName1"}},
		"\",\"table\":\"", {"Fn::GetStackOutput":{"StackName":"OrderPipeline-dev","OutputName":"Unknown"}}, "\"}"]]}}}}}`
	values := Values{Region: "eu-central-1", Outputs: map[string]string{"QueueName1": "the-queue"}}
	got, err := templateBody([]byte(template), values)
	if want := `{"region":"eu-central-1","alarm":"QueueAge","queue":"the-queue","table":"Unknown"}`; err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if _, err := templateBody([]byte("{}"), values); err == nil || !strings.Contains(err.Error(), "no dashboard") {
		t.Errorf("got %v", err)
	}
}
