package ordermonitoring

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// DashboardProps configures the dashboard.
type DashboardProps struct {
	// Disabled leaves the dashboard out. Three dashboards of up to 50 metrics per account are free.
	// Default: false.
	Disabled bool
	// Title is in the dashboard's first line. Default: the path of the pipeline.
	Title string
}

const (
	// columns is the width of a dashboard. A third of it is 480 pixels on a screen of 1440.
	columns = 24
	height  = 6
	// maxSubscribers is the number of subscribers in graphs. With them, the dashboard has the 50
	// metrics that are free.
	maxSubscribers = 3

	alarmColor = "#d13212"
)

type metrics = []awscloudwatch.IMetric

// graph is a widget with metrics. The thresholds of alarms are drawn as lines.
type graph struct {
	title, unit string
	width       int // 0 for a third
	metrics     metrics
	alarms      []AlarmName
	stacked     bool
}

func (m *OrderMonitoring) newDashboard() {
	m.dashboard = awscloudwatch.NewDashboard(m, jsii.String("Dashboard"),
		&awscloudwatch.DashboardProps{
			DefaultInterval: awscdk.Duration_Hours(jsii.Number(3)),
			// Keeps the periods of the metrics, which the alarm lines refer to.
			PeriodOverride: awscloudwatch.PeriodOverride_INHERIT,
		})
	heading := "**" + m.settings.Dashboard.Title + "** | [runbook](" + m.settings.RunbookURL + ")"
	m.row(awscloudwatch.NewTextWidget(&awscloudwatch.TextWidgetProps{
		Markdown: &heading, Width: jsii.Number(columns), Height: jsii.Number(1),
	}))
	if len(m.alarms) > 0 {
		var alarms []interfacesawscloudwatch.IAlarmRef
		for _, a := range m.alarms {
			alarms = append(alarms, a.resource)
		}
		m.row(awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
			Title:  jsii.String("Alarms"),
			Alarms: &alarms,
			Width:  jsii.Number(columns),
			Height: jsii.Number(1 + (len(alarms)+5)/6),
		}))
	}
	m.funnelRow()
	m.queueRow()
	m.failureRow()
	m.apiRow()
	m.functionRows()
	m.tableRow()
	m.topicRow()
}

func (m *OrderMonitoring) row(widgets ...awscloudwatch.IWidget) {
	m.dashboard.AddWidgets(widgets...)
}

// graphs adds a row of graphs.
func (m *OrderMonitoring) graphs(row ...graph) {
	var widgets []awscloudwatch.IWidget
	for _, g := range row {
		if g.width == 0 {
			g.width = columns / 3
		}
		var lines []*awscloudwatch.HorizontalAnnotation
		for _, line := range m.lines(g.alarms) {
			lines = append(lines, &awscloudwatch.HorizontalAnnotation{
				Value: jsii.Number(line.threshold),
				Label: jsii.String(line.id),
				Color: jsii.String(alarmColor),
			})
		}
		widgets = append(widgets, awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
			Title:           jsii.String(g.title),
			Width:           jsii.Number(g.width),
			Height:          jsii.Number(height),
			Left:            &g.metrics,
			LeftAnnotations: &lines,
			Stacked:         &g.stacked,
			LeftYAxis: &awscloudwatch.YAxisProps{
				Min: jsii.Number(0), Label: jsii.String(g.unit), ShowUnits: jsii.Bool(false),
			},
		}))
	}
	m.row(widgets...)
}

// lines returns the lines of the alarms that exist. Alarms with the same threshold share a line.
func (m *OrderMonitoring) lines(names []AlarmName) []alarm {
	var lines []alarm
next:
	for _, name := range names {
		for _, a := range m.alarms {
			if !strings.HasPrefix(a.id, string(name)) { // a subscriber's alarm ends with its id
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

func calculated(
	expression, label string, period awscdk.Duration, using map[string]awscloudwatch.IMetric,
) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: &expression, Label: &label, Period: period, UsingMetrics: &using,
	})
}

// funnelRow shows the legs of an order's way, and what has not passed each leg yet. Without custom
// metrics it counts messages, which can hold several orders, and shows unpublished orders only as
// the publisher's iterator age.
func (m *OrderMonitoring) funnelRow() {
	p, processor, publisher := m.settings.Pipeline, m.processor(), m.publisher()
	queue, topic := p.Queue(), p.Topic()
	delivered := metric(topic, "NumberOfNotificationsDelivered", "Sum", "delivered (all subscribers)")
	funnel := graph{
		title: "Orders: received, stored, published, delivered",
		unit:  "per minute", width: columns / 2,
	}
	backlog := graph{
		title: "Backlog of each leg", unit: "messages, events", width: columns / 2,
		metrics: metrics{calculated(
			"FILL(w,0)+FILL(h,0)", "in the queue, not stored or refused", minute(),
			map[string]awscloudwatch.IMetric{
				"w": metric(queue, "ApproximateNumberOfMessagesVisible", "Maximum", ""),
				"h": metric(queue, "ApproximateNumberOfMessagesNotVisible", "Maximum", ""),
			},
		)},
	}
	if p.MetricsDisabled() {
		funnel.title = "Messages: received, processed, published, delivered"
		funnel.metrics = metrics{
			metric(queue, "NumberOfMessagesSent", "Sum", "received"),
			metric(queue, "NumberOfMessagesDeleted", "Sum", "processed"),
			metric(topic, "NumberOfMessagesPublished", "Sum", "published"),
			delivered,
		}
	} else {
		stored := customMetric(processor, contract.MetricOrdersStored, "stored")
		published := customMetric(publisher, contract.MetricEventsPublished, "published")
		funnel.metrics = metrics{
			customMetric(processor, contract.MetricOrdersReceived, "received, with redeliveries"),
			stored, published, delivered,
			customMetric(processor, contract.MetricOrdersDuplicate, "duplicate"),
			customMetric(processor, contract.MetricOrdersRefused, "refused"),
		}
		backlog.metrics = append(backlog.metrics, calculated(
			"RUNNING_SUM(FILL(st,0)-FILL(p,0))", "stored, not published (running sum)",
			minute(), map[string]awscloudwatch.IMetric{"st": stored, "p": published}))
	}
	backlog.metrics = append(backlog.metrics, calculated(
		"RUNNING_SUM(FILL(nf,0))", "published, not delivered (running sum)",
		minute(), map[string]awscloudwatch.IMetric{
			"nf": metric(topic, "NumberOfNotificationsFailed", "Sum", ""),
		}))
	m.graphs(funnel, backlog)
}

func (m *OrderMonitoring) queueRow() {
	queue := m.settings.Pipeline.Queue()
	waiting := metric(queue, "ApproximateNumberOfMessagesVisible", "Maximum", "waiting")
	age := graph{
		title: "Queue: age of the oldest message", unit: "seconds",
		// SQS leaves out what was received three times or more; the processor reports that.
		metrics: metrics{
			metric(queue, "ApproximateAgeOfOldestMessage", "Maximum", "received less than 3 times"),
		},
		alarms: []AlarmName{AlarmQueueAge, AlarmFailingOrders},
	}
	if !m.settings.Pipeline.MetricsDisabled() {
		age.metrics = append(age.metrics,
			m.settings.Pipeline.MetricOldestFailureAge(options("Maximum", "failing")))
	}
	m.graphs(graph{
		title: "Queue: messages", unit: "messages",
		metrics: metrics{
			waiting,
			metric(queue, "ApproximateNumberOfMessagesNotVisible", "Maximum", "in flight"),
		},
	}, age, graph{
		title: "Queue: time to drain at the current rate", unit: "seconds",
		metrics: metrics{calculated(
			"IF(FILL(del,0)>0, v/(del/PERIOD(del)), 0)", "time to drain", minute(),
			map[string]awscloudwatch.IMetric{
				"v":   waiting,
				"del": metric(queue, "NumberOfMessagesDeleted", "Sum", "deleted"),
			},
		)},
	})
}

// failureRow shows the queues whose messages need an operator.
func (m *OrderMonitoring) failureRow() {
	p := m.settings.Pipeline
	depth := func(queue measured, label string) awscloudwatch.IMetric {
		return metric(queue, "ApproximateNumberOfMessagesVisible", "Maximum", label)
	}
	failures := graph{
		title: "DLQ, rejected, on-failure", unit: "messages", width: columns / 2,
		metrics: metrics{
			depth(p.DeadLetterQueue(), "DLQ"),
			depth(p.RejectedQueue(), "rejected"),
			depth(p.OnFailureQueue(), "on-failure"),
		},
		alarms: []AlarmName{AlarmDeadLetters, AlarmRejected, AlarmOnFailure},
	}
	subscribers := p.Subscribers()
	if len(subscribers) == 0 {
		failures.width = columns
		m.graphs(failures)
		return
	}
	title := "Subscribers' DLQs"
	if len(subscribers) > maxSubscribers {
		title += fmt.Sprintf(" (%d of %d)", maxSubscribers, len(subscribers))
		subscribers = subscribers[:maxSubscribers]
	}
	theirs := graph{
		title: title, unit: "messages", width: columns / 2,
		alarms: []AlarmName{AlarmSubscriberDeadLetters},
	}
	for _, s := range subscribers {
		theirs.metrics = append(theirs.metrics, depth(s.DeadLetterQueue(), s.ID()))
	}
	m.graphs(failures, theirs)
}

func (m *OrderMonitoring) apiRow() {
	api := m.settings.API
	if api == nil {
		return
	}
	m.graphs(graph{
		title: "API: requests", unit: "per minute",
		metrics: metrics{metric(api, "Count", "Sum", "requests")},
	}, graph{
		title: "API: p99 latency", unit: "milliseconds",
		metrics: metrics{metric(api, "Latency", "p99", "p99")},
		alarms:  []AlarmName{AlarmAPILatency},
	}, graph{
		title: "API: error rate", unit: "errors per request",
		metrics: metrics{
			metric(api, "5XXError", "Average", "5xx"),
			metric(api, "4XXError", "Average", "4xx"),
		},
		alarms: []AlarmName{AlarmAPIServerErrors, AlarmAPIClientErrors},
	})
}

func (m *OrderMonitoring) functionRows() {
	processor, publisher := m.processor(), m.publisher()
	both := func(name, statistic string) metrics {
		return metrics{
			metric(processor, name, statistic, "processor"),
			metric(publisher, name, statistic, "publisher"),
		}
	}
	duration, errors := both("Duration", "p99"), both("Errors", "Sum")
	if api := m.settings.API; api != nil {
		errors = append(errors, metric(api.Status(), "Errors", "Sum", "status"))
	}
	m.graphs(graph{
		title: "Lambda: p99 duration", unit: "milliseconds", metrics: duration,
		alarms: []AlarmName{AlarmProcessorDuration, AlarmPublisherDuration},
	}, graph{
		title: "Lambda: errors", unit: "per minute", metrics: errors,
		alarms: []AlarmName{AlarmProcessorErrors, AlarmPublisherErrors, AlarmStatusErrors},
	}, graph{
		title: "Lambda: throttles", unit: "per minute", metrics: both("Throttles", "Sum"),
		alarms: []AlarmName{AlarmProcessorThrottles, AlarmPublisherThrottles},
	})
	hourly := options("Sum", "publisher")
	hourly.Period = hour()
	m.graphs(graph{
		title: "Lambda: concurrent executions", unit: "executions",
		metrics: metrics{metric(processor, "ConcurrentExecutions", "Maximum", "processor")},
	}, graph{
		title: "Publisher: iterator age", unit: "milliseconds",
		metrics: metrics{metric(publisher, "IteratorAge", "Maximum", "iterator age")},
		alarms:  []AlarmName{AlarmPublisherAge},
	}, graph{
		title: "Publisher: invocations", unit: "per hour",
		metrics: metrics{publisher.Metric(jsii.String("Invocations"), hourly)},
		alarms:  []AlarmName{AlarmPublisherHeartbeat},
	})
}

func (m *OrderMonitoring) tableRow() {
	p := m.settings.Pipeline
	table := p.Table()
	var latencies, failures metrics
	for _, operation := range orderpipeline.WriteOperations() {
		latencies = append(latencies, p.MetricTableLatency(operation, options("Average", operation)))
		failures = append(failures, p.MetricTableErrors(operation, options("Sum", operation)))
	}
	failures = append(failures, p.MetricTableThrottles(options("Sum", "throttles")))
	m.graphs(graph{
		title: "Table: consumed capacity", unit: "units per minute",
		metrics: metrics{
			metric(table, "ConsumedWriteCapacityUnits", "Sum", "writes"),
			metric(table, "ConsumedReadCapacityUnits", "Sum", "reads"),
		},
	}, graph{
		title: "Table: average latency of writes", unit: "milliseconds", metrics: latencies,
	}, graph{
		title: "Table: failed and throttled writes", unit: "per minute", metrics: failures,
		alarms: []AlarmName{AlarmTableErrors, AlarmTableThrottles},
	})
}

func (m *OrderMonitoring) topicRow() {
	p := m.settings.Pipeline
	m.graphs(graph{
		title: "Topic: events", unit: "per minute",
		metrics: metrics{
			metric(p.Topic(), "NumberOfMessagesPublished", "Sum", "published"),
			metric(p.Topic(), "NumberOfNotificationsDelivered", "Sum", "delivered"),
			metric(p.Topic(), "NumberOfNotificationsFailed", "Sum", "failed"),
		},
		alarms: []AlarmName{AlarmDeliveryFailures},
	}, graph{
		title: "Queue: empty receives (billed, even when idle)", unit: "per minute",
		metrics: metrics{metric(p.Queue(), "NumberOfEmptyReceives", "Sum", "empty receives")},
	}, m.costGraph())
}
