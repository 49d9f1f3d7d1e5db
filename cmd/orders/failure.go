package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// failure is an error for the person at the terminal: what went wrong, what to do next, and the exit status (0: 1).
type failure struct {
	what, next string
	status     int
	err        error
}

func (f *failure) Error() string { return f.what + "; " + f.next }
func (f *failure) Unwrap() error { return f.err }

// report prints every failure in an error and gives the exit status.
func report(to io.Writer, err error) int {
	if err == nil {
		return 0
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		status := 0
		for _, err := range joined.Unwrap() {
			status = max(status, report(to, err))
		}
		return status
	}
	f := &failure{}
	if !errors.As(err, &f) {
		f = &failure{what: err.Error()}
	}
	if f.what != "" {
		fmt.Fprintf(to, "orders: %s\n", f.what)
	}
	if f.next != "" {
		fmt.Fprintf(to, "   ->   %s\n", f.next)
	}
	if f.status == 0 {
		return 1
	}
	return f.status
}

// explain turns what the commands return into failures: what went wrong in one line, what to do next in another.
func explain(ctx context.Context, a *app, err error) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range joined.Unwrap() {
			all = append(all, explain(ctx, a, err))
		}
		return errors.Join(all...)
	}
	var done *failure
	if errors.As(err, &done) {
		return done
	}
	if isInterrupt(ctx, err) {
		return &failure{what: "interrupted", status: 130, err: err}
	}
	var machine *local.Error
	if errors.As(err, &machine) {
		return &failure{what: machine.What, next: machine.Remedy, err: err}
	}
	var absent *deployment.NotDeployedError
	if errors.As(err, &absent) {
		return &failure{what: absent.What(), next: absent.Remedy(), err: err}
	}
	what := oneLine(err.Error())
	var api smithy.APIError
	if errors.As(err, &api) {
		what = fmt.Sprintf("AWS refused: %s: %s", api.ErrorCode(), oneLine(api.ErrorMessage()))
		switch code := api.ErrorCode(); {
		case strings.Contains(code, "Expired"), strings.Contains(code, "InvalidClientTokenId"), strings.Contains(code, "UnrecognizedClient"):
			return &failure{what: what, next: "get new credentials (say, aws sso login), or choose others with --profile", err: err}
		case strings.Contains(code, "AccessDenied"), strings.Contains(code, "NotAuthorized"):
			return &failure{what: what, next: "choose credentials that may do this with --profile", err: err}
		}
		return &failure{what: what, next: "see whether the deployment is whole: " + a.self() + " describe" + a.envFlag(), err: err}
	}
	var credentials *credentialsError
	if errors.As(err, &credentials) || strings.Contains(what, "failed to refresh cached credentials") {
		return &failure{what: "there are no AWS credentials: " + what, next: "log in (say, aws sso login), or choose credentials with --profile", err: err}
	}
	var network net.Error
	var address *url.Error
	if errors.As(err, &network) || errors.As(err, &address) {
		next := "check the network and the proxy settings, then run it again"
		if a.target.Env == contract.EnvironmentLocal {
			next = "start the local system again: " + a.self() + " up"
		}
		return &failure{what: what, next: next, err: err}
	}
	return &failure{what: what, next: a.self() + " --help shows how the commands work", err: err}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
