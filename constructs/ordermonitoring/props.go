package ordermonitoring

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"

	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

// Profile is a choice of alarms.
type Profile string

const (
	// ProfileNone has no alarms: dashboard and budget only.
	ProfileNone Profile = "none"
	// ProfileCore has one alarm for each way in which orders or events could be lost, or be late: ten alarm metrics, which
	// is what AWS gives an organisation for free.
	ProfileCore Profile = "core"
	// ProfileFull has those that show trouble earlier, or where it comes from, as well; each subscriber adds one.
	ProfileFull Profile = "full"
)

// OrderMonitoringProps configures an [OrderMonitoring].
type OrderMonitoringProps struct {
	// Pipeline to watch, with whatever it has been given. Required. Subscribers are watched that it has by then.
	Pipeline *orderpipeline.OrderPipeline
	// API in front of the pipeline. Default: nil, there is none, and no alarm and no graph for it.
	API *orderapi.OrderAPI
	// Profile is which alarms there are. Default: [ProfileCore].
	Profile Profile
	// Without leaves single alarms of the profile out, such as [AlarmPublisherHeartbeat] where days without an order are normal.
	Without []AlarmName
	// Thresholds of the alarms. The zero value has all defaults.
	Thresholds Thresholds
	// RunbookURL is where the alarms' descriptions lead: the address of a page with a section for each alarm, whose anchor is
	// the alarm's name in lower case. Default: this project's docs/operations.md ([DefaultRunbookURL]).
	RunbookURL string
	// Critical alarms go here: orders or events are late, or wait for somebody. Worth waking people for.
	Critical TopicProps
	// Warning alarms go here, and what is said about costs: worth a look during the day.
	Warning TopicProps
	// Dashboard settings.
	Dashboard DashboardProps
	// Budget for a month. Default: nil, none.
	Budget *BudgetProps
	// Anomalies tells of unusual costs. Default: nil, no.
	Anomalies *AnomaliesProps
}

// TopicProps is where alarms of one severity go.
type TopicProps struct {
	// Existing is a standard topic that is brought along, in the same region. CloudWatch is let in by its policy, and by its
	// key's; where these are imported, a warning at synth says what they need. A topic with AWS's own key (alias/aws/sns) is
	// refused: that key lets CloudWatch in to nobody's topic. Default: a topic is made.
	Existing awssns.ITopic
	// Emails get what comes to the topic; AWS sends each a mail to be confirmed first. Default: none.
	Emails []string
}

// Thresholds of the alarms. A field that is 0 has its default.
type Thresholds struct {
	// APIServerErrorsPercent: more than so many of 100 calls answered with 5xx, in 2 of 3 minutes. Default: 1.
	APIServerErrorsPercent float64
	// APIClientErrorsPercent: more than so many of 100 calls answered with 4xx, in 5 of 5 minutes. Default: 5.
	APIClientErrorsPercent float64
	// APILatencyMilliseconds: more than that for the slowest of 100 calls (p99), in 5 of 5 minutes. Default: 1000.
	APILatencyMilliseconds float64
	// QueueAgeSeconds: the oldest order waits for longer, in 5 of 5 minutes. Default: 300.
	QueueAgeSeconds float64
	// DeadLettersMessages: so many messages or more in the dead-letter queue. Default: 1.
	DeadLettersMessages float64
	// RejectedMessages: so many documents or more in the rejected queue. Default: 1.
	RejectedMessages float64
	// OnFailureMessages: so many messages or more in the on-failure queue. Default: 1.
	OnFailureMessages float64
	// SubscriberDeadLettersMessages: so many events or more in a subscriber's dead-letter queue. Default: 1.
	SubscriberDeadLettersMessages float64
	// FunctionErrorsPerMinute: so many failed invocations or more of a function, in 3 of 5 minutes. Default: 1.
	FunctionErrorsPerMinute float64
	// FunctionThrottlesPerMinute: so many throttled invocations or more of a function, in 3 of 5 minutes. Default: 1.
	FunctionThrottlesPerMinute float64
	// FunctionDurationPercent: the slowest of 100 invocations (p99) take longer than so much of the timeout, in 3 of 3 minutes.
	// Default: 80.
	FunctionDurationPercent float64
	// PublisherAgeSeconds: what the publisher gets from the table's stream is older, in 3 of 3 minutes. Default: 60.
	PublisherAgeSeconds float64
	// PublisherSilenceHours: the publisher has not run for so many hours, 1 to 20 (the stream keeps 24). Default: 12.
	PublisherSilenceHours int
	// DeliveryFailuresPerMinute: so many events or more that could not be delivered to a subscriber. Default: 1.
	DeliveryFailuresPerMinute float64
	// TableErrorsPerMinute: so many writes or more that DynamoDB failed. Default: 1.
	TableErrorsPerMinute float64
	// TableThrottlesPerMinute: so many writes or more that DynamoDB throttled. Default: 1.
	TableThrottlesPerMinute float64
}

// DashboardProps configures the dashboard.
type DashboardProps struct {
	// Disabled leaves the dashboard out. Default: false. AWS gives three dashboards of up to 50 metrics an account for free.
	Disabled bool
	// Title in the dashboard's first line. Default: the path of the pipeline.
	Title string
}

// BudgetProps configures the budget. It counts what bears a cost-allocation tag, which has to be activated by hand in the
// billing console of the payer's account first: until then a budget counts nothing.
type BudgetProps struct {
	// MonthlyUSD is the amount for a month, in US dollars. Required. Told at 80 % of it spent, and when 100 % of it are forecast.
	MonthlyUSD float64
	// TagKey and TagValue of the cost-allocation tag on the pipeline's resources. Required: without, a budget is the whole account's.
	TagKey, TagValue string
	// Emails get the budget's notifications from AWS Budgets itself, without a confirmation, at most 10. Default: none. The
	// warning topic gets them too.
	Emails []string
}

// AnomaliesProps configures Cost Anomaly Detection.
type AnomaliesProps struct {
	// ExistingMonitorARN is a monitor that is there already; an account can have only one for all AWS services. Default: a
	// monitor for the cost-allocation tag is made.
	ExistingMonitorARN string
	// TagKey and TagValue of the cost-allocation tag. Required without an ExistingMonitorARN.
	TagKey, TagValue string
	// ImpactUSD is from how much too much on AWS tells, in US dollars. Default: 5.
	ImpactUSD float64
}

// AlarmProps is an alarm of your own, see [OrderMonitoring.AddAlarm].
type AlarmProps struct {
	// Metric of the alarm, with its statistic and period. Required.
	Metric awscloudwatch.IMetric
	// Threshold in the metric's unit. Required, unless it is 0.
	Threshold float64
	// Comparison of the metric to the threshold. Default: GREATER_THAN_OR_EQUAL_TO_THRESHOLD.
	Comparison awscloudwatch.ComparisonOperator
	// EvaluationPeriods that are looked at. Default: 1.
	EvaluationPeriods int
	// DatapointsToAlarm among them. Default: all of them.
	DatapointsToAlarm int
	// MissingData is what a period without data means. Default: NOT_BREACHING, all is well.
	MissingData awscloudwatch.TreatMissingData
	// Warning sends the alarm to the warning topic. Default: false, to the critical one.
	Warning bool
	// Meaning is the first words of the alarm's description: what is wrong. Required.
	Meaning string
}
