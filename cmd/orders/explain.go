package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/ordersapi"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

// explain turns the error of a command into [*failure.Error]s: what is wrong, and what to do.
func (a *app) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range joined.Unwrap() {
			all = append(all, a.explain(ctx, err))
		}
		return errors.Join(all...)
	}
	return a.explainOne(ctx, err)
}

func (a *app) explainOne(ctx context.Context, err error) *failure.Error {
	var explained *failure.Error
	if errors.As(err, &explained) {
		return explained
	}
	if isInterrupt(ctx, err) {
		return &failure.Error{What: "interrupted", Status: failure.StatusInterrupted, Err: err}
	}
	e := &failure.Error{What: terminal.OneLine(err.Error()), Err: err}
	var api smithy.APIError
	var credentials *ordersapi.CredentialsError
	var network net.Error
	var address *url.Error
	switch {
	case errors.As(err, &api):
		e.What = fmt.Sprintf("AWS refused: %s: %s", api.ErrorCode(), terminal.OneLine(api.ErrorMessage()))
		e.Next = a.nextForCode(api.ErrorCode())
	case errors.As(err, &credentials),
		strings.Contains(e.What, "failed to refresh cached credentials"):
		e.What = "no AWS credentials: " + e.What
		e.Next = "log in (for example, aws sso login), or choose credentials with --profile"
	case errors.As(err, &network), errors.As(err, &address):
		e.Next = "check the network and the proxy settings, then run it again"
		if a.target.Env == contract.EnvironmentLocal {
			e.Next = "start the local environment again: " + a.command("up")
		}
	default:
		e.Next = program() + " --help explains the commands"
	}
	return e
}

// nextForCode says what to do about an error code of AWS.
func (a *app) nextForCode(code string) string {
	contains := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(code, p) })
	}
	switch {
	case contains("Expired", "InvalidClientTokenId", "UnrecognizedClient"):
		return "renew the credentials (for example, aws sso login), or choose others with --profile"
	case contains("AccessDenied", "NotAuthorized"):
		return "choose credentials that may do this with --profile"
	}
	return "check that the deployment is complete: " + a.command("describe")
}
