package ordersapi

import (
	"bytes"
	"context"
	"net/http"
	"sync"

	"github.com/orderpipeline/orderpipeline/internal/documents"
	"github.com/orderpipeline/orderpipeline/order"
)

// Request posts one document, or a batch of them.
type Request struct {
	// Documents are those in the request.
	Documents []documents.Document

	batch bool
}

// maxBatchBytes keeps a batch well below the size of a queue message (240 KiB by default).
const maxBatchBytes = 200 << 10

// Requests divides documents into requests.
func Requests(all []documents.Document, batch bool) []Request {
	var requests []Request
	size := 0
	for _, d := range all {
		last := len(requests) - 1
		if batch && last >= 0 && len(requests[last].Documents) < order.MaxBatchOrders &&
			size+len(d.Bytes) < maxBatchBytes {
			requests[last].Documents = append(requests[last].Documents, d)
			size += len(d.Bytes) + 1
			continue
		}
		requests = append(requests, Request{[]documents.Document{d}, batch})
		size = len(d.Bytes)
	}
	return requests
}

// body returns path and body. The body holds the documents' bytes unchanged.
func (r Request) body() (path string, body []byte) {
	if !r.batch {
		return "/orders", r.Documents[0].Bytes
	}
	parts := make([][]byte, len(r.Documents))
	for i, d := range r.Documents {
		parts[i] = d.Bytes
	}
	return "/orders/batch", append(append([]byte("["), bytes.Join(parts, []byte(","))...), ']')
}

// Post sends requests, parallel at a time. done is called after each one, by one goroutine at a
// time; its error ends the run, as does a permanent error. Requests that ctx cut off are not
// reported.
func (c *Client) Post(
	ctx context.Context, requests []Request, parallel int,
	done func(Request, *Answer, error) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan Request)
	var workers sync.WaitGroup
	var mu sync.Mutex
	for range min(max(1, parallel), len(requests)) {
		workers.Go(func() {
			for r := range queue {
				path, body := r.body()
				answer, err := c.Do(ctx, http.MethodPost, path, body)
				if ctx.Err() != nil {
					continue
				}
				mu.Lock()
				stop := done(r, answer, err)
				mu.Unlock()
				if stop == nil && Permanent(err) {
					stop = err
				}
				if stop != nil {
					cancel(stop)
				}
			}
		})
	}
feed:
	for _, r := range requests {
		select {
		case queue <- r:
		case <-ctx.Done():
			break feed
		}
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}
