//go:build emulator

package operate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// finding is one of `orders doctor --json`.
type finding struct{ Check, Resource, What, Why, Do string }

// examine runs the doctor, whose exit status must fit what it finds.
func examine(t *testing.T, args ...string) []finding {
	t.Helper()
	cmd := command(t, append([]string{"doctor", "--json"}, args...)...)
	out, _ := cmd.Output()
	var report struct {
		Healthy  bool
		Findings []finding
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("orders doctor --json: %v\n%s", err, out)
	}
	status := map[bool]int{true: 0, false: 3}[len(report.Findings) == 0]
	if got := cmd.ProcessState.ExitCode(); got != status || report.Healthy != (status == 0) {
		t.Errorf("it exited with %d, healthy: %t; it has %d findings", got, report.Healthy, len(report.Findings))
	}
	for _, f := range report.Findings {
		if f.Resource == "" || f.What == "" || f.Why == "" || f.Do == "" || f.What[:1] == " " {
			t.Errorf("the finding %+v lacks something", f)
		}
	}
	return report.Findings
}

// wantFinding: the doctor finds just this, and says what to do; the list for people has it too.
func wantFinding(t *testing.T, check, resource, what, do string) {
	t.Helper()
	found := examine(t)
	var others []finding
	for _, f := range found {
		if f.Check == check && strings.Contains(f.Resource, resource) && strings.Contains(f.What, what) {
			if !strings.Contains(f.Do, do) {
				t.Errorf("it says to do %q, want %q", f.Do, do)
			}
		} else if f.Check != "metric" { // of the last hour: other tests throttle too
			others = append(others, f)
		}
	}
	if len(found) == 0 || len(others) > 0 || len(found) == len(others) {
		t.Errorf("it finds %+v, want one: %s %s %s", found, check, resource, what)
	}
	orders(t, 3, "doctor", what, "   ->   ", do)
}

func wantHealthy(t *testing.T) {
	t.Helper()
	for _, f := range examine(t) {
		if f.Check != "metric" {
			t.Errorf("mended, and still: %+v", f)
		}
	}
}

func TestDoctorHealthy(t *testing.T) {
	if found := examine(t); len(found) > 0 {
		t.Fatalf("of a new deployment it finds %+v", found)
	}
	orders(t, 0, "doctor", "environment local is healthy: mappings, functions, alarms, queues, subscriptions, metrics")
	orders(t, 0, "doctor --canary", "is healthy", "canary")
	for _, s := range world.Subscribers {
		wantDepth(t, s.QueueURL, 0) // the canary's event is taken away
	}
	orders(t, 2, "doctor now", "now")
	orders(t, 2, "doctor --canary-wait 0s", "--canary-wait")
	orders(t, 1, "doctor --env dev", `"dev" is not deployed`)
	orders(t, 0, "doctor --help", "Exit status: 0 healthy, 3 findings")
}

func mapping(t *testing.T, function string) *string {
	t.Helper()
	out, err := world.lambda.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &function})
	if err != nil || len(out.EventSourceMappings) != 1 {
		t.Fatalf("the mappings of %s: %v, %v", function, out, err)
	}
	return out.EventSourceMappings[0].UUID
}

func TestDoctorDisabledMapping(t *testing.T) {
	for _, function := range []string{world.ProcessorFunction, world.PublisherFunction} {
		uuid := mapping(t, function)
		enable := func(on bool) {
			if _, err := world.lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: uuid, Enabled: &on}); err != nil {
				t.Fatal(err)
			}
		}
		enable(false)
		wantFinding(t, "mapping", function, "disabled", "aws lambda update-event-source-mapping --enabled --uuid "+*uuid+" --region us-east-1 --endpoint-url "+world.Endpoint)
		enable(true)
		wantHealthy(t)
	}
}

// remake deletes a queue; the returned function makes it again as it was.
func remake(t *testing.T, url string) func() {
	t.Helper()
	out, err := world.queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	attributes := map[string]string{}
	for _, name := range []string{"Policy", "RedrivePolicy", "RedriveAllowPolicy", "VisibilityTimeout", "MessageRetentionPeriod", "MaximumMessageSize"} {
		if value := out.Attributes[name]; value != "" {
			attributes[name] = value
		}
	}
	if _, err := world.queues.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &url}); err != nil {
		t.Fatal(err)
	}
	return func() {
		name := url[strings.LastIndex(url, "/")+1:]
		if _, err := world.queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDoctorLostQueue(t *testing.T) {
	url := world.Subscriber("Shipping").QueueURL
	again := remake(t, url)
	wantFinding(t, "subscription", url[strings.LastIndex(url, "/")+1:], "its queue is gone", "orders replay --from TIME --to-subscriber Shipping --yes")
	again()
	wantHealthy(t)
}

// cloudWatch speaks JSON: the emulator knows CBOR only with a library that it does not bring along.
func cloudWatch() *cloudwatch.Client {
	return cloudwatch.NewFromConfig(world.cfg, func(o *cloudwatch.Options) { o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801) })
}

func TestDoctorAlarms(t *testing.T) {
	client := cloudWatch()
	name := contract.StackName(contract.EnvironmentLocal) + "-Alarm"
	put := func(enabled bool, actions ...string) {
		if _, err := client.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
			AlarmName: &name, Namespace: aws.String("Test"), MetricName: aws.String("Test"), Statistic: types.StatisticSum,
			Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
			TreatMissingData: aws.String("notBreaching"), ActionsEnabled: &enabled, AlarmActions: actions,
		}); err != nil {
			t.Fatal(err)
		}
	}
	put(true)
	wantFinding(t, "alarm", name, "it has no action", "orders up")
	put(true, "arn:aws:sns:us-east-1:000000000000:no-such-topic")
	wantFinding(t, "alarm", "no-such-topic", "this topic does not exist; 1 alarm would report to it", "orders up")
	put(false, world.TopicARN)
	wantFinding(t, "alarm", name, "switched off", "aws cloudwatch enable-alarm-actions --alarm-names "+name)
	put(true, world.TopicARN)
	wantHealthy(t)
	if _, err := client.DeleteAlarms(t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{name}}); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorStuckMessages(t *testing.T) {
	for args, url := range map[string]string{
		"redrive dlq": world.DeadLetterQueueURL, "redrive rejected": world.RejectedQueueURL, "replay --on-failure": world.OnFailureQueueURL,
		"redrive subscriber Billing": world.Subscriber("Billing").DeadLetterQueueURL,
	} {
		send(t, url, "stuck", nil)
		wantFinding(t, "queue", "queue", "has 1 message", "orders "+args)
		drain(t, url)
	}
	wantHealthy(t)
}

// TestDoctorThrottled is the last of the doctor's: the throttles stay in the metrics for an hour.
func TestDoctorThrottled(t *testing.T) {
	for _, function := range []string{world.PublisherFunction, world.ProcessorFunction} {
		if _, err := world.lambda.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: &function, ReservedConcurrentExecutions: aws.Int32(0)}); err != nil {
			t.Fatal(err)
		}
		wantFinding(t, "function", function, "throttled to zero", "aws lambda delete-function-concurrency --function-name "+function)
		if function == world.ProcessorFunction {
			found := fmt.Sprint(examine(t, "--canary", "--canary-wait", "2s"))
			if !strings.Contains(found, "is not stored after 2s") {
				t.Errorf("with a canary it finds %s", found)
			}
		}
		if _, err := world.lambda.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: &function}); err != nil {
			t.Fatal(err)
		}
		wantHealthy(t)
	}
	eventually(t, func() error { // the canary gets through in the end
		if events := drain(t, world.Subscriber("Billing").QueueURL); len(events) != 1 {
			return fmt.Errorf("%d events", len(events))
		}
		return nil
	})
	drain(t, world.Subscriber("Shipping").QueueURL)
}
