package ordersapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/documents"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

func TestRequests(t *testing.T) {
	all := make([]documents.Document, 60)
	for i := range all {
		all[i] = documents.Sample("x", i)
	}
	var sizes []int
	for _, r := range Requests(all, true) {
		sizes = append(sizes, len(r.Documents))
	}
	if fmt.Sprint(sizes) != "[25 25 10]" {
		t.Errorf("batches of %v", sizes)
	}
	large := documents.Document{Bytes: bytes.Repeat([]byte("x"), 90<<10)}
	for _, r := range Requests([]documents.Document{large, large, large, large, large}, true) {
		if _, body := r.body(); len(body) > 240<<10 {
			t.Errorf("a batch of %d bytes", len(body))
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "-1": 0, "86400": time.Minute, "soon": 0,
		"Mon, 23 Nov 2026 12:00:10 GMT": 10 * time.Second, "Mon, 23 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

// The signature covers the body: a server that checks it would take no other.
func TestSignatureCoversTheBody(t *testing.T) {
	signatures := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signatures[r.Header.Get("Authorization")] = true
		_, _ = io.WriteString(w, `{"status":"ACCEPTED"}`)
	}))
	defer server.Close()
	c := New(local.Config(""), server.URL, 0)
	for _, body := range []string{`{"a":1}`, `{"a":1} `} {
		if _, _, err := c.once(t.Context(), http.MethodPost, "/orders", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if len(signatures) != 2 {
		t.Errorf("two bodies, %d signatures", len(signatures))
	}
}

func TestAnswerString(t *testing.T) {
	for want, a := range map[string]Answer{
		"503 UNAVAILABLE: later on": {Code: 503, Status: "UNAVAILABLE", Message: "later\n on"},
		"404":                       {Code: 404},
		"502: <html> oops":          {Code: 502, Body: []byte("<html>\n oops")},
	} {
		if got := a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
