package main

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

	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

// client calls the API: signed (SigV4), and again when that can help.
type client struct {
	apiURL   string
	cfg      aws.Config
	http     *http.Client
	retryFor time.Duration // from the first try; no try begins later
	// retrying is told before each wait.
	retrying func(why string, wait time.Duration)
}

func newClient(cfg aws.Config, d *deployment.Deployment, retryFor time.Duration) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &client{
		apiURL: d.APIURL,
		cfg:    cfg,
		// Longer than API Gateway's integration timeout of 29 s: its answer is worth more than our own time-out.
		http:     &http.Client{Transport: transport, Timeout: 35 * time.Second},
		retryFor: retryFor,
	}
}

// answer is what the API answered.
type answer struct {
	code  int
	body  []byte
	tries int
	// From the body, where it is the API's own JSON.
	Status    string `json:"status"`
	Message   string `json:"message"`
	MessageID string `json:"messageId"`
}

func (a *answer) describe() string {
	text := strconv.Itoa(a.code)
	if a.Status != "" {
		text += " " + a.Status
	}
	if a.Message != "" {
		text += ": " + oneLine(a.Message)
	} else if a.Status == "" && len(a.body) > 0 {
		text += ": " + oneLine(string(a.body[:min(len(a.body), 200)]))
	}
	return text
}

const (
	firstWait = 250 * time.Millisecond
	longWait  = 20 * time.Second
)

// do calls the API. It tries again, until retryFor is over, what may pass: no answer, 429, and 5xx. That is safe for GET, and
// for posting orders as well, even when the try before did arrive: an order is known by the id inside its document, and the same
// document again is a duplicate, never a second order.
func (c *client) do(ctx context.Context, method, path string, body []byte) (*answer, error) {
	started := time.Now()
	for try := 1; ; try++ {
		got, after, err := c.once(ctx, method, path, body)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			got.tries = try
			if got.code != http.StatusTooManyRequests && got.code < 500 {
				return got, nil
			}
		}
		if lasting(err) {
			return nil, err
		}
		// Full jitter, so that clients that failed together do not come back together. The server's own wish is a minimum.
		wait := after + time.Duration(rand.Int64N(int64(min(longWait, firstWait<<min(try-1, 10)))))
		if time.Since(started)+wait > c.retryFor {
			return got, err
		}
		if c.retrying != nil {
			why := fmt.Sprint(err)
			if err == nil {
				why = got.describe()
			}
			c.retrying(why, wait)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// credentialsError: there are none, or they cannot be had.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return "get credentials: " + e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// lasting says whether another try meets the same error.
func lasting(err error) bool {
	var credentials *credentialsError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &credentials) || errors.As(err, &certificate)
}

// once makes one try. after is what a Retry-After header asks for.
func (c *client) once(ctx context.Context, method, path string, body []byte) (got *answer, after time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, method, c.apiURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	// Signed again at each try: a signature is good for five minutes.
	credentials, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, 0, &credentialsError{err}
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "execute-api", c.cfg.Region, time.Now()); err != nil {
		return nil, 0, fmt.Errorf("sign the request: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	got = &answer{code: response.StatusCode}
	if got.body, err = io.ReadAll(io.LimitReader(response.Body, 16<<20)); err != nil {
		return nil, 0, fmt.Errorf("read the answer: %w", err)
	}
	_ = json.Unmarshal(got.body, got) // not JSON: describe shows it as it is
	return got, retryAfter(response.Header.Get("Retry-After"), time.Now()), nil
}

// retryAfter reads the header's two forms, seconds and a date. At most a minute: longer is not waited for in a terminal.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.Atoi(header); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return max(0, min(wait, time.Minute))
}

// refused says what to do about an answer that is not a success.
func (c *client) refused(a *app, what string, got *answer) *failure {
	f := &failure{what: what + ": " + got.describe()}
	switch got.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		f.next = "the credentials may not call the API (execute-api:Invoke), or the address is not this API's: choose others with --profile, check " + a.self() + " describe" + a.envFlag()
	case http.StatusRequestEntityTooLarge:
		f.next = "make the order smaller; the limit is in docs/guarantees.md"
	case http.StatusBadRequest:
		f.next = "correct the order; the schema is order/order.schema.json"
	case http.StatusTooManyRequests:
		f.next = "post more slowly (--parallel 1), or wait longer (--retry-for 10m)"
	case http.StatusNotFound:
		f.next = "check the address: " + a.self() + " describe" + a.envFlag()
	default:
		f.next = "run it again later: the same order twice is one order; see the alarms of the deployment"
	}
	return f
}
