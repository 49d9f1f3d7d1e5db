//go:build velocity

package orderapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rendering is one template with what API Gateway gives it, and what it has to become. An error
// means that API Gateway gives the gateway response API_CONFIGURATION_ERROR, a 503.
type rendering struct {
	name     string
	template string
	body     string
	origin   map[string]string

	wantStatus  int // 0 where the template does not override it
	wantText    string
	wantOrigin  string
	wantFailure bool // where the engine refuses to read what is no JSON
}

func renderings() (all []rendering) {
	const (
		unavailable = `{"status":"UNAVAILABLE","message":"not accepted, please try again"}`
		large       = `{"status":"TOO_LARGE","message":"the body is too large"}`
		page        = "<html><body>$input.path('$') #set($x = 1) \"</body></html>"
	)
	failure := func(code string) string {
		return `{"Error":{"Code":"` + code + `","Message":"m","Type":"Sender"},"RequestId":"r"}`
	}
	for _, r := range []rendering{
		{name: "too large", body: failure("InvalidParameterValue"), wantStatus: 413, wantText: large},
		{name: "characters", body: failure("InvalidMessageContents"), wantStatus: 400,
			wantText: `{"status":"INVALID","message":"the body holds characters that the queue cannot carry"}`},
		{name: "throttled", body: failure("RequestThrottled"), wantStatus: 503, wantText: unavailable},
		{name: "no queue", body: failure("AWS.SimpleQueueService.NonExistentQueue"), wantStatus: 503,
			wantText: unavailable},
		{name: "code that looks like a template", body: failure("$x#end"), wantStatus: 503,
			wantText: unavailable},
		{name: "empty code", body: failure(""), wantStatus: 503, wantText: unavailable},
		{name: "no code", body: `{"message":"Forbidden"}`, wantStatus: 503, wantText: unavailable},
		{name: "no object", body: `"InvalidParameterValue"`, wantStatus: 503, wantText: unavailable},
		{name: "XML", body: `<ErrorResponse><Error><Code>InvalidParameterValue</Code></Error></ErrorResponse>`,
			wantStatus: 503, wantText: unavailable, wantFailure: true},
		{name: "plain text", body: "Bad Request", wantStatus: 503, wantText: unavailable, wantFailure: true},
		{name: "page", body: page, wantStatus: 503, wantText: unavailable, wantFailure: true},
		{name: "empty", body: "", wantStatus: 503, wantText: unavailable, wantFailure: true},
	} {
		r.name, r.template = "not accepted, "+r.name, notAccepted
		all = append(all, r)
	}
	for _, body := range []string{"", "HTTP content length exceeded 1662976 bytes.", page, "{}"} {
		all = append(all,
			rendering{name: "413 " + body, template: refusedAsTooLarge, body: body, wantText: large},
			rendering{name: "5xx " + body, template: failed, body: body, wantStatus: 503, wantText: unavailable})
	}
	all = append(all, rendering{
		name: "accepted", template: accepted,
		body:     `{"SendMessageResponse":{"SendMessageResult":{"MessageId":"m-1"}}}`,
		wantText: `{"status":"ACCEPTED","messageId":"m-1"}`,
	})
	origins := []string{"https://a.example", "https://b.example", "http://localhost:3000"}
	for _, o := range []struct {
		name, header, from, want string
	}{
		{"the first", "Origin", origins[0], origins[0]},
		{"the second", "Origin", origins[1], origins[1]},
		{"in lower case", "origin", origins[2], origins[2]},
		{"another", "Origin", "https://evil.example", origins[0]},
		{"another in lower case", "origin", "https://evil.example", origins[0]},
		{"a part", "origin", "https://b.example.evil.example", origins[0]},
		{"a template", "origin", `$first"#end`, origins[0]},
		{"none", "Accept", "*/*", origins[0]},
	} {
		for text, want := range map[string]string{refusedAsTooLarge: large, failed: unavailable} {
			r := rendering{
				name: "origin, " + o.name, template: reflectOrigin(origins) + text,
				origin: map[string]string{o.header: o.from}, wantText: want, wantOrigin: o.want,
			}
			if text == failed {
				r.wantStatus = 503
			}
			all = append(all, r)
		}
	}
	return all
}

// TestVelocity renders the response templates with Velocity, the engine that API Gateway names, in
// both major versions, because API Gateway does not say which it has. It needs Java 11 and Maven.
//
//	go test -tags velocity -run Velocity ./constructs/orderapi
func TestVelocity(t *testing.T) {
	type input struct {
		Template string            `json:"template"`
		Body     string            `json:"body"`
		Strict   bool              `json:"strict"`
		Headers  map[string]string `json:"headers"`
	}
	type result struct {
		Text, Error string
		Status      int
		Headers     map[string]string
	}
	folder, err := filepath.Abs(filepath.Join("testdata", "velocity"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(stdin []byte, name string, args ...string) []byte {
		cmd := exec.Command(name, args...)
		var stderr bytes.Buffer
		cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", name, err, out, stderr.Bytes())
		}
		return out
	}
	var cases []input
	all := renderings()
	for _, strict := range []bool{false, true} {
		for _, r := range all {
			headers := r.origin
			if headers == nil {
				headers = map[string]string{}
			}
			cases = append(cases, input{r.template, r.body, strict, headers})
		}
	}
	stdin, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"velocity-1.7", "velocity-2.3"} {
		lib := t.TempDir()
		run(nil, "mvn", "-q", "-B", "-f", filepath.Join(folder, "pom.xml"), "-P", version,
			"dependency:copy-dependencies", "-DoutputDirectory="+lib)
		var results []result
		out := run(stdin, "java", "-cp", filepath.Join(lib, "*"), filepath.Join(folder, "Render.java"))
		if err := json.Unmarshal(out, &results); err != nil || len(results) != len(cases) {
			t.Fatalf("%v: %s", err, out)
		}
		for i, got := range results {
			want, strict := all[i%len(all)], cases[i].Strict
			t.Run(fmt.Sprintf("%s, strict %t, %s", version, strict, want.name), func(t *testing.T) {
				if strict && want.wantFailure {
					if got.Error == "" {
						t.Errorf("reads what is no JSON: %+v", got)
					}
					return
				}
				if got.Text != want.wantText || got.Status != want.wantStatus || got.Error != "" ||
					got.Headers["Access-Control-Allow-Origin"] != want.wantOrigin {
					t.Errorf("got %+v, want %d %s from %q", got, want.wantStatus, want.wantText, want.wantOrigin)
				}
				if !json.Valid([]byte(got.Text)) || strings.Contains(got.Text, "#set") {
					t.Errorf("not JSON: %s", got.Text)
				}
			})
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "target")); err == nil {
		t.Error("Maven wrote into testdata")
	}
}
