//go:build emulator

package upgrade

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

const (
	clients = 3
	around  = 100 // orders accepted before the upgrade begins, and as many after it has ended
)

// TestUpgrade deploys the last release and then what is here now, while orders flow: nothing that
// holds orders is replaced, and each order that was answered 202 is stored once and told of.
func TestUpgrade(t *testing.T) {
	ctx := t.Context()
	all := releases(t)
	release := all[len(all)-1]
	assembly := thaw(t, release)

	s := pipeline.Start(t, local.EmulatorOptions{})
	var said bytes.Buffer
	if err := s.Deploy(ctx, local.DeployOptions{App: assembly, Stdout: &said}); err != nil {
		t.Fatalf("deploy %s: %v\n%s", filepath.Base(release), err, &said)
	}
	// Processes of the old code end with a batch in hand. It comes back after the visibility timeout,
	// 180 s in production.
	s.SetQueue(t, s.QueueURL, map[string]string{"VisibilityTimeout": "6"})
	before, code := look(ctx, t, s), functionCode(t, s)

	flow := start(ctx, s)
	flow.await(t, around)
	began := flow.count()
	started := time.Now()
	said.Reset()
	err := s.Deploy(ctx, local.DeployOptions{Stdout: &said})
	took, during := time.Since(started), flow.count()-began
	if err != nil {
		t.Fatalf("deploy over %s: %v\n%s", filepath.Base(release), err, &said)
	}
	flow.await(t, flow.count()+around)
	accepted, others := flow.end()
	t.Logf("from %s to now in %.0f s, with %d orders accepted meanwhile, %d in all; other answers: %v", filepath.Base(release), took.Seconds(), during, len(accepted), others)
	if during < 10 {
		t.Errorf("only %d orders were accepted during the upgrade: it proves nothing", during)
	}

	after := look(ctx, t, s)
	for id := range after {
		if _, ok := before[id]; !ok {
			delete(after, id) // added
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the upgrade replaced or removed what holds orders (-release +now):\n%s", diff)
	}
	for name, sum := range functionCode(t, s) {
		if sum == code[name] {
			t.Errorf("the upgrade did not change the code of %s: it proves nothing", name)
		}
	}
	check(t, s, accepted)
}

// look gives the physical ids of what holds orders, by logical id, and the table's stream.
func look(ctx context.Context, t *testing.T, s *pipeline.System) map[string]string {
	t.Helper()
	found := map[string]string{}
	name := contract.StackName(contract.EnvironmentLocal)
	pages := cloudformation.NewListStackResourcesPaginator(s.Stacks, &cloudformation.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.StackResourceSummaries {
			if _, ok := identity[aws.ToString(r.ResourceType)]; ok {
				found[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
			}
		}
	}
	if len(found) < 10 {
		t.Fatalf("the stack's stateful resources are %v", found)
	}
	table, err := s.Tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.TableName})
	if err != nil {
		t.Fatal(err)
	}
	found["the table's stream"] = aws.ToString(table.Table.LatestStreamArn)
	return found
}

func functionCode(t *testing.T, s *pipeline.System) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, name := range []string{s.ProcessorFunction, s.PublisherFunction, s.StatusFunction} {
		sums[name] = aws.ToString(s.Configuration(t, name).CodeSha256)
	}
	return sums
}

// flow is clients that post orders without end, each until it is accepted.
type flow struct {
	stop     context.CancelFunc
	done     sync.WaitGroup
	n        atomic.Int64
	mu       sync.Mutex
	accepted map[string]string // documents by id
	others   map[string]int    // answers that were not 202
}

func start(ctx context.Context, s *pipeline.System) *flow {
	ctx, stop := context.WithCancel(ctx)
	f := &flow{stop: stop, accepted: map[string]string{}, others: map[string]int{}}
	address := s.APIURL // as the clients know it; it must not change
	for client := range clients {
		f.done.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				f.post(ctx, s, address, client, i)
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	return f
}

// post sends one order, each tenth time three in one call, until the answer is 202 or the flow has
// ended.
func (f *flow) post(ctx context.Context, s *pipeline.System, address string, client, i int) {
	var ids, documents []string
	for n := range 1 + 2*(i%10/9) {
		ids = append(ids, fmt.Sprintf("upgrade-%d-%d-%d", client, i, n))
		documents = append(documents, fmt.Sprintf(`{"orderId":%q, "currency":"EUR","channel":"web","items":[{"sku":"a","quantity":%d,"unitPrice":1999}]}`, ids[n], i+1))
	}
	r := pipeline.Request{URL: address, Body: documents[0]}
	if len(ids) > 1 {
		r.Path, r.Body = "/orders/batch", pipeline.Array(documents...)
	}
	for ctx.Err() == nil {
		// A call that is under way when the flow ends is waited for: its answer counts.
		a, err := s.Call(context.WithoutCancel(ctx), r)
		f.mu.Lock()
		if err == nil && a.Code == http.StatusAccepted {
			for n := range ids {
				f.accepted[ids[n]] = documents[n]
			}
			f.n.Add(int64(len(ids)))
			f.mu.Unlock()
			return
		}
		other := a.String()
		if err != nil {
			other = err.Error()
		}
		f.others[other]++
		f.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
	}
}

func (f *flow) count() int { return int(f.n.Load()) }

// await waits until so many orders were accepted.
func (f *flow) await(t *testing.T, n int) {
	t.Helper()
	pipeline.Eventually(t, func() error {
		if got := f.count(); got < n {
			f.mu.Lock()
			defer f.mu.Unlock()
			return fmt.Errorf("%d orders were accepted, want %d; other answers: %v", got, n, f.others)
		}
		return nil
	})
}

// end stops the clients, and gives what was accepted and the other answers.
func (f *flow) end() (map[string]string, map[string]int) {
	f.stop()
	f.done.Wait()
	return maps.Clone(f.accepted), maps.Clone(f.others)
}

// check waits for the events of all orders, and holds them and the table against what was posted.
func check(t *testing.T, s *pipeline.System, accepted map[string]string) {
	t.Helper()
	billing := s.Inbox(s.Subscriber("Billing").QueueURL)
	billing.Await(t, slices.Collect(maps.Keys(accepted))...)
	s.AwaitEmpty(t, s.QueueURL)
	billing.Take(t)
	stored, refusals := s.Stored(t)
	for id, document := range accepted {
		if got := stored[id][order.AttrDocument]; got != document {
			t.Errorf("%s was answered 202; stored is %q, posted was %q", id, got, document)
		}
	}
	for _, m := range billing.All() { // an event can come more than once, and is always the same
		e := pipeline.Parse(t, m.Body)
		if string(e.Data) != stored[e.Subject][order.AttrDocument] || e.ID != order.EventID(e.Subject) || e.Time != stored[e.Subject][order.AttrStoredAt] {
			t.Errorf("the event is %+v, stored is %+v", e, stored[e.Subject])
		}
	}
	if len(refusals) > 0 {
		t.Errorf("%d orders were refused", len(refusals))
	}
	for _, url := range []string{s.DeadLetterQueueURL, s.RejectedQueueURL, s.OnFailureQueueURL} {
		if err := s.Empty(t.Context(), url); err != nil {
			t.Error(err)
		}
	}
}
