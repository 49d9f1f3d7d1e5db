package ordermonitoring

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/awsmetrics"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/dashboard"
	"github.com/orderpipeline/orderpipeline/internal/prices"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// system makes a pipeline with two subscribers, an API, and monitoring with the default props as
// changed by mutate.
func system(stack awscdk.Stack, mutate func(*OrderMonitoringProps)) *OrderMonitoring {
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)
	p.AddSubscriber("Billing", nil)
	p.AddSubscriber("Shipping", nil)
	props := OrderMonitoringProps{Pipeline: p, API: newAPI(stack, "API", p)}
	if mutate != nil {
		mutate(&props)
	}
	return NewOrderMonitoring(stack, "M", &props)
}

func newAPI(stack awscdk.Stack, id string, p *orderpipeline.OrderPipeline) *orderapi.OrderAPI {
	return orderapi.NewOrderAPI(stack, id, &orderapi.OrderAPIProps{Pipeline: p})
}

func synth(t *testing.T, mutate func(*OrderMonitoringProps)) synthtest.Template {
	t.Helper()
	stack := synthtest.NewStack(t)
	system(stack, mutate)
	return synthtest.Synth(t, stack)
}

func full(p *OrderMonitoringProps) { p.Profile = ProfileFull }

// metricOf is a metric of an alarm or a graph, with dimensions resolved to the ids of resources.
type metricOf struct {
	at         string // the alarm's id, or the widget's title
	namespace  string
	name       string
	statistic  string
	dimensions map[string]string
}

func (m metricOf) check() error {
	return awsmetrics.Check(awsmetrics.Metric{
		Namespace: m.namespace, Name: m.name, Statistic: m.statistic,
		Dimensions: slices.Collect(maps.Keys(m.dimensions)),
	})
}

// id is the identity of the metric in CloudWatch.
func (m metricOf) id() string { return fmt.Sprint(m.namespace, m.name, m.dimensions) }

// resolveText returns a template's value as text, with references as ${id} and ${id.attribute}.
func resolveText(t *testing.T, v any) string {
	t.Helper()
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return "${" + ref + "}"
		}
		if att, ok := v["Fn::GetAtt"].([]any); ok {
			return fmt.Sprintf("${%s.%s}", att...)
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var parts []string
			for _, part := range join[1].([]any) {
				parts = append(parts, resolveText(t, part))
			}
			return strings.Join(parts, join[0].(string))
		}
	}
	t.Fatalf("cannot resolve %v", v)
	return ""
}

func alarmsOf(t *testing.T, template synthtest.Template) []metricOf {
	t.Helper()
	var all []metricOf
	for _, id := range template.IDs("AWS::CloudWatch::Alarm") {
		p := template.Resources[id].Properties
		m := metricOf{at: id, dimensions: map[string]string{}}
		m.namespace, _ = p["Namespace"].(string) // none: metric math
		m.name, _ = p["MetricName"].(string)
		m.statistic, _ = p["Statistic"].(string)
		if m.statistic == "" {
			m.statistic, _ = p["ExtendedStatistic"].(string)
		}
		dimensions, _ := p["Dimensions"].([]any)
		for _, d := range dimensions {
			d := d.(map[string]any)
			m.dimensions[d["Name"].(string)] = resolveText(t, d["Value"])
		}
		all = append(all, m)
	}
	return all
}

func dashboardOf(t *testing.T, template synthtest.Template) *dashboard.Dashboard {
	t.Helper()
	ids := template.IDs("AWS::CloudWatch::Dashboard")
	if len(ids) != 1 {
		t.Fatalf("%d dashboards", len(ids))
	}
	d, err := dashboard.Parse([]byte(resolveText(t, template.Resources[ids[0]].Properties["DashboardBody"])))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func drawn(d *dashboard.Dashboard) []metricOf {
	var all []metricOf
	for _, w := range d.Widgets {
		for _, m := range w.Metrics {
			if m.Expression == "" {
				all = append(all, metricOf{w.Title, m.Namespace, m.Name, m.Statistic, m.Dimensions})
			}
		}
	}
	return all
}

// wantAlarm describes an alarm.
type wantAlarm struct{ alarm, metric, dimensions, condition, missing, topic string }

func checkAlarm(t *testing.T, template synthtest.Template, want wantAlarm, section string) {
	t.Helper()
	p := template.Resources[template.ID(t, "MAlarm"+want.alarm)].Properties
	m := alarmsOf(t, synthtest.Template{Resources: map[string]synthtest.Resource{
		"A": {Type: "AWS::CloudWatch::Alarm", Properties: p},
	}})[0]
	var dimensions []string
	for name, value := range m.dimensions {
		dimensions = append(dimensions, name+"="+value)
	}
	slices.Sort(dimensions)
	got := []string{
		m.namespace + " " + m.name + " " + m.statistic, strings.Join(dimensions, " "),
		fmt.Sprintf("%v %v, %v of %v × %v s", p["ComparisonOperator"], p["Threshold"],
			p["DatapointsToAlarm"], p["EvaluationPeriods"], p["Period"]),
		fmt.Sprint(p["TreatMissingData"]), synthtest.JSON(t, p["AlarmActions"]),
	}
	expected := []string{
		want.metric, want.dimensions, want.condition, want.missing,
		`[{"Ref":"` + template.ID(t, want.topic) + `"}]`,
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", want.alarm, diff)
	}
	description, _ := p["AlarmDescription"].(string)
	runbook := " Runbook: " + DefaultRunbookURL + "#" + strings.ToLower(section)
	if !strings.HasSuffix(description, runbook) || len(description) > 1024 {
		t.Errorf("%s: description %q, want%s at its end", want.alarm, description, runbook)
	}
	if p["AlarmName"] != nil || p["OKActions"] != nil {
		t.Errorf("%s: %v, %v", want.alarm, p["AlarmName"], p["OKActions"])
	}
}

// alarmDimensions are the dimensions of the alarms, in terms of a template.
type alarmDimensions struct {
	api                    string
	queue, function, table func(path string) string
}

func dimensionsOf(t *testing.T, template synthtest.Template) alarmDimensions {
	id := func(path string) string { return template.ID(t, path) }
	apiName, _ := template.Resources[id("APIRestApi")].Properties["Name"].(string)
	return alarmDimensions{
		api:      "ApiName=" + apiName + " Stage=v1",
		queue:    func(path string) string { return "QueueName=${" + id(path) + ".QueueName}" },
		function: func(path string) string { return "FunctionName=${" + id(path) + "}" },
		table:    func(path string) string { return "TableName=${" + id(path) + "}" },
	}
}

func TestCoreAlarms(t *testing.T) {
	template := synth(t, nil)
	of := dimensionsOf(t, template)
	topic := "TopicName=${" + template.ID(t, "PTopic") + ".TopicName}"
	for _, want := range []wantAlarm{
		{"APIServerErrors", "AWS/ApiGateway 5XXError Average", of.api, "GreaterThanThreshold 0.01, 2 of 3 × 60 s", "notBreaching", "MCritical"},
		{"QueueAge", "AWS/SQS ApproximateAgeOfOldestMessage Maximum", of.queue("PQueue"), "GreaterThanThreshold 300, 5 of 5 × 60 s", "notBreaching", "MCritical"},
		{"FailingOrders", "OrderPipeline OldestFailureAge Maximum", of.function("PProcessor"), "GreaterThanThreshold 300, 1 of 5 × 60 s", "notBreaching", "MCritical"},
		{"DeadLetters", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", of.queue("PDeadLetterQueue"), "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s", "notBreaching", "MCritical"},
		{"Rejected", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", of.queue("PRejectedQueue"), "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s", "notBreaching", "MWarning"},
		{"OnFailure", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", of.queue("POnFailureQueue"), "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s", "notBreaching", "MCritical"},
		{"ProcessorErrors", "AWS/Lambda Errors Sum", of.function("PProcessor"), "GreaterThanOrEqualToThreshold 1, 3 of 11 × 60 s", "notBreaching", "MWarning"},
		{"PublisherAge", "AWS/Lambda IteratorAge Maximum", of.function("PPublisher"), "GreaterThanThreshold 60000, 3 of 3 × 60 s", "notBreaching", "MCritical"},
		{"PublisherHeartbeat", "AWS/Lambda Invocations Sum", of.function("PPublisher"), "LessThanThreshold 1, 12 of 12 × 3600 s", "breaching", "MCritical"},
		{"DeliveryFailures", "AWS/SNS NumberOfNotificationsFailed Sum", topic, "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s", "notBreaching", "MCritical"},
	} {
		checkAlarm(t, template, want, want.alarm)
	}
	if n := len(template.IDs("AWS::CloudWatch::Alarm")); n != 10 {
		t.Errorf("%d core alarms, want the 10 that are free", n)
	}
}

// The further alarms are warnings: their causes either resolve themselves or have a core alarm too.
func TestFurtherAlarms(t *testing.T) {
	template := synth(t, full)
	of := dimensionsOf(t, template)
	const (
		throttles = "GreaterThanOrEqualToThreshold 1, 3 of 5 × 60 s"
		once      = "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s"
		close     = "GreaterThanThreshold 24000, 3 of 3 × 60 s" // 80 % of 30 s
	)
	further := []wantAlarm{
		{"APIClientErrors", "AWS/ApiGateway 4XXError Average", of.api, "GreaterThanThreshold 0.05, 5 of 5 × 60 s", "", ""},
		{"APILatency", "AWS/ApiGateway Latency p99", of.api, "GreaterThanThreshold 1000, 5 of 5 × 60 s", "", ""},
		{"StatusErrors", "AWS/Lambda Errors Sum", of.function("APIStatus"), throttles, "", ""},
		{"StatusThrottles", "AWS/Lambda Throttles Sum", of.function("APIStatus"), throttles, "", ""},
		{"ProcessorThrottles", "AWS/Lambda Throttles Sum", of.function("PProcessor"), throttles, "", ""},
		{"PublisherErrors", "AWS/Lambda Errors Sum", of.function("PPublisher"), throttles, "", ""},
		{"PublisherThrottles", "AWS/Lambda Throttles Sum", of.function("PPublisher"), throttles, "", ""},
		{"ProcessorDuration", "AWS/Lambda Duration p99", of.function("PProcessor"), close, "", ""},
		{"PublisherDuration", "AWS/Lambda Duration p99", of.function("PPublisher"), close, "", ""},
		{"TableErrorsPutItem", "AWS/DynamoDB SystemErrors Sum", "Operation=PutItem " + of.table("PTable"), once, "", ""},
		{"TableErrorsTransactWriteItems", "AWS/DynamoDB SystemErrors Sum", "Operation=TransactWriteItems " + of.table("PTable"), once, "", ""},
		{"TableErrorsBatchExecuteStatement", "AWS/DynamoDB SystemErrors Sum", "Operation=BatchExecuteStatement " + of.table("PTable"), once, "", ""},
		{"TableThrottles", "AWS/DynamoDB WriteThrottleEvents Sum", of.table("PTable"), once, "", ""},
		{"SubscriberDeadLettersBilling", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", of.queue("PSubscriberBillingDeadLetterQueue"), once, "", ""},
		{"SubscriberDeadLettersShipping", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", of.queue("PSubscriberShippingDeadLetterQueue"), once, "", ""},
	}
	for _, want := range further {
		want.missing, want.topic = "notBreaching", "MWarning"
		section := want.alarm
		for _, several := range []string{"SubscriberDeadLetters", "TableErrors"} {
			if strings.HasPrefix(section, several) {
				section = several
			}
		}
		checkAlarm(t, template, want, section)
	}
	if n := len(template.IDs("AWS::CloudWatch::Alarm")); n != 10+len(further) {
		t.Errorf("%d alarms, of which %d are checked", n, 10+len(further))
	}
}

func TestProfiles(t *testing.T) {
	withoutAPI := func(p *OrderMonitoringProps) { p.API = nil }
	for _, test := range []struct {
		name   string
		mutate func(*OrderMonitoringProps)
		want   int
	}{
		{"none", func(p *OrderMonitoringProps) { p.Profile = ProfileNone }, 0},
		{"core", nil, 10},
		{"core without an API", withoutAPI, 9},
		{"core without one", func(p *OrderMonitoringProps) { p.Without = []AlarmName{AlarmPublisherHeartbeat} }, 9},
		{"full", full, 10 + 13 + 2},
		{"full without an API", func(p *OrderMonitoringProps) { full(p); withoutAPI(p) }, 25 - 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			template := synth(t, test.mutate)
			if got := len(template.IDs("AWS::CloudWatch::Alarm")); got != test.want {
				t.Errorf("%d alarms, want %d", got, test.want)
			}
			dashboardOf(t, template)
		})
	}
}

// CloudWatch does not report unknown metrics, so each metric must be in the table of documented
// ones.
func TestMetricsAreDocumented(t *testing.T) {
	template := synth(t, full)
	alarms, graphs := alarmsOf(t, template), drawn(dashboardOf(t, template))
	if len(alarms) != 25 || len(graphs) < 40 {
		t.Fatalf("sees %d alarms and %d metrics in graphs", len(alarms), len(graphs))
	}
	for _, m := range append(alarms, graphs...) {
		if err := m.check(); err != nil {
			t.Errorf("%s: %v", m.at, err)
		}
	}
}

// The check notices a change of each alarm's name, namespace, dimensions and statistic.
func TestMetricCheckNotices(t *testing.T) {
	mutants := 0
	for _, m := range alarmsOf(t, synth(t, full)) {
		try := func(what string, mutate func(*metricOf)) {
			changed := m
			changed.dimensions = maps.Clone(m.dimensions)
			mutate(&changed)
			mutants++
			if changed.check() == nil {
				t.Errorf("%s: the check does not notice %s", m.at, what)
			}
		}
		for _, name := range []string{m.name + "s", strings.ToLower(m.name), m.name[1:], ""} {
			try("the name "+name, func(c *metricOf) { c.name = name })
		}
		try("another namespace", func(c *metricOf) { c.namespace += "s" })
		for dimension := range m.dimensions {
			try("without the dimension "+dimension, func(c *metricOf) { delete(c.dimensions, dimension) })
			try("a misspelt "+dimension, func(c *metricOf) {
				delete(c.dimensions, dimension)
				c.dimensions[strings.ToLower(dimension)] = "x"
			})
		}
		try("an additional dimension", func(c *metricOf) { c.dimensions["Region"] = "x" })
		row, _ := awsmetrics.Find(m.namespace, m.name)
		for _, statistic := range []string{"Sum", "Average", "Minimum", "Maximum", "SampleCount", "p99", ""} {
			if !slices.Contains(row.Statistics, strings.TrimSuffix(statistic, "99")) {
				try("the statistic "+statistic, func(c *metricOf) { c.statistic = statistic })
			}
		}
	}
	if mutants < 25*9 {
		t.Errorf("only %d changes tried", mutants)
	}
}

func TestDashboard(t *testing.T) {
	for name, mutate := range map[string]func(*OrderMonitoringProps){
		"core": nil, "full": full,
		"many subscribers": func(p *OrderMonitoringProps) {
			full(p)
			for i := range 8 {
				p.Pipeline.AddSubscriber(fmt.Sprint("More", i), nil)
			}
		},
		"without custom metrics": func(p *OrderMonitoringProps) {
			full(p)
			p.Pipeline = orderpipeline.NewOrderPipeline(awscdk.Stack_Of(p.Pipeline), "Quiet",
				&orderpipeline.OrderPipelineProps{DisableMetrics: true})
			p.Pipeline.AddSubscriber("Billing", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			template := synth(t, mutate)
			d := dashboardOf(t, template)
			metrics, statistics := map[string]bool{}, map[string]bool{}
			custom := 0
			for _, m := range drawn(d) {
				if m.namespace == contract.MetricNamespace {
					custom++
				}
				metrics[m.id()] = true
				statistics[m.id()+m.statistic] = true
			}
			t.Logf("%d metrics, %d with their statistics", len(metrics), len(statistics))
			if (custom == 0) != (name == "without custom metrics") {
				t.Errorf("%d custom metrics", custom)
			}
			if len(statistics) > 50 {
				t.Errorf("%d metrics, at most 50 are free", len(statistics))
			}
			alarms := len(template.IDs("AWS::CloudWatch::Alarm"))
			if d.Widgets[1].Type != "alarm" || len(d.Widgets[1].Alarms) != alarms {
				t.Errorf("the first widget is %+v, want the state of every alarm", d.Widgets[1])
			}
			lines := ""
			bottom := map[int]int{}
			for _, w := range d.Widgets {
				if w.X+w.Width > columns {
					t.Errorf("%s ends beyond the right edge", w.Title)
				}
				bottom[w.Y] += w.Width
				for _, line := range w.Lines {
					lines += "," + strings.ReplaceAll(line.Label, " ", "") + ","
				}
				if w.Type != "metric" {
					continue
				}
				if w.Unit == "" || len(w.Metrics) == 0 || w.Width < columns/3 {
					t.Errorf("%s: unit %q, %d metrics, %d columns", w.Title, w.Unit, len(w.Metrics), w.Width)
				}
			}
			for y, width := range bottom {
				if width != columns {
					t.Errorf("the row at %d is %d wide", y, width)
				}
			}
			for _, d := range definitions {
				if name == "core" && !d.core {
					continue
				}
				if d.name == AlarmStatusThrottles || // left out to stay within 50 metrics
					d.name == AlarmFailingOrders && name == "without custom metrics" {
					continue
				}
				if !strings.Contains(lines, ","+string(d.name)+",") {
					t.Errorf("no graph has a line for %s", d.name)
				}
			}
		})
	}
}

// The dashboard has the metrics that an on-call engineer needs. Without custom metrics, it counts
// messages.
func TestDashboardShows(t *testing.T) {
	const always = "AWS/SQS ApproximateNumberOfMessagesVisible, AWS/SQS ApproximateAgeOfOldestMessage, AWS/SQS NumberOfEmptyReceives, " +
		"AWS/ApiGateway Count, AWS/ApiGateway Latency, AWS/ApiGateway 5XXError, AWS/ApiGateway 4XXError, " +
		"AWS/Lambda Duration, AWS/Lambda Errors, AWS/Lambda Throttles, AWS/Lambda ConcurrentExecutions, AWS/Lambda IteratorAge, AWS/Lambda Invocations, " +
		"AWS/DynamoDB ConsumedWriteCapacityUnits, AWS/DynamoDB SuccessfulRequestLatency, AWS/DynamoDB WriteThrottleEvents, AWS/DynamoDB SystemErrors, " +
		"AWS/SNS NumberOfMessagesPublished, AWS/SNS NumberOfNotificationsDelivered, AWS/SNS NumberOfNotificationsFailed"
	var custom string
	for _, name := range append(contract.CustomMetrics(), contract.MetricOldestFailureAge) {
		if name == contract.MetricEventsFailed { // the depth of the on-failure queue shows it
			continue
		}
		custom += ", " + contract.MetricNamespace + " " + name
	}
	for name, test := range map[string]struct {
		disabled bool
		want     string
		funnel   []string // labels, in the order of the legs
	}{
		"with custom metrics": {false, always + custom,
			[]string{"received, with redeliveries", "stored", "published", "delivered (all subscribers)"}},
		"without": {true, always + ", AWS/SQS NumberOfMessagesSent, AWS/SQS NumberOfMessagesDeleted",
			[]string{"received", "processed", "published", "delivered (all subscribers)"}},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.NewStack(t)
			p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
				DisableMetrics: test.disabled,
			})
			NewOrderMonitoring(stack, "M", &OrderMonitoringProps{Pipeline: p, API: newAPI(stack, "API", p)})
			d := dashboardOf(t, synthtest.Synth(t, stack))
			shown := map[string]bool{}
			for _, m := range drawn(d) {
				shown[m.namespace+" "+m.name] = true
			}
			for metric := range strings.SplitSeq(test.want, ", ") {
				if !shown[metric] {
					t.Errorf("no graph has %s", metric)
				}
			}
			for i, title := range []string{"received, ", "Backlog of each leg"} {
				w := d.Widgets[2+i]
				if !strings.Contains(w.Title, title) || w.Width != columns/2 || w.Y != d.Widgets[2].Y {
					t.Errorf("widget %d is %q, at %d and %d wide: want %q, below the alarms and side by side",
						2+i, w.Title, w.Y, w.Width, title)
				}
			}
			var labels []string
			for _, m := range d.Widgets[2].Metrics {
				labels = append(labels, m.Label)
			}
			if diff := cmp.Diff(test.funnel, labels[:min(len(labels), len(test.funnel))]); diff != "" {
				t.Errorf("the funnel (-want +got):\n%s", diff)
			}
			last := d.Widgets[len(d.Widgets)-1]
			if !strings.HasPrefix(last.Title, "Estimated cost of requests") ||
				!strings.Contains(last.Title, prices.Current().Date) {
				t.Errorf("the last widget is %q, want the estimate with the date of its prices", last.Title)
			}
		})
	}
}

func TestTwoPipelinesShareNothing(t *testing.T) {
	stack := synthtest.NewStack(t)
	for _, name := range []string{"A", "B"} {
		p := orderpipeline.NewOrderPipeline(stack, "P"+name, nil)
		NewOrderMonitoring(stack, "M"+name, &OrderMonitoringProps{
			Pipeline: p, API: newAPI(stack, "API"+name, p), Profile: ProfileFull,
		})
	}
	template := synthtest.Synth(t, stack)
	of := map[string]string{}
	for _, m := range alarmsOf(t, template) {
		pipeline := m.at[:2]
		if before := of[m.id()]; before != "" && before != pipeline {
			t.Errorf("alarms of %s and %s share %s", before, pipeline, m.id())
		}
		of[m.id()] = pipeline
	}
	drawnBy := map[string]string{}
	for _, id := range template.IDs("AWS::CloudWatch::Dashboard") {
		d, err := dashboard.Parse([]byte(resolveText(t, template.Resources[id].Properties["DashboardBody"])))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range drawn(d) {
			if before := drawnBy[m.id()]; before != "" && before != id {
				t.Errorf("graphs of %s and %s share %s", before, id, m.id())
			}
			drawnBy[m.id()] = id
		}
	}
	if len(of) < 30 || len(drawnBy) < 80 {
		t.Errorf("sees only %d and %d metrics", len(of), len(drawnBy))
	}
}

func TestThresholds(t *testing.T) {
	template := synth(t, func(p *OrderMonitoringProps) {
		full(p)
		p.Thresholds = Thresholds{
			APIServerErrorsPercent: 2.5, QueueAgeSeconds: 30, PublisherAgeSeconds: 5,
			PublisherSilenceHours: 3, FunctionDurationPercent: 50,
		}
	})
	for path, want := range map[string]string{
		"MAlarmAPIServerErrors.Threshold":            "0.025",
		"MAlarmQueueAge.Threshold":                   "30",
		"MAlarmPublisherAge.Threshold":               "5000",
		"MAlarmPublisherHeartbeat.EvaluationPeriods": "3",
		"MAlarmPublisherHeartbeat.DatapointsToAlarm": "3",
		"MAlarmProcessorDuration.Threshold":          "15000", // half of 30 s
		"MAlarmProcessorDuration.ExtendedStatistic":  `"p99"`,
	} {
		if got := template.At(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

// The documented default of each threshold is the one that is used.
func TestThresholdDefaults(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "thresholds.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	fallback := regexp.MustCompile(`Default:\s+([\d.]+)\.\n`)
	ast.Inspect(file, func(n ast.Node) bool {
		if f, ok := n.(*ast.Field); ok && f.Doc != nil {
			if match := fallback.FindStringSubmatch(f.Doc.Text()); match != nil {
				documented[f.Names[0].Name] = match[1]
			}
		}
		return true
	})
	var thresholds Thresholds
	thresholds.resolve(&check.Errors{})
	v := reflect.ValueOf(thresholds)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if got, want := documented[name], fmt.Sprint(v.Field(i)); got != want {
			t.Errorf("%s: the documented default is %q, want %s", name, got, want)
		}
	}
}

// Every threshold reaches the alarms that it is named after, and no other.
func TestEachThreshold(t *testing.T) {
	conditions := func(thresholds Thresholds) map[string]string {
		template := synth(t, func(p *OrderMonitoringProps) { full(p); p.Thresholds = thresholds })
		found := map[string]string{}
		for _, d := range definitions {
			suffix := ""
			switch d.name {
			case AlarmSubscriberDeadLetters:
				suffix = "Billing"
			case AlarmTableErrors:
				suffix = "PutItem"
			}
			p := template.Resources[template.ID(t, "MAlarm"+string(d.name)+suffix)].Properties
			found[string(d.name)] = fmt.Sprint(p["Threshold"], " ", p["EvaluationPeriods"])
		}
		return found
	}
	standard := conditions(Thresholds{})
	fields := reflect.TypeFor[Thresholds]()
	for i := range fields.NumField() {
		var thresholds Thresholds
		field := reflect.ValueOf(&thresholds).Elem().Field(i)
		if field.CanFloat() {
			field.SetFloat(7)
		} else {
			field.SetInt(7)
		}
		want := map[string]string{
			"APIServerErrorsPercent":        "APIServerErrors 0.07 3",
			"APIClientErrorsPercent":        "APIClientErrors 0.07 5",
			"APILatencyMilliseconds":        "APILatency 7 5",
			"QueueAgeSeconds":               "QueueAge 7 5",
			"FailingOrdersSeconds":          "FailingOrders 7 5",
			"DeadLettersMessages":           "DeadLetters 7 1",
			"RejectedMessages":              "Rejected 7 1",
			"OnFailureMessages":             "OnFailure 7 1",
			"SubscriberDeadLettersMessages": "SubscriberDeadLetters 7 1",
			"FunctionErrorsPerMinute":       "ProcessorErrors 7 11, PublisherErrors 7 5, StatusErrors 7 5",
			"FunctionThrottlesPerMinute":    "ProcessorThrottles 7 5, PublisherThrottles 7 5, StatusThrottles 7 5",
			"FunctionDurationPercent":       "ProcessorDuration 2100 3, PublisherDuration 2100 3", // of 30 s
			"PublisherAgeSeconds":           "PublisherAge 7000 3",
			"PublisherSilenceHours":         "PublisherHeartbeat 1 7",
			"DeliveryFailuresPerMinute":     "DeliveryFailures 7 1",
			"TableErrorsPerMinute":          "TableErrors 7 1",
			"TableThrottlesPerMinute":       "TableThrottles 7 1",
		}[fields.Field(i).Name]
		var changed []string
		for name, condition := range conditions(thresholds) {
			if condition != standard[name] {
				changed = append(changed, name+" "+condition)
			}
		}
		slices.Sort(changed)
		if got := strings.Join(changed, ", "); got != want {
			t.Errorf("%s changes %q, want %q", fields.Field(i).Name, got, want)
		}
	}
}

func TestTopics(t *testing.T) {
	template := synth(t, func(p *OrderMonitoringProps) {
		p.Critical.Emails, p.Warning.Emails = []string{"a@example.com", "b@example.com"}, []string{"a@example.com"}
	})
	if n := len(template.IDs("AWS::SNS::Subscription")); n != 3+2 { // 2 are the subscribers of events
		t.Errorf("%d subscriptions", n)
	}
	want := `{"Action":"sns:Publish","Condition":{"ArnLike":{"aws:SourceArn":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":cloudwatch:",{"Ref":"AWS::Region"},":",{"Ref":"AWS::AccountId"},":alarm:*"]]}},` +
		`"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}},"Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"},"Resource":{"Ref":"` + template.ID(t, "MCritical") + `"},"Sid":"1"}`
	if got := template.Statements(t, "MCriticalPolicy"); len(got) != 2 || got[1] != want {
		t.Errorf("statements %s\nwant     %s", got, want)
	}
}

func TestExistingTopics(t *testing.T) {
	stack := synthtest.NewStack(t)
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	topic := awssns.NewTopic(stack, jsii.String("Topic"), &awssns.TopicProps{MasterKey: key})
	imported := awssns.Topic_FromTopicArn(stack, jsii.String("Imported"), jsii.String("arn:aws:sns:us-east-1:123456789012:ops"))
	m := system(stack, func(p *OrderMonitoringProps) { p.Critical.Existing, p.Warning.Existing = topic, imported })
	template := synthtest.Synth(t, stack)
	if got := template.At(t, "MAlarmRejected.AlarmActions"); got != `["arn:aws:sns:us-east-1:123456789012:ops"]` {
		t.Errorf("actions %s", got)
	}
	policy := template.At(t, "Key.KeyPolicy")
	allow := `"Action":["kms:Decrypt","kms:GenerateDataKey*"],` +
		`"Condition":{"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}},` +
		`"Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"}`
	if !strings.Contains(policy, allow) {
		t.Errorf("the key's policy is %s", policy)
	}
	messages := strings.Join(synthtest.Warnings(m), "\n")
	const warning = "The topic Test/Imported is imported, so the construct cannot change its policy. " +
		"The policy must allow cloudwatch.amazonaws.com to use sns:Publish"
	if !strings.Contains(messages, warning) {
		t.Errorf("warnings:\n%s\nwant %s", messages, warning)
	}
	if m.CriticalTopic().TopicArn() == nil || m.WarningTopic() == nil {
		t.Error("no topics")
	}
}

// A warning says what the policy of an imported key needs, because every alarm would be dropped
// otherwise.
func TestTopicWithImportedKey(t *testing.T) {
	stack := synthtest.NewStack(t)
	key := awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String("arn:aws:kms:us-east-1:123456789012:key/x"))
	topic := awssns.NewTopic(stack, jsii.String("Topic"), &awssns.TopicProps{MasterKey: key})
	m := system(stack, func(p *OrderMonitoringProps) {
		p.Critical.Existing = topic
		p.Budget = &BudgetProps{MonthlyUSD: 1, TagKey: "a", TagValue: "b"}
		p.Warning.Existing = topic
	})
	messages := strings.Join(synthtest.Warnings(m), "\n")
	for _, service := range []string{"cloudwatch.amazonaws.com", "budgets.amazonaws.com"} {
		want := "The key Test/Key of the topic Test/Topic is imported, so the construct cannot change its policy. " +
			"The policy must allow " + service + " to use kms:Decrypt and kms:GenerateDataKey*"
		if !strings.Contains(messages, want) {
			t.Errorf("warnings:\n%s\nwant %s", messages, want)
		}
	}
}

func TestBudget(t *testing.T) {
	budget := func(amount float64, emails ...string) synthtest.Template {
		return synth(t, func(p *OrderMonitoringProps) {
			p.Budget = &BudgetProps{
				MonthlyUSD: amount, TagKey: "OrderPipeline", TagValue: "prod", Emails: emails,
			}
		})
	}
	template := budget(20, "money@example.com")
	want := `{"BudgetLimit":{"Amount":20,"Unit":"USD"},"BudgetType":"COST",` +
		`"CostFilters":{"TagKeyValue":["user:OrderPipeline$prod"]},"TimeUnit":"MONTHLY"}`
	if got := template.At(t, "MBudget.Budget"); got != want {
		t.Errorf("budget %s\nwant   %s", got, want)
	}
	subscribers := `"Subscribers":[{"Address":{"Ref":"` + template.ID(t, "MWarning") +
		`"},"SubscriptionType":"SNS"},{"Address":"money@example.com","SubscriptionType":"EMAIL"}]`
	notification := func(kind, percent string) string {
		return `{"Notification":{"ComparisonOperator":"GREATER_THAN","NotificationType":"` + kind +
			`","Threshold":` + percent + `,"ThresholdType":"PERCENTAGE"},` + subscribers + `}`
	}
	want = "[" + notification("ACTUAL", "80") + "," + notification("FORECASTED", "100") + "]"
	if got := template.At(t, "MBudget.NotificationsWithSubscribers"); got != want {
		t.Errorf("notifications %s\nwant          %s", got, want)
	}
	statements := strings.Join(template.Statements(t, "MWarningPolicy"), "\n")
	if !strings.Contains(statements, `"Principal":{"Service":"budgets.amazonaws.com"}`) ||
		!strings.Contains(statements, `":budgets::"`) {
		t.Errorf("AWS Budgets may not publish: %s", statements)
	}
	depends := template.Resources[template.ID(t, "MBudget")].DependsOn
	if !slices.Contains(depends, template.ID(t, "MWarningPolicy")) {
		t.Errorf("the budget does not depend on the topic's policy: %s", depends)
	}

	// Another amount or subscriber keeps the logical id, and there is no name to collide with.
	for _, other := range []synthtest.Template{budget(21, "money@example.com"), budget(20)} {
		if template.ID(t, "MBudget") != other.ID(t, "MBudget") {
			t.Error("the budget's logical id changes")
		}
		if name := other.At(t, "MBudget.Budget.BudgetName"); name != "null" {
			t.Errorf("the budget has the name %s", name)
		}
	}
}

func TestAnomalies(t *testing.T) {
	template := synth(t, func(p *OrderMonitoringProps) {
		p.Anomalies = &AnomaliesProps{TagKey: "OrderPipeline", TagValue: "prod", ImpactUSD: 2.5}
	})
	for path, want := range map[string]string{
		"MAnomalyMonitor.MonitorType":              `"CUSTOM"`,
		"MAnomalyMonitor.MonitorSpecification":     `"{\"Tags\":{\"Key\":\"OrderPipeline\",\"MatchOptions\":[\"EQUALS\"],\"Values\":[\"prod\"]}}"`,
		"MAnomalySubscription.Frequency":           `"IMMEDIATE"`,
		"MAnomalySubscription.MonitorArnList":      `[{"Fn::GetAtt":["` + template.ID(t, "MAnomalyMonitor") + `","MonitorArn"]}]`,
		"MAnomalySubscription.Subscribers":         `[{"Address":{"Ref":"` + template.ID(t, "MWarning") + `"},"Type":"SNS"}]`,
		"MAnomalySubscription.ThresholdExpression": `"{\"Dimensions\":{\"Key\":\"ANOMALY_TOTAL_IMPACT_ABSOLUTE\",\"MatchOptions\":[\"GREATER_THAN_OR_EQUAL\"],\"Values\":[\"2.5\"]}}"`,
	} {
		if got := template.At(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	statements := strings.Join(template.Statements(t, "MWarningPolicy"), "\n")
	if !strings.Contains(statements, `"costalerts.amazonaws.com"`) {
		t.Errorf("Cost Anomaly Detection may not publish: %s", statements)
	}

	const arn = "arn:aws:ce::123456789012:anomalymonitor/x"
	template = synth(t, func(p *OrderMonitoringProps) {
		p.Anomalies = &AnomaliesProps{ExistingMonitorARN: arn}
	})
	got := template.At(t, "MAnomalySubscription.MonitorArnList")
	if got != `["`+arn+`"]` || len(template.IDs("AWS::CE::AnomalyMonitor")) > 0 {
		t.Errorf("monitors %s", got)
	}
}

func TestAddAlarm(t *testing.T) {
	stack := synthtest.NewStack(t)
	m := system(stack, nil)
	m.AddAlarm("Backlog", AlarmProps{
		Metric: m.settings.Pipeline.MetricQueueDepth(nil), Threshold: 1000,
		EvaluationPeriods: 3, DatapointsToAlarm: 2, Warning: true, Meaning: "Many orders wait.",
	})
	m.AddAlarm("Heart", AlarmProps{
		Metric: m.settings.Pipeline.MetricTopicPublished(nil), Threshold: 1, Meaning: "No events.",
		Comparison:  awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
		MissingData: awscloudwatch.TreatMissingData_BREACHING,
	})
	template := synthtest.Synth(t, stack)
	for path, want := range map[string]string{
		"MAlarmBacklog.Threshold":          "1000",
		"MAlarmBacklog.DatapointsToAlarm":  "2",
		"MAlarmBacklog.TreatMissingData":   `"notBreaching"`,
		"MAlarmBacklog.AlarmActions":       `[{"Ref":"` + template.ID(t, "MWarning") + `"}]`,
		"MAlarmBacklog.AlarmDescription":   `"Many orders wait. Runbook: ` + DefaultRunbookURL + `#backlog"`,
		"MAlarmHeart.AlarmActions":         `[{"Ref":"` + template.ID(t, "MCritical") + `"}]`,
		"MAlarmHeart.TreatMissingData":     `"breaching"`,
		"MAlarmHeart.ComparisonOperator":   `"LessThanThreshold"`,
		"MAlarmBacklog.ComparisonOperator": `"GreaterThanOrEqualToThreshold"`,
	} {
		if got := template.At(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if len(m.Alarms()) != 12 || m.Alarm("Heart") == nil || m.Alarm(AlarmQueueAge) == nil ||
		m.Alarm(AlarmAPILatency) != nil {
		t.Errorf("%d alarms", len(m.Alarms()))
	}
	got := synthtest.Panic(func() { m.AddAlarm("Empty", AlarmProps{}) })
	if want := "ordermonitoring.AlarmProps of Empty: Metric, Meaning: incomplete (set both)"; got != want {
		t.Errorf("panics with %q, want %q", got, want)
	}
}

func TestExistingQueueAndTopic(t *testing.T) {
	stack := synthtest.NewStack(t)
	topic := awssns.Topic_FromTopicArn(stack, jsii.String("TheirTopic"),
		jsii.String("arn:aws:sns:us-east-1:123456789012:events"))
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Queue: orderpipeline.QueueProps{
			Existing: awssqs.NewQueue(stack, jsii.String("TheirQueue"), nil),
		},
		Topic: orderpipeline.TopicProps{Existing: topic},
	})
	NewOrderMonitoring(stack, "M", &OrderMonitoringProps{
		Pipeline: p, Dashboard: DashboardProps{Disabled: true},
	})
	template := synthtest.Synth(t, stack)
	got, want := template.At(t, "MAlarmDeliveryFailures.Dimensions"),
		`[{"Name":"TopicName","Value":"events"}]`
	if got != want {
		t.Errorf("dimensions %s, want %s", got, want)
	}
	if got := template.At(t, "MAlarmQueueAge.Dimensions"); !strings.Contains(got, "TheirQueue") {
		t.Errorf("dimensions %s", got)
	}
	if n := len(template.IDs("AWS::CloudWatch::Dashboard")); n != 0 {
		t.Errorf("%d dashboards", n)
	}
}

func TestInvalidProps(t *testing.T) {
	got := synthtest.Panic(func() { NewOrderMonitoring(synthtest.NewStack(t), "M", nil) })
	want := "ordermonitoring.OrderMonitoringProps: Pipeline: nil (pass the pipeline to monitor)"
	if got != want {
		t.Errorf("panics with\n%s\nwant\n%s", got, want)
	}
	stack := synthtest.NewStack(t)
	alias := awskms.Alias_FromAliasName(stack, jsii.String("Alias"), jsii.String("alias/aws/sns"))
	aws := awssns.NewTopic(stack, jsii.String("AWSKey"), &awssns.TopicProps{MasterKey: alias})
	byName := awssns.NewTopic(stack, jsii.String("ByName"), nil)
	byName.Node().DefaultChild().(awssns.CfnTopic).SetKmsMasterKeyId(jsii.String("alias/aws/sns"))
	fifo := awssns.NewTopic(stack, jsii.String("Fifo"), &awssns.TopicProps{Fifo: jsii.Bool(true)})
	got = synthtest.Panic(func() {
		system(stack, func(p *OrderMonitoringProps) {
			p.Profile, p.Without, p.RunbookURL = "most", []AlarmName{"Heartbeat"}, "runbook.md"
			p.Dashboard.Title = "Aufträge"
			p.Thresholds = Thresholds{
				QueueAgeSeconds: -1, PublisherSilenceHours: 48, APIServerErrorsPercent: 101,
				TableErrorsPerMinute: math.NaN(),
			}
			p.Critical = TopicProps{Existing: aws, Emails: []string{"Ops <ops@example.com>"}}
			p.Warning = TopicProps{Existing: fifo, Emails: []string{"a@example.com", "a@example.com"}}
			p.Budget = &BudgetProps{MonthlyUSD: -1, Emails: slices.Repeat([]string{"x"}, 11)}
			p.Anomalies = &AnomaliesProps{ImpactUSD: -1}
		})
	})
	for _, want := range []string{
		`Profile: "most" is not a profile (none, core or full)`,
		`Without: "Heartbeat" is not an alarm (use the constants of type AlarmName)`,
		`Dashboard.Title: "Aufträge" is not ASCII (CloudFormation returns other characters as ?, so every cdk diff would report a change)`,
		`RunbookURL: "runbook.md" is not an http:// or https:// URL`,
		`Thresholds.QueueAgeSeconds: -1 is out of range 1 to 1209600 (the queue keeps orders for 14 days)`,
		`Thresholds.APIServerErrorsPercent: 101 is out of range 0 to 100 (a percentage)`,
		`Thresholds.TableErrorsPerMinute: NaN is out of range 1 to 2147483647 (below it nothing is wrong)`,
		`Thresholds.PublisherSilenceHours: 48 is out of range 1 to 20 (the stream keeps records for 24 hours;`,
		`Critical.Existing: Test/AWSKey is encrypted with alias/aws/sns, an AWS managed key (`,
		`Critical.Emails: "Ops <ops@example.com>" is not a bare e-mail address`,
		`Warning.Existing: Test/Fifo is a FIFO topic (CloudWatch and AWS Budgets publish to standard topics only)`,
		`Warning.Emails: "a@example.com" is listed twice`,
		`Budget.MonthlyUSD: -1 is not a positive amount in US dollars`,
		`Budget.TagKey, TagValue: incomplete (set the cost allocation tag`,
		`Budget.Emails: 11 addresses are too many (AWS Budgets allows 10)`,
		`Anomalies.ImpactUSD: -1 is not a positive amount in US dollars`,
		`Anomalies.TagKey, TagValue: incomplete (set the cost allocation tag`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("panics with\n%s\nwant %s", got, want)
		}
	}
	p := orderpipeline.NewOrderPipeline(stack, "Other", nil)
	for _, test := range []struct {
		props OrderMonitoringProps
		want  string
	}{
		{OrderMonitoringProps{Critical: TopicProps{Existing: byName}},
			`Critical.Existing: Test/ByName is encrypted with alias/aws/sns, an AWS managed key (`},
		{OrderMonitoringProps{RunbookURL: "https://example.com/runbook#top"},
			`RunbookURL: "https://example.com/runbook#top" has an anchor (each alarm adds its own)`},
	} {
		test.props.Pipeline = p
		got := synthtest.Panic(func() { NewOrderMonitoring(stack, "N", &test.props) })
		if !strings.Contains(got, test.want) {
			t.Errorf("panics with\n%s\nwant %s", got, test.want)
		}
	}
}

func TestPropsAreNotChanged(t *testing.T) {
	var before, after string
	synth(t, func(p *OrderMonitoringProps) {
		p.Anomalies = &AnomaliesProps{TagKey: "a", TagValue: "b"}
		text, _ := json.Marshal(p.Anomalies)
		before = string(text)
		anomalies := p.Anomalies
		t.Cleanup(func() {
			text, _ := json.Marshal(anomalies)
			if after = string(text); before != after {
				t.Errorf("props changed from %s to %s", before, after)
			}
		})
	})
}

var section = regexp.MustCompile(`(?m)^### (\w+)$`)

// Every alarm has its section in the runbook, and every section its alarm.
func TestRunbook(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	at := section.FindAllStringSubmatchIndex(string(text), -1)
	for i, match := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		sections[string(text[match[2]:match[3]])] = string(text[match[1]:end])
	}
	for _, d := range definitions {
		body, found := sections[string(d.name)]
		if !found {
			t.Errorf("alarm %s has no section", d.name)
		}
		delete(sections, string(d.name))
		for _, part := range []string{"**Impact.**", "**Diagnose.**", "**Mitigate.**", "**Resolved when**"} {
			if found && !strings.Contains(body, part) {
				t.Errorf("the section of %s has no %s", d.name, part)
			}
		}
	}
	for name := range sections {
		t.Errorf("section %s has no alarm", name)
	}
}

// Without custom metrics the alarm for failing orders cannot exist, and a warning says so.
func TestFailingOrdersNeedsMetrics(t *testing.T) {
	for _, test := range []struct {
		disabled bool
		props    OrderMonitoringProps
		want     bool // a warning
	}{
		{true, OrderMonitoringProps{}, true},
		{true, OrderMonitoringProps{Without: []AlarmName{AlarmFailingOrders}}, false},
		{true, OrderMonitoringProps{Profile: ProfileNone}, false},
		{false, OrderMonitoringProps{}, false},
	} {
		stack := synthtest.NewStack(t)
		test.props.Pipeline = orderpipeline.NewOrderPipeline(stack, "P",
			&orderpipeline.OrderPipelineProps{DisableMetrics: test.disabled})
		m := NewOrderMonitoring(stack, "M", &test.props)
		warnings := strings.Join(synthtest.Warnings(m), "\n")
		got := strings.Contains(warnings, "The alarm FailingOrders needs a custom metric")
		if got != test.want {
			t.Errorf("%+v: warnings %q", test, warnings)
		}
		if made := m.Alarm(AlarmFailingOrders) != nil; test.disabled && made {
			t.Error("the alarm has a metric that does not exist")
		}
	}
}

// The alarms for retried messages look back over the time between two receives, so that they do not
// end and begin again with each.
func TestAlarmsFollowVisibilityTimeout(t *testing.T) {
	stack := synthtest.NewStack(t)
	minutes := func(n float64) awscdk.Duration { return awscdk.Duration_Minutes(&n) }
	for id, props := range map[string]*orderpipeline.OrderPipelineProps{
		"Slow": {Processor: orderpipeline.ProcessorProps{
			Function: orderpipeline.FunctionProps{Timeout: minutes(10)},
		}},
		"Existing": {Queue: orderpipeline.QueueProps{
			Existing: awssqs.NewQueue(stack, jsii.String("Theirs"), &awssqs.QueueProps{
				VisibilityTimeout: minutes(12 * 60),
			}),
		}},
	} {
		p := orderpipeline.NewOrderPipeline(stack, id, props)
		NewOrderMonitoring(stack, id+"M", &OrderMonitoringProps{
			Pipeline: p, Dashboard: DashboardProps{Disabled: true},
		})
	}
	template := synthtest.Synth(t, stack)
	for path, want := range map[string]string{
		"SlowMAlarmFailingOrders.EvaluationPeriods":       "62",
		"SlowMAlarmFailingOrders.DatapointsToAlarm":       "1",
		"SlowMAlarmProcessorErrors.EvaluationPeriods":     "182",
		"ExistingMAlarmFailingOrders.EvaluationPeriods":   "722",
		"ExistingMAlarmProcessorErrors.EvaluationPeriods": "1440", // a day
		"ExistingMAlarmProcessorErrors.DatapointsToAlarm": "3",
	} {
		if got := template.At(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

var tableCall = regexp.MustCompile(`\bh\.Table\.([A-Z]\w+)\(`)

// The processor writes by no operation that nobody watches.
func TestWriteOperations(t *testing.T) {
	files, err := filepath.Glob("../../lambdas/processor/*.go")
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range tableCall.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(file, "_test.go") {
				called[match[1]] = true
			}
		}
	}
	if len(called) < 2 {
		t.Fatalf("sees the calls %v only", called)
	}
	for operation := range called {
		if !slices.Contains(orderpipeline.WriteOperations(), operation) {
			t.Errorf("no alarm watches %s, by which the processor writes", operation)
		}
	}
}
