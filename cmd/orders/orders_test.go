package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// request is what the pretended API received.
type request struct {
	method, path, contentType string
	body                      []byte
	signed                    bool
	at                        time.Time
}

// api is a pretended API: answer gives the answer to the nth request (from 0).
type api struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
}

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=test/\d{8}/us-east-1/execute-api/aws4_request, SignedHeaders=[a-z0-9;-]*content-type[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$`)

func newAPI(t *testing.T, answer func(n int, w http.ResponseWriter, r request)) *api {
	t.Helper()
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := request{
			method: r.Method, path: r.URL.Path, contentType: r.Header.Get("Content-Type"), body: body, at: time.Now(),
			signed: authorization.MatchString(r.Header.Get("Authorization")) && r.Header.Get("X-Amz-Date") != "",
		}
		a.mu.Lock()
		n := len(a.requests)
		a.requests = append(a.requests, got)
		a.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		answer(n, w, got)
	}))
	t.Cleanup(a.Close)
	return a
}

func accept(_ int, w http.ResponseWriter, _ request) {
	w.WriteHeader(202)
	_, _ = io.WriteString(w, `{"status":"ACCEPTED","messageId":"m-1"}`)
}

var testDeployment = deployment.Deployment{
	Env: "local", Region: "us-east-1", Endpoint: "http://127.0.0.1:4566", TableName: "table", QueueURL: "http://queue", DeadLetterQueueURL: "http://dlq", TopicARN: "arn:topic",
	Subscribers: []deployment.Subscriber{{Name: "Billing", QueueURL: "http://billing", DeadLetterQueueURL: "http://billing-dlq"}},
}

// result is how a command ended.
type result struct {
	status         int
	stdout, stderr string
}

// orders runs the command against an API (none: nothing is deployed).
func orders(t *testing.T, a *api, stdin string, args ...string) result {
	t.Helper()
	return ordersContext(t, t.Context(), a, stdin, args...)
}

func ordersContext(t *testing.T, ctx context.Context, a *api, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := &app{stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr}
	env.connect = func(context.Context) (aws.Config, *deployment.Deployment, error) {
		if a == nil {
			return aws.Config{}, nil, &deployment.NotDeployedError{
				Target: env.target, Why: "there is no stack " + contract.StackName(env.target.Env) + " in us-east-1",
			}
		}
		d := testDeployment
		d.APIURL = a.URL
		return local.Config("http://127.0.0.1:1"), &d, nil
	}
	return result{run(ctx, args, env), stdout.String(), stderr.String()}
}

// want checks an exit status and what must be said.
func (r result) want(t *testing.T, status int, said ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("exit status %d, want %d", r.status, status)
	}
	for _, text := range said {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("%q is not said", text)
		}
	}
	if strings.Contains(r.stderr, "goroutine ") {
		t.Error("a stack trace")
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", r.stdout, r.stderr)
	}
}

const good = `{"orderId":"A-1","currency":"EUR","items":[{"sku":"s","quantity":1,"unitPrice":100}]}`

// spelled is a good order whose bytes any decoding and encoding would change.
const spelled = "{ \"note\" : \"a&b=c+d%20 \\ud800 \\u003c <>& 😀\" ,\r\n\t\"orderId\":\"A-2\",\"ORDERID\":\"B\", \"metadata\":{\"n\":1.00,\"m\":1234567890123456789012345678901234567890},\n\"currency\":\"EUR\",\"items\":[{\"sku\":\"s\",\"quantity\":1,\"unitPrice\":100}] }"

func TestPostSendsTheVeryBytes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	type sent = []string
	lines := good + "\n\n" + strings.ReplaceAll(good, "A-1", "A-3") + "\n"
	for name, test := range map[string]struct {
		args  []string
		stdin string
		paths sent
		body  sent
	}{
		"a document":     {[]string{write("one.json", "\n"+spelled+"\n")}, "", sent{"/orders"}, sent{spelled}},
		"standard input": {[]string{"-"}, spelled, sent{"/orders"}, sent{spelled}},
		"an array":       {[]string{"--parallel=1", "-"}, "[ " + good + " ,\n" + spelled + "]", sent{"/orders", "/orders"}, sent{good, spelled}},
		"JSON lines":     {[]string{"--parallel=1", "-"}, lines, sent{"/orders", "/orders"}, sent{good, strings.ReplaceAll(good, "A-1", "A-3")}},
		"a batch":        {[]string{"--batch", "-", write("two.json", spelled)}, "[" + good + "]", sent{"/orders/batch"}, sent{"[" + good + "," + spelled + "]"}},
		"unchecked":      {[]string{"--no-check", "-"}, `{"orderId": 7}`, sent{"/orders"}, sent{`{"orderId": 7}`}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, accept)
			orders(t, a, test.stdin, append([]string{"post"}, test.args...)...).want(t, 0, "accepted", "m-1")
			var paths, bodies []string
			for _, r := range a.requests {
				paths, bodies = append(paths, r.path), append(bodies, string(r.body))
				if !r.signed || r.contentType != "application/json" || r.method != "POST" {
					t.Errorf("request %+v", r)
				}
			}
			if fmt.Sprintf("%q", paths) != fmt.Sprintf("%q", test.paths) || fmt.Sprintf("%q", bodies) != fmt.Sprintf("%q", test.body) {
				t.Errorf("sent %q %q\nwant %q %q", paths, bodies, test.paths, test.body)
			}
		})
	}
}

func TestPostChecksAllInputFirst(t *testing.T) {
	big := "[" + strings.Repeat(good+",\n", 2)
	for name, test := range map[string]struct {
		stdin string
		said  string
	}{
		"not JSON":               {good + "\n{\"orderId\":\n oops}\n", "standard input:3: not JSON"},
		"not JSON in an array":   {"[" + good + ",\n\n" + `{"a":01}` + "]", "standard input:3: not JSON"},
		"cut off":                {good + "\n" + `{"orderId":"A`, "standard input:2: not JSON: it ends in the middle"},
		"cut off array":          {big + good, "standard input:3: not JSON: it ends in the middle"},
		"comma at the end":       {good + ",", "standard input:1: not JSON"},
		"comma in between":       {good + ",\n" + good, "standard input:1: not JSON"},
		"empty":                  {" \n", "contains no order"},
		"empty array":            {"[]", "contains no order"},
		"byte order mark":        {"\xef\xbb\xbf" + good, "byte order mark"},
		"against the schema":     {good + "\n" + `{"orderId":"B"}`, "standard input:2: order refused: invalid at /"},
		"not an object":          {good + "\n7", "standard input:2: order refused: invalid"},
		"duplicate member":       {`{"orderId":"A","orderId":"A"}`, "standard input:1: order refused: duplicate-member"},
		"invalid UTF-8":          {strings.Replace(good, "EUR", "E\xffR", 1), "standard input:1: order refused: not-json"},
		"two under one id":       {good + "\n" + strings.Replace(good, "EUR", "USD", 1), `standard input:2: another document has the same orderId "A-1" (standard input:1; this one would be refused as a conflict)`},
		"several things at once": {`{"orderId":"B"}` + "\n" + `{"orderId":"C"}`, "standard input:2: order refused"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, accept)
			orders(t, a, test.stdin, "post", "-").want(t, 1, test.said, "nothing was sent")
			if len(a.requests) > 0 {
				t.Errorf("%d requests were sent", len(a.requests))
			}
		})
	}
	t.Run("no such file", func(t *testing.T) {
		orders(t, newAPI(t, accept), "", "post", "nowhere.json").want(t, 1, "nowhere.json", "nothing was sent")
	})
	t.Run("many problems", func(t *testing.T) {
		r := orders(t, newAPI(t, accept), strings.Repeat("{}\n", 500), "post", "-")
		r.want(t, 1, "and 480 more")
	})
	t.Run("neither files nor a sample", func(t *testing.T) {
		orders(t, nil, "", "post").want(t, 2, "give files (or -) or --sample N")
	})
	t.Run("samples in prod", func(t *testing.T) {
		orders(t, nil, "", "post", "--sample", "1", "--env", "prod").want(t, 2, "refusing to post sample orders to prod")
	})
}

func TestPostTriesAgain(t *testing.T) {
	for name, test := range map[string]struct {
		answers []func(w http.ResponseWriter)
		atLeast time.Duration // between the first and the last request
	}{
		"throttled":              {[]func(http.ResponseWriter){status(429, "")}, 0},
		"down":                   {[]func(http.ResponseWriter){status(503, ""), status(503, "")}, 0},
		"as long as it asks for": {[]func(http.ResponseWriter){status(429, "1")}, time.Second},
		"cut connection":         {[]func(http.ResponseWriter){func(http.ResponseWriter) { panic(http.ErrAbortHandler) }}, 0},
		"other errors":           {[]func(http.ResponseWriter){status(500, ""), status(502, ""), status(504, "")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, func(n int, w http.ResponseWriter, r request) {
				if n < len(test.answers) {
					test.answers[n](w)
					return
				}
				accept(n, w, r)
			})
			orders(t, a, spelled, "post", "-").want(t, 0, "accepted", "this is safe: the same order twice is one order")
			if len(a.requests) != len(test.answers)+1 {
				t.Fatalf("%d requests, want %d", len(a.requests), len(test.answers)+1)
			}
			for _, r := range a.requests {
				if string(r.body) != spelled || !r.signed {
					t.Errorf("signed %t, body %q", r.signed, r.body)
				}
			}
			if took := a.requests[len(a.requests)-1].at.Sub(a.requests[0].at); took < test.atLeast {
				t.Errorf("tried again after %v, want at least %v", took, test.atLeast)
			}
		})
	}
	t.Run("no longer than --retry-for", func(t *testing.T) {
		a := newAPI(t, func(_ int, w http.ResponseWriter, _ request) { status(503, "")(w) })
		started := time.Now()
		orders(t, a, good, "post", "--retry-for=300ms", "-").want(t, 1, "503 UNAVAILABLE: later", "1 order not accepted", "run it again later")
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("no server", func(t *testing.T) {
		a := newAPI(t, accept)
		a.Close()
		orders(t, a, good, "post", "--retry-for=0s", "-").want(t, 1, "connection refused")
	})
}

func status(code int, retryAfter string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"status":"UNAVAILABLE","message":"later"}`)
	}
}

// A permanent answer is not retried; one that all requests would get ends the command.
func TestPostGivesUp(t *testing.T) {
	three := good + "\n" + strings.ReplaceAll(good, "A-1", "A-2") + "\n" + strings.ReplaceAll(good, "A-1", "A-3")
	for code, test := range map[int]struct {
		requests int
		said     string
	}{
		400: {3, "3 orders not accepted"},
		413: {3, "make the order smaller"},
		403: {1, "credentials that may call the API"},
		404: {1, "check the address"},
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			a := newAPI(t, func(_ int, w http.ResponseWriter, _ request) { status(code, "")(w) })
			orders(t, a, three, "post", "--parallel=1", "-").want(t, 1, test.said, "A-1")
			if len(a.requests) != test.requests {
				t.Errorf("%d requests, want %d", len(a.requests), test.requests)
			}
		})
	}
	t.Run("one of three", func(t *testing.T) {
		a := newAPI(t, func(n int, w http.ResponseWriter, r request) {
			if n == 1 {
				status(400, "")(w)
				return
			}
			accept(n, w, r)
		})
		orders(t, a, three, "post", "--parallel=1", "-").want(t, 1, "A-2 (standard input:2) not accepted: 400", "1 order not accepted", "2 of 3 orders accepted")
	})
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a := newAPI(t, func(n int, w http.ResponseWriter, r request) {
			if n > 0 {
				cancel()
				status(503, "30")(w)
				return
			}
			accept(n, w, r)
		})
		started := time.Now()
		ordersContext(t, ctx, a, three, "post", "--parallel=1", "-").want(t, 130, "interrupted", "run it again with the same input: the same order twice is one order", "1 of 3")
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("it took %v to end", took)
		}
	})
}

func TestStatus(t *testing.T) {
	stored := `{"status":"STORED","orderId":"A-1","acceptedAt":"2026-11-23T12:00:00.000Z","storedAt":"2026-11-23T12:00:00.140Z","refusedDocuments":1,` +
		`"refusals":[{"reason":"conflict","pointer":"","hash":"0123456789abcdef","acceptedAt":"x","refusedAt":"2026-11-23T12:01:00.000Z"}],"document":` + spelled + `}`
	refused := `{"status":"REFUSED","orderId":"A-1","refusals":[{"reason":"invalid","pointer":"/items/0","hash":"0123456789abcdef","acceptedAt":"x","refusedAt":"2026-11-23T12:01:00.000Z"}]}`
	for name, test := range map[string]struct {
		code int
		body string
		want int
		said []string
	}{
		"stored":        {200, stored, 0, []string{"A-1: STORED", "(140ms later)", "refused under this id: 1", "conflict", spelled}},
		"refused":       {200, refused, statusRefused, []string{"A-1: REFUSED", "invalid at /items/0"}},
		"erased":        {410, `{"status":"ERASED","orderId":"A-1"}`, statusErased, []string{"A-1: ERASED", "stays taken"}},
		"unknown":       {404, `{"status":"UNKNOWN","message":"no such order"}`, statusUnknown, []string{"order A-1 is unknown", "--wait"}},
		"another's 404": {404, `{"message":"Not Found"}`, 1, []string{"404: Not Found", "check the address"}},
		"not JSON":      {200, `<html>`, 1, []string{"is not valid JSON"}},
		"forbidden":     {403, `{"status":"FORBIDDEN","message":"Forbidden"}`, 1, []string{"403 FORBIDDEN", "execute-api:Invoke"}},
		"a new status":  {200, `{"status":"ARCHIVED"}`, 1, []string{"ARCHIVED"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, func(_ int, w http.ResponseWriter, _ request) {
				w.WriteHeader(test.code)
				_, _ = io.WriteString(w, test.body)
			})
			orders(t, a, "", "status", "A-1").want(t, test.want, test.said...)
			if r := a.requests[0]; r.method != "GET" || r.path != "/orders/A-1" {
				t.Errorf("asked for %s %s", r.method, r.path)
			}
			if test.want == 0 || test.want > 2 {
				r := orders(t, a, "", "status", "--json", "A-1")
				if r.stdout != test.body+"\n" || r.status != test.want || r.stderr != "" {
					t.Errorf("--json: status %d, stdout %q, stderr %q", r.status, r.stdout, r.stderr)
				}
			}
		})
	}
	t.Run("wait", func(t *testing.T) {
		a := newAPI(t, func(n int, w http.ResponseWriter, _ request) {
			if n == 0 {
				w.WriteHeader(404)
				_, _ = io.WriteString(w, `{"status":"UNKNOWN"}`)
				return
			}
			_, _ = io.WriteString(w, stored)
		})
		orders(t, a, "", "status", "--wait=10s", "A-1").want(t, 0, "STORED")
	})
	t.Run("not an id", func(t *testing.T) {
		orders(t, nil, "", "status", "a/b").want(t, 2, "cannot be an order id")
	})
	t.Run("not deployed", func(t *testing.T) {
		orders(t, nil, "", "status", "A-1", "--env=dev").want(t, 1, `environment "dev" is not deployed: there is no stack OrderPipeline-dev`, "orders up --env dev")
	})
}

func TestDescribe(t *testing.T) {
	a := newAPI(t, accept)
	orders(t, a, "", "describe").want(t, 0, "API", a.URL, "table", "dead-letter queue", "subscriber Billing", "http://billing-dlq")
	r := orders(t, a, "", "describe", "--json")
	var got map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"env", "region", "endpoint", "apiUrl", "tableName", "queueUrl", "deadLetterQueueUrl", "rejectedQueueUrl", "onFailureQueueUrl", "topicArn",
		"processorFunction", "publisherFunction", "statusFunction", "subscribers"} {
		if _, ok := got[name]; !ok {
			t.Errorf("--json lacks %s: %s", name, r.stdout)
		}
	}
	orders(t, nil, "", "describe").want(t, 1, "is not deployed", "make local")
}

func TestHelp(t *testing.T) {
	r := orders(t, nil, "")
	r.want(t, 0, "orders up", "orders demo", "Exit status")
	for _, command := range []string{"up", "down", "post", "status", "events", "describe", "demo"} {
		if !strings.Contains(r.stdout, "\n  "+command+" ") {
			t.Errorf("--help lacks %s", command)
		}
		orders(t, nil, "", command, "--help").want(t, 0, "Example")
	}
	orders(t, nil, "", "pots").want(t, 2, "unexpected argument pots", "--help")
	orders(t, nil, "", "describe", "--env=Prod!").want(t, 2, "local", "dev", "staging", "prod")
}

// What would destroy or fake something on AWS is refused before anything else happens.
func TestGuards(t *testing.T) {
	orders(t, nil, "", "down", "--env=prod").want(t, 2, "destroying prod needs --yes")
	orders(t, nil, "prod\n", "down", "--env=dev").want(t, 1, "not confirmed; nothing was destroyed")
	orders(t, nil, "", "down", "--env=dev").want(t, 1, "not confirmed; nothing was destroyed")
	orders(t, nil, "", "up", "--env=dev", "--demo").want(t, 2, "--demo is for environment local")
	orders(t, nil, "", "demo", "--env=prod").want(t, 2, "posts sample orders")
	orders(t, nil, "", "events", "--env=staging").want(t, 2, "takes events out of the subscribers' queues")
	a := newAPI(t, accept)
	orders(t, a, "", "events", "--subscriber=Nobody").want(t, 2, `no subscriber "Nobody"`, "Billing")
	orders(t, a, "", "demo").want(t, 1, "no demo subscriber Shipping")
}
