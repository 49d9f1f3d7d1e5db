package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Request is a call of the API.
type Request struct {
	Method      string // "": POST
	URL         string // "": that of the deployment; another one can be called while it is deployed
	Path        string // "": /orders
	Body        string
	ContentType string // "": application/json for POST; "none": no such header
	Unsigned    bool
}

// Answer is what the API answered.
type Answer struct {
	Code   int
	Header http.Header
	Body   []byte
}

// Call makes a request, signed (SigV4) as clients do, once.
func (s *System) Call(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	method := cmp.Or(r.Method, http.MethodPost)
	url := r.URL
	if url == "" {
		url = s.APIURL
	}
	q, err := http.NewRequestWithContext(
		ctx,
		method,
		url+cmp.Or(r.Path, "/orders"),
		strings.NewReader(r.Body),
	)
	if err != nil {
		return Answer{}, err
	}
	switch {
	case r.ContentType == "" && method == http.MethodPost:
		q.Header.Set("Content-Type", "application/json")
	case r.ContentType != "" && r.ContentType != "none":
		q.Header.Set("Content-Type", r.ContentType)
	}
	if !r.Unsigned {
		credentials, err := s.Config.Credentials.Retrieve(ctx)
		if err != nil {
			return Answer{}, err
		}
		sum := sha256.Sum256([]byte(r.Body))
		hash := hex.EncodeToString(sum[:])
		err = v4.NewSigner().
			SignHTTP(ctx, credentials, q, hash, "execute-api", s.Config.Region, time.Now())
		if err != nil {
			return Answer{}, err
		}
	}
	response, err := plain.Do(q)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, body}, err
}

// Post posts orders, more than one in a batch, until they are accepted: an API that is busy answers
// with an error first.
func (s *System) Post(t testing.TB, documents ...string) {
	t.Helper()
	r := Request{Body: documents[0]}
	if len(documents) > 1 {
		r = Request{Path: "/orders/batch", Body: Array(documents...)}
	}
	Eventually(t, func() error {
		a, err := s.Call(t.Context(), r)
		if err == nil && a.Code != http.StatusAccepted {
			err = fmt.Errorf("not accepted: %v", a)
		}
		return err
	})
}

// String is for messages.
func (a Answer) String() string { return fmt.Sprintf("%d %.500s", a.Code, a.Body) }

// Array is the body of a batch.
func Array(documents ...string) string { return "[" + strings.Join(documents, ",") + "]" }

// plain has a connection for each call, so that the end of an idle one never meets a request.
var plain = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// whole is a client for the AWS SDK that never leaves an answer half read: the SDK gets it whole or
// not at all.
type whole struct{}

// Do makes the request.
func (whole) Do(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Body != nil { // the SDK closes its own while the connection may still read it
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	response, err := plain.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, err
}
