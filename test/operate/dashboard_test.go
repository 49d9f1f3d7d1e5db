//go:build emulator

package operate

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// The dashboard that the code makes is drawn with the datapoints and the alarm states that the
// environment holds.
func TestDashboard(t *testing.T) {
	client := world.Metrics
	prefix := contract.MonitoringStackName(contract.EnvironmentLocal)
	alarms, err := client.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	set := func(ctx context.Context, state types.StateValue) {
		for _, alarm := range alarms.MetricAlarms {
			if strings.Contains(*alarm.AlarmName, "QueueAge") {
				if _, err := client.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: alarm.AlarmName, StateValue: state, StateReason: aws.String("test")}); err != nil {
					t.Error(err)
				}
			}
		}
	}
	for i, count := range []float64{4, 8} { // of what the doctor does not look at
		queue := pipeline.QueueName(world.QueueURL)
		if _, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("AWS/SQS"), MetricData: []types.MetricDatum{{
			MetricName: aws.String("NumberOfEmptyReceives"), Dimensions: []types.Dimension{{Name: aws.String("QueueName"), Value: &queue}},
			Timestamp: aws.Time(time.Now().Add(time.Duration(i-4) * time.Minute)), Value: &count,
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	set(t.Context(), types.StateValueAlarm)
	defer set(t.Context(), types.StateValueOk)

	draw := func(name string) []byte {
		file := filepath.Join(t.TempDir(), name)
		cmd := world.Command(t, "dashboard", "--since", "10m", "--out", file)
		for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // those of the operator are elsewhere, and empty
			value, err := exec.Command("go", "env", name).Output()
			if err != nil {
				t.Fatal(err)
			}
			cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
		}
		finish(t, 0, cmd, file)
		picture, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return picture
	}
	text := string(draw("dashboard.svg"))
	for title, want := range map[string]string{"Queue: empty receives": "<polyline ", "Queue: age of the oldest message": ">QueueAge, FailingOrders 300</text>"} {
		_, widget, found := strings.Cut(text, ">"+title)
		widget, _, _ = strings.Cut(widget, "<g ")
		if !found || strings.Count(widget, want) != 1 {
			t.Errorf("%s is drawn as %s, want %s", title, widget, want)
		}
	}
	for name, want := range map[string]string{"QueueAge": "ALARM", "DeadLetters": ""} {
		_, tile, _ := strings.Cut(text, ">"+name+"</text>")
		tile, _, _ = strings.Cut(tile, "<rect")
		if got := strings.Contains(tile, ">ALARM</text>"); got != (want == "ALARM") || strings.Contains(tile, "not deployed") {
			t.Errorf("alarm %s is drawn as %s", name, tile)
		}
	}
	picture, err := png.Decode(bytes.NewReader(draw("dashboard.png")))
	if err != nil || picture.Bounds().Dx() != 1440 {
		t.Errorf("the PNG is %v, %v", picture, err)
	}
}
