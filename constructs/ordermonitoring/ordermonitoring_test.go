package ordermonitoring

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
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

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/awsmetrics"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/dashboard"
	"github.com/orderpipeline/orderpipeline/internal/prices"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// system makes a pipeline with two subscribers, an API, and monitoring with the props' differences from the defaults.
func system(stack awscdk.Stack, mutate func(*OrderMonitoringProps)) *OrderMonitoring {
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)
	p.AddSubscriber("Billing", nil)
	p.AddSubscriber("Shipping", nil)
	props := OrderMonitoringProps{Pipeline: p, API: orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{Pipeline: p})}
	if mutate != nil {
		mutate(&props)
	}
	return NewOrderMonitoring(stack, "M", &props)
}

func synth(t *testing.T, mutate func(*OrderMonitoringProps)) synthtest.Template {
	t.Helper()
	stack := synthtest.NewStack(t)
	system(stack, mutate)
	return synthtest.Synth(t, stack)
}

func full(p *OrderMonitoringProps) { p.Profile = ProfileFull }

// metrics of an alarm or a graph, dimensions resolved to the ids of resources.
type metricOf struct {
	at         string // the alarm's id, or the widget's title
	namespace  string
	name       string
	statistic  string
	dimensions map[string]string
}

func (m metricOf) check() error {
	return awsmetrics.Check(awsmetrics.Metric{Namespace: m.namespace, Name: m.name, Statistic: m.statistic, Dimensions: slices.Collect(maps.Keys(m.dimensions))})
}

// id of the metric, as CloudWatch tells metrics apart.
func (m metricOf) id() string { return fmt.Sprint(m.namespace, m.name, m.dimensions) }

// resolve gives a template's value as text: references as ${id} and ${id.attribute}.
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

// wantAlarm is what an alarm is to be.
type wantAlarm struct{ alarm, metric, dimensions, condition, missing, topic string }

func checkAlarm(t *testing.T, template synthtest.Template, want wantAlarm, section string) {
	t.Helper()
	p := template.Resources[template.ID(t, "MAlarm"+want.alarm)].Properties
	metrics := alarmsOf(t, synthtest.Template{Resources: map[string]synthtest.Resource{"A": {Type: "AWS::CloudWatch::Alarm", Properties: p}}})
	m := metrics[0]
	var dimensions []string
	for name, value := range m.dimensions {
		dimensions = append(dimensions, name+"="+value)
	}
	slices.Sort(dimensions)
	got := []string{
		m.namespace + " " + m.name + " " + m.statistic, strings.Join(dimensions, " "),
		fmt.Sprintf("%v %v, %v of %v × %v s", p["ComparisonOperator"], p["Threshold"], p["DatapointsToAlarm"], p["EvaluationPeriods"], p["Period"]),
		fmt.Sprint(p["TreatMissingData"]), synthtest.JSON(t, p["AlarmActions"]),
	}
	expected := []string{want.metric, want.dimensions, want.condition, want.missing, `[{"Ref":"` + template.ID(t, want.topic) + `"}]`}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", want.alarm, diff)
	}
	description, _ := p["AlarmDescription"].(string)
	if link := DefaultRunbookURL + "#" + strings.ToLower(section); !strings.HasSuffix(description, " What to do: "+link) || len(description) > 1024 {
		t.Errorf("%s: description %q, want the link %s", want.alarm, description, link)
	}
	if p["AlarmName"] != nil || p["OKActions"] != nil {
		t.Errorf("%s: %v, %v", want.alarm, p["AlarmName"], p["OKActions"])
	}
}

// What the alarms watch, in terms of a template.
type watchedParts struct {
	api                    string
	queue, function, table func(path string) string
}

func partsOf(t *testing.T, template synthtest.Template) watchedParts {
	id := func(path string) string { return template.ID(t, path) }
	apiName, _ := template.Resources[id("APIRestApi")].Properties["Name"].(string)
	return watchedParts{
		api:      "ApiName=" + apiName + " Stage=${" + id("APIRestApiDeploymentStagev1") + "}",
		queue:    func(path string) string { return "QueueName=${" + id(path) + ".QueueName}" },
		function: func(path string) string { return "FunctionName=${" + id(path) + "}" },
		table:    func(path string) string { return "TableName=${" + id(path) + "}" },
	}
}

func TestCoreAlarms(t *testing.T) {
	template := synth(t, nil)
	parts := partsOf(t, template)
	topic := "TopicName=${" + template.ID(t, "PTopic") + ".TopicName}"
	for _, want := range []wantAlarm{
		{"APIServerErrors", "AWS/ApiGateway 5XXError Average", parts.api, "GreaterThanThreshold 0.01, 2 of 3 × 60 s", "notBreaching", "MCritical"},
		{"QueueAge", "AWS/SQS ApproximateAgeOfOldestMessage Maximum", parts.queue("PQueue"), "GreaterThanThreshold 300, 5 of 5 × 60 s", "notBreaching", "MCritical"},
		{"DeadLetters", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", parts.queue("PDeadLetterQueue"), "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s", "notBreaching", "MCritical"},
		{"Rejected", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", parts.queue("PRejectedQueue"), "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s", "notBreaching", "MWarning"},
		{"OnFailure", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", parts.queue("POnFailureQueue"), "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s", "notBreaching", "MCritical"},
		{"ProcessorErrors", "AWS/Lambda Errors Sum", parts.function("PProcessor"), "GreaterThanOrEqualToThreshold 1, 3 of 5 × 60 s", "notBreaching", "MWarning"},
		{"PublisherErrors", "AWS/Lambda Errors Sum", parts.function("PPublisher"), "GreaterThanOrEqualToThreshold 1, 3 of 5 × 60 s", "notBreaching", "MWarning"},
		{"PublisherAge", "AWS/Lambda IteratorAge Maximum", parts.function("PPublisher"), "GreaterThanThreshold 60000, 3 of 3 × 60 s", "notBreaching", "MCritical"},
		{"PublisherHeartbeat", "AWS/Lambda Invocations Sum", parts.function("PPublisher"), "LessThanThreshold 1, 12 of 12 × 3600 s", "breaching", "MCritical"},
		{"DeliveryFailures", "AWS/SNS NumberOfNotificationsFailed Sum", topic, "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s", "notBreaching", "MCritical"},
	} {
		checkAlarm(t, template, want, want.alarm)
	}
	if n := len(template.IDs("AWS::CloudWatch::Alarm")); n != 10 {
		t.Errorf("%d core alarms, want the 10 that are free", n)
	}
}

// The further alarms can wait for the day: what they tell of either mends itself or has a core alarm as well.
func TestFurtherAlarms(t *testing.T) {
	template := synth(t, full)
	parts := partsOf(t, template)
	const (
		throttles = "GreaterThanOrEqualToThreshold 1, 3 of 5 × 60 s"
		once      = "GreaterThanOrEqualToThreshold 1, 1 of 1 × 60 s"
		close     = "GreaterThanThreshold 24000, 3 of 3 × 60 s" // 80 % of 30 s
	)
	further := []wantAlarm{
		{"APIClientErrors", "AWS/ApiGateway 4XXError Average", parts.api, "GreaterThanThreshold 0.05, 5 of 5 × 60 s", "", ""},
		{"APILatency", "AWS/ApiGateway Latency p99", parts.api, "GreaterThanThreshold 1000, 5 of 5 × 60 s", "", ""},
		{"StatusErrors", "AWS/Lambda Errors Sum", parts.function("APIStatus"), throttles, "", ""},
		{"StatusThrottles", "AWS/Lambda Throttles Sum", parts.function("APIStatus"), throttles, "", ""},
		{"ProcessorThrottles", "AWS/Lambda Throttles Sum", parts.function("PProcessor"), throttles, "", ""},
		{"PublisherThrottles", "AWS/Lambda Throttles Sum", parts.function("PPublisher"), throttles, "", ""},
		{"ProcessorDuration", "AWS/Lambda Duration p99", parts.function("PProcessor"), close, "", ""},
		{"PublisherDuration", "AWS/Lambda Duration p99", parts.function("PPublisher"), close, "", ""},
		{"TableErrors", "AWS/DynamoDB SystemErrors Sum", "Operation=PutItem " + parts.table("PTable"), once, "", ""},
		{"TableThrottles", "AWS/DynamoDB WriteThrottleEvents Sum", parts.table("PTable"), once, "", ""},
		{"SubscriberDeadLettersBilling", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", parts.queue("PSubscriberBillingDeadLetterQueue"), once, "", ""},
		{"SubscriberDeadLettersShipping", "AWS/SQS ApproximateNumberOfMessagesVisible Maximum", parts.queue("PSubscriberShippingDeadLetterQueue"), once, "", ""},
	}
	for _, want := range further {
		want.missing, want.topic = "notBreaching", "MWarning"
		section := want.alarm
		if strings.HasPrefix(section, "SubscriberDeadLetters") {
			section = "SubscriberDeadLetters"
		}
		checkAlarm(t, template, want, section)
	}
	if n := len(template.IDs("AWS::CloudWatch::Alarm")); n != 10+len(further) {
		t.Errorf("%d alarms, of which %d are looked at", n, 10+len(further))
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
		{"full", full, 10 + 10 + 2},
		{"full without an API", func(p *OrderMonitoringProps) { full(p); withoutAPI(p) }, 22 - 5},
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

// What CloudWatch does not know it does not complain about; so each metric is looked up in the table of documented ones.
func TestMetricsAreDocumented(t *testing.T) {
	template := synth(t, full)
	alarms, graphs := alarmsOf(t, template), drawn(dashboardOf(t, template))
	if len(alarms) != 22 || len(graphs) < 40 {
		t.Fatalf("sees %d alarms and %d metrics in graphs", len(alarms), len(graphs))
	}
	for _, m := range append(alarms, graphs...) {
		if err := m.check(); err != nil {
			t.Errorf("%s: %v", m.at, err)
		}
	}
}

// The check notices: each alarm's name, dimensions and statistic are changed in turn.
func TestMetricCheckNotices(t *testing.T) {
	mutants := 0
	for _, m := range alarmsOf(t, synth(t, full)) {
		try := func(what string, mutate func(*metricOf)) {
			changed := m
			changed.dimensions = maps.Clone(m.dimensions)
			mutate(&changed)
			mutants++
			if changed.check() == nil {
				t.Errorf("%s: nobody notices %s", m.at, what)
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
		try("a dimension too many", func(c *metricOf) { c.dimensions["Region"] = "x" })
		row, _ := awsmetrics.Find(m.namespace, m.name)
		for _, statistic := range []string{"Sum", "Average", "Minimum", "Maximum", "SampleCount", "p99", ""} {
			if !slices.Contains(row.Statistics, strings.TrimSuffix(statistic, "99")) {
				try("the statistic "+statistic, func(c *metricOf) { c.statistic = statistic })
			}
		}
	}
	if mutants < 22*9 {
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
		"without metrics of our own": func(p *OrderMonitoringProps) {
			full(p)
			p.Pipeline = orderpipeline.NewOrderPipeline(awscdk.Stack_Of(p.Pipeline), "Quiet", &orderpipeline.OrderPipelineProps{DisableMetrics: true})
			p.Pipeline.AddSubscriber("Billing", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			template := synth(t, mutate)
			d := dashboardOf(t, template)
			metrics, statistics := map[string]bool{}, map[string]bool{}
			own := 0
			for _, m := range drawn(d) {
				if m.namespace == contract.MetricNamespace {
					own++
				}
				metrics[m.id()] = true
				statistics[m.id()+m.statistic] = true
			}
			t.Logf("%d metrics, %d with their statistics", len(metrics), len(statistics))
			if (own == 0) != (name == "without metrics of our own") {
				t.Errorf("%d metrics of our own", own)
			}
			if len(statistics) > 50 {
				t.Errorf("%d metrics, at most 50 are free", len(statistics))
			}
			if d.Widgets[1].Type != "alarm" || len(d.Widgets[1].Alarms) != len(template.IDs("AWS::CloudWatch::Alarm")) {
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
				if w.Type == "metric" && (w.Unit == "" || len(w.Metrics) == 0 || w.Width < columns/3) {
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
				if d.name == AlarmStatusThrottles { // the one function that is left out for the sake of the 50
					continue
				}
				if !strings.Contains(lines, ","+string(d.name)+",") {
					t.Errorf("%s is a line on no graph", d.name)
				}
			}
		})
	}
}

// What somebody who is woken looks for is there; where the metrics of our own are off, messages are counted.
func TestDashboardShows(t *testing.T) {
	const always = "AWS/SQS ApproximateNumberOfMessagesVisible, AWS/SQS ApproximateAgeOfOldestMessage, AWS/SQS NumberOfEmptyReceives, " +
		"AWS/ApiGateway Count, AWS/ApiGateway Latency, AWS/ApiGateway 5XXError, AWS/ApiGateway 4XXError, " +
		"AWS/Lambda Duration, AWS/Lambda Errors, AWS/Lambda Throttles, AWS/Lambda ConcurrentExecutions, AWS/Lambda IteratorAge, AWS/Lambda Invocations, " +
		"AWS/DynamoDB ConsumedWriteCapacityUnits, AWS/DynamoDB SuccessfulRequestLatency, AWS/DynamoDB WriteThrottleEvents, AWS/DynamoDB SystemErrors, " +
		"AWS/SNS NumberOfMessagesPublished, AWS/SNS NumberOfNotificationsDelivered, AWS/SNS NumberOfNotificationsFailed"
	for name, test := range map[string]struct {
		disabled bool
		want     string
		funnel   []string // labels, in the order of the way
	}{
		"with metrics of our own": {false, always + ", OrderPipeline OrdersReceived, OrderPipeline OrdersStored, OrderPipeline OrdersDuplicate, OrderPipeline OrdersRefused, OrderPipeline EventsPublished, OrderPipeline EventsFailed",
			[]string{"received, tries included", "stored", "published", "delivered (all subscribers)"}},
		"without": {true, always + ", AWS/SQS NumberOfMessagesSent, AWS/SQS NumberOfMessagesDeleted",
			[]string{"received", "processed", "published", "delivered (all subscribers)"}},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.NewStack(t)
			p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{DisableMetrics: test.disabled})
			NewOrderMonitoring(stack, "M", &OrderMonitoringProps{Pipeline: p, API: orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{Pipeline: p})})
			d := dashboardOf(t, synthtest.Synth(t, stack))
			shown := map[string]bool{}
			for _, m := range drawn(d) {
				shown[m.namespace+" "+m.name] = true
			}
			for metric := range strings.SplitSeq(test.want, ", ") {
				if !shown[metric] {
					t.Errorf("%s is on no graph", metric)
				}
			}
			for i, title := range []string{"received → ", "What has not come through each leg"} {
				if w := d.Widgets[2+i]; !strings.Contains(w.Title, title) || w.Width != columns/2 || w.Y != d.Widgets[2].Y {
					t.Errorf("widget %d is %q, at %d and %d wide: want %q, below the alarms and side by side", 2+i, w.Title, w.Y, w.Width, title)
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
			if !strings.HasPrefix(last.Title, "Estimated cost of requests") || !strings.Contains(last.Title, prices.Current().Date) {
				t.Errorf("the last widget is %q, want the estimate with the date of its prices", last.Title)
			}
		})
	}
}

func TestTwoPipelinesShareNothing(t *testing.T) {
	stack := synthtest.NewStack(t)
	for _, name := range []string{"A", "B"} {
		p := orderpipeline.NewOrderPipeline(stack, "P"+name, nil)
		api := orderapi.NewOrderAPI(stack, "API"+name, &orderapi.OrderAPIProps{Pipeline: p})
		NewOrderMonitoring(stack, "M"+name, &OrderMonitoringProps{Pipeline: p, API: api, Profile: ProfileFull})
	}
	template := synthtest.Synth(t, stack)
	of := map[string]string{}
	for _, m := range alarmsOf(t, template) {
		pipeline := m.at[:2]
		if before := of[m.id()]; before != "" && before != pipeline {
			t.Errorf("%s and %s watch the same: %s", before, pipeline, m.id())
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
				t.Errorf("%s and %s draw the same: %s", before, id, m.id())
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
		p.Thresholds = Thresholds{APIServerErrorsPercent: 2.5, QueueAgeSeconds: 30, PublisherAgeSeconds: 5, PublisherSilenceHours: 3, FunctionDurationPercent: 50}
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

// Every threshold reaches the alarms that it is named after, and no other.
func TestEachThreshold(t *testing.T) {
	conditions := func(thresholds Thresholds) map[string]string {
		template := synth(t, func(p *OrderMonitoringProps) { full(p); p.Thresholds = thresholds })
		found := map[string]string{}
		for _, d := range definitions {
			suffix := ""
			if d.name == AlarmSubscriberDeadLetters {
				suffix = "Billing"
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
			"DeadLettersMessages":           "DeadLetters 7 1",
			"RejectedMessages":              "Rejected 7 1",
			"OnFailureMessages":             "OnFailure 7 1",
			"SubscriberDeadLettersMessages": "SubscriberDeadLetters 7 1",
			"FunctionErrorsPerMinute":       "ProcessorErrors 7 5, PublisherErrors 7 5, StatusErrors 7 5",
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

func TestTopicsBroughtAlong(t *testing.T) {
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
	if !strings.Contains(policy, `"Action":["kms:Decrypt","kms:GenerateDataKey*"],"Condition":{"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}},"Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"}`) {
		t.Errorf("the key's policy is %s", policy)
	}
	said := ""
	for _, entry := range *m.Node().Metadata() {
		said += fmt.Sprint(*entry.Type, entry.Data, "\n")
	}
	if !strings.Contains(said, "aws:cdk:warning") || !strings.Contains(said, "The topic Test/Imported is imported, so its policy cannot be changed from here. Let the service cloudwatch.amazonaws.com do sns:Publish") {
		t.Errorf("says %s", said)
	}
	if m.CriticalTopic().TopicArn() == nil || m.WarningTopic() == nil {
		t.Error("no topics")
	}
}

// A key that is imported stays as it is: what its policy needs is said, since every alarm would be dropped otherwise.
func TestTopicWithAnImportedKey(t *testing.T) {
	stack := synthtest.NewStack(t)
	key := awskms.Key_FromKeyArn(stack, jsii.String("Key"), jsii.String("arn:aws:kms:us-east-1:123456789012:key/x"))
	topic := awssns.NewTopic(stack, jsii.String("Topic"), &awssns.TopicProps{MasterKey: key})
	m := system(stack, func(p *OrderMonitoringProps) {
		p.Critical.Existing = topic
		p.Budget = &BudgetProps{MonthlyUSD: 1, TagKey: "a", TagValue: "b"}
		p.Warning.Existing = topic
	})
	said := strings.Join(synthtest.Warnings(m), "\n")
	for _, service := range []string{"cloudwatch.amazonaws.com", "budgets.amazonaws.com"} {
		if want := "The key Test/Key of the topic Test/Topic is imported, so its policy cannot be changed from here. Let the service " + service + " use kms:Decrypt and kms:GenerateDataKey* in it"; !strings.Contains(said, want) {
			t.Errorf("does not say %s:\n%s", want, said)
		}
	}
}

func TestBudget(t *testing.T) {
	budget := func(amount float64, emails ...string) synthtest.Template {
		return synth(t, func(p *OrderMonitoringProps) {
			p.Budget = &BudgetProps{MonthlyUSD: amount, TagKey: "OrderPipeline", TagValue: "prod", Emails: emails}
		})
	}
	template := budget(20, "money@example.com")
	if got, want := template.At(t, "MBudget.Budget"),
		`{"BudgetLimit":{"Amount":20,"Unit":"USD"},"BudgetType":"COST","CostFilters":{"TagKeyValue":["user:OrderPipeline$prod"]},"TimeUnit":"MONTHLY"}`; got != want {
		t.Errorf("budget %s\nwant   %s", got, want)
	}
	subscribers := `"Subscribers":[{"Address":{"Ref":"` + template.ID(t, "MWarning") + `"},"SubscriptionType":"SNS"},{"Address":"money@example.com","SubscriptionType":"EMAIL"}]`
	notification := func(kind, percent string) string {
		return `{"Notification":{"ComparisonOperator":"GREATER_THAN","NotificationType":"` + kind + `","Threshold":` + percent + `,"ThresholdType":"PERCENTAGE"},` + subscribers + `}`
	}
	if got, want := template.At(t, "MBudget.NotificationsWithSubscribers"), "["+notification("ACTUAL", "80")+","+notification("FORECASTED", "100")+"]"; got != want {
		t.Errorf("notifications %s\nwant          %s", got, want)
	}
	statements := strings.Join(template.Statements(t, "MWarningPolicy"), "\n")
	if !strings.Contains(statements, `"Principal":{"Service":"budgets.amazonaws.com"}`) || !strings.Contains(statements, `":budgets::"`) {
		t.Errorf("AWS Budgets is not let in: %s", statements)
	}
	if depends := template.Resources[template.ID(t, "MBudget")].DependsOn; !slices.Contains(depends, template.ID(t, "MWarningPolicy")) {
		t.Errorf("the budget does not wait for the topic's policy: %s", depends)
	}

	// Another amount, another subscriber: the same resource, and no name that the next one could collide with.
	for _, other := range []synthtest.Template{budget(21, "money@example.com"), budget(20)} {
		if template.ID(t, "MBudget") != other.ID(t, "MBudget") {
			t.Error("the budget's logical id changes")
		}
		if name := other.At(t, "MBudget.Budget.BudgetName"); name != "null" {
			t.Errorf("the budget is called %s", name)
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
	if statements := strings.Join(template.Statements(t, "MWarningPolicy"), "\n"); !strings.Contains(statements, `"costalerts.amazonaws.com"`) {
		t.Errorf("Cost Anomaly Detection is not let in: %s", statements)
	}

	const arn = "arn:aws:ce::123456789012:anomalymonitor/x"
	template = synth(t, func(p *OrderMonitoringProps) { p.Anomalies = &AnomaliesProps{ExistingMonitorARN: arn} })
	if got := template.At(t, "MAnomalySubscription.MonitorArnList"); got != `["`+arn+`"]` || len(template.IDs("AWS::CE::AnomalyMonitor")) > 0 {
		t.Errorf("monitors %s", got)
	}
}

func TestAddAlarm(t *testing.T) {
	stack := synthtest.NewStack(t)
	m := system(stack, nil)
	m.AddAlarm("Backlog", AlarmProps{Metric: m.settings.Pipeline.MetricQueueDepth(nil), Threshold: 1000, EvaluationPeriods: 3, DatapointsToAlarm: 2, Warning: true, Meaning: "Many orders wait."})
	m.AddAlarm("Heart", AlarmProps{Metric: m.settings.Pipeline.MetricTopicPublished(nil), Threshold: 1, Meaning: "No events.",
		Comparison: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD, MissingData: awscloudwatch.TreatMissingData_BREACHING})
	template := synthtest.Synth(t, stack)
	for path, want := range map[string]string{
		"MAlarmBacklog.Threshold":          "1000",
		"MAlarmBacklog.DatapointsToAlarm":  "2",
		"MAlarmBacklog.TreatMissingData":   `"notBreaching"`,
		"MAlarmBacklog.AlarmActions":       `[{"Ref":"` + template.ID(t, "MWarning") + `"}]`,
		"MAlarmBacklog.AlarmDescription":   `"Many orders wait. What to do: ` + DefaultRunbookURL + `#backlog"`,
		"MAlarmHeart.AlarmActions":         `[{"Ref":"` + template.ID(t, "MCritical") + `"}]`,
		"MAlarmHeart.TreatMissingData":     `"breaching"`,
		"MAlarmHeart.ComparisonOperator":   `"LessThanThreshold"`,
		"MAlarmBacklog.ComparisonOperator": `"GreaterThanOrEqualToThreshold"`,
	} {
		if got := template.At(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if len(m.Alarms()) != 12 || m.Alarm("Heart") == nil || m.Alarm(AlarmQueueAge) == nil || m.Alarm(AlarmAPILatency) != nil {
		t.Errorf("%d alarms", len(m.Alarms()))
	}
	if said := synthtest.Panic(func() { m.AddAlarm("Empty", AlarmProps{}) }); !strings.Contains(said, "needs a Metric") {
		t.Errorf("panics with %q", said)
	}
}

// With everything brought along that can be.
func TestBroughtAlong(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Queue: orderpipeline.QueueProps{Existing: awssqs.NewQueue(stack, jsii.String("TheirQueue"), nil)},
		Topic: orderpipeline.TopicProps{Existing: awssns.Topic_FromTopicArn(stack, jsii.String("TheirTopic"), jsii.String("arn:aws:sns:us-east-1:123456789012:events"))},
	})
	NewOrderMonitoring(stack, "M", &OrderMonitoringProps{Pipeline: p, Dashboard: DashboardProps{Disabled: true}})
	template := synthtest.Synth(t, stack)
	if got, want := template.At(t, "MAlarmDeliveryFailures.Dimensions"), `[{"Name":"TopicName","Value":"events"}]`; got != want {
		t.Errorf("dimensions %s", got)
	}
	if got := template.At(t, "MAlarmQueueAge.Dimensions"); !strings.Contains(got, "TheirQueue") {
		t.Errorf("dimensions %s", got)
	}
	if n := len(template.IDs("AWS::CloudWatch::Dashboard")); n != 0 {
		t.Errorf("%d dashboards", n)
	}
}

func TestValidation(t *testing.T) {
	if got, want := synthtest.Panic(func() { NewOrderMonitoring(synthtest.NewStack(t), "M", nil) }),
		"ordermonitoring.OrderMonitoringProps: Pipeline is nil: needs what orderpipeline.NewOrderPipeline gives: that is what is watched"; got != want {
		t.Errorf("says\n%s\nwant\n%s", got, want)
	}
	stack := synthtest.NewStack(t)
	aws := awssns.NewTopic(stack, jsii.String("AWSKey"), &awssns.TopicProps{MasterKey: awskms.Alias_FromAliasName(stack, jsii.String("Alias"), jsii.String("alias/aws/sns"))})
	byName := awssns.NewTopic(stack, jsii.String("ByName"), nil)
	byName.Node().DefaultChild().(awssns.CfnTopic).SetKmsMasterKeyId(jsii.String("alias/aws/sns"))
	fifo := awssns.NewTopic(stack, jsii.String("Fifo"), &awssns.TopicProps{Fifo: jsii.Bool(true)})
	got := synthtest.Panic(func() {
		system(stack, func(p *OrderMonitoringProps) {
			p.Profile, p.Without, p.RunbookURL = "most", []AlarmName{"Heartbeat"}, "runbook.md"
			p.Thresholds = Thresholds{QueueAgeSeconds: -1, PublisherSilenceHours: 48, APIServerErrorsPercent: 101}
			p.Critical = TopicProps{Existing: aws, Emails: []string{"Ops <ops@example.com>"}}
			p.Warning = TopicProps{Existing: fifo, Emails: []string{"a@example.com", "a@example.com"}}
			p.Budget = &BudgetProps{MonthlyUSD: -1, Emails: slices.Repeat([]string{"x"}, 11)}
			p.Anomalies = &AnomaliesProps{ImpactUSD: -1}
		})
	})
	if said := synthtest.Panic(func() {
		NewOrderMonitoring(stack, "ByNameM", &OrderMonitoringProps{Pipeline: orderpipeline.NewOrderPipeline(stack, "Other", nil), Critical: TopicProps{Existing: byName}})
	}); !strings.Contains(said, `Critical.Existing is "Test/ByName": needs a key of the customer's`) {
		t.Errorf("says %s", said)
	}
	for _, want := range []string{
		`Profile is "most": needs none, core or full`,
		`Without is "Heartbeat": needs the name of an alarm`,
		`RunbookURL is "runbook.md": needs an address`,
		`Thresholds.QueueAgeSeconds is -1: needs 1 to`,
		`Thresholds.APIServerErrorsPercent is 101: needs 0 to 100`,
		`Thresholds.PublisherSilenceHours is 48: needs 1 to 20`,
		`Critical.Existing is "Test/AWSKey": needs a key of the customer's`,
		`Critical.Emails is "Ops <ops@example.com>": needs an e-mail address`,
		`Warning.Existing is "Test/Fifo": needs a standard topic`,
		`Warning.Emails is "a@example.com": needs each address once`,
		`Budget.MonthlyUSD is -1: needs an amount above 0`,
		`Budget.TagKey, TagValue is " ": needs the cost-allocation tag`,
		`Budget.Emails is 11: needs at most 10`,
		`Anomalies.ImpactUSD is -1`,
		`Anomalies.TagKey, TagValue is " "`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("does not say %s:\n%s", want, got)
		}
	}
}

func TestCallersPropsStayAsTheyAre(t *testing.T) {
	var before, after string
	synth(t, func(p *OrderMonitoringProps) {
		p.Anomalies = &AnomaliesProps{TagKey: "a", TagValue: "b"}
		text, _ := json.Marshal(p.Anomalies)
		before = string(text)
		anomalies := p.Anomalies
		t.Cleanup(func() {
			text, _ := json.Marshal(anomalies)
			if after = string(text); before != after {
				t.Errorf("was %s, is %s", before, after)
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
				t.Errorf("the section of %s says nothing under %s", d.name, part)
			}
		}
	}
	for name := range sections {
		t.Errorf("section %s has no alarm", name)
	}
}
