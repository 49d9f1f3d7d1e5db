package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/orderpipeline/orderpipeline/order"
)

type statusCmd struct {
	OrderID string        `arg:"" name:"order-id" help:"The order's id."`
	JSON    bool          `help:"Print the API's answer as it is."`
	Wait    time.Duration `help:"Wait at most this long for an order that is unknown yet." placeholder:"TIME"`
}

// Help is the long help.
func (statusCmd) Help() string {
	return `An order answered with 202 ends either stored (once, never changed) or refused (with a reason). Until then it is unknown here:
it is in the queue, or in the dead-letter queue.

Exit status: 0 stored, 3 refused, 4 unknown, 5 erased (its document is gone, its id stays taken), 1 failed, 2 wrong usage.

Examples:

  orders status A-1001
  orders status A-1001 --wait 30s
  orders status A-1001 --json | jq .document`
}

const (
	refusedStatus = 3
	unknownStatus = 4
	erasedStatus  = 5
)

// orderStatus is the answer of GET /orders/{orderId}.
type orderStatus struct {
	Status           string          `json:"status"`
	OrderID          string          `json:"orderId"`
	AcceptedAt       string          `json:"acceptedAt"`
	StoredAt         string          `json:"storedAt"`
	RefusedDocuments int             `json:"refusedDocuments"`
	Refusals         []refusal       `json:"refusals"`
	Output           json.RawMessage `json:"output"`
	Document         json.RawMessage `json:"document"`
}

type refusal struct {
	Reason     string `json:"reason"`
	Pointer    string `json:"pointer"`
	Hash       string `json:"hash"`
	AcceptedAt string `json:"acceptedAt"`
	RefusedAt  string `json:"refusedAt"`
}

// Run asks for the order and prints what became of it.
func (cmd *statusCmd) Run(ctx context.Context, a *app) error {
	if !order.ValidID(cmd.OrderID) {
		return &failure{what: fmt.Sprintf("%q cannot be an order id", cmd.OrderID), next: fmt.Sprintf("an id has 1 to %d of the characters A-Z a-z 0-9 . _ ~ -", order.MaxIDLength), status: usageStatus}
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	c := newClient(cfg, d, 20*time.Second)
	deadline := time.Now().Add(cmd.Wait)
	for {
		got, err := c.do(ctx, "GET", "/orders/"+url.PathEscape(cmd.OrderID), nil)
		if err != nil {
			return err
		}
		unknown := got.code == 404 && got.Status == "UNKNOWN"
		if unknown && time.Now().Before(deadline) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(500 * time.Millisecond):
			}
			continue
		}
		if got.code != 200 && got.code != 410 && !unknown {
			return c.refused(a, "the API does not tell", got)
		}
		return cmd.print(a, got, unknown)
	}
}

func (cmd *statusCmd) print(a *app, got *answer, unknown bool) error {
	var s orderStatus
	if err := json.Unmarshal(got.body, &s); err != nil {
		return &failure{what: "the API's answer is not its JSON: " + oneLine(err.Error()), next: "check the address: " + a.self() + " describe" + a.envFlag(), err: err}
	}
	if cmd.JSON {
		a.printf("%s\n", bytes.TrimRight(got.body, "\n"))
	}
	switch {
	case unknown:
		if cmd.JSON {
			return &failure{status: unknownStatus}
		}
		return &failure{
			what:   fmt.Sprintf("order %s is unknown: not posted, or still in a queue", cmd.OrderID),
			next:   fmt.Sprintf("ask again with --wait 30s; if it stays so, look into the queues: %s describe%s", a.self(), a.envFlag()),
			status: unknownStatus,
		}
	case s.Status == "STORED":
		if !cmd.JSON {
			s.printStored(a)
		}
		return nil
	case s.Status == "REFUSED":
		if !cmd.JSON {
			a.printf("order %s: REFUSED\n", s.OrderID)
			s.printRefusals(a)
		}
		return &failure{status: refusedStatus}
	case s.Status == "ERASED":
		if !cmd.JSON {
			a.printf("order %s: ERASED\n  its document is gone; its id stays taken\n", s.OrderID)
		}
		return &failure{status: erasedStatus}
	}
	return &failure{what: fmt.Sprintf("the API answered with a status that this command does not know: %q", s.Status), next: "use the command of the same version as the deployment"}
}

func (s *orderStatus) printStored(a *app) {
	a.printf("order %s: STORED\n", s.OrderID)
	a.printf("  accepted  %s\n", s.AcceptedAt)
	a.printf("  stored    %s%s\n", s.StoredAt, later(s.AcceptedAt, s.StoredAt))
	if s.RefusedDocuments > 0 {
		a.printf("  other documents refused under this id: %d\n", s.RefusedDocuments)
		s.printRefusals(a)
	}
	if len(s.Output) > 0 {
		a.printf("  output of the application's step: %s\n", s.Output)
	}
	a.printf("  document, as it was received:\n%s\n", s.Document)
}

func (s *orderStatus) printRefusals(a *app) {
	for _, r := range s.Refusals {
		at := ""
		if r.Pointer != "" {
			at = " at " + r.Pointer
		}
		a.printf("  refused   %s  %s%s (hash %.12s…)\n", r.RefusedAt, r.Reason, at, r.Hash)
	}
}

// later is the time from one to the other, for people.
func later(from, to string) string {
	start, err1 := time.Parse(time.RFC3339, from)
	end, err2 := time.Parse(time.RFC3339, to)
	if err1 != nil || err2 != nil {
		return ""
	}
	return fmt.Sprintf(" (%v later)", end.Sub(start).Round(time.Millisecond))
}
