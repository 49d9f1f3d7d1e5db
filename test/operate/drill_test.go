//go:build emulator

package operate

import (
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// throttle lets a function not run at all, until the returned function is called.
func throttle(t *testing.T, function string) (release func()) {
	t.Helper()
	if _, err := world.lambda.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: &function, ReservedConcurrentExecutions: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := world.lambda.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: &function}); err != nil {
			t.Fatal(err)
		}
	}
}

// misconfigure sets a variable of a function's environment, until the returned function is called.
func misconfigure(t *testing.T, function, variable, value string) (back func()) {
	t.Helper()
	before, err := world.lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &function})
	if err != nil {
		t.Fatal(err)
	}
	apply := func(variables map[string]string) {
		if _, err := world.lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: &function, Environment: &types.Environment{Variables: variables},
		}); err != nil {
			t.Fatal(err)
		}
	}
	wrong := maps.Clone(before.Environment.Variables)
	wrong[variable] = value
	apply(wrong)
	return func() { apply(before.Environment.Variables) }
}

// killLambdas kills the processes of this emulator's functions, whatever they are in the middle of.
func killLambdas() (killed int) {
	out, err := exec.Command("ps", "-A", "-ww", "-o", "pid=,args=").Output()
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(out)) {
		var pid int
		if !strings.Contains(line, fmt.Sprintf("ministack-provided-code-%d", world.emulator.Port())) {
			continue
		}
		if _, err := fmt.Sscan(line, &pid); err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}

// set changes attributes of a queue, until the returned function is called.
func set(t *testing.T, url string, attributes map[string]string) (back func()) {
	t.Helper()
	out, err := world.queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	before := map[string]string{}
	for name := range attributes {
		before[name] = out.Attributes[name]
	}
	apply := func(attributes map[string]string) {
		if _, err := world.queues.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: attributes}); err != nil {
			t.Fatal(err)
		}
	}
	apply(attributes)
	return func() { apply(before) }
}

// drill is a flow of orders, half of them of channel web.
type drill struct {
	documents map[string]string // by id
	web, all  []string
}

func (d *drill) post(t *testing.T, n int) {
	t.Helper()
	var documents []string
	for i := range n {
		channel := []string{"web", "store"}[i%2]
		id := newID("drill-" + channel)
		d.documents[id] = newOrder(id, channel)
		documents = append(documents, d.documents[id])
		d.all = append(d.all, id)
		if channel == "web" {
			d.web = append(d.web, id)
		}
	}
	post(t, documents...)
}

func (d *drill) stored(t *testing.T) (n int) {
	t.Helper()
	for _, id := range d.all {
		if item(t, id) != nil {
			n++
		}
	}
	return n
}

// TestOutageDrill: the publisher fails until records age out to the on-failure queue, a subscriber's queue is gone, batches
// fail and are killed until they land in the dead-letter queue; orders keep coming all the while. Then the commands
// alone bring every order to the table and every event to every subscriber.
func TestOutageDrill(t *testing.T) {
	d := &drill{documents: map[string]string{}}
	began := time.Now()
	billing, shipping := world.Subscriber("Billing"), world.Subscriber("Shipping")

	// What takes hours in production has to take seconds here.
	age := func(seconds int32) {
		if _, err := world.lambda.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{
			UUID: mapping(t, world.PublisherFunction), MaximumRecordAgeInSeconds: &seconds,
		}); err != nil {
			t.Fatal(err)
		}
	}
	age(2)
	patient := set(t, world.QueueURL, map[string]string{"VisibilityTimeout": "1", "RedrivePolicy": fmt.Sprintf(
		`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:%s","maxReceiveCount":"2"}`, name(world.DeadLetterQueueURL))})
	makeShipping := remake(t, shipping.QueueURL)

	heal := throttle(t, world.PublisherFunction)
	for range 4 {
		d.post(t, 6)
		time.Sleep(1500 * time.Millisecond)
	}
	eventually(t, func() error {
		if visible, _ := depth(t, world.OnFailureQueueURL); visible == 0 {
			return fmt.Errorf("nothing has aged out")
		}
		return nil
	})
	d.post(t, 6)
	heal()
	eventually(t, func() error {
		if n := d.stored(t); n < len(d.all) {
			return fmt.Errorf("%d of %d orders are stored", n, len(d.all))
		}
		return nil
	})

	heal = misconfigure(t, world.ProcessorFunction, contract.EnvTableName, "no-such-table")
	d.post(t, 10)
	eventually(t, func() error {
		if visible, _ := depth(t, world.DeadLetterQueueURL); visible < 10 {
			return fmt.Errorf("%d messages on the dead-letter queue", visible)
		}
		return nil
	})
	heal()

	stop, killed := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				killed <- n
				return
			case <-time.After(100 * time.Millisecond):
				n += killLambdas()
			}
		}
	}()
	for range 4 {
		d.post(t, 10)
	}
	eventually(t, func() error { // each is stored, or was in two batches that were killed
		if visible, inFlight := depth(t, world.QueueURL); visible+inFlight > 0 {
			return fmt.Errorf("%d messages on the queue", visible+inFlight)
		}
		return nil
	})
	close(stop)
	dead, _ := depth(t, world.DeadLetterQueueURL)
	failed, _ := depth(t, world.OnFailureQueueURL)
	t.Logf("%d processes killed; of %d orders %d are stored; %d messages are on the dead-letter queue, %d on the on-failure queue",
		<-killed, len(d.all), d.stored(t), dead, failed)

	findings := fmt.Sprint(examine(t))
	for _, want := range []string{"its queue is gone", "orders redrive dlq", "orders replay --on-failure"} {
		if !strings.Contains(findings, want) {
			t.Errorf("the doctor does not say %q: %s", want, findings)
		}
	}
	age(72_000)
	patient()
	makeShipping()

	orders(t, 0, "redrive dlq --yes", fmt.Sprintf("%d messages moved", dead))
	eventually(t, func() error {
		if n := d.stored(t); n < len(d.all) {
			return fmt.Errorf("%d of %d orders are stored", n, len(d.all))
		}
		return nil
	})
	time.Sleep(2 * time.Second) // until what the publisher was given at last is out
	orders(t, 0, "replay --on-failure --yes", "events published to the topic")
	orders(t, 0, "replay --yes --to-subscriber Shipping --from "+began.UTC().Format(order.TimeFormat), "published to Shipping")

	for id, document := range d.documents {
		awaitStored(t, id, document)
	}
	for who, want := range map[string][]string{billing.QueueURL: d.all, shipping.QueueURL: d.web} {
		events := collect(t, who, want...)
		for id, m := range events {
			if d.documents[id] == "" { // of an earlier test, stored within a span of an on-failure message
				continue
			}
			if who == shipping.QueueURL && !strings.Contains(id, "drill-web") {
				t.Errorf("Shipping got the event of %s", id)
			}
			e := parse(t, m.body)
			if e.ID != order.EventID(id) || e.Time != item(t, id)[order.AttrStoredAt] || string(e.Data) != d.documents[id] {
				t.Errorf("the event of %s is %s", id, m.body)
			}
		}
	}
	wantDepth(t, world.RejectedQueueURL, 0)
	wantHealthy(t)
	orders(t, 0, "redrive dlq --yes", "0 messages moved")
	orders(t, 0, "replay --on-failure --yes", "0 events published")
}

func name(url string) string { return url[strings.LastIndex(url, "/")+1:] }
