package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/ordersapi"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type statusCmd struct {
	OrderID string        `arg:"" name:"order-id" help:"The id of the order."`
	JSON    bool          `help:"Print the answer of the API as it is."`
	Wait    time.Duration `placeholder:"TIME" help:"How long to wait for an order that is unknown."`
}

// Help is the long help.
func (statusCmd) Help() string {
	return `An order that was answered with 202 ends either stored (once, never changed) or refused
(with a reason). Until then its status is unknown: it is in the queue or the dead-letter queue. An
order that was never posted is unknown, too.

Exit status: 0 stored, 3 refused, 4 unknown, 5 erased (its document is gone, its id stays taken), 1
failure, 2 wrong usage.

Examples:

  orders status A-1001
  orders status A-1001 --wait 30s
  orders status A-1001 --json | jq .document`
}

const (
	statusRefused = 3
	statusUnknown = 4
	statusErased  = 5
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
	Reason    string `json:"reason"`
	Pointer   string `json:"pointer"`
	Hash      string `json:"hash"`
	RefusedAt string `json:"refusedAt"`
}

// Run asks the API and prints the status.
func (cmd *statusCmd) Run(ctx context.Context, a *app) error {
	if err := checkOrderID(cmd.OrderID); err != nil {
		return err
	}
	cfg, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	if err := d.RequireAPI(); err != nil {
		return err
	}
	client := ordersapi.New(cfg, d.APIURL, 20*time.Second)
	deadline := time.Now().Add(cmd.Wait)
	for {
		got, err := client.Do(ctx, http.MethodGet, "/orders/"+url.PathEscape(cmd.OrderID), nil)
		if err != nil {
			return err
		}
		unknown := got.Code == http.StatusNotFound && got.Status == "UNKNOWN"
		switch {
		case unknown && time.Now().Before(deadline):
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(500 * time.Millisecond):
			}
			continue
		case got.Code != http.StatusOK && got.Code != http.StatusGone && !unknown:
			return &failure.Error{
				What: "the API does not return the status: " + got.String(), Next: got.Next(a.command),
			}
		}
		return cmd.print(a, got)
	}
}

func (cmd *statusCmd) print(a *app, got *ordersapi.Answer) error {
	var s orderStatus
	if err := json.Unmarshal(got.Body, &s); err != nil {
		return &failure.Error{
			What: "the API's answer is not valid JSON: " + terminal.OneLine(err.Error()),
			Next: "check the address: " + a.command("describe"), Err: err,
		}
	}
	exit := map[string]int{
		"STORED": 0, "REFUSED": statusRefused, "UNKNOWN": statusUnknown, "ERASED": statusErased,
	}
	status, known := exit[s.Status]
	switch {
	case !known:
		return &failure.Error{
			What: fmt.Sprintf("unexpected status %q from the API", s.Status),
			Next: "use the command of the same version as the deployment",
		}
	case cmd.JSON:
		a.printf("%s\n", bytes.TrimRight(got.Body, "\n"))
	case s.Status == "UNKNOWN":
		return &failure.Error{
			What: fmt.Sprintf("order %s is unknown: it was not posted, or it is still in a queue",
				cmd.OrderID),
			Next: "ask again with --wait 30s; if it stays unknown, look for it: " +
				a.command("redrive dlq --order-id "+cmd.OrderID),
			Status: status,
		}
	case s.Status == "STORED":
		s.printStored(a)
	case s.Status == "REFUSED":
		a.printf("order %s: REFUSED\n", s.OrderID)
		s.printRefusals(a)
	case s.Status == "ERASED":
		a.printf("order %s: ERASED\n  its document is gone; its id stays taken\n", s.OrderID)
	}
	if status == 0 {
		return nil
	}
	return &failure.Error{Status: status}
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

// later returns the time between two timestamps, for people.
func later(from, to string) string {
	start, err1 := time.Parse(time.RFC3339, from)
	end, err2 := time.Parse(time.RFC3339, to)
	if err1 != nil || err2 != nil {
		return ""
	}
	return fmt.Sprintf(" (%v later)", end.Sub(start).Round(time.Millisecond))
}
