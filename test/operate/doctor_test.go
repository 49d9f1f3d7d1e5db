//go:build emulator

package operate

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// finding is one of `orders doctor --json`.
type finding struct{ Check, Resource, What, Why, Do string }

// examine runs the doctor, whose exit status must fit what it finds.
func examine(t *testing.T, args ...string) []finding {
	t.Helper()
	cmd := world.Command(t, append([]string{"doctor", "--json"}, args...)...)
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

// TestDoctorHealthy is the first of the doctor's: the last one's throttles stay in the metrics for
// an hour.
func TestDoctorHealthy(t *testing.T) {
	fresh(t)
	if found := examine(t); len(found) > 0 {
		t.Fatalf("of a new deployment it finds %+v", found)
	}
	orders(t, 0, "doctor", "environment local is healthy: mappings, functions, alarms, queues, subscriptions, metrics")
	// Its event is taken away, but for a second copy.
	pipeline.Eventually(t, func() error {
		orders(t, 0, "doctor --canary --canary-wait "+pipeline.Patience.String(), "is healthy", "canary")
		for _, s := range world.Subscribers {
			if err := world.Empty(t.Context(), s.QueueURL); err != nil {
				empty(t, s.QueueURL)
				return err
			}
		}
		return nil
	})
	orders(t, 2, "doctor now", "now")
	orders(t, 2, "doctor --canary-wait 0s", "--canary-wait")
	orders(t, 1, "doctor --env dev", `"dev" is not deployed`)
	orders(t, 0, "doctor --help", "Exit status: 0 healthy, 3 findings")
}

func TestDoctorDisabledMapping(t *testing.T) {
	fresh(t)
	for _, function := range []string{world.ProcessorFunction, world.PublisherFunction} {
		uuid := world.Mapping(t, function)
		enable := world.Disable(t, function)
		wantFinding(t, "mapping", function, "disabled", "aws lambda update-event-source-mapping --enabled --uuid "+uuid+" --region us-east-1 --endpoint-url "+world.Endpoint)
		enable()
		wantHealthy(t)
	}
}

// remake deletes a queue; when the test ends, or the returned function is called, it is made again
// as it was.
func remake(t *testing.T, url string) (again func()) {
	t.Helper()
	out, err := world.Queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	attributes := map[string]string{}
	for _, name := range []string{"Policy", "RedrivePolicy", "RedriveAllowPolicy", "VisibilityTimeout", "MessageRetentionPeriod", "MaximumMessageSize"} {
		if value := out.Attributes[name]; value != "" {
			attributes[name] = value
		}
	}
	if _, err := world.Queues.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &url}); err != nil {
		t.Fatal(err)
	}
	again = sync.OnceFunc(func() {
		_, err := world.Queues.CreateQueue(context.WithoutCancel(t.Context()), &sqs.CreateQueueInput{QueueName: aws.String(pipeline.QueueName(url)), Attributes: attributes})
		if err != nil {
			t.Errorf("make the queue again: %v", err)
		}
	})
	t.Cleanup(again)
	return again
}

func TestDoctorLostQueue(t *testing.T) {
	fresh(t)
	again := remake(t, queue("Shipping"))
	wantFinding(t, "subscription", pipeline.QueueName(queue("Shipping")), "its queue does not exist", "orders replay --from TIME --to-subscriber Shipping --yes")
	again()
	wantHealthy(t)
}

func TestDoctorAlarms(t *testing.T) {
	fresh(t)
	client := world.Metrics
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
	t.Cleanup(func() {
		if _, err := client.DeleteAlarms(context.WithoutCancel(t.Context()), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{name}}); err != nil {
			t.Error(err)
		}
	})
	put(true)
	wantFinding(t, "alarm", name, "it has no action", "orders up")
	put(true, "arn:aws:sns:us-east-1:000000000000:no-such-topic")
	wantFinding(t, "alarm", "no-such-topic", "this topic does not exist; the target of 1 alarm", "orders up")
	put(false, world.TopicARN)
	wantFinding(t, "alarm", name, "its actions are disabled", "aws cloudwatch enable-alarm-actions --alarm-names "+name)
	put(true, world.TopicARN)
	wantHealthy(t)
}

func TestDoctorStuckMessages(t *testing.T) {
	fresh(t)
	for args, url := range map[string]string{
		"redrive dlq": world.DeadLetterQueueURL, "redrive rejected": world.RejectedQueueURL, "replay --on-failure": world.OnFailureQueueURL,
		"redrive subscriber Billing": world.Subscriber("Billing").DeadLetterQueueURL,
	} {
		send(t, url, "stuck", nil)
		wantFinding(t, "queue", "queue", "has 1 message", "orders "+args)
		empty(t, url)
	}
	wantHealthy(t)
}

// TestDoctorThrottled is the last of the doctor's: the throttles stay in the metrics for an hour.
func TestDoctorThrottled(t *testing.T) {
	fresh(t)
	var canaries []string
	for _, function := range []string{world.PublisherFunction, world.ProcessorFunction} {
		release := world.Throttle(t, function)
		wantFinding(t, "function", function, "throttled to zero", "aws lambda delete-function-concurrency --function-name "+function)
		if function == world.ProcessorFunction {
			found := examine(t, "--canary", "--canary-wait", "3s")
			i := slices.IndexFunc(found, func(f finding) bool { return f.Check == "canary" && strings.Contains(f.What, "is not stored after 3s") })
			if i < 0 {
				t.Fatalf("with a canary it finds %v", found)
			}
			canaries = append(canaries, found[i].Resource)
		}
		release()
		wantHealthy(t)
	}
	collect(t, "Billing", canaries...) // the canary gets through in the end
}
