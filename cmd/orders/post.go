package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/orderpipeline/orderpipeline/order"
)

type postCmd struct {
	Files    []string      `arg:"" optional:"" name:"file" help:"Files with orders; - is standard input."`
	Sample   int           `help:"Make up this many valid orders, with nasty values, and post them." placeholder:"N"`
	Batch    bool          `help:"Use the batch call: up to 25 orders in one request."`
	NoCheck  bool          `help:"Do not hold the orders against the schema first: the API and the processor still do. For pipelines with a schema of their own."`
	Parallel int           `help:"Requests at a time (${default})." default:"8" placeholder:"N"`
	RetryFor time.Duration `help:"How long to go on trying when the API is throttled or down (${default})." default:"1m" placeholder:"TIME"`
}

// Help is the long help.
func (postCmd) Help() string {
	return `A file holds one JSON document, a JSON array of orders, or JSON lines. The bytes of each document are sent exactly as they
stand there. All input is read and checked first: with a bad order anywhere nothing is sent, and every problem is named with file and line.

Requests are signed (SigV4). Throttling (429), 5xx and network errors are tried again for --retry-for, waiting as long as the API asks
for (Retry-After). That is safe: the order id is part of the document, so the same document sent twice is one order.

202 means accepted, not yet stored: see 'orders status ORDER_ID'.

Examples:

  orders post order.json
  orders post --batch monday.jsonl tuesday.jsonl
  generate-orders | orders post --env prod -
  orders post --sample 100 --batch`
}

// Run posts the orders.
func (cmd *postCmd) Run(ctx context.Context, a *app) error {
	documents, err := cmd.read(a)
	if err != nil {
		return err
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	p := &poster{app: a, client: newClient(cfg, d, cmd.RetryFor), parallel: max(1, cmd.Parallel), batch: cmd.Batch, lines: true, summary: true}
	return p.postAll(ctx, documents)
}

// read reads and checks all input.
func (cmd *postCmd) read(a *app) ([]document, error) {
	if (cmd.Sample > 0) == (len(cmd.Files) > 0) {
		return nil, &failure{what: "give files (or -) or --sample N, one of the two", next: "orders post --help has examples", status: usageStatus}
	}
	if cmd.Sample > 0 && a.target.Env == "prod" {
		return nil, &failure{what: "made-up orders do not belong into prod", next: "post real ones from a file, or choose another --env", status: usageStatus}
	}
	var documents []document
	run := sampleRun("sample")
	for i := range cmd.Sample {
		documents = append(documents, sampleOrder(run, i))
	}
	var problems []error
	for _, name := range cmd.Files {
		source, content, err := name, []byte(nil), error(nil)
		if name == "-" {
			source = "standard input"
			content, err = io.ReadAll(a.stdin)
		} else {
			content, err = os.ReadFile(name)
		}
		if err == nil {
			var found []document
			found, err = readDocuments(source, content)
			documents = append(documents, found...)
		}
		if err != nil {
			problems = append(problems, err)
		}
	}
	if err := checkDocuments(order.DefaultSchema(), documents); err != nil && !cmd.NoCheck {
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		for _, problem := range problems {
			fmt.Fprintln(a.stderr, problem)
		}
		return nil, &failure{what: "the input is not good; nothing was sent", next: "correct it (the schema is order/order.schema.json), or leave the check to the API with --no-check", err: err}
	}
	return documents, nil
}

// poster posts documents.
type poster struct {
	*app
	client   *client
	parallel int
	batch    bool
	lines    bool // a line an order
	summary  bool // and one in the end

	mu                       sync.Mutex // the terminal, and refusal
	refusal                  *failure   // the first answer that no repetition mends
	accepted, calls, retries atomic.Int64
	told                     sync.Once
}

// call is one request: one document, or a batch.
type call struct {
	documents []document
	batch     bool
}

// maxBatchBytes keeps a batch well below what a queue message may hold (240 KiB by default).
const maxBatchBytes = 200 << 10

// batchCalls makes requests of documents.
func batchCalls(documents []document, batch bool) []call {
	var calls []call
	size := 0
	for _, d := range documents {
		last := len(calls) - 1
		if batch && last >= 0 && len(calls[last].documents) < order.MaxBatchOrders && size+len(d.bytes) < maxBatchBytes {
			calls[last].documents = append(calls[last].documents, d)
			size += len(d.bytes) + 1
			continue
		}
		calls = append(calls, call{documents: []document{d}, batch: batch})
		size = len(d.bytes)
	}
	return calls
}

// body gives the path and the body of a request. The documents' bytes are in it unchanged.
func (c call) body() (path string, body []byte) {
	if !c.batch {
		return "/orders", c.documents[0].bytes
	}
	parts := make([][]byte, len(c.documents))
	for i, d := range c.documents {
		parts[i] = d.bytes
	}
	return "/orders/batch", append(append([]byte("["), bytes.Join(parts, []byte(","))...), ']')
}

func (p *poster) postAll(ctx context.Context, documents []document) error {
	started := time.Now()
	calls := batchCalls(documents, p.batch)
	bar, finish := p.bar(len(documents))
	p.client.retrying = func(why string, wait time.Duration) {
		p.retries.Add(1)
		p.told.Do(func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			fmt.Fprintf(p.stderr, "trying again in %.1f s (%s). That is safe: the same order twice is one order.\n", wait.Seconds(), why)
		})
	}

	// The first answer that the next request would get as well (no permission, no such API) ends everything.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan call)
	var workers sync.WaitGroup
	var failed atomic.Int64
	for range min(p.parallel, len(calls)) {
		workers.Go(func() {
			for c := range queue {
				n, err := p.post(ctx, c)
				if bar != nil {
					bar.IncrBy(len(c.documents))
				}
				failed.Add(int64(n))
				if err != nil {
					cancel(err)
				}
			}
		})
	}
feed:
	for _, c := range calls {
		select {
		case queue <- c:
		case <-ctx.Done():
			break feed
		}
	}
	close(queue)
	workers.Wait()
	finish()

	accepted := p.accepted.Load()
	if p.summary {
		fmt.Fprintf(p.stderr, "%d of %d orders accepted in %.1f s (%s, %s)\n", accepted, len(documents), time.Since(started).Seconds(),
			count(int(p.calls.Load()), "request"), count(int(p.retries.Load()), "retry"))
	}
	if err := context.Cause(ctx); err != nil {
		if isInterrupt(ctx, err) && !errors.As(err, new(*failure)) {
			return &failure{what: "interrupted", next: "run it again with the same input: what was accepted is not taken twice", status: 130}
		}
		return err
	}
	if n := failed.Load(); n > 0 {
		f := &failure{what: fmt.Sprintf("%s not accepted; the reasons are above", count(int(n), "order")), next: "run it again later: what was accepted is not taken twice"}
		if p.refusal != nil {
			f.next = p.refusal.next + "; then run it again: what was accepted is not taken twice"
		}
		return f
	}
	if p.summary {
		id := documents[0].id
		if id == "" {
			id = "ORDER_ID"
		}
		fmt.Fprintf(p.stderr, "accepted is not yet stored: %s status%s %s\n", p.self(), p.envFlag(), id)
	}
	return nil
}

// post makes one request and prints what became of its orders: how many were not accepted. An error is one that all others would meet too.
func (p *poster) post(ctx context.Context, c call) (failed int, err error) {
	path, body := c.body()
	got, err := p.client.do(ctx, "POST", path, body)
	p.calls.Add(1)
	if ctx.Err() != nil {
		return len(c.documents), nil
	}
	if lasting(err) {
		return len(c.documents), err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && got.code == 202 {
		p.accepted.Add(int64(len(c.documents)))
		if p.lines {
			for _, d := range c.documents {
				p.printf("%s\taccepted\tmessage %s\n", d.name(), got.MessageID)
			}
		}
		return 0, nil
	}
	why := fmt.Sprint(err)
	if err == nil {
		why = got.describe()
	}
	for _, d := range c.documents {
		fmt.Fprintf(p.stderr, "%s (%s) not accepted: %s\n", d.name(), d.place(), why)
	}
	if err != nil || got.code >= 500 {
		return len(c.documents), nil
	}
	refusal := p.client.refused(p.app, "the API does not take orders", got)
	if p.refusal == nil {
		p.refusal = refusal
	}
	if got.code == 401 || got.code == 403 || got.code == 404 {
		return len(c.documents), refusal
	}
	return len(c.documents), nil
}

// bar is a progress bar for many orders in a terminal; it replaces the line an order then.
func (p *poster) bar(total int) (bar *mpb.Bar, finish func()) {
	const many = 100
	file, ok := p.stderr.(*os.File)
	if total <= many || !p.summary || !ok || !isatty.IsTerminal(file.Fd()) {
		return nil, func() {}
	}
	if out, ok := p.stdout.(*os.File); ok && isatty.IsTerminal(out.Fd()) {
		p.lines = false
	}
	bars := mpb.New(mpb.WithOutput(file), mpb.WithWidth(40))
	bar = bars.AddBar(int64(total),
		mpb.PrependDecorators(decor.CountersNoUnit("%d of %d orders")),
		mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s"), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_MMSS)))
	return bar, func() {
		if !bar.Completed() {
			bar.Abort(false)
		}
		bars.Wait()
	}
}

// count is "1 order", "2 orders", "3 retries".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, found := bytes.CutSuffix([]byte(noun), []byte("y")); found {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
