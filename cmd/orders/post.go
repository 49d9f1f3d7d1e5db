package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/documents"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/ordersapi"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
	"github.com/orderpipeline/orderpipeline/order"
)

type postCmd struct {
	Files []string `arg:"" optional:"" name:"file" help:"Files with orders; - is standard input."`

	Sample   int           `placeholder:"N" help:"Post this many sample orders instead."`
	Batch    bool          `help:"Use the batch call: up to 25 orders per request."`
	NoCheck  bool          `help:"Do not check the orders against the default schema first."`
	Parallel int           `default:"8" placeholder:"N" help:"Number of concurrent requests."`
	RetryFor time.Duration `default:"1m" placeholder:"TIME" help:"How long to retry a request."`
}

// Help is the long help.
func (postCmd) Help() string {
	return `A file holds one JSON document, a JSON array of orders, or JSON lines. The bytes of each
document are sent exactly as they are. All input is read and checked first: with an invalid order
anywhere, nothing is sent, and every problem is reported with file and line. The check uses the
default schema; for a pipeline with another schema turn it off with --no-check. The API and the
processor check each order in any case.

Requests are signed (SigV4). Throttling (429), 5xx and network errors are retried for --retry-for,
and Retry-After is respected. That is safe: the order id is part of the document, so the same
document sent twice is one order.

202 means accepted, not yet stored: see 'orders status ORDER_ID'.

Sample orders are valid and contain values that break careless code. They are refused for prod,
and for a stack on AWS.

Examples:

  orders post order.json
  orders post --batch monday.jsonl tuesday.jsonl
  generate-orders | orders post --env prod -
  orders post --sample 100 --batch`
}

// Run posts the orders.
func (cmd *postCmd) Run(ctx context.Context, a *app) error {
	all, err := cmd.read(a)
	if err != nil {
		return err
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	if err := d.RequireAPI(); err != nil {
		return err
	}
	p := &poster{app: a, client: ordersapi.New(cfg, d.APIURL, cmd.RetryFor)}
	return p.post(ctx, all, cmd.Batch, cmd.Parallel)
}

// read reads and checks all input.
func (cmd *postCmd) read(a *app) (all []documents.Document, err error) {
	if (cmd.Sample > 0) == (len(cmd.Files) > 0) {
		return nil, failure.Usage("give files (or -) or --sample N, one of the two",
			"orders post --help has examples")
	}
	if refused := a.target.Env == "prod" || a.target.Env == ""; cmd.Sample > 0 && refused {
		return nil, failure.Usage("refusing to post sample orders to "+a.target.String(),
			"post real orders from a file, or choose another --env")
	}
	run := documents.NewRun("sample")
	for i := range cmd.Sample {
		all = append(all, documents.Sample(run, i))
	}
	var problems []error
	for _, name := range cmd.Files {
		found, err := readFile(a, name)
		if err != nil {
			problems = append(problems, err)
		}
		all = append(all, found...)
	}
	if err := documents.Check(order.DefaultSchema(), all); err != nil && !cmd.NoCheck {
		problems = append(problems, err)
	}
	if len(problems) == 0 {
		return all, nil
	}
	for _, problem := range problems {
		a.notef("%s", terminal.Sanitize(problem.Error()))
	}
	return nil, &failure.Error{
		What: "the input has problems; nothing was sent",
		Next: "correct it (the schema is order/order.schema.json), " +
			"or skip the check against the default schema with --no-check",
		Err: errors.Join(problems...),
	}
}

func readFile(a *app, name string) ([]documents.Document, error) {
	source, content, err := name, []byte(nil), error(nil)
	if name == "-" {
		source = "standard input"
		content, err = io.ReadAll(a.stdin)
	} else {
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	return documents.Read(source, content)
}

// poster posts documents and prints what the API answers.
type poster struct {
	*app
	client *ordersapi.Client

	mu                         sync.Mutex // the terminal
	quiet                      bool       // no line per accepted order
	accepted, failed, requests int
	retries                    atomic.Int64
	refusal                    *failure.Error // the first answer that a retry cannot change
}

const sameOrder = "the same order twice is one order"

func (p *poster) post(
	ctx context.Context, all []documents.Document, batch bool, parallel int,
) error {
	started := time.Now()
	add, finish := p.progress(len(all))
	var once sync.Once
	p.client.Retrying = func(why string, wait time.Duration) {
		p.retries.Add(1)
		once.Do(func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.notef("retrying in %.1f s (%s); this is safe: %s", wait.Seconds(), why, sameOrder)
		})
	}
	err := p.client.Post(ctx, ordersapi.Requests(all, batch), parallel,
		func(r ordersapi.Request, answer *ordersapi.Answer, err error) error {
			add(len(r.Documents))
			return p.done(r.Documents, answer, err)
		})
	finish()
	p.notef("%d of %d orders accepted in %.1f s (%s, %s)", p.accepted, len(all),
		time.Since(started).Seconds(), terminal.Count(p.requests, "request"),
		terminal.Count(int(p.retries.Load()), "retry"))
	switch {
	case isInterrupt(ctx, err):
		return interrupted(err, "run it again with the same input: "+sameOrder)
	case err != nil:
		return err
	case p.failed > 0:
		next := "run it again later: " + sameOrder
		if p.refusal != nil {
			next = p.refusal.Next + "; then run it again: " + sameOrder
		}
		return &failure.Error{
			What: terminal.Count(p.failed, "order") + " not accepted; the reasons are above", Next: next,
		}
	}
	id := all[0].ID
	if id == "" {
		id = "ORDER_ID"
	}
	p.notef("accepted is not yet stored: %s", p.command("status "+id))
	return nil
}

// done prints what became of the orders of a request. Its error ends the command: all other
// requests would get the same answer.
func (p *poster) done(all []documents.Document, answer *ordersapi.Answer, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	if err == nil && answer.Code == http.StatusAccepted {
		p.accepted += len(all)
		for _, d := range all {
			if !p.quiet {
				p.printf("%s\taccepted\tmessage %s\n", d.Name(), answer.MessageID)
			}
		}
		return nil
	}
	p.failed += len(all)
	if ordersapi.Permanent(err) {
		return err
	}
	why := fmt.Sprint(err)
	if err == nil {
		why = answer.String()
	}
	for _, d := range all {
		p.notef("%s (%s) not accepted: %s", d.Name(), d.Place(), why)
	}
	if err != nil || answer.Code >= 500 {
		return nil
	}
	refusal := &failure.Error{
		What: "the API does not accept orders: " + answer.String(), Next: answer.Next(p.command),
	}
	if p.refusal == nil {
		p.refusal = refusal
	}
	switch answer.Code {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return refusal
	}
	return nil
}

// progress is a bar for many orders in a terminal, instead of a line per order.
func (p *poster) progress(total int) (add func(int), finish func()) {
	const many = 100
	if total <= many {
		return func(int) {}, func() {}
	}
	p.quiet = terminal.Is(p.stdout) && terminal.Is(p.stderr)
	return terminal.Progress(p.stderr, total, "%d of %d orders")
}
