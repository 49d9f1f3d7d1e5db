package ordermonitoring

import (
	"math"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

// definition defines an alarm.
type definition struct {
	name    AlarmName
	core    bool
	warning bool   // can wait until working hours
	meaning string // first in the description
	// metrics returns one metric per alarm, and none when there is nothing to watch.
	metrics   func(*OrderMonitoring) []alarmMetric
	threshold func(Thresholds) float64
	above     bool // alarms above the threshold, not at it
	below     bool
	periods   int
	retries   int // instead of periods: the time in which a message is received so often again
	least     int // datapoints among the periods; 0 for all
	// breaching makes missing data alarm. For the other alarms, missing data is good: AWS sends
	// none when nothing happens, and SQS stops its metrics when a queue was idle for six hours.
	breaching bool
}

// alarmMetric is the metric of an alarm.
type alarmMetric struct {
	suffix string // of the alarm's construct id
	metric awscloudwatch.Metric
}

type metricFunc = func(*OrderMonitoring) awscloudwatch.Metric

func one(metric metricFunc) func(*OrderMonitoring) []alarmMetric {
	return func(m *OrderMonitoring) []alarmMetric { return []alarmMetric{{metric: metric(m)}} }
}

// ofPipeline is a metric of the pipeline.
func ofPipeline(
	metric func(*orderpipeline.OrderPipeline, *awscloudwatch.MetricOptions) awscloudwatch.Metric,
) func(*OrderMonitoring) []alarmMetric {
	return one(func(m *OrderMonitoring) awscloudwatch.Metric {
		return metric(m.settings.Pipeline, nil)
	})
}

// withAPI is a metric of the API, and none without one.
func withAPI(metric metricFunc) func(*OrderMonitoring) []alarmMetric {
	return func(m *OrderMonitoring) []alarmMetric {
		if m.settings.API == nil {
			return nil
		}
		return one(metric)(m)
	}
}

// ofStage is a metric of the API's stage.
func ofStage(name, statistic string) func(*OrderMonitoring) []alarmMetric {
	return withAPI(func(m *OrderMonitoring) awscloudwatch.Metric {
		return metric(m.settings.API, name, statistic, "")
	})
}

// ofStatus is a metric of the status function.
func ofStatus(name string) func(*OrderMonitoring) []alarmMetric {
	return withAPI(func(m *OrderMonitoring) awscloudwatch.Metric {
		return metric(m.settings.API.Status(), name, "Sum", "")
	})
}

func ofSubscribers(m *OrderMonitoring) []alarmMetric {
	var all []alarmMetric
	for _, s := range m.settings.Pipeline.Subscribers() {
		depth := metric(s.DeadLetterQueue(), "ApproximateNumberOfMessagesVisible", "Maximum", "")
		all = append(all, alarmMetric{s.ID(), depth})
	}
	return all
}

// ofTableErrors is a metric per operation. Metric math over all of them would cost the same, and
// AWS does not document what it makes of a metric that never had data.
func ofTableErrors(m *OrderMonitoring) []alarmMetric {
	var all []alarmMetric
	for _, operation := range orderpipeline.WriteOperations() {
		all = append(all, alarmMetric{
			operation, m.settings.Pipeline.MetricTableErrors(operation, nil),
		})
	}
	return all
}

// ofFailures is none without custom metrics: newAlarms warns.
func ofFailures(m *OrderMonitoring) []alarmMetric {
	if m.settings.Pipeline.MetricsDisabled() {
		return nil
	}
	return ofPipeline((*orderpipeline.OrderPipeline).MetricOldestFailureAge)(m)
}

// retryMinutes is the number of minutes in which a failing message is received so often again. Two
// more are for the boundaries of minutes and for the delay of metrics: without them, an alarm would
// end and begin again between two receives. CloudWatch looks at a day at most.
func (m *OrderMonitoring) retryMinutes(retries int) int {
	visibility := *m.settings.Pipeline.VisibilityTimeout().ToSeconds(nil)
	return min(int(math.Ceil(float64(retries)*visibility/60))+2, 24*60)
}

func ofHeartbeat(m *OrderMonitoring) awscloudwatch.Metric {
	o := options("Sum", "")
	o.Period = hour()
	return m.publisher().Metric(jsii.String("Invocations"), o)
}

// definitions lists all alarms. The metrics are those that AWS recommends for each service
// ("Recommended alarms"); the periods keep a single failure from alarming.
var definitions = []definition{
	{
		name: AlarmAPIServerErrors, core: true,
		meaning:   "Clients get 5xx responses: orders are not accepted.",
		metrics:   ofStage("5XXError", "Average"),
		threshold: func(t Thresholds) float64 { return t.APIServerErrorsPercent / 100 },
		above:     true, periods: 3, least: 2,
	},
	{
		name: AlarmQueueAge, core: true,
		meaning:   "Orders wait in the queue: they are not processed, or not fast enough.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricQueueAge),
		threshold: func(t Thresholds) float64 { return t.QueueAgeSeconds },
		above:     true, periods: 5,
	},
	{
		// A message that fails has a datapoint per receive. The alarm stays on between two of them.
		name: AlarmFailingOrders, core: true,
		meaning: "An accepted order fails again and again: " +
			"it is retried, and goes to the dead-letter queue after 4 hours.",
		metrics:   ofFailures,
		threshold: func(t Thresholds) float64 { return t.FailingOrdersSeconds },
		above:     true, retries: 1, least: 1,
	},
	{
		name: AlarmDeadLetters, core: true,
		meaning: "Messages are in the dead-letter queue: " +
			"their orders are neither stored nor refused, and expire after 14 days.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricDeadLetters),
		threshold: func(t Thresholds) float64 { return t.DeadLettersMessages },
		periods:   1,
	},
	{
		name: AlarmRejected, core: true, warning: true,
		meaning: "Documents were refused: " +
			"a client sends invalid orders, or another order under an existing id.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricRejected),
		threshold: func(t Thresholds) float64 { return t.RejectedMessages },
		periods:   1,
	},
	{
		name: AlarmOnFailure, core: true,
		meaning:   "Stored orders have no event: it could not be published.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricOnFailure),
		threshold: func(t Thresholds) float64 { return t.OnFailureMessages },
		periods:   1,
	},
	{
		// Lambda does not count a partial batch response as an error: the processor fails when no
		// message of a batch succeeded.
		name: AlarmProcessorErrors, core: true, warning: true,
		meaning:   "The processor fails whole batches: their orders are retried.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricProcessorErrors),
		threshold: func(t Thresholds) float64 { return t.FunctionErrorsPerMinute },
		retries:   3, least: 3,
	},
	{
		name: AlarmPublisherAge, core: true,
		meaning: "Events are late: the publisher does not keep up with the table's stream, " +
			"which keeps records for 24 hours.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricPublisherAge),
		threshold: func(t Thresholds) float64 { return t.PublisherAgeSeconds * 1000 },
		above:     true, periods: 3,
	},
	{
		// A disabled mapping has neither errors nor an age, so missing data must alarm.
		name: AlarmPublisherHeartbeat, core: true,
		meaning: "The publisher has not run for hours. After the first deployment, this is normal " +
			"until the first order. Later, either there were no orders, or their events are not " +
			"published. Records in the table's stream are lost after 24 hours.",
		metrics:   one(ofHeartbeat),
		threshold: func(Thresholds) float64 { return 1 },
		below:     true, breaching: true, // periods: PublisherSilenceHours
	},
	{
		name: AlarmDeliveryFailures, core: true,
		meaning: "Events did not reach a subscriber: " +
			"they are in its dead-letter queue, if it has one.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricTopicFailed),
		threshold: func(t Thresholds) float64 { return t.DeliveryFailuresPerMinute },
		periods:   1,
	},
	{
		name: AlarmAPIClientErrors, warning: true,
		meaning: "Many requests get 4xx responses: " +
			"a client sends invalid orders, lacks permission, or is throttled.",
		metrics:   ofStage("4XXError", "Average"),
		threshold: func(t Thresholds) float64 { return t.APIClientErrorsPercent / 100 },
		above:     true, periods: 5,
	},
	{
		name: AlarmAPILatency, warning: true,
		meaning:   "Clients wait long for a response.",
		metrics:   ofStage("Latency", "p99"),
		threshold: func(t Thresholds) float64 { return t.APILatencyMilliseconds },
		above:     true, periods: 5,
	},
	{
		name: AlarmStatusErrors, warning: true,
		meaning:   "The status function fails: GET requests get 5xx responses.",
		metrics:   ofStatus("Errors"),
		threshold: func(t Thresholds) float64 { return t.FunctionErrorsPerMinute },
		periods:   5, least: 3,
	},
	{
		name: AlarmStatusThrottles, warning: true,
		meaning:   "The status function is throttled: GET requests get 5xx responses.",
		metrics:   ofStatus("Throttles"),
		threshold: func(t Thresholds) float64 { return t.FunctionThrottlesPerMinute },
		periods:   5, least: 3,
	},
	{
		// PublisherAge implies it: each failed invocation reports the age of its records.
		name: AlarmPublisherErrors, warning: true,
		meaning: "The publisher fails whole batches: " +
			"their events are retried, and those behind them wait.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricPublisherErrors),
		threshold: func(t Thresholds) float64 { return t.FunctionErrorsPerMinute },
		periods:   5, least: 3,
	},
	{
		name: AlarmProcessorThrottles, warning: true,
		meaning:   "The processor is throttled: orders wait, and each attempt counts as a receive.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricProcessorThrottles),
		threshold: func(t Thresholds) float64 { return t.FunctionThrottlesPerMinute },
		periods:   5, least: 3,
	},
	{
		name: AlarmPublisherThrottles, warning: true,
		meaning:   "The publisher is throttled: events wait.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricPublisherThrottles),
		threshold: func(t Thresholds) float64 { return t.FunctionThrottlesPerMinute },
		periods:   5, least: 3,
	},
	{
		name: AlarmProcessorDuration, warning: true,
		meaning: "The processor runs close to its timeout.",
		metrics: ofPipeline((*orderpipeline.OrderPipeline).MetricProcessorDuration),
		above:   true, periods: 3, // threshold: FunctionDurationPercent of the timeout
	},
	{
		name: AlarmPublisherDuration, warning: true,
		meaning: "The publisher runs close to its timeout.",
		metrics: ofPipeline((*orderpipeline.OrderPipeline).MetricPublisherDuration),
		above:   true, periods: 3, // threshold: FunctionDurationPercent of the timeout
	},
	{
		name: AlarmTableErrors, warning: true,
		meaning:   "DynamoDB fails writes of orders: they are retried.",
		metrics:   ofTableErrors,
		threshold: func(t Thresholds) float64 { return t.TableErrorsPerMinute },
		periods:   1,
	},
	{
		name: AlarmTableThrottles, warning: true,
		meaning:   "DynamoDB throttles writes of orders: they are retried.",
		metrics:   ofPipeline((*orderpipeline.OrderPipeline).MetricTableThrottles),
		threshold: func(t Thresholds) float64 { return t.TableThrottlesPerMinute },
		periods:   1,
	},
	{
		name: AlarmSubscriberDeadLetters, warning: true,
		meaning: "Events are in a subscriber's dead-letter queue: " +
			"they could not be delivered, or its consumer fails on them.",
		metrics:   ofSubscribers,
		threshold: func(t Thresholds) float64 { return t.SubscriberDeadLettersMessages },
		periods:   1,
	},
}
