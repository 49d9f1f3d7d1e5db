package ordermonitoring

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// Profile selects alarms.
type Profile string

const (
	// ProfileNone has no alarms, only dashboard and budget.
	ProfileNone Profile = "none"
	// ProfileCore has an alarm for each way in which orders or events could be lost or late: ten
	// alarm metrics, which is the number that is free per organization.
	ProfileCore Profile = "core"
	// ProfileFull adds alarms that show trouble earlier, or where it comes from, and one per
	// subscriber.
	ProfileFull Profile = "full"
)

// AlarmName names an alarm. It is part of the alarm's construct id and of its name on AWS, and the
// title of its section in the runbook.
type AlarmName string

// The alarms of [ProfileCore].
const (
	AlarmAPIServerErrors    AlarmName = "APIServerErrors"
	AlarmQueueAge           AlarmName = "QueueAge"
	AlarmFailingOrders      AlarmName = "FailingOrders"
	AlarmDeadLetters        AlarmName = "DeadLetters"
	AlarmRejected           AlarmName = "Rejected"
	AlarmOnFailure          AlarmName = "OnFailure"
	AlarmProcessorErrors    AlarmName = "ProcessorErrors"
	AlarmPublisherAge       AlarmName = "PublisherAge"
	AlarmPublisherHeartbeat AlarmName = "PublisherHeartbeat"
	AlarmDeliveryFailures   AlarmName = "DeliveryFailures"
)

// The alarms that [ProfileFull] adds.
const (
	AlarmAPIClientErrors    AlarmName = "APIClientErrors"
	AlarmAPILatency         AlarmName = "APILatency"
	AlarmStatusErrors       AlarmName = "StatusErrors"
	AlarmStatusThrottles    AlarmName = "StatusThrottles"
	AlarmProcessorThrottles AlarmName = "ProcessorThrottles"
	AlarmPublisherErrors    AlarmName = "PublisherErrors"
	AlarmPublisherThrottles AlarmName = "PublisherThrottles"
	AlarmProcessorDuration  AlarmName = "ProcessorDuration"
	AlarmPublisherDuration  AlarmName = "PublisherDuration"
	// AlarmTableErrors is one alarm per operation. Its construct id ends with one of
	// [orderpipeline.WriteOperations].
	AlarmTableErrors    AlarmName = "TableErrors"
	AlarmTableThrottles AlarmName = "TableThrottles"
	// AlarmSubscriberDeadLetters is one alarm per subscriber. Its construct id ends with the
	// subscriber's id.
	AlarmSubscriberDeadLetters AlarmName = "SubscriberDeadLetters"
)

// AlarmProps configures an alarm of your own, see [OrderMonitoring.AddAlarm].
type AlarmProps struct {
	// Metric is the metric of the alarm, with its statistic and period. Required.
	Metric awscloudwatch.IMetric
	// Threshold is the threshold in the metric's unit. Default: 0.
	Threshold float64
	// Comparison compares the metric with the threshold. Default:
	// GREATER_THAN_OR_EQUAL_TO_THRESHOLD.
	Comparison awscloudwatch.ComparisonOperator
	// EvaluationPeriods is the number of periods that are evaluated. Default: 1.
	EvaluationPeriods int
	// DatapointsToAlarm is how many of the periods must breach the threshold. Default: all.
	DatapointsToAlarm int
	// MissingData is how a period without data counts. Default: NOT_BREACHING.
	MissingData awscloudwatch.TreatMissingData
	// Warning sends the alarm to the warning topic. Default: false, to the critical topic.
	Warning bool
	// Meaning begins the alarm's description. It says what is wrong. Required.
	Meaning string
}

// alarm is an alarm that was made.
type alarm struct {
	id        string
	threshold float64
	resource  awscloudwatch.Alarm
}

// has is whether the settings ask for an alarm.
func (s *settings) has(d definition) bool {
	return s.Profile != ProfileNone && (d.core || s.Profile == ProfileFull) &&
		!slices.Contains(s.Without, d.name)
}

// newAlarms makes the alarms of the profile.
func (m *OrderMonitoring) newAlarms() {
	s := m.settings
	for _, d := range definitions {
		if !s.has(d) {
			continue
		}
		if d.name == AlarmFailingOrders && s.Pipeline.MetricsDisabled() {
			warn(m, "failingOrders", "The alarm FailingOrders needs a custom metric, which "+
				"DisableMetrics of the pipeline turns off, so it is not made. An order that fails "+
				"again and again is reported only when it is in the dead-letter queue, after 4 "+
				"hours. Keep the metrics, or list FailingOrders in Without.")
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
		if d.retries > 0 {
			d.periods = m.retryMinutes(d.retries)
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
		for _, a := range d.metrics(m) {
			m.newAlarm(string(d.name)+a.suffix, d.name, AlarmProps{
				Metric:            a.metric,
				Threshold:         threshold,
				Comparison:        comparison,
				EvaluationPeriods: d.periods,
				DatapointsToAlarm: d.least,
				MissingData:       missing,
				Warning:           d.warning,
				Meaning:           d.meaning,
			})
		}
	}
}

// durationThreshold is in milliseconds.
func (m *OrderMonitoring) durationThreshold(f awslambda.Function) float64 {
	timeout := 3.0 // Lambda's default
	if f.Timeout() != nil {
		timeout = *f.Timeout().ToSeconds(nil)
	}
	return timeout * 1000 * m.settings.Thresholds.FunctionDurationPercent / 100
}

// AddAlarm adds an alarm of your own. id must be unique among the alarms; in lower case, it is the
// anchor of the alarm's section in the runbook. The dashboard does not show the alarm: add a widget
// to [OrderMonitoring.Dashboard]. AddAlarm panics with an error when props are incomplete.
func (m *OrderMonitoring) AddAlarm(id string, props AlarmProps) awscloudwatch.Alarm {
	var errs check.Errors
	if props.Metric == nil || props.Meaning == "" {
		errs.Addf("Metric, Meaning", "incomplete (set both)")
	}
	errs.ASCII("id", id)
	errs.ASCII("Meaning", props.Meaning)
	if err := errs.Err("ordermonitoring.AlarmProps of " + id); err != nil {
		panic(err)
	}
	if props.Comparison == "" {
		props.Comparison = awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD
	}
	if props.MissingData == "" {
		props.MissingData = awscloudwatch.TreatMissingData_NOT_BREACHING
	}
	return m.newAlarm(id, AlarmName(id), props)
}

// newAlarm makes an alarm without a name of its own: CloudFormation's contains the name of the
// stack, which is unique in the account.
func (m *OrderMonitoring) newAlarm(
	id string, section AlarmName, p AlarmProps,
) awscloudwatch.Alarm {
	periods := max(p.EvaluationPeriods, 1)
	least := p.DatapointsToAlarm
	if least == 0 {
		least = periods
	}
	runbook := m.settings.RunbookURL + "#" + strings.ToLower(string(section))
	a := awscloudwatch.NewAlarm(m, jsii.String("Alarm"+id), &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(p.Meaning + " Runbook: " + runbook),
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

// Alarm returns the alarm with a name, or nil. For [AlarmSubscriberDeadLetters], append the
// subscriber's id to the name, and for [AlarmTableErrors] the operation.
func (m *OrderMonitoring) Alarm(name AlarmName) awscloudwatch.Alarm {
	for _, a := range m.alarms {
		if a.id == string(name) {
			return a.resource
		}
	}
	return nil
}

// Alarms returns the alarms of the profile and your own, in the order in which they were made.
func (m *OrderMonitoring) Alarms() []awscloudwatch.Alarm {
	var all []awscloudwatch.Alarm
	for _, a := range m.alarms {
		all = append(all, a.resource)
	}
	return all
}
