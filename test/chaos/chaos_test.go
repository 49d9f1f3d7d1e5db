//go:build emulator

package chaos

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/order"
)

const (
	orders         = 5_000 // documents posted, the repeated and the conflicting ones among them
	processorKills = 45
	publisherKills = 15
	leastKills     = 50 // of which leastPublisher publishers
	leastPublisher = 10
)

// TestChaos posts 5,000 orders while Lambda processes are killed and their calls fail: none is lost, none is stored twice,
// every event is delivered.
func TestChaos(t *testing.T) {
	ctx := t.Context()
	s := deploy(t)
	posted := s.workload()
	s.proxy.begin(map[string]int{putItem: processorKills, publishBatch: publisherKills})

	started := time.Now()
	s.post(ctx, t, posted)
	t.Logf("%d orders in %d messages, each answered 202, in %v", orders, len(posted), time.Since(started).Round(time.Second))

	collected := s.settle(ctx, t, posted)
	kills, fired := s.proxy.end()
	t.Logf("settled after %v; killed while holding a batch: %v; other faults: %v", time.Since(started).Round(time.Second), kills, fired)
	if kills[putItem]+kills[publishBatch] < leastKills || kills[publishBatch] < leastPublisher {
		t.Errorf("killed %v, want at least %d, %d of them publishers", kills, leastKills, leastPublisher)
	}
	s.check(ctx, t, posted, collected)
}

// document is one order as posted. Two of the same id and content are the same order.
type document struct {
	id, channel, content, json string
}

// message is one post: an order, or an array of up to 25.
type message []document

type system struct {
	*deployment.Deployment
	cfg    aws.Config
	proxy  *proxy
	tables *dynamodb.Client
	queues *sqs.Client
}

// deploy starts an emulator of its own, with the proxy between it and the Lambdas, and deploys the local environment.
func deploy(t *testing.T) *system {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	root, err := local.Root()
	must(err)
	tools, err := local.Install(ctx, root, t.Logf)
	must(err)
	p := startProxy(t)
	emulator, err := tools.Start(ctx, local.EmulatorOptions{LambdaEndpoint: fmt.Sprintf("http://127.0.0.1:%d", p.port)})
	must(err)
	t.Cleanup(func() { _ = emulator.Stop() })
	must(p.to(emulator.Endpoint()))
	must(tools.Deploy(ctx, emulator, local.DeployOptions{Env: "local", Stdout: os.Stderr}))
	cfg, err := emulator.Config(ctx)
	must(err)
	d, err := deployment.Describe(ctx, cfg, "local")
	must(err)
	s := &system{Deployment: d, cfg: cfg, proxy: p, tables: dynamodb.NewFromConfig(cfg), queues: sqs.NewFromConfig(cfg)}
	// A killed batch comes back after the visibility timeout: 180 s in production, too long to wait for here. It is less
	// than the function's timeout now, so two copies of the processor may hold one message.
	_, err = s.queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: aws.String(d.QueueURL), Attributes: map[string]string{"VisibilityTimeout": "6"},
	})
	must(err)
	// The emulator takes a partial answer to a batch of the stream for success. With batches of one call's size there is
	// none: either the call worked, or the whole batch comes again.
	functions := lambda.NewFromConfig(cfg)
	mappings, err := functions.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: &d.PublisherFunction})
	must(err)
	if len(mappings.EventSourceMappings) != 1 {
		t.Fatalf("the publisher has %d event source mappings, want 1", len(mappings.EventSourceMappings))
	}
	_, err = functions.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{
		UUID: mappings.EventSourceMappings[0].UUID, BatchSize: aws.Int32(10),
	})
	must(err)
	return s
}

// workload is a fixed mix: single orders and batches; of all orders about a twentieth repeated and as many in conflict.
func (s *system) workload() (posted []message) {
	rng := rand.New(rand.NewPCG(3, 4))
	var all []document
	next := func() document {
		if len(all) > 0 {
			earlier := all[rng.IntN(len(all))]
			switch draw := rng.IntN(20); draw {
			case 0:
				return earlier
			case 1:
				return newDocument(earlier.id, earlier.channel, "another")
			}
		}
		return newDocument(fmt.Sprintf("chaos-%05d", len(all)), []string{"web", "store"}[rng.IntN(2)], "first")
	}
	for len(all) < orders {
		size := 1
		if rng.IntN(10) == 0 {
			size = 1 + rng.IntN(order.MaxBatchOrders)
		}
		var m message
		for range min(size, orders-len(all)) {
			d := next()
			m, all = append(m, d), append(all, d)
		}
		posted = append(posted, m)
	}
	return posted
}

func newDocument(id, channel, content string) document {
	return document{id, channel, content, fmt.Sprintf(
		`{"orderId":%q, "currency":"EUR","channel":%q,"items":[{"sku":"a","quantity":1,"unitPrice":1999}],"note":"%s \u2028<&>","rate":1.00}`,
		id, channel, content)}
}

// post sends every message until it is answered 202, from several clients at once.
func (s *system) post(ctx context.Context, t *testing.T, posted []message) {
	t.Helper()
	work := make(chan message)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for m := range work {
				for {
					status, body, err := s.send(ctx, m)
					if err == nil && status == http.StatusAccepted {
						break
					}
					if ctx.Err() != nil {
						return
					}
					if status != http.StatusServiceUnavailable && status != 0 {
						t.Errorf("answered %d %s (%v)", status, body, err)
						break
					}
				}
			}
		})
	}
	for _, m := range posted {
		work <- m
	}
	close(work)
	clients.Wait()
}

func (s *system) send(ctx context.Context, m message) (status int, body string, err error) {
	path, content := "/orders", m[0].json
	if len(m) > 1 {
		var documents []string
		for _, d := range m {
			documents = append(documents, d.json)
		}
		path, content = "/orders/batch", "["+strings.Join(documents, ",\n")+"]"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.APIURL+path, bytes.NewReader([]byte(content)))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	credentials, err := s.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return 0, "", err
	}
	sum := sha256.Sum256([]byte(content))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "execute-api", s.Region, time.Now()); err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, string(answer), err
}

// collection is what came out: bodies by queue.
type collection struct {
	billing, shipping, rejected map[string]int
}

// settle waits until every order's event is there and the queue is empty, and collects what came out by then.
func (s *system) settle(ctx context.Context, t *testing.T, posted []message) collection {
	t.Helper()
	ids := map[string]bool{}
	for _, m := range posted {
		for _, d := range m {
			ids[d.id] = true
		}
	}
	c := collection{map[string]int{}, map[string]int{}, map[string]int{}}
	arrived := map[string]bool{}
	const patience = 3 * time.Minute // without anything new; how long it takes in all is up to the machine
	news := time.Now()
	for quiet := 0; quiet < 3; {
		drained := s.drain(ctx, t, s.Subscriber("Billing").QueueURL, c.billing) +
			s.drain(ctx, t, s.Subscriber("Shipping").QueueURL, c.shipping) +
			s.drain(ctx, t, s.RejectedQueueURL, c.rejected)
		for body := range c.billing {
			arrived[subject(t, body)] = true
		}
		// A queue hides for 30 s what it gave to a receive call whose answer got lost: in flight is not yet collected.
		waiting := 0
		for _, url := range []string{s.QueueURL, s.RejectedQueueURL, s.Subscriber("Billing").QueueURL, s.Subscriber("Shipping").QueueURL} {
			waiting += s.depth(ctx, t, url)
		}
		if drained > 0 {
			news = time.Now()
		}
		if drained > 0 || waiting > 0 || len(arrived) < len(ids) {
			quiet = 0
			if time.Since(news) > patience {
				t.Fatalf("nothing new for %v: %d of %d events have arrived, %d messages are on the queues", patience, len(arrived), len(ids), waiting)
			}
			time.Sleep(200 * time.Millisecond)
			continue
		}
		quiet++
		time.Sleep(time.Second)
	}
	return c
}

// drain takes everything that is on a queue.
func (s *system) drain(ctx context.Context, t *testing.T, url string, into map[string]int) (n int) {
	t.Helper()
	for {
		out, err := s.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return n
		}
		for _, m := range out.Messages {
			into[aws.ToString(m.Body)]++
			n++
			// What is not deleted comes again, and counts as delivered again.
			_, _ = s.queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
		}
	}
}

// depth counts the messages of a queue, those in flight too.
func (s *system) depth(ctx context.Context, t *testing.T, url string) (n int) {
	t.Helper()
	out, err := s.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{
		"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range out.Attributes {
		count, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(err)
		}
		n += count
	}
	return n
}

type event struct {
	ID, Subject, Time string
	Data              json.RawMessage
}

func parse(t *testing.T, body string) (e event) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("event %s: %v", body, err)
	}
	return e
}

func subject(t *testing.T, body string) string { return parse(t, body).Subject }

// check holds what came out against what was posted.
func (s *system) check(ctx context.Context, t *testing.T, posted []message, got collection) {
	t.Helper()
	documents := map[string][]document{} // by id
	for _, m := range posted {
		for _, d := range m {
			documents[d.id] = append(documents[d.id], d)
		}
	}
	stored, refusals := s.table(ctx, t)

	for id, all := range documents {
		first, ok := stored[id]
		if !ok {
			t.Errorf("%s is lost", id)
			continue
		}
		if !slices.ContainsFunc(all, func(d document) bool { return d.json == first.document }) {
			t.Errorf("under %s stands %s, which nobody posted", id, first.document)
		}
		for _, d := range all {
			if d.json != first.document && got.rejected[d.json] == 0 {
				t.Errorf("%s is neither stored nor refused", d.json)
			}
			if d.json == first.document && got.rejected[d.json] > 0 {
				t.Errorf("%s is stored and was refused", d.json)
			}
			if d.json != first.document && refusals[id] == 0 {
				t.Errorf("the table does not say that %s was refused", d.json)
			}
		}
	}
	for id := range stored {
		if len(documents[id]) == 0 {
			t.Errorf("%s is stored and nobody posted it", id)
		}
	}

	for name, events := range map[string]map[string]int{"Billing": got.billing, "Shipping": got.shipping} {
		seen := map[string]string{}
		for body := range events {
			e := parse(t, body)
			if other, again := seen[e.Subject]; again {
				t.Errorf("%s got two events of %s: %s and %s", name, e.Subject, other, body)
			}
			seen[e.Subject] = body
			first := stored[e.Subject]
			if string(e.Data) != first.document || e.Time != first.storedAt || e.ID != order.EventID(e.Subject) {
				t.Errorf("%s got %s, stored is %+v", name, body, first)
			}
		}
		for id, all := range documents {
			wanted := name == "Billing" || all[0].channel == "web"
			if _, ok := seen[id]; ok != wanted {
				t.Errorf("%s got the event of %s: %v, want %v", name, id, ok, wanted)
			}
		}
	}

	for name, url := range map[string]string{"DLQ": s.DeadLetterQueueURL, "on-failure queue": s.OnFailureQueueURL} {
		if n := s.depth(ctx, t, url); n > 0 {
			t.Errorf("%d messages on the %s", n, name)
		}
	}
	s.checkStatus(ctx, t, stored)
	repeated := 0
	for _, n := range got.billing {
		repeated += n - 1
	}
	t.Logf("%d orders stored, %d documents refused, %d events, %d of them delivered again", len(stored), len(got.rejected), len(got.billing), repeated)
}

type storedOrder struct{ document, storedAt string }

// table reads every order, and counts the refusals under each id.
func (s *system) table(ctx context.Context, t *testing.T) (stored map[string]storedOrder, refusals map[string]int) {
	t.Helper()
	stored, refusals = map[string]storedOrder{}, map[string]int{}
	text := func(i map[string]types.AttributeValue, name string) string {
		value, _ := i[name].(*types.AttributeValueMemberS)
		if value == nil {
			t.Fatalf("item %v has no %s", i, name)
		}
		return value.Value
	}
	pages := dynamodb.NewScanPaginator(s.tables, &dynamodb.ScanInput{TableName: &s.TableName, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			if id := text(i, order.AttrOrderID); text(i, order.AttrKind) == order.KindOrder {
				stored[id] = storedOrder{text(i, order.AttrDocument), text(i, order.AttrStoredAt)}
			} else {
				refusals[id]++
			}
		}
	}
	return stored, refusals
}

// checkStatus asks the API about some of the orders, as their clients would.
func (s *system) checkStatus(ctx context.Context, t *testing.T, stored map[string]storedOrder) {
	t.Helper()
	ids := slices.Sorted(maps.Keys(stored))
	for n := 0; n < len(ids); n += max(1, len(ids)/50) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.APIURL+"/orders/"+ids[n], nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=0")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"document":`+stored[ids[n]].document+`}`) {
			t.Errorf("GET %s: %d %s (%v)", ids[n], response.StatusCode, answer, err)
		}
	}
}
