package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/queues"
)

// series is a metric that should stay low: a count that should be zero in the last hour, or an age
// that should stay below the threshold of its deployed alarm.
type series struct {
	resource, namespace, name, dimension, value string

	age  bool
	what string // with the value
	why  string
	do   string
}

func (s series) metric() *types.Metric {
	return &types.Metric{
		Namespace: &s.namespace, MetricName: &s.name,
		Dimensions: []types.Dimension{{Name: &s.dimension, Value: &s.value}},
	}
}

func (d *Doctor) series() []series {
	const throttled = "it was throttled %.0f times in the last hour"
	p := d.Deployment
	throttles := func(function, why string) series {
		return series{
			resource: function, namespace: "AWS/Lambda", name: "Throttles",
			dimension: "FunctionName", value: function,
			what: throttled, why: why,
			do: "compare the account's limit of concurrent executions: " +
				d.aws("lambda get-account-settings") + "\nwith the function's own: " +
				d.aws("lambda get-function-concurrency --function-name %s", function),
		}
	}
	return []series{
		throttles(p.ProcessorFunction, "each throttled delivery counts as a receive of its orders, "+
			"and too many receives move a message to the dead-letter queue"),
		throttles(p.PublisherFunction, "events are late"),
		throttles(p.StatusFunction, "clients get errors when they ask for their orders"),
		{
			resource: p.PublisherFunction, namespace: "AWS/Lambda", name: "IteratorAge",
			dimension: "FunctionName", value: p.PublisherFunction, age: true,
			what: "it is %.0f ms behind the table's stream",
			why: fmt.Sprintf("events are late; records older than %d hours go to the on-failure queue",
				streamRecordHours),
			do: d.functionLog(p.PublisherFunction),
		},
		{
			resource: "queue", namespace: "AWS/SQS", name: "ApproximateAgeOfOldestMessage",
			dimension: "QueueName", value: queues.NameOf(p.QueueURL), age: true,
			what: "its oldest order has been waiting for %.0f s",
			why:  "the processor is too slow, or it fails", do: d.functionLog(p.ProcessorFunction),
		},
		{
			resource: p.TableName, namespace: "AWS/DynamoDB", name: "WriteThrottleEvents",
			dimension: "TableName", value: p.TableName,
			what: "%.0f writes were throttled in the last hour", why: "orders are late",
			do: "check the table's limits: " +
				d.aws("dynamodb describe-table --table-name %s", p.TableName),
		},
		{
			resource: p.TopicARN, namespace: "AWS/SNS", name: "NumberOfNotificationsFailed",
			dimension: "TopicName", value: queues.NameOf(p.TopicARN),
			what: "%.0f deliveries failed in the last hour",
			why:  "a subscriber did not get these events, unless they are on its dead-letter queue",
			do:   "see which: " + d.Command("redrive"),
		},
	}
}

// recent is how far back an age counts.
const recent = 15 * time.Minute

// checkMetrics reads the metrics of the last hour. A metric without datapoints is no finding: an
// idle queue has none. An age without a deployed alarm is not checked.
func (d *Doctor) checkMetrics(ctx context.Context) (found []Finding, err error) {
	deployed, err := d.listAlarms(ctx)
	if err != nil {
		return nil, err
	}
	end := time.Now()
	input := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(end.Add(-time.Hour)), EndTime: &end}
	type query struct {
		series
		threshold float64
	}
	queries := map[string]query{}
	for i, s := range d.series() {
		if s.value == "" { // a pipeline without an API
			continue
		}
		q := query{series: s}
		statistic := types.StatisticSum
		if s.age {
			var ok bool
			if q.threshold, ok = deployed.threshold(s.metric()); !ok {
				continue
			}
			statistic = types.StatisticMaximum
		}
		id := fmt.Sprintf("m%d", i)
		queries[id] = q
		input.MetricDataQueries = append(input.MetricDataQueries, types.MetricDataQuery{
			Id: &id,
			MetricStat: &types.MetricStat{
				Period: aws.Int32(60), Stat: aws.String(string(statistic)), Metric: s.metric(),
			},
		})
	}
	out, err := deployment.CloudWatch(d.Config).GetMetricData(ctx, input)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	for _, result := range out.MetricDataResults {
		q, ok := queries[aws.ToString(result.Id)]
		if !ok {
			continue
		}
		value := 0.0
		for i, v := range result.Values {
			if !q.age {
				value += v
			} else if i < len(result.Timestamps) && result.Timestamps[i].After(end.Add(-recent)) {
				value = max(value, v)
			}
		}
		if value > q.threshold {
			found = append(found, Finding{
				Resource: q.resource, What: fmt.Sprintf(q.what, value), Why: q.why, Do: q.do,
			})
		}
	}
	return found, nil
}
