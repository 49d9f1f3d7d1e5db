package ordermonitoring

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// AlarmName is the construct id of an alarm, part of its name on AWS, and the title of its section in the runbook.
type AlarmName string

// The alarms of [ProfileCore].
const (
	AlarmAPIServerErrors    AlarmName = "APIServerErrors"
	AlarmQueueAge           AlarmName = "QueueAge"
	AlarmDeadLetters        AlarmName = "DeadLetters"
	AlarmRejected           AlarmName = "Rejected"
	AlarmOnFailure          AlarmName = "OnFailure"
	AlarmProcessorErrors    AlarmName = "ProcessorErrors"
	AlarmPublisherErrors    AlarmName = "PublisherErrors"
	AlarmPublisherAge       AlarmName = "PublisherAge"
	AlarmPublisherHeartbeat AlarmName = "PublisherHeartbeat"
	AlarmDeliveryFailures   AlarmName = "DeliveryFailures"
)

// The further alarms of [ProfileFull].
const (
	AlarmAPIClientErrors    AlarmName = "APIClientErrors"
	AlarmAPILatency         AlarmName = "APILatency"
	AlarmStatusErrors       AlarmName = "StatusErrors"
	AlarmStatusThrottles    AlarmName = "StatusThrottles"
	AlarmProcessorThrottles AlarmName = "ProcessorThrottles"
	AlarmPublisherThrottles AlarmName = "PublisherThrottles"
	AlarmProcessorDuration  AlarmName = "ProcessorDuration"
	AlarmPublisherDuration  AlarmName = "PublisherDuration"
	AlarmTableErrors        AlarmName = "TableErrors"
	AlarmTableThrottles     AlarmName = "TableThrottles"
	// AlarmSubscriberDeadLetters is one alarm a subscriber: its construct id has that of the subscriber behind.
	AlarmSubscriberDeadLetters AlarmName = "SubscriberDeadLetters"
)

// definition of an alarm.
type definition struct {
	name    AlarmName
	core    bool
	warning bool   // by day
	meaning string // first in the description
	// of is the metric, by the suffix of the alarm's construct id. It is empty when there is nothing to watch.
	of        func(*OrderMonitoring) []watched
	threshold func(Thresholds) float64
	above     bool // the threshold is exceeded only above it
	below     bool
	periods   int
	least     int // datapoints among the periods; 0 for all
	// breaching lets missing data ring. Elsewhere no data is good news: AWS sends none when nothing happens, and SQS stops
	// its metrics when a queue was idle for six hours.
	breaching bool
}

// watched is a metric of an alarm.
type watched struct {
	suffix string
	metric awscloudwatch.Metric
}

func one(metric func(*OrderMonitoring) awscloudwatch.Metric) func(*OrderMonitoring) []watched {
	return func(m *OrderMonitoring) []watched { return []watched{{metric: metric(m)}} }
}

// withAPI is a metric of the API.
func withAPI(metric func(*OrderMonitoring) awscloudwatch.Metric) func(*OrderMonitoring) []watched {
	return func(m *OrderMonitoring) []watched {
		if m.settings.API == nil {
			return nil
		}
		return []watched{{metric: metric(m)}}
	}
}

// definitions of all alarms, as on AWS's pages on what to watch of each service ("Recommended alarms"), with the counts of
// periods that tell a hiccup from trouble.
var definitions = []definition{
	{
		name: AlarmAPIServerErrors, core: true, meaning: "Clients are answered with 5xx: orders are not taken in.",
		of:        withAPI(func(m *OrderMonitoring) awscloudwatch.Metric { return metric(m.stage(), "5XXError", "Average", "") }),
		threshold: func(t Thresholds) float64 { return t.APIServerErrorsPercent / 100 }, above: true, periods: 3, least: 2,
	},
	{
		name: AlarmQueueAge, core: true, meaning: "Orders wait in the queue: they are not processed, or not fast enough.",
		of:        one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricQueueAge(nil) }),
		threshold: func(t Thresholds) float64 { return t.QueueAgeSeconds }, above: true, periods: 5,
	},
	{
		name: AlarmDeadLetters, core: true, meaning: "Messages are in the dead-letter queue: their orders are neither stored nor refused, and expire after 14 days.",
		of:        one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricDeadLetters(nil) }),
		threshold: func(t Thresholds) float64 { return t.DeadLettersMessages }, periods: 1,
	},
	{
		name: AlarmRejected, core: true, warning: true, meaning: "Documents were refused: somebody sends what is no order, or another order under a known id.",
		of:        one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricRejected(nil) }),
		threshold: func(t Thresholds) float64 { return t.RejectedMessages }, periods: 1,
	},
	{
		name: AlarmOnFailure, core: true, meaning: "Stored orders have no event: it could not be published.",
		of:        one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricOnFailure(nil) }),
		threshold: func(t Thresholds) float64 { return t.OnFailureMessages }, periods: 1,
	},
	{
		// A partial batch answer is no error to Lambda: the processor fails when no message of a batch succeeded.
		name: AlarmProcessorErrors, core: true, warning: true, meaning: "The processor fails whole batches: orders are tried again and again.",
		of:        one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricProcessorErrors(nil) }),
		threshold: func(t Thresholds) float64 { return t.FunctionErrorsPerMinute }, periods: 5, least: 3,
	},
	{
		name: AlarmPublisherErrors, core: true, warning: true, meaning: "The publisher fails whole batches: events are tried again and again, and those behind them wait.",
		of:        one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricPublisherErrors(nil) }),
		threshold: func(t Thresholds) float64 { return t.FunctionErrorsPerMinute }, periods: 5, least: 3,
	},
	{
		name: AlarmPublisherAge, core: true, meaning: "Events are late: the publisher does not keep up with the table's stream, which keeps 24 hours.",
		of:        one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricPublisherAge(nil) }),
		threshold: func(t Thresholds) float64 { return t.PublisherAgeSeconds * 1000 }, above: true, periods: 3,
	},
	{
		// A mapping that is disabled has no error and no age: it is silent. So silence rings.
		name: AlarmPublisherHeartbeat, core: true, meaning: "The publisher has not run for hours: there were no orders, or nobody hears of them. What the stream holds is lost after 24 hours.",
		of: one(func(m *OrderMonitoring) awscloudwatch.Metric {
			o := options("Sum", "")
			o.Period = awscdk.Duration_Hours(jsii.Number(1))
			return m.publisher().Metric(jsii.String("Invocations"), o)
		}),
		threshold: func(Thresholds) float64 { return 1 }, below: true, breaching: true, // periods: PublisherSilenceHours
	},
	{
		name: AlarmDeliveryFailures, core: true, meaning: "Events did not reach a subscriber: they are in its dead-letter queue, if it has one.",
		of:        one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricTopicFailed(nil) }),
		threshold: func(t Thresholds) float64 { return t.DeliveryFailuresPerMinute }, periods: 1,
	},
	{
		name: AlarmAPIClientErrors, warning: true, meaning: "Many calls are answered with 4xx: a client sends what is no order, or has no permission, or is throttled.",
		of:        withAPI(func(m *OrderMonitoring) awscloudwatch.Metric { return metric(m.stage(), "4XXError", "Average", "") }),
		threshold: func(t Thresholds) float64 { return t.APIClientErrorsPercent / 100 }, above: true, periods: 5,
	},
	{
		name: AlarmAPILatency, warning: true, meaning: "Clients wait long for an answer.",
		of:        withAPI(func(m *OrderMonitoring) awscloudwatch.Metric { return metric(m.stage(), "Latency", "p99", "") }),
		threshold: func(t Thresholds) float64 { return t.APILatencyMilliseconds }, above: true, periods: 5,
	},
	{
		name: AlarmStatusErrors, warning: true, meaning: "The status function fails: GET is answered with 5xx.",
		of: withAPI(func(m *OrderMonitoring) awscloudwatch.Metric {
			return metric(m.settings.API.Status(), "Errors", "Sum", "")
		}),
		threshold: func(t Thresholds) float64 { return t.FunctionErrorsPerMinute }, periods: 5, least: 3,
	},
	{
		name: AlarmStatusThrottles, warning: true, meaning: "The status function is throttled: GET is answered with 5xx.",
		of: withAPI(func(m *OrderMonitoring) awscloudwatch.Metric {
			return metric(m.settings.API.Status(), "Throttles", "Sum", "")
		}),
		threshold: func(t Thresholds) float64 { return t.FunctionThrottlesPerMinute }, periods: 5, least: 3,
	},
	{
		name: AlarmProcessorThrottles, warning: true, meaning: "The processor is throttled: orders wait, and each try counts.",
		of: one(func(m *OrderMonitoring) awscloudwatch.Metric {
			return m.settings.Pipeline.MetricProcessorThrottles(nil)
		}),
		threshold: func(t Thresholds) float64 { return t.FunctionThrottlesPerMinute }, periods: 5, least: 3,
	},
	{
		name: AlarmPublisherThrottles, warning: true, meaning: "The publisher is throttled: events wait.",
		of: one(func(m *OrderMonitoring) awscloudwatch.Metric {
			return m.settings.Pipeline.MetricPublisherThrottles(nil)
		}),
		threshold: func(t Thresholds) float64 { return t.FunctionThrottlesPerMinute }, periods: 5, least: 3,
	},
	{
		name: AlarmProcessorDuration, warning: true, meaning: "The processor comes close to its timeout.",
		of:      one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricProcessorDuration(nil) }),
		above:   true,
		periods: 3,
	},
	{
		name: AlarmPublisherDuration, warning: true, meaning: "The publisher comes close to its timeout.",
		of:      one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricPublisherDuration(nil) }),
		above:   true,
		periods: 3,
	},
	{
		name: AlarmTableErrors, warning: true, meaning: "DynamoDB fails writes of orders: they are tried again.",
		of:        one(func(m *OrderMonitoring) awscloudwatch.Metric { return m.settings.Pipeline.MetricTableErrors(nil) }),
		threshold: func(t Thresholds) float64 { return t.TableErrorsPerMinute }, periods: 1,
	},
	{
		name: AlarmTableThrottles, warning: true, meaning: "DynamoDB throttles writes of orders: they are tried again.",
		of: one(func(m *OrderMonitoring) awscloudwatch.Metric {
			return metric(m.settings.Pipeline.Table(), "WriteThrottleEvents", "Sum", "")
		}),
		threshold: func(t Thresholds) float64 { return t.TableThrottlesPerMinute }, periods: 1,
	},
	{
		name: AlarmSubscriberDeadLetters, warning: true, meaning: "Events are in a subscriber's dead-letter queue: they could not be delivered, or its reader fails on them.",
		of: func(m *OrderMonitoring) []watched {
			var all []watched
			for _, s := range m.settings.Pipeline.Subscribers() {
				all = append(all, watched{s.ID(), metric(s.DeadLetterQueue(), "ApproximateNumberOfMessagesVisible", "Maximum", "")})
			}
			return all
		},
		threshold: func(t Thresholds) float64 { return t.SubscriberDeadLettersMessages }, periods: 1,
	},
}

// alarm that was made.
type alarm struct {
	id        string
	threshold float64
	resource  awscloudwatch.Alarm
}

// newAlarms makes those of the profile.
func (m *OrderMonitoring) newAlarms() {
	s := m.settings
	for _, d := range definitions {
		if s.Profile == ProfileNone || s.Profile == ProfileCore && !d.core || slices.Contains(s.Without, d.name) {
			continue
		}
		comparison := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
		if d.above {
			comparison = awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD
		} else if d.below {
			comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
		}
		missing := awscloudwatch.TreatMissingData_NOT_BREACHING
		if d.breaching {
			missing = awscloudwatch.TreatMissingData_BREACHING
		}
		var threshold float64
		switch d.name {
		case AlarmPublisherHeartbeat:
			d.periods = s.Thresholds.PublisherSilenceHours
			threshold = d.threshold(s.Thresholds)
		case AlarmProcessorDuration:
			threshold = m.durationThreshold(m.processor())
		case AlarmPublisherDuration:
			threshold = m.durationThreshold(m.publisher())
		default:
			threshold = d.threshold(s.Thresholds)
		}
		for _, w := range d.of(m) {
			m.newAlarm(string(d.name)+w.suffix, d.name, AlarmProps{
				Metric: w.metric, Threshold: threshold, Comparison: comparison, EvaluationPeriods: d.periods, DatapointsToAlarm: d.least,
				MissingData: missing, Warning: d.warning, Meaning: d.meaning,
			})
		}
	}
}

// durationThreshold is in milliseconds.
func (m *OrderMonitoring) durationThreshold(f awslambda.Function) float64 {
	timeout := 3.0 // Lambda's own default
	if f.Timeout() != nil {
		timeout = *f.Timeout().ToSeconds(nil)
	}
	return timeout * 1000 * m.settings.Thresholds.FunctionDurationPercent / 100
}

// AddAlarm adds an alarm of your own. id must be unique among the alarms; it names the alarm's section in the runbook. The dashboard
// has been made by then, without it: add a widget to [OrderMonitoring.Dashboard]. It panics with an error when props are
// incomplete.
func (m *OrderMonitoring) AddAlarm(id string, props AlarmProps) awscloudwatch.Alarm {
	if props.Metric == nil || props.Meaning == "" {
		panic(fmt.Errorf("ordermonitoring.AlarmProps of %q: needs a Metric to watch and a Meaning to tell", id))
	}
	if props.Comparison == "" {
		props.Comparison = awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
	}
	if props.MissingData == "" {
		props.MissingData = awscloudwatch.TreatMissingData_NOT_BREACHING
	}
	return m.newAlarm(id, AlarmName(id), props)
}

// newAlarm makes an alarm without a name: CloudFormation's has the stack's name in it, which is unique in the account.
func (m *OrderMonitoring) newAlarm(id string, section AlarmName, p AlarmProps) awscloudwatch.Alarm {
	periods := max(p.EvaluationPeriods, 1)
	least := p.DatapointsToAlarm
	if least == 0 {
		least = periods
	}
	a := awscloudwatch.NewAlarm(m, jsii.String("Alarm"+id), &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(p.Meaning + " What to do: " + m.settings.RunbookURL + "#" + strings.ToLower(string(section))),
		Metric:             p.Metric,
		Threshold:          &p.Threshold,
		ComparisonOperator: p.Comparison,
		EvaluationPeriods:  jsii.Number(periods),
		DatapointsToAlarm:  jsii.Number(least),
		TreatMissingData:   p.MissingData,
	})
	topic := m.critical
	if p.Warning {
		topic = m.warning
	}
	a.AddAlarmAction(awscloudwatchactions.NewSnsAction(topic))
	m.alarms = append(m.alarms, alarm{id, p.Threshold, a})
	return a
}

// Alarm that was made under a name, nil when there is none. Of [AlarmSubscriberDeadLetters], the name has the subscriber's id
// behind.
func (m *OrderMonitoring) Alarm(name AlarmName) awscloudwatch.Alarm {
	for _, a := range m.alarms {
		if a.id == string(name) {
			return a.resource
		}
	}
	return nil
}

// Alarms of the profile and of your own, in the order in which they were made.
func (m *OrderMonitoring) Alarms() []awscloudwatch.Alarm {
	var all []awscloudwatch.Alarm
	for _, a := range m.alarms {
		all = append(all, a.resource)
	}
	return all
}
