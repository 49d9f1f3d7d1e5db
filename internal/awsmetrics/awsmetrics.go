// Package awsmetrics lists the metrics that the alarms and dashboards of this project may use, as
// AWS documents them. CloudWatch reports no error for a misspelled name or a missing dimension: the
// alarm just never fires.
package awsmetrics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Metric is a metric in an alarm or a widget.
type Metric struct {
	Namespace, Name string
	// Dimensions are the names of the dimensions.
	Dimensions []string
	// Statistic is a statistic such as Sum or p99.
	Statistic string
}

// Row is a row of the table of metrics.
type Row struct {
	Namespace, Name string
	// Dimensions are the sets of dimension names that identify the metric. A query must have exactly
	// the names of one set.
	Dimensions [][]string
	// Statistics are the meaningful statistics of the metric; "p" is any percentile.
	Statistics []string
	// Unit is the unit of the values.
	Unit string
	// Emitted says when there are datapoints, which decides how an alarm treats missing data.
	Emitted string
	// Page is the documentation page of the metric.
	Page string
}

const (
	apiGateway = "AWS/ApiGateway"
	sqs        = "AWS/SQS"
	lambda     = "AWS/Lambda"
	dynamoDB   = "AWS/DynamoDB"
	sns        = "AWS/SNS"

	count        = "Count"
	milliseconds = "Milliseconds"

	pageAPIGateway = "Amazon API Gateway, Developer Guide: Amazon API Gateway dimensions and metrics"
	pageSQS        = "Amazon SQS, Developer Guide: Available CloudWatch metrics for Amazon SQS"
	pageLambda     = "AWS Lambda, Developer Guide: Types of metrics for Lambda functions"
	pageDynamoDB   = "Amazon DynamoDB, Developer Guide: DynamoDB metrics and dimensions"
	pageSNS        = "Amazon SNS, Developer Guide: Monitoring Amazon SNS topics using CloudWatch"
	pageCustom     = "docs/operations.md: Custom metrics"

	whileActive = "each minute while the queue is active: " +
		"until six hours after the last message or request"
	whenTopicActive = "when the topic is active"
	perCall         = "when there are requests"
	perRun          = "when the function runs"
)

var (
	apiDimensions      = [][]string{{"ApiName", "Stage"}} // ApiName alone is the sum of all stages
	queueDimensions    = [][]string{{"QueueName"}}
	functionDimensions = [][]string{{contract.DimensionFunctionName}}
	tableDimensions    = [][]string{{"TableName"}}
	operation          = [][]string{{"Operation", "TableName"}}
	topicDimensions    = [][]string{{"TopicName"}}
	sum                = []string{"Sum"}
	maximum            = []string{"Maximum"}
	times              = []string{"Average", "Maximum", "p"}
	durations          = []string{"Average", "Maximum", "p", "Sum"}
)

// Table returns the metrics.
func Table() []Row {
	rows := []Row{
		// The error rate is the average over requests, each 0 or 1 (the page: "The Average statistic
		// represents the 4XXError error rate").
		{apiGateway, "4XXError", apiDimensions, []string{"Average", "Sum"}, count, perCall,
			pageAPIGateway},
		{apiGateway, "5XXError", apiDimensions, []string{"Average", "Sum"}, count, perCall,
			pageAPIGateway},
		// SampleCount equals Sum; Average is always 1.
		{apiGateway, "Count", apiDimensions, []string{"Sum", "SampleCount"}, count, perCall,
			pageAPIGateway},
		{apiGateway, "Latency", apiDimensions, times, milliseconds, perCall, pageAPIGateway},

		{sqs, "ApproximateAgeOfOldestMessage", queueDimensions, maximum, "Seconds", whileActive, pageSQS},
		// A gauge: its sum counts a message once per datapoint.
		{sqs, "ApproximateNumberOfMessagesVisible", queueDimensions, maximum, count, whileActive,
			pageSQS},
		{sqs, "ApproximateNumberOfMessagesNotVisible", queueDimensions, maximum, count, whileActive,
			pageSQS},
		// Not for dead-letter queues: messages that SQS moves there are not counted.
		{sqs, "NumberOfMessagesSent", queueDimensions, sum, count, whileActive, pageSQS},
		{sqs, "NumberOfMessagesReceived", queueDimensions, sum, count, whileActive, pageSQS},
		{sqs, "NumberOfMessagesDeleted", queueDimensions, sum, count, whileActive, pageSQS},
		{sqs, "NumberOfEmptyReceives", queueDimensions, sum, count, whileActive, pageSQS},

		{lambda, "Invocations", functionDimensions, sum, count, perRun, pageLambda},
		{lambda, "Errors", functionDimensions, sum, count, perRun, pageLambda},
		{lambda, "Throttles", functionDimensions, sum, count, "when it runs or would have", pageLambda},
		{lambda, "Duration", functionDimensions, durations, milliseconds, perRun, pageLambda},
		{lambda, "ConcurrentExecutions", functionDimensions, maximum, count, perRun, pageLambda},
		{lambda, "IteratorAge", functionDimensions, []string{"Average", "Maximum"}, milliseconds,
			"when a stream's mapping invokes the function", pageLambda},

		{dynamoDB, "ConsumedWriteCapacityUnits", tableDimensions, sum, count,
			"when it is written to", pageDynamoDB},
		{dynamoDB, "ConsumedReadCapacityUnits", tableDimensions, sum, count, "when it is read",
			pageDynamoDB},
		{dynamoDB, "WriteThrottleEvents", tableDimensions, sum, count, "when a write is throttled",
			pageDynamoDB},
		{dynamoDB, "ThrottledRequests", operation, sum, count, "when a request is throttled",
			pageDynamoDB},
		{dynamoDB, "SystemErrors", operation, sum, count, "when there are errors", pageDynamoDB},
		{dynamoDB, "SuccessfulRequestLatency", operation,
			[]string{"Average", "Maximum", "SampleCount"}, milliseconds, "when requests succeed",
			pageDynamoDB},

		{sns, "NumberOfMessagesPublished", topicDimensions, sum, count, whenTopicActive, pageSNS},
		{sns, "NumberOfNotificationsDelivered", topicDimensions, sum, count, whenTopicActive, pageSNS},
		{sns, "NumberOfNotificationsFailed", topicDimensions, sum, count, whenTopicActive, pageSNS},
		{sns, "NumberOfNotificationsFilteredOut", topicDimensions, sum, count, whenTopicActive, pageSNS},
	}
	for _, name := range contract.CustomMetrics() {
		rows = append(rows, Row{
			contract.MetricNamespace, name, functionDimensions, sum, count, "each batch", pageCustom,
		})
	}
	return append(rows, Row{
		contract.MetricNamespace, contract.MetricOldestFailureAge, functionDimensions, maximum,
		"Seconds", "when a message fails", pageCustom,
	})
}

// Find returns the row of a metric, and whether there is one.
func Find(namespace, name string) (Row, bool) {
	rows := Table()
	i := slices.IndexFunc(rows, func(r Row) bool {
		return r.Namespace == namespace && r.Name == name
	})
	if i < 0 {
		return Row{}, false
	}
	return rows[i], true
}

// Check reports a metric that CloudWatch does not find, or whose statistic is meaningless.
func Check(m Metric) error {
	row, found := Find(m.Namespace, m.Name)
	if !found {
		return fmt.Errorf("%s %s is not in the table of documented metrics (internal/awsmetrics)",
			m.Namespace, m.Name)
	}
	dimensions := slices.Sorted(slices.Values(m.Dimensions))
	if !slices.ContainsFunc(row.Dimensions, func(set []string) bool {
		return slices.Equal(set, dimensions)
	}) {
		return fmt.Errorf("%s %s has the dimensions %s, and needs exactly %s (%s)",
			m.Namespace, m.Name, dimensions, row.Dimensions, row.Page)
	}
	statistic := m.Statistic
	if p, is := strings.CutPrefix(statistic, "p"); is {
		if statistic = "p"; p == "" || strings.Trim(p, "0123456789.") != "" {
			statistic = "" // not a percentile
		}
	}
	if !slices.Contains(row.Statistics, statistic) {
		return fmt.Errorf("%s %s has the statistic %s, which is meaningless (use %s; %s)",
			m.Namespace, m.Name, m.Statistic, strings.Join(row.Statistics, ", "), row.Page)
	}
	return nil
}
