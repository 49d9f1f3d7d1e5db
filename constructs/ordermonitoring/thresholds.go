package ordermonitoring

import (
	"math"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Thresholds are the thresholds of the alarms. A field that is 0 has its default.
type Thresholds struct {
	// APIServerErrorsPercent alarms when more than this percentage of requests get a 5xx response
	// in 2 of 3 minutes. Default: 1.
	APIServerErrorsPercent float64
	// APIClientErrorsPercent alarms when more than this percentage of requests get a 4xx response
	// for 5 consecutive minutes. Default: 5.
	APIClientErrorsPercent float64
	// APILatencyMilliseconds alarms when the p99 latency is higher for 5 consecutive minutes.
	// Default: 1000.
	APILatencyMilliseconds float64
	// QueueAgeSeconds alarms when the oldest order has waited longer, for 5 consecutive minutes.
	// Default: 300.
	QueueAgeSeconds float64
	// FailingOrdersSeconds alarms when the processor fails on a message that is older. Default: 300.
	FailingOrdersSeconds float64
	// DeadLettersMessages alarms at this number of messages in the dead-letter queue. Default: 1.
	DeadLettersMessages float64
	// RejectedMessages alarms at this number of documents in the rejected queue. Default: 1.
	RejectedMessages float64
	// OnFailureMessages alarms at this number of messages in the on-failure queue. Default: 1.
	OnFailureMessages float64
	// SubscriberDeadLettersMessages alarms at this number of events in a subscriber's dead-letter
	// queue. Default: 1.
	SubscriberDeadLettersMessages float64
	// FunctionErrorsPerMinute alarms at this number of failed invocations of a function per minute,
	// in 3 of 5 minutes. For the processor, the 3 minutes are among those in which a message is
	// received 3 times (11 with the default timeouts), so that one message can alarm. Default: 1.
	FunctionErrorsPerMinute float64
	// FunctionThrottlesPerMinute alarms at this number of throttled invocations of a function per
	// minute, in 3 of 5 minutes. Default: 1.
	FunctionThrottlesPerMinute float64
	// FunctionDurationPercent alarms when the p99 duration of an invocation exceeds this percentage
	// of the timeout, for 3 consecutive minutes. Default: 80.
	FunctionDurationPercent float64
	// PublisherAgeSeconds alarms when the publisher's iterator age is higher for 3 consecutive
	// minutes. Default: 60.
	PublisherAgeSeconds float64
	// PublisherSilenceHours alarms when the publisher has not run for this number of hours, 1 to 20
	// (the stream keeps records for 24). Default: 12.
	PublisherSilenceHours int
	// DeliveryFailuresPerMinute alarms at this number of events per minute that could not be
	// delivered to a subscriber. Default: 1.
	DeliveryFailuresPerMinute float64
	// TableErrorsPerMinute alarms at this number of failed calls of an operation in DynamoDB per
	// minute. Default: 1.
	TableErrorsPerMinute float64
	// TableThrottlesPerMinute alarms at this number of throttled writes in DynamoDB per minute.
	// Default: 1.
	TableThrottlesPerMinute float64
}

// threshold is a field of Thresholds with its default and limits.
type threshold struct {
	name                string
	value               *float64
	fallback, low, high float64
	why                 string
}

// list returns all fields but PublisherSilenceHours.
func (t *Thresholds) list() []threshold {
	const percent, one = "a percentage", "below it nothing is wrong"
	const most = math.MaxInt32
	maxAge := contract.StreamRecordAge.Seconds()
	return []threshold{
		{"APIServerErrorsPercent", &t.APIServerErrorsPercent, 1, 0, 100, percent},
		{"APIClientErrorsPercent", &t.APIClientErrorsPercent, 5, 0, 100, percent},
		{"APILatencyMilliseconds", &t.APILatencyMilliseconds, 1000, 1, 29_000,
			"API Gateway responds within 29 s"},
		{"QueueAgeSeconds", &t.QueueAgeSeconds, 300, 1, contract.MessageRetention.Seconds(),
			"the queue keeps orders for 14 days"},
		{"FailingOrdersSeconds", &t.FailingOrdersSeconds, 300, 1,
			contract.MessageRetention.Seconds(), "the queue keeps orders for 14 days"},
		{"DeadLettersMessages", &t.DeadLettersMessages, 1, 1, most, one},
		{"RejectedMessages", &t.RejectedMessages, 1, 1, most, one},
		{"OnFailureMessages", &t.OnFailureMessages, 1, 1, most, one},
		{"SubscriberDeadLettersMessages", &t.SubscriberDeadLettersMessages, 1, 1, most, one},
		{"FunctionErrorsPerMinute", &t.FunctionErrorsPerMinute, 1, 1, most, one},
		{"FunctionThrottlesPerMinute", &t.FunctionThrottlesPerMinute, 1, 1, most, one},
		{"FunctionDurationPercent", &t.FunctionDurationPercent, 80, 1, 100,
			"Lambda stops a function at its timeout"},
		{"PublisherAgeSeconds", &t.PublisherAgeSeconds, 60, 1, maxAge,
			"the publisher receives records of at most 20 hours"},
		{"DeliveryFailuresPerMinute", &t.DeliveryFailuresPerMinute, 1, 1, most, one},
		{"TableErrorsPerMinute", &t.TableErrorsPerMinute, 1, 1, most, one},
		{"TableThrottlesPerMinute", &t.TableThrottlesPerMinute, 1, 1, most, one},
	}
}

// resolve fills in the defaults, and reports what is out of range.
func (t *Thresholds) resolve(errs *check.Errors) {
	for _, field := range t.list() {
		if *field.value == 0 {
			*field.value = field.fallback
		}
		errs.RangeFloat("Thresholds."+field.name, *field.value, field.low, field.high, field.why)
	}
	if t.PublisherSilenceHours == 0 {
		t.PublisherSilenceHours = 12
	}
	errs.Range("Thresholds.PublisherSilenceHours", t.PublisherSilenceHours,
		1, int(contract.StreamRecordAge.Hours()),
		"the stream keeps records for 24 hours; where longer breaks are normal, leave the alarm "+
			"out with Without")
}
