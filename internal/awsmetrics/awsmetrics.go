// Package awsmetrics is the metrics that alarms and dashboards of this project may use, as AWS documents them: a metric with a
// misspelt name or a missing dimension is not an error to CloudWatch, it is an alarm that never rings.
package awsmetrics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Metric is what an alarm or a widget asks CloudWatch for.
type Metric struct {
	Namespace, Name string
	// Dimensions are the names of the dimensions.
	Dimensions []string
	// Statistic such as Sum or p99.
	Statistic string
}

// Row of the table.
type Row struct {
	Namespace, Name string
	// Dimensions are the sets under which the metric is to be found. CloudWatch takes exactly one of them: no more names, no fewer.
	Dimensions [][]string
	// Statistics that mean something for the metric; "p" is any percentile.
	Statistics []string
	// Unit of the values.
	Unit string
	// Emitted says when there are datapoints, which decides what an alarm does with missing ones.
	Emitted string
	// Page of the documentation that says so.
	Page string
}

const (
	pageAPIGateway = "Amazon API Gateway, Developer Guide: Amazon API Gateway dimensions and metrics"
	pageSQS        = "Amazon SQS, Developer Guide: Available CloudWatch metrics for Amazon SQS"
	pageLambda     = "AWS Lambda, Developer Guide: Types of metrics for Lambda functions"
	pageDynamoDB   = "Amazon DynamoDB, Developer Guide: DynamoDB metrics and dimensions"
	pageSNS        = "Amazon SNS, Developer Guide: Monitoring Amazon SNS topics using CloudWatch"
	pageCustom     = "docs/operations.md: Custom metrics"

	whileActive = "each minute while the queue is active: until six hours after the last message or request"
	perCall     = "when there are calls"
	perRun      = "when the function runs"
)

var (
	apiDimensions      = [][]string{{"ApiName", "Stage"}} // by ApiName alone: all stages together
	queueDimensions    = [][]string{{"QueueName"}}
	functionDimensions = [][]string{{"FunctionName"}}
	tableDimensions    = [][]string{{"TableName"}}
	operation          = [][]string{{"Operation", "TableName"}}
	topicDimensions    = [][]string{{"TopicName"}}
	sum                = []string{"Sum"}
	maximum            = []string{"Maximum"}
	times              = []string{"Average", "Maximum", "p"}
)

// Table of the metrics.
func Table() []Row {
	rows := []Row{
		// The rate of errors is the average of 0 and 1 a call. (The page: "The Average statistic represents the 4XXError error rate".)
		{"AWS/ApiGateway", "4XXError", apiDimensions, []string{"Average", "Sum"}, "Count", perCall, pageAPIGateway},
		{"AWS/ApiGateway", "5XXError", apiDimensions, []string{"Average", "Sum"}, "Count", perCall, pageAPIGateway},
		// SampleCount is the same; Average is always 1.
		{"AWS/ApiGateway", "Count", apiDimensions, []string{"Sum", "SampleCount"}, "Count", perCall, pageAPIGateway},
		{"AWS/ApiGateway", "Latency", apiDimensions, times, "Milliseconds", perCall, pageAPIGateway},

		{"AWS/SQS", "ApproximateAgeOfOldestMessage", queueDimensions, maximum, "Seconds", whileActive, pageSQS},
		// A gauge: sums of it count a message once a datapoint.
		{"AWS/SQS", "ApproximateNumberOfMessagesVisible", queueDimensions, maximum, "Count", whileActive, pageSQS},
		{"AWS/SQS", "ApproximateNumberOfMessagesNotVisible", queueDimensions, maximum, "Count", whileActive, pageSQS},
		// Not for dead-letter queues: what SQS moves there was not sent.
		{"AWS/SQS", "NumberOfMessagesSent", queueDimensions, sum, "Count", whileActive, pageSQS},
		{"AWS/SQS", "NumberOfMessagesReceived", queueDimensions, sum, "Count", whileActive, pageSQS},
		{"AWS/SQS", "NumberOfMessagesDeleted", queueDimensions, sum, "Count", whileActive, pageSQS},
		{"AWS/SQS", "NumberOfEmptyReceives", queueDimensions, sum, "Count", whileActive, pageSQS},

		{"AWS/Lambda", "Invocations", functionDimensions, sum, "Count", perRun, pageLambda},
		{"AWS/Lambda", "Errors", functionDimensions, sum, "Count", perRun, pageLambda},
		{"AWS/Lambda", "Throttles", functionDimensions, sum, "Count", "when it runs or would have", pageLambda},
		{"AWS/Lambda", "Duration", functionDimensions, []string{"Average", "Maximum", "p", "Sum"}, "Milliseconds", perRun, pageLambda},
		{"AWS/Lambda", "ConcurrentExecutions", functionDimensions, maximum, "Count", perRun, pageLambda},
		{"AWS/Lambda", "IteratorAge", functionDimensions, []string{"Average", "Maximum"}, "Milliseconds", "when a stream's mapping invokes the function", pageLambda},

		{"AWS/DynamoDB", "ConsumedWriteCapacityUnits", tableDimensions, sum, "Count", "when it is written to", pageDynamoDB},
		{"AWS/DynamoDB", "ConsumedReadCapacityUnits", tableDimensions, sum, "Count", "when it is read", pageDynamoDB},
		{"AWS/DynamoDB", "WriteThrottleEvents", tableDimensions, sum, "Count", "when a write is throttled", pageDynamoDB},
		{"AWS/DynamoDB", "ThrottledRequests", operation, sum, "Count", "when a request is throttled", pageDynamoDB},
		{"AWS/DynamoDB", "SystemErrors", operation, sum, "Count", "when there are errors", pageDynamoDB},
		{"AWS/DynamoDB", "SuccessfulRequestLatency", operation, []string{"Average", "Maximum", "SampleCount"}, "Milliseconds", "when calls succeed", pageDynamoDB},

		{"AWS/SNS", "NumberOfMessagesPublished", topicDimensions, sum, "Count", "when the topic is active", pageSNS},
		{"AWS/SNS", "NumberOfNotificationsDelivered", topicDimensions, sum, "Count", "when the topic is active", pageSNS},
		{"AWS/SNS", "NumberOfNotificationsFailed", topicDimensions, sum, "Count", "when the topic is active", pageSNS},
		{"AWS/SNS", "NumberOfNotificationsFilteredOut", topicDimensions, sum, "Count", "when the topic is active", pageSNS},
	}
	for _, name := range contract.CustomMetrics() {
		rows = append(rows, Row{contract.MetricNamespace, name, functionDimensions, sum, "Count", "each batch", pageCustom})
	}
	return rows
}

// Find gives the row of a metric.
func Find(namespace, name string) (Row, bool) {
	rows := Table()
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Namespace == namespace && r.Name == name })
	if i < 0 {
		return Row{}, false
	}
	return rows[i], true
}

// Check says what keeps CloudWatch from finding a metric, or its statistic from meaning anything.
func Check(m Metric) error {
	row, found := Find(m.Namespace, m.Name)
	if !found {
		return fmt.Errorf("%s %s is not in the table of metrics: internal/awsmetrics has the documented ones", m.Namespace, m.Name)
	}
	dimensions := slices.Sorted(slices.Values(m.Dimensions))
	if !slices.ContainsFunc(row.Dimensions, func(set []string) bool { return slices.Equal(set, dimensions) }) {
		return fmt.Errorf("%s %s has the dimensions %s, and needs exactly %s (%s)", m.Namespace, m.Name, dimensions, row.Dimensions, row.Page)
	}
	statistic := m.Statistic
	if p, is := strings.CutPrefix(statistic, "p"); is {
		if statistic = "p"; p == "" || strings.Trim(p, "0123456789.") != "" {
			statistic = "" // no percentile after all
		}
	}
	if !slices.Contains(row.Statistics, statistic) {
		return fmt.Errorf("%s %s with the statistic %s means nothing: it needs %s (%s)", m.Namespace, m.Name, m.Statistic, strings.Join(row.Statistics, ", "), row.Page)
	}
	return nil
}
