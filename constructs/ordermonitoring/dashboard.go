package ordermonitoring

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/prices"
)

const (
	// columns of a dashboard. A third of them is 480 pixels wide on a screen of 1440.
	columns = 24
	height  = 6
	// maxSubscribers that are drawn: with them the dashboard has 50 metrics, which is what AWS gives for free.
	maxSubscribers = 5

	alarmColor = "#d13212"
)

// graph is a widget with its metrics; alarms are drawn as lines.
type graph struct {
	title, unit string
	width       int // 0: a third
	metrics     []awscloudwatch.IMetric
	alarms      []AlarmName
	stacked     bool
}

func (m *OrderMonitoring) newDashboard() {
	m.dashboard = awscloudwatch.NewDashboard(m, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DefaultInterval: awscdk.Duration_Hours(jsii.Number(3)),
		PeriodOverride:  awscloudwatch.PeriodOverride_INHERIT, // minutes stay minutes, so that the alarm lines mean something
	})
	m.row(awscloudwatch.NewTextWidget(&awscloudwatch.TextWidgetProps{
		Markdown: jsii.String("**" + m.settings.Dashboard.Title + "** · [what to do, alarm by alarm](" + m.settings.RunbookURL + ")"),
		Width:    jsii.Number(columns), Height: jsii.Number(1),
	}))
	if len(m.alarms) > 0 {
		var alarms []interfacesawscloudwatch.IAlarmRef
		for _, a := range m.alarms {
			alarms = append(alarms, a.resource)
		}
		m.row(awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
			Title: jsii.String("Alarms"), Alarms: &alarms, Width: jsii.Number(columns), Height: jsii.Number(1 + (len(alarms)+5)/6),
		}))
	}
	m.funnel()
	m.queueRow()
	m.asideRow()
	m.apiRow()
	m.functionRows()
	m.tableRow()
	m.topicRow()
}

func (m *OrderMonitoring) row(widgets ...awscloudwatch.IWidget) { m.dashboard.AddWidgets(widgets...) }

// graphs adds a row.
func (m *OrderMonitoring) graphs(row ...graph) {
	var widgets []awscloudwatch.IWidget
	for _, g := range row {
		if g.width == 0 {
			g.width = columns / 3
		}
		var lines []*awscloudwatch.HorizontalAnnotation
		for _, line := range m.lines(g.alarms) {
			lines = append(lines, &awscloudwatch.HorizontalAnnotation{Value: jsii.Number(line.threshold), Label: jsii.String(line.id), Color: jsii.String(alarmColor)})
		}
		widgets = append(widgets, awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
			Title: jsii.String(g.title), Width: jsii.Number(g.width), Height: jsii.Number(height),
			Left: &g.metrics, LeftAnnotations: &lines, Stacked: &g.stacked,
			LeftYAxis: &awscloudwatch.YAxisProps{Min: jsii.Number(0), Label: jsii.String(g.unit), ShowUnits: jsii.Bool(false)},
		}))
	}
	m.row(widgets...)
}

// lines of the alarms that there are; those at one value are one line.
func (m *OrderMonitoring) lines(names []AlarmName) []alarm {
	var lines []alarm
next:
	for _, name := range names {
		for _, a := range m.alarms {
			if !strings.HasPrefix(a.id, string(name)) { // a subscriber's has its id behind
				continue
			}
			for i := range lines {
				if lines[i].threshold == a.threshold {
					if !strings.Contains(lines[i].id, string(name)) {
						lines[i].id += ", " + string(name)
					}
					continue next
				}
			}
			lines = append(lines, alarm{id: string(name), threshold: a.threshold})
		}
	}
	return lines
}

func calculated(expression, label string, period awscdk.Duration, metrics map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: &expression, Label: &label, Period: period, UsingMetrics: &metrics,
	})
}

func minute() awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(1)) }
func hour() awscdk.Duration   { return awscdk.Duration_Hours(jsii.Number(1)) }

// funnel is the way of an order, and what has not come through each leg yet. Without metrics of our own it is messages that are
// counted, of which one may carry several orders, and what is stored but not published shows as the publisher's age only.
func (m *OrderMonitoring) funnel() {
	p, processor, publisher := m.settings.Pipeline, m.processor(), m.publisher()
	delivered := metric(p.Topic(), "NumberOfNotificationsDelivered", "Sum", "delivered (all subscribers)")
	way := graph{title: "Orders: received → stored → published → delivered", unit: "a minute", width: columns / 2}
	missing := graph{
		title: "What has not come through each leg", unit: "messages, events", width: columns / 2,
		metrics: []awscloudwatch.IMetric{
			calculated("FILL(w,0)+FILL(h,0)", "in the queue: neither stored nor refused", minute(), map[string]awscloudwatch.IMetric{
				"w": metric(p.Queue(), "ApproximateNumberOfMessagesVisible", "Maximum", ""), "h": metric(p.Queue(), "ApproximateNumberOfMessagesNotVisible", "Maximum", ""),
			}),
		},
	}
	if p.MetricsDisabled() {
		way.title = "Messages: received → processed → published → delivered"
		way.metrics = []awscloudwatch.IMetric{
			metric(p.Queue(), "NumberOfMessagesSent", "Sum", "received"), metric(p.Queue(), "NumberOfMessagesDeleted", "Sum", "processed"),
			metric(p.Topic(), "NumberOfMessagesPublished", "Sum", "published"), delivered,
		}
	} else {
		stored, published := own(processor, contract.MetricOrdersStored, "stored"), own(publisher, contract.MetricEventsPublished, "published")
		way.metrics = []awscloudwatch.IMetric{
			own(processor, contract.MetricOrdersReceived, "received, tries included"), stored, published, delivered,
			own(processor, contract.MetricOrdersDuplicate, "duplicate"), own(processor, contract.MetricOrdersRefused, "refused"),
		}
		missing.metrics = append(missing.metrics,
			calculated("RUNNING_SUM(FILL(st,0)-FILL(p,0)-FILL(a,0))", "stored, not published (summed up)", minute(), map[string]awscloudwatch.IMetric{
				"st": stored, "p": published, "a": own(publisher, contract.MetricEventsFailed, "put aside"),
			}))
	}
	missing.metrics = append(missing.metrics, calculated("RUNNING_SUM(FILL(nf,0))", "published, not delivered (summed up)", minute(), map[string]awscloudwatch.IMetric{
		"nf": metric(p.Topic(), "NumberOfNotificationsFailed", "Sum", ""),
	}))
	m.graphs(way, missing)
}

func (m *OrderMonitoring) queueRow() {
	p := m.settings.Pipeline
	visible := metric(p.Queue(), "ApproximateNumberOfMessagesVisible", "Maximum", "waiting")
	m.graphs(graph{
		title: "Queue: messages", unit: "messages",
		metrics: []awscloudwatch.IMetric{visible, metric(p.Queue(), "ApproximateNumberOfMessagesNotVisible", "Maximum", "in work")},
	}, graph{
		title: "Queue: age of the oldest message", unit: "seconds", alarms: []AlarmName{AlarmQueueAge},
		metrics: []awscloudwatch.IMetric{metric(p.Queue(), "ApproximateAgeOfOldestMessage", "Maximum", "age")},
	}, graph{
		title: "Queue: time to drain at the present pace", unit: "seconds",
		metrics: []awscloudwatch.IMetric{calculated("IF(FILL(del,0)>0, v/(del/PERIOD(del)), 0)", "time to drain", minute(), map[string]awscloudwatch.IMetric{
			"v": visible, "del": metric(p.Queue(), "NumberOfMessagesDeleted", "Sum", "done"),
		})},
	})
}

func (m *OrderMonitoring) asideRow() {
	p := m.settings.Pipeline
	depth := func(queue measured, label string) awscloudwatch.IMetric {
		return metric(queue, "ApproximateNumberOfMessagesVisible", "Maximum", label)
	}
	aside := graph{
		title: "Put aside, for somebody to look at", unit: "messages", width: columns / 2,
		metrics: []awscloudwatch.IMetric{depth(p.DeadLetterQueue(), "dead letters"), depth(p.RejectedQueue(), "rejected"), depth(p.OnFailureQueue(), "on failure")},
		alarms:  []AlarmName{AlarmDeadLetters, AlarmRejected, AlarmOnFailure},
	}
	subscribers := p.Subscribers()
	if len(subscribers) == 0 {
		aside.width = columns
		m.graphs(aside)
		return
	}
	title := "Subscribers' dead letters"
	if len(subscribers) > maxSubscribers {
		title += fmt.Sprintf(" (%d of %d)", maxSubscribers, len(subscribers))
		subscribers = subscribers[:maxSubscribers]
	}
	theirs := graph{title: title, unit: "messages", width: columns / 2, alarms: []AlarmName{AlarmSubscriberDeadLetters}}
	for _, s := range subscribers {
		theirs.metrics = append(theirs.metrics, depth(s.DeadLetterQueue(), s.ID()))
	}
	m.graphs(aside, theirs)
}

func (m *OrderMonitoring) apiRow() {
	if m.settings.API == nil {
		return
	}
	stage := m.stage()
	m.graphs(graph{
		title: "API: calls", unit: "a minute",
		metrics: []awscloudwatch.IMetric{metric(stage, "Count", "Sum", "calls")},
	}, graph{
		title: "API: latency of the slowest in 100", unit: "milliseconds", alarms: []AlarmName{AlarmAPILatency},
		metrics: []awscloudwatch.IMetric{metric(stage, "Latency", "p99", "p99")},
	}, graph{
		title: "API: share of errors", unit: "1 is all calls", alarms: []AlarmName{AlarmAPIServerErrors, AlarmAPIClientErrors},
		metrics: []awscloudwatch.IMetric{metric(stage, "5XXError", "Average", "5xx"), metric(stage, "4XXError", "Average", "4xx")},
	})
}

func (m *OrderMonitoring) functionRows() {
	processor, publisher := m.processor(), m.publisher()
	duration := []awscloudwatch.IMetric{metric(processor, "Duration", "p99", "processor"), metric(publisher, "Duration", "p99", "publisher")}
	errors := []awscloudwatch.IMetric{metric(processor, "Errors", "Sum", "processor"), metric(publisher, "Errors", "Sum", "publisher")}
	if api := m.settings.API; api != nil {
		duration = append(duration, metric(api.Status(), "Duration", "p99", "status"))
		errors = append(errors, metric(api.Status(), "Errors", "Sum", "status"))
	}
	m.graphs(graph{
		title: "Lambda: duration of the slowest in 100", unit: "milliseconds", metrics: duration,
		alarms: []AlarmName{AlarmProcessorDuration, AlarmPublisherDuration},
	}, graph{
		title: "Lambda: errors", unit: "a minute", metrics: errors,
		alarms: []AlarmName{AlarmProcessorErrors, AlarmPublisherErrors, AlarmStatusErrors},
	}, graph{
		title: "Lambda: throttles", unit: "a minute",
		metrics: []awscloudwatch.IMetric{metric(processor, "Throttles", "Sum", "processor"), metric(publisher, "Throttles", "Sum", "publisher")},
		alarms:  []AlarmName{AlarmProcessorThrottles, AlarmPublisherThrottles},
	})
	runs := options("Sum", "publisher")
	runs.Period = hour()
	m.graphs(graph{
		title: "Lambda: at the same time", unit: "invocations",
		metrics: []awscloudwatch.IMetric{metric(processor, "ConcurrentExecutions", "Maximum", "processor"), metric(publisher, "ConcurrentExecutions", "Maximum", "publisher")},
	}, graph{
		title: "Publisher: age of what it gets", unit: "milliseconds", alarms: []AlarmName{AlarmPublisherAge},
		metrics: []awscloudwatch.IMetric{metric(publisher, "IteratorAge", "Maximum", "iterator age")},
	}, graph{
		title: "Publisher: runs an hour", unit: "invocations", alarms: []AlarmName{AlarmPublisherHeartbeat},
		metrics: []awscloudwatch.IMetric{publisher.Metric(jsii.String("Invocations"), runs)},
	})
}

func (m *OrderMonitoring) tableRow() {
	table := m.settings.Pipeline.Table()
	m.graphs(graph{
		title: "Table: consumed capacity", unit: "units a minute",
		metrics: []awscloudwatch.IMetric{metric(table, "ConsumedWriteCapacityUnits", "Sum", "writes"), metric(table, "ConsumedReadCapacityUnits", "Sum", "reads")},
	}, graph{
		title: "Table: latency of PutItem", unit: "milliseconds",
		metrics: []awscloudwatch.IMetric{m.putItem("SuccessfulRequestLatency", "Average", "average")},
	}, graph{
		title: "Table: failed and throttled writes", unit: "a minute", alarms: []AlarmName{AlarmTableErrors, AlarmTableThrottles},
		metrics: []awscloudwatch.IMetric{m.putItem("SystemErrors", "Sum", "errors"), metric(table, "WriteThrottleEvents", "Sum", "throttles")},
	})
}

func (m *OrderMonitoring) topicRow() {
	p := m.settings.Pipeline
	m.graphs(graph{
		title: "Topic", unit: "a minute", alarms: []AlarmName{AlarmDeliveryFailures},
		metrics: []awscloudwatch.IMetric{
			metric(p.Topic(), "NumberOfMessagesPublished", "Sum", "published"),
			metric(p.Topic(), "NumberOfNotificationsDelivered", "Sum", "delivered"),
			metric(p.Topic(), "NumberOfNotificationsFailed", "Sum", "failed"),
		},
	}, graph{
		title: "Queue: empty receives (paid for, idle or not)", unit: "a minute",
		metrics: []awscloudwatch.IMetric{metric(p.Queue(), "NumberOfEmptyReceives", "Sum", "empty receives")},
	}, m.costGraph())
}

// costGraph is what the requests of an hour cost at list price. Where several messages share a request, it shows more than is
// paid.
func (m *OrderMonitoring) costGraph() graph {
	p, list := m.settings.Pipeline, prices.Current()
	g := graph{
		title: fmt.Sprintf("Estimated cost of requests, at most (%s, %s)", list.Region, list.Date), unit: list.Currency + " an hour", stacked: true,
	}
	hourly := func(of measured, name string) awscloudwatch.Metric {
		o := options("Sum", "")
		o.Period = hour()
		return of.Metric(&name, o)
	}
	add := func(label, expression string, metrics map[string]awscloudwatch.IMetric) {
		g.metrics = append(g.metrics, calculated("("+expression+")/1000000", label, hour(), metrics))
	}
	functions := []awslambda.Function{p.Processor(), p.Publisher()}
	if api := m.settings.API; api != nil {
		functions = append(functions, api.Status())
		add("API Gateway", fmt.Sprintf("FILL(calls,0)*%g", list.APIGatewayRequests), map[string]awscloudwatch.IMetric{"calls": hourly(m.stage(), "Count")})
	}
	queue := p.Queue()
	add("SQS", fmt.Sprintf("(FILL(sent,0)+FILL(got,0)+FILL(gone,0)+FILL(empty,0))*%g", list.SQSRequests), map[string]awscloudwatch.IMetric{
		"sent":  hourly(queue, "NumberOfMessagesSent"),
		"got":   hourly(queue, "NumberOfMessagesReceived"),
		"gone":  hourly(queue, "NumberOfMessagesDeleted"),
		"empty": hourly(queue, "NumberOfEmptyReceives"),
	})
	runs := map[string]awscloudwatch.IMetric{}
	var terms []string
	for i, f := range functions {
		run, took := fmt.Sprintf("run%d", i), fmt.Sprintf("took%d", i)
		runs[run], runs[took] = hourly(f, "Invocations"), hourly(f, "Duration")
		price := list.LambdaGBSecondsARM
		if *f.Architecture().Name() == *awslambda.Architecture_X86_64().Name() {
			price = list.LambdaGBSecondsX86
		}
		// From milliseconds to seconds, from MiB to GB.
		terms = append(terms, fmt.Sprintf("FILL(%s,0)*%g+FILL(%s,0)*%g", run, list.LambdaRequests, took, price/1000*memoryMiB(f)/1024))
	}
	add("Lambda", strings.Join(terms, "+"), runs)
	add("DynamoDB", fmt.Sprintf("FILL(writes,0)*%g+FILL(reads,0)*%g", list.DynamoDBWrites, list.DynamoDBReads), map[string]awscloudwatch.IMetric{
		"writes": hourly(p.Table(), "ConsumedWriteCapacityUnits"),
		"reads":  hourly(p.Table(), "ConsumedReadCapacityUnits"),
	})
	add("SNS", fmt.Sprintf("FILL(events,0)*%g", list.SNSPublishes), map[string]awscloudwatch.IMetric{"events": hourly(p.Topic(), "NumberOfMessagesPublished")})
	return g
}

// memoryMiB of a function; Lambda's own default where nothing is set.
func memoryMiB(f awslambda.Function) float64 {
	if cfn, ok := f.Node().DefaultChild().(awslambda.CfnFunction); ok && cfn.MemorySize() != nil {
		return *cfn.MemorySize()
	}
	return 128
}
