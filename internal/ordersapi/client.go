// Package ordersapi calls the orders API: signed requests that are retried while that can help.
package ordersapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

// Client calls the API. It signs every request (SigV4) and retries those that failed for a while.
type Client struct {
	// Retrying is called before each wait. Optional; it must be safe for concurrent use.
	Retrying func(why string, wait time.Duration)

	url      string
	cfg      aws.Config
	http     *http.Client
	retryFor time.Duration
}

// New returns a client for the API at url (without a slash at the end). No attempt begins later
// than retryFor after the first one.
func New(cfg aws.Config, url string, retryFor time.Duration) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &Client{
		url: url,
		cfg: cfg,
		// Longer than API Gateway's integration timeout of 29 s, whose answer says more than a timeout.
		http:     &http.Client{Transport: transport, Timeout: 35 * time.Second},
		retryFor: retryFor,
	}
}

// Answer is what the API answered.
type Answer struct {
	// Code is the HTTP status code. Body is the whole body.
	Code int    `json:"-"`
	Body []byte `json:"-"`
	// Status, Message, Details and MessageID are those of the API's own JSON.
	Status    string `json:"status"`
	Message   string `json:"message"`
	Details   string `json:"details"` // what the schema does not allow
	MessageID string `json:"messageId"`
}

// String returns the answer in one line.
func (a *Answer) String() string {
	text := strconv.Itoa(a.Code)
	if a.Status != "" {
		text += " " + a.Status
	}
	if a.Message != "" {
		text += ": " + terminal.OneLine(a.Message)
		if a.Details != "" {
			text += ": " + terminal.OneLine(a.Details)
		}
	} else if a.Status == "" && len(a.Body) > 0 {
		text += ": " + terminal.OneLine(string(a.Body[:min(len(a.Body), 200)]))
	}
	return text
}

// Next says what to do about an answer that is not a success. command returns a command line of the
// operator's command.
func (a *Answer) Next(command func(args string) string) string {
	switch a.Code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "use credentials that may call the API (execute-api:Invoke) with --profile, " +
			"and check the address: " + command("describe")
	case http.StatusRequestEntityTooLarge:
		return "make the order smaller; the limit is in docs/guarantees.md"
	case http.StatusBadRequest:
		return "correct the order; the schema is order/order.schema.json"
	case http.StatusTooManyRequests:
		return "post more slowly (--parallel 1), or wait longer (--retry-for 10m)"
	case http.StatusNotFound:
		return "check the address: " + command("describe")
	}
	return "run it again later (the same order twice is one order); find the cause: " +
		command("doctor")
}

const (
	firstWait = 250 * time.Millisecond
	longWait  = 20 * time.Second
)

// Do calls the API. It retries what can pass: no answer, 429, and 5xx. That is safe for GET and
// also for posting orders, even when the attempt before did arrive: the order id is part of the
// document, so that the same document again is a duplicate and never a second order.
func (c *Client) Do(ctx context.Context, method, path string, body []byte) (*Answer, error) {
	started := time.Now()
	for attempt := 1; ; attempt++ {
		got, after, err := c.once(ctx, method, path, body)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil && got.Code != http.StatusTooManyRequests && got.Code < 500:
			return got, nil
		case Permanent(err):
			return nil, err
		}
		// Full jitter, so that clients that failed together do not return together. Retry-After is a
		// minimum.
		limit := min(longWait, firstWait<<min(attempt-1, 10))
		wait := after + time.Duration(rand.Int64N(int64(limit)))
		if time.Since(started)+wait > c.retryFor {
			return got, err
		}
		if c.Retrying != nil {
			why := fmt.Sprint(err)
			if err == nil {
				why = got.String()
			}
			c.Retrying(why, wait)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// CredentialsError is the error of a request that could not be signed for lack of credentials.
type CredentialsError struct{ err error }

// Error returns the cause.
func (e *CredentialsError) Error() string { return "get credentials: " + e.err.Error() }

// Unwrap returns the cause.
func (e *CredentialsError) Unwrap() error { return e.err }

// Permanent reports whether every other attempt and request would meet the same error.
func Permanent(err error) bool {
	var credentials *CredentialsError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &credentials) || errors.As(err, &certificate)
}

// once makes one attempt. after is what a Retry-After header asks for.
func (c *Client) once(
	ctx context.Context, method, path string, body []byte,
) (got *Answer, after time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	// Signed for each attempt: a signature is valid for five minutes.
	credentials, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, 0, &CredentialsError{err}
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]),
		"execute-api", c.cfg.Region, time.Now()); err != nil {
		return nil, 0, fmt.Errorf("sign the request: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	got = &Answer{Code: response.StatusCode}
	if got.Body, err = io.ReadAll(io.LimitReader(response.Body, 16<<20)); err != nil {
		return nil, 0, fmt.Errorf("read the answer: %w", err)
	}
	_ = json.Unmarshal(got.Body, got) // String shows what is not JSON
	return got, retryAfter(response.Header.Get("Retry-After"), time.Now()), nil
}

// retryAfter reads both forms of the header, seconds and a date. It returns a minute at most, since
// a person waits for the command.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.Atoi(header); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return max(0, min(wait, time.Minute))
}
