//go:build emulator

package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/awsmetrics"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

type system struct {
	*pipeline.System
	alarms  map[string]types.MetricAlarm // by their names in the construct
	topics  map[string]string            // "critical", "warning": ARNs
	inbox   map[string]*pipeline.Inbox   // queues that are subscribed to them
	apiName string
}

// deploy starts an emulator of its own and deploys the local environment, with a queue behind each
// topic.
func deploy(t *testing.T) *system {
	t.Helper()
	ctx := t.Context()
	s := &system{
		System: pipeline.Start(t, local.EmulatorOptions{}),
		alarms: map[string]types.MetricAlarm{}, topics: map[string]string{}, inbox: map[string]*pipeline.Inbox{},
	}
	must(t, s.Deploy(ctx, local.DeployOptions{}))
	prefix := contract.MonitoringStackName(contract.EnvironmentLocal)
	stacks, err := s.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &prefix})
	must(t, err)
	for _, output := range stacks.Stacks[0].Outputs {
		switch *output.OutputKey {
		case contract.OutputCriticalTopicARN:
			s.topics["critical"] = *output.OutputValue
		case contract.OutputWarningTopicARN:
			s.topics["warning"] = *output.OutputValue
		}
	}
	for name, topic := range s.topics {
		queue, err := s.Queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("inbox-" + name)})
		must(t, err)
		s.inbox[name] = s.Inbox(*queue.QueueUrl)
		attributes, err := s.Queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"}})
		must(t, err)
		_, err = sns.NewFromConfig(s.Config).Subscribe(ctx, &sns.SubscribeInput{
			TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(attributes.Attributes["QueueArn"]), Attributes: map[string]string{"RawMessageDelivery": "true"},
		})
		must(t, err)
	}
	api, _, _ := strings.Cut(s.APIURL[strings.Index(s.APIURL, "/restapis/")+len("/restapis/"):], "/")
	rest, err := s.APIs.GetRestApi(ctx, &apigateway.GetRestApiInput{RestApiId: &api})
	must(t, err)
	s.apiName = *rest.Name

	listed, err := s.Metrics.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: &prefix})
	must(t, err)
	for _, alarm := range listed.MetricAlarms {
		_, name, found := strings.Cut(*alarm.AlarmName, "MonitoringAlarm")
		if !found {
			t.Fatalf("alarm %s", *alarm.AlarmName)
		}
		name, _, _ = strings.Cut(name, "-")
		s.alarms[name[:len(name)-8]] = alarm // without CDK's hash
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func last(path, separator string) string { return path[strings.LastIndex(path, separator)+1:] }

// The deployed alarms watch what is deployed.
func (s *system) checkDimensions(t *testing.T) {
	t.Helper()
	queue := func(url string) map[string]string { return map[string]string{"QueueName": last(url, "/")} }
	function := func(name string) map[string]string { return map[string]string{"FunctionName": name} }
	want := map[string]map[string]string{
		"APIServerErrors":    {"ApiName": s.apiName, "Stage": "v1"},
		"QueueAge":           queue(s.QueueURL),
		"DeadLetters":        queue(s.DeadLetterQueueURL),
		"Rejected":           queue(s.RejectedQueueURL),
		"OnFailure":          queue(s.OnFailureQueueURL),
		"ProcessorErrors":    function(s.ProcessorFunction),
		"FailingOrders":      function(s.ProcessorFunction),
		"PublisherAge":       function(s.PublisherFunction),
		"PublisherHeartbeat": function(s.PublisherFunction),
		"DeliveryFailures":   {"TopicName": last(s.TopicARN, ":")},
	}
	got := map[string]map[string]string{}
	for name, alarm := range s.alarms {
		got[name] = map[string]string{}
		for _, d := range alarm.Dimensions {
			got[name][*d.Name] = *d.Value
		}
		statistic := string(alarm.Statistic)
		if statistic == "" {
			statistic = aws.ToString(alarm.ExtendedStatistic)
		}
		if err := awsmetrics.Check(awsmetrics.Metric{Namespace: *alarm.Namespace, Name: *alarm.MetricName, Dimensions: slices.Collect(maps.Keys(got[name])), Statistic: statistic}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the alarms' dimensions (-deployed +alarms):\n%s", diff)
	}
}

// points that the emulator holds of an alarm's metric, with exactly its dimensions.
func (s *system) points(ctx context.Context, alarm types.MetricAlarm, end time.Time) (map[time.Time]float64, error) {
	input := &cloudwatch.GetMetricStatisticsInput{
		Namespace: alarm.Namespace, MetricName: alarm.MetricName, Dimensions: alarm.Dimensions, Period: alarm.Period, Statistics: []types.Statistic{alarm.Statistic},
		StartTime: aws.Time(end.Add(-time.Duration(*alarm.Period**alarm.EvaluationPeriods) * time.Second)), EndTime: &end,
	}
	output, err := s.Metrics.GetMetricStatistics(ctx, input)
	if err != nil {
		return nil, err
	}
	points := map[time.Time]float64{}
	for _, p := range output.Datapoints {
		value := map[types.Statistic]*float64{types.StatisticSum: p.Sum, types.StatisticAverage: p.Average, types.StatisticMaximum: p.Maximum}[alarm.Statistic]
		if value == nil {
			return nil, fmt.Errorf("a datapoint of %s has no %s", *alarm.MetricName, alarm.Statistic)
		}
		points[p.Timestamp.UTC()] = *value
	}
	return points, nil
}

// quick is an alarm whose minutes have ten seconds, by which also an age, in milliseconds, is
// divided.
func quick(alarm types.MetricAlarm) types.MetricAlarm {
	const faster = 6
	alarm.Period = aws.Int32(*alarm.Period / faster)
	if *alarm.MetricName == "IteratorAge" {
		alarm.Threshold = aws.Float64(*alarm.Threshold / faster)
	}
	return alarm
}

// state that CloudWatch would give an alarm, with the period that now is in as the last one.
func (s *system) state(ctx context.Context, alarm types.MetricAlarm, now time.Time) (types.StateValue, error) {
	period := time.Duration(*alarm.Period) * time.Second
	end := now.UTC().Truncate(period).Add(period)
	points, err := s.points(ctx, alarm, end)
	if err != nil {
		return "", err
	}
	return evaluate(alarm, points, end)
}

// await waits until CloudWatch would have an alarm in a state; before each look it does something,
// if given.
func (s *system) await(t *testing.T, alarm types.MetricAlarm, want types.StateValue, do func()) {
	t.Helper()
	pipeline.Eventually(t, func() error {
		if do != nil {
			do()
		}
		state, err := s.state(t.Context(), alarm, time.Now())
		if err == nil && state != want {
			err = fmt.Errorf("%s would be %s, want %s", *alarm.AlarmName, state, want)
		}
		return err
	})
}

// rings lets the emulator find out by itself that the alarm is one, and receives what it sends. set
// is for those it cannot know.
func (s *system) rings(t *testing.T, name, severity string, set bool) {
	t.Helper()
	ctx := t.Context()
	alarm := s.alarms[name]
	state := func(value types.StateValue, reason string) {
		_, err := s.Metrics.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: alarm.AlarmName, StateValue: value, StateReason: &reason})
		must(t, err)
	}
	state(types.StateValueOk, "test")
	s.inbox[severity].Take(t)
	before := s.inbox[severity].Len()
	if set {
		state(types.StateValueAlarm, "as its datapoints say")
	}
	s.becomes(t, name, types.StateValueAlarm)
	pipeline.Eventually(t, func() error {
		s.inbox[severity].Take(t)
		var told []string
		for _, m := range s.inbox[severity].All()[before:] {
			var notification struct{ AlarmName, NewStateValue, AlarmDescription string }
			must(t, json.Unmarshal([]byte(m.Body), &notification))
			if !strings.Contains(notification.AlarmDescription, "Runbook: https://") {
				t.Errorf("%s comes without its runbook: %s", notification.AlarmName, m.Body)
			}
			told = append(told, notification.AlarmName+" "+notification.NewStateValue)
		}
		if !slices.Contains(told, *alarm.AlarmName+" ALARM") {
			return fmt.Errorf("the %s topic told of %v, want %s", severity, told, *alarm.AlarmName)
		}
		return nil
	})
}

// becomes waits until the emulator itself has an alarm in a state. It evaluates when somebody
// pushes, whatever it is.
func (s *system) becomes(t *testing.T, name string, want types.StateValue) {
	t.Helper()
	pipeline.Eventually(t, func() error {
		s.push(t, "Test", "Tick", nil, time.Now(), 1)
		listed, err := s.Metrics.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{*s.alarms[name].AlarmName}})
		if err != nil {
			return err
		}
		if got := listed.MetricAlarms[0].StateValue; got != want {
			return fmt.Errorf("%s is %s in the emulator, want %s", name, got, want)
		}
		return nil
	})
}

func (s *system) push(t *testing.T, namespace, name string, dimensions []types.Dimension, at time.Time, value float64) {
	t.Helper()
	if namespace == "AWS/Lambda" {
		t.Fatal("the metrics of Lambda are real here")
	}
	_, err := s.Metrics.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: &namespace, MetricData: []types.MetricDatum{{
		MetricName: &name, Dimensions: dimensions, Timestamp: &at, Value: &value,
	}}})
	must(t, err)
}

// invoke runs a function with an event, and says whether it failed.
func (s *system) invoke(ctx context.Context, function, event string) (failed bool, err error) {
	output, err := s.Functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: []byte(event)})
	return err == nil && output.FunctionError != nil, err
}

// message is what the processor's mapping delivers, records what the publisher's does: two of them,
// so that their runs are told from those of the mapping in the log.
func message(id string) string {
	body, _ := json.Marshal(document(id))
	return fmt.Sprintf(`{"Records":[{"messageId":"m","eventSource":"aws:sqs","attributes":{"SentTimestamp":"1793534399000"},"body":%s}]}`, body)
}

func records(id string) string {
	text, _ := json.Marshal(document(id))
	record := fmt.Sprintf(`{"eventName":"INSERT","eventSource":"aws:dynamodb","dynamodb":{"SequenceNumber":"1","NewImage":{`+
		`"orderId":{"S":%q},"item":{"S":"order"},"kind":{"S":"order"},"storedAt":{"S":"2026-11-23T12:00:00.000Z"},"document":{"S":%s}}}}`, id, text)
	return `{"Records":[` + record + `,` + record + `]}`
}

// store writes an order into the table, as the processor does.
func (s *system) store(t *testing.T, id string) (at time.Time) {
	t.Helper()
	at = time.Now().UTC()
	text := func(v string) ddb.AttributeValue { return &ddb.AttributeValueMemberS{Value: v} }
	_, err := s.Tables.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.TableName, Item: map[string]ddb.AttributeValue{
		order.AttrOrderID: text(id), order.AttrItem: text(order.ItemOrder), order.AttrKind: text(order.KindOrder),
		order.AttrDocument: text(document(id)), order.AttrStoredAt: text(at.Format(order.TimeFormat)),
	}})
	must(t, err)
	return at
}

func document(id string) string {
	return fmt.Sprintf(`{"orderId":%q,"currency":"EUR","items":[{"sku":"a","quantity":1,"unitPrice":1}]}`, id)
}

// ages are what Lambda reports as IteratorAge: how old the record is that each run of the publisher
// by its mapping gets, here by its log. There is only one record.
func (s *system) ages(t *testing.T, stored time.Time, period time.Duration) (map[time.Time]float64, error) {
	output, err := s.Logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(s.LogGroup(t, s.PublisherFunction)), StartTime: aws.Int64(stored.UnixMilli()),
	})
	if err != nil {
		return nil, err
	}
	points := map[time.Time]float64{}
	for _, e := range output.Events {
		var line struct {
			Time    time.Time
			Records int
		}
		if json.Unmarshal([]byte(*e.Message), &line) != nil || line.Records != 1 {
			continue
		}
		start := line.Time.UTC().Truncate(period)
		points[start] = max(points[start], float64(line.Time.Sub(stored).Milliseconds()))
	}
	return points, nil
}

// failureAge returns the age, in seconds, that the processor last wrote as a metric into its log, 0
// when there is none yet.
func (s *system) failureAge(t *testing.T) (age float64, err error) {
	output, err := s.Logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(s.LogGroup(t, s.ProcessorFunction)),
	})
	if err != nil {
		return 0, err
	}
	for _, e := range output.Events {
		var line map[string]any
		if json.Unmarshal([]byte(*e.Message), &line) == nil {
			if found, ok := line[contract.MetricOldestFailureAge].(float64); ok {
				age = found
			}
		}
	}
	return age, nil
}

func TestCoreAlarms(t *testing.T) {
	ctx := t.Context()
	s := deploy(t)
	s.checkDimensions(t)
	rung := map[string]bool{}
	rings := func(t *testing.T, name, severity string, set bool) {
		t.Helper()
		s.rings(t, name, severity, set)
		rung[name] = true
	}

	// Silence first: nothing has run yet. The mapping is off, an order is stored, and nobody publishes
	// it.
	t.Run("PublisherHeartbeat", func(t *testing.T) {
		enable := s.Disable(t, s.PublisherFunction)
		s.store(t, "silent")
		s.await(t, s.alarms["PublisherHeartbeat"], types.StateValueAlarm, nil)
		rings(t, "PublisherHeartbeat", "critical", true)
		enable()
		s.Inbox(s.Subscriber("Billing").QueueURL).Await(t, "silent") // from here on no batch has this record
		// It is over as soon as the publisher runs.
		s.await(t, s.alarms["PublisherHeartbeat"], types.StateValueOk, func() {
			if failed, err := s.invoke(ctx, s.PublisherFunction, records("loud")); failed || err != nil {
				t.Fatalf("the publisher fails: %v", err)
			}
		})
		s.becomes(t, "PublisherHeartbeat", types.StateValueOk)
	})

	// The functions fail for a while, in which the others are looked at.
	s.Configure(t, s.ProcessorFunction, contract.EnvTableName, "no-such-table")
	s.Configure(t, s.PublisherFunction, contract.EnvTopicARN, s.TopicARN+"-not")
	stuck := s.store(t, "stuck")
	failing, stop := context.WithCancel(ctx)
	var stopped sync.WaitGroup
	defer func() { stop(); stopped.Wait() }()
	for function, event := range map[string]string{s.ProcessorFunction: message("failing"), s.PublisherFunction: records("failing")} {
		stopped.Go(func() {
			for failing.Err() == nil {
				if failed, err := s.invoke(failing, function, event); !failed && err == nil {
					t.Errorf("%s was to fail", function)
				}
				select {
				case <-failing.Done():
				case <-time.After(time.Second):
				}
			}
		})
	}

	for _, test := range []struct {
		name, severity string
		value          float64
	}{
		{"APIServerErrors", "critical", 0.5}, // every other call
		{"QueueAge", "critical", 301},
		{"DeadLetters", "critical", 1},
		{"Rejected", "warning", 1},
		{"OnFailure", "critical", 1},
		{"DeliveryFailures", "critical", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			alarm := s.alarms[test.name]
			if state, err := s.state(ctx, alarm, time.Now()); err != nil || state == types.StateValueAlarm {
				t.Fatalf("before anything happened it would be %s, %v", state, err)
			}
			s.await(t, alarm, types.StateValueAlarm, func() { // again when a minute has ended meanwhile
				now := time.Now()
				for i := range *alarm.EvaluationPeriods {
					s.push(t, *alarm.Namespace, *alarm.MetricName, alarm.Dimensions, now.Add(-time.Duration(i**alarm.Period)*time.Second), test.value)
				}
			})
			rings(t, test.name, test.severity, false)
		})
	}

	t.Run("ProcessorErrors", func(t *testing.T) {
		s.await(t, quick(s.alarms["ProcessorErrors"]), types.StateValueAlarm, nil)
		rings(t, "ProcessorErrors", "warning", false)
	})
	// The processor writes the age into its log, out of which CloudWatch takes the metric. The
	// emulator does not, so what the log says is pushed.
	t.Run("FailingOrders", func(t *testing.T) {
		alarm := s.alarms["FailingOrders"]
		s.await(t, alarm, types.StateValueAlarm, func() {
			age, err := s.failureAge(t)
			must(t, err)
			if age > 0 {
				s.push(t, *alarm.Namespace, *alarm.MetricName, alarm.Dimensions, time.Now(), age)
			}
		})
		rings(t, "FailingOrders", "critical", false)
	})
	t.Run("PublisherAge", func(t *testing.T) {
		alarm := quick(s.alarms["PublisherAge"])
		period := time.Duration(*alarm.Period) * time.Second
		pipeline.Eventually(t, func() error {
			ages, err := s.ages(t, stuck, period)
			if err != nil {
				return err
			}
			state, err := evaluate(alarm, ages, time.Now().UTC().Truncate(period).Add(period))
			if err == nil && state != types.StateValueAlarm {
				err = fmt.Errorf("it would be %s, with %v", state, ages)
			}
			return err
		})
		rings(t, "PublisherAge", "critical", true)
	})

	for name := range s.alarms {
		if !rung[name] {
			t.Errorf("alarm %s was not made to ring", name)
		}
	}
}
