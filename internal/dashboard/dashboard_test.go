package dashboard

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/png"
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

// drawn is the body above with states and datapoints.
func drawn(t *testing.T) (*Dashboard, Data) {
	t.Helper()
	d, err := Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	to := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return d, Data{
		From: to.Add(-3 * time.Hour), To: to, Note: "drawn for the test",
		States: map[string]string{"QueueAge": "ALARM"},
		Series: map[[2]int]Series{{2, 0}: {{to.Add(-3 * time.Hour), 0}, {to, 400}}, {3, 0}: {{to, 7}}},
	}
}

func TestSVG(t *testing.T) {
	file, err := SVG(drawn(t))
	if err != nil {
		t.Fatal(err)
	}
	drawing := string(file)
	decoder := xml.NewDecoder(strings.NewReader(drawing))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
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

func TestPNG(t *testing.T) {
	file, err := PNG(drawn(t))
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := picture.Bounds().Size(), image.Pt(1440, 10*row+24); got != want {
		t.Errorf("the picture has %v pixels, want %v", got, want)
	}
	// Where the SVG has it: the alarm's line at 300 of 400, below the widget's top at 4 rows, the end of the graph at 400, and the
	// dot of the other widget; beside them there is paper.
	for what, want := range map[string]struct {
		at    image.Rectangle
		color color.NRGBA
	}{
		"the alarm's line": {image.Rect(52, 4*row+80, 700, 4*row+90), color.NRGBA{0xd1, 0x32, 0x12, 0xff}},
		"the graph":        {image.Rect(600, 4*row+39, 708, 4*row+80), color.NRGBA{0x1f, 0x77, 0xb4, 0xff}},
		"the dot":          {image.Rect(720+700, 4*row+30, 720+714, 4*row+224), color.NRGBA{0x1f, 0x77, 0xb4, 0xff}},
		"the title":        {image.Rect(14, 5, 200, 30), color.NRGBA{0x16, 0x19, 0x1f, 0xff}},
		"paper":            {image.Rect(100, 4*row+45, 300, 4*row+78), color.NRGBA{0xff, 0xff, 0xff, 0xff}},
	} {
		if n := count(picture, want.at, want.color); n == 0 {
			t.Errorf("%s is not there: no pixel of %v in %v", what, want.color, want.at)
		}
	}
	if n := count(picture, image.Rect(800, 4*row+40, 1400, 4*row+200), color.NRGBA{0xd1, 0x32, 0x12, 0xff}); n > 0 {
		t.Errorf("%d pixels of an alarm line in the graph that has none", n)
	}
}

// count of the pixels that have about the colour; edges are smoothed.
func count(picture image.Image, at image.Rectangle, want color.NRGBA) (n int) {
	near := func(got uint32, want uint8) bool { return max(got>>8, uint32(want))-min(got>>8, uint32(want)) < 70 }
	for x := at.Min.X; x < at.Max.X; x++ {
		for y := at.Min.Y; y < at.Max.Y; y++ {
			if r, g, b, _ := picture.At(x, y).RGBA(); near(r, want.R) && near(g, want.G) && near(b, want.B) {
				n++
			}
		}
	}
	return n
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
