package dashboard

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const body = `{"start":"-PT3H","widgets":[
{"type":"text","width":24,"height":1,"x":0,"y":0,"properties":{"markdown":"**Orders <prod>** · [what to do](https://example.com/runbook)"}},
{"type":"alarm","width":24,"height":3,"x":0,"y":1,"properties":{"title":"Alarms","alarms":["QueueAge","DeadLetters"]}},
{"type":"metric","width":12,"height":6,"x":0,"y":4,"properties":{"title":"Age","stacked":false,
 "metrics":[["AWS/SQS","ApproximateAgeOfOldestMessage","QueueName","q",{"label":"age","stat":"Maximum","period":60}]],
 "annotations":{"horizontal":[{"label":"QueueAge","value":300}]},"yAxis":{"left":{"label":"seconds","min":0}}}},
{"type":"metric","width":12,"height":6,"x":12,"y":4,"properties":{"title":"Rate",
 "metrics":[[{"expression":"a/2","label":"half"}],["AWS/SQS","NumberOfMessagesSent","QueueName","q",{"id":"a","visible":false,"stat":"Sum"}]]}}]}`

func TestParse(t *testing.T) {
	d, err := Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want := []Metric{{Namespace: "AWS/SQS", Name: "ApproximateAgeOfOldestMessage", Dimensions: map[string]string{"QueueName": "q"}, Statistic: "Maximum", Period: 60, Label: "age"}}
	if diff := cmp.Diff(want, d.Widgets[2].Metrics); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	want = []Metric{
		{Expression: "a/2", Label: "half", Statistic: "Average", Period: 300, Dimensions: map[string]string{}},
		{Namespace: "AWS/SQS", Name: "NumberOfMessagesSent", Dimensions: map[string]string{"QueueName": "q"}, Statistic: "Sum", Period: 300, ID: "a", Hidden: true},
	}
	if diff := cmp.Diff(want, d.Widgets[3].Metrics); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Line{{"QueueAge", 300}}, d.Widgets[2].Lines); diff != "" || d.Widgets[2].Unit != "seconds" {
		t.Errorf("lines (-want +got):\n%s, unit %s", diff, d.Widgets[2].Unit)
	}
	for _, wrong := range []string{`{`, `{"widgets":[{"properties":{"metrics":[["AWS/SQS"]]}}]}`, `{"widgets":[{"properties":{"metrics":[[1]]}}]}`} {
		if _, err := Parse([]byte(wrong)); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
}

func TestSVG(t *testing.T) {
	d, err := Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	to := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	drawing := string(SVG(d, Data{
		From: to.Add(-3 * time.Hour), To: to, Note: "drawn for the test",
		States: map[string]string{"QueueAge": "ALARM"},
		Series: map[[2]int]Series{{2, 0}: {{to.Add(-3 * time.Hour), 0}, {to, 400}}, {3, 0}: {{to, 7}}},
	}))
	decoder := xml.NewDecoder(strings.NewReader(drawing))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("no XML: %v\n%s", err, drawing)
		}
	}
	for _, want := range []string{
		`width="1440"`, `>Orders &lt;prod&gt; · what to do</text>`, `>QueueAge</text>`, `>ALARM</text>`, `>not deployed</text>`, `>age · Maximum</text>`, `>half</text>`,
		`>QueueAge 300</text>`, `<polyline points="52.0,224.0 708.0,38.0"`, `<circle`, `>09:00</text>`, `>12:00</text>`, `>seconds</text>`, `>drawn for the test</text>`,
	} {
		if !strings.Contains(drawing, want) {
			t.Errorf("%s is not in the picture:\n%s", want, drawing)
		}
	}
	if strings.Contains(drawing, "NumberOfMessagesSent") {
		t.Error("a hidden metric is drawn")
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 0.003: 0.004, 1: 1, 1.1: 2, 3: 4, 45: 50, 70: 100, 999: 1000} {
		if got := nice(v); got != want {
			t.Errorf("nice(%g) is %g, want %g", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 0.05: "0.05", 1200: "1.2k", 60000: "60k", 2.5e6: "2.5M"} {
		if got := number(v); got != want {
			t.Errorf("number(%g) is %s, want %s", v, got, want)
		}
	}
}
