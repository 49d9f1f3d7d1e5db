//go:build emulator

package operate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

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
	found, _ := world.Stored(t)
	for _, id := range d.all {
		if found[id] != nil {
			n++
		}
	}
	return n
}

// visible is how many messages of a queue can be received.
func visible(t *testing.T, url string) int {
	t.Helper()
	n, _ := world.Depth(t, url)
	return n
}

// TestOutageDrill: the publisher fails until records age out to the on-failure queue, a
// subscriber's queue is gone, batches fail and are killed until they land in the dead-letter queue;
// orders keep coming all the while. Then the commands alone bring every order to the table and
// every event to every subscriber.
func TestOutageDrill(t *testing.T) {
	fresh(t)
	d := &drill{documents: map[string]string{}}
	began := time.Now()

	// What takes hours in production has to take seconds here.
	age := world.UpdateMapping(t, world.PublisherFunction, lambda.UpdateEventSourceMappingInput{MaximumRecordAgeInSeconds: aws.Int32(2)},
		lambda.UpdateEventSourceMappingInput{MaximumRecordAgeInSeconds: aws.Int32(72_000)})
	makeShipping := remake(t, queue("Shipping"))

	heal := world.Throttle(t, world.PublisherFunction)
	pipeline.Eventually(t, func() error {
		d.post(t, 6)
		time.Sleep(time.Second)
		if visible(t, world.OnFailureQueueURL) == 0 {
			return fmt.Errorf("nothing has aged out")
		}
		return nil
	})
	d.post(t, 6)
	heal()
	awaitStored(t, d.documents)

	patient := world.SetQueue(t, world.QueueURL, map[string]string{"VisibilityTimeout": "1", "RedrivePolicy": fmt.Sprintf(
		`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:%s","maxReceiveCount":"2"}`, pipeline.QueueName(world.DeadLetterQueueURL))})
	heal = world.Configure(t, world.ProcessorFunction, contract.EnvTableName, "no-such-table")
	d.post(t, 10)
	world.AwaitEmpty(t, world.QueueURL) // all are dead
	if visible(t, world.DeadLetterQueueURL) == 0 {
		t.Error("the processor failed, and no message is on the dead-letter queue")
	}
	heal()

	stop, killed := make(chan struct{}), make(chan int)
	go func() {
		all := 0
		for {
			select {
			case <-stop:
				killed <- all
				return
			case <-time.After(100 * time.Millisecond):
				n, err := world.KillFunctions()
				if err != nil {
					t.Error(err)
				}
				all += n
			}
		}
	}()
	for range 4 {
		d.post(t, 10)
	}
	world.AwaitEmpty(t, world.QueueURL) // each is stored, or was in two batches that were killed
	close(stop)
	kills, dead := <-killed, visible(t, world.DeadLetterQueueURL)
	t.Logf("%d processes killed; of %d orders %d are stored; %d messages are on the dead-letter queue, %d on the on-failure queue",
		kills, len(d.all), d.stored(t), dead, visible(t, world.OnFailureQueueURL))
	if kills == 0 {
		t.Error("no process was killed")
	}

	findings := fmt.Sprint(examine(t))
	for _, want := range []string{"its queue does not exist", "orders redrive dlq", "orders replay --on-failure"} {
		if !strings.Contains(findings, want) {
			t.Errorf("the doctor does not say %q: %s", want, findings)
		}
	}
	age()
	patient()
	makeShipping()

	move(t, dead, "redrive dlq")
	awaitStored(t, d.documents)
	billing, shipping := world.Inbox(queue("Billing")), world.Inbox(queue("Shipping"))
	mark(t, billing) // until what the publisher was given at last is out
	pipeline.Eventually(t, func() error {
		out := pipeline.Finish(t, world.Command(t, "replay", "--on-failure", "--yes"))
		if err := world.Empty(t.Context(), world.OnFailureQueueURL); err != nil { // a run that did not see them all
			return fmt.Errorf("%w:\n%s%s", err, out.Stdout, out.Stderr)
		}
		return nil
	})
	orders(t, 0, "replay --yes --to-subscriber Shipping --from "+began.UTC().Format(order.TimeFormat), "published to Shipping")

	billing.Await(t, d.all...)
	shipping.Await(t, d.web...)
	for _, inbox := range []*pipeline.Inbox{billing, shipping} {
		for _, m := range inbox.All() {
			id := pipeline.Parse(t, m.Body).Subject
			if d.documents[id] == "" { // of an earlier test, stored within a span of an on-failure message
				continue
			}
			if inbox == shipping && !strings.Contains(id, "drill-web") {
				t.Errorf("Shipping got the event of %s", id)
			}
			wantEvent(t, m, id, d.documents[id])
		}
	}
	wantDepth(t, world.RejectedQueueURL, 0)
	wantHealthy(t)
	orders(t, 0, "redrive dlq --yes", "0 messages moved")
	orders(t, 0, "replay --on-failure --yes", "0 events published")
}
