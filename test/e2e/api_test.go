//go:build emulator

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// What differs from AWS here, and so is not tested: a wrong signature passes (403 on AWS), the
// status that the integration response sets by $context.responseOverride is ignored (413 and 400 on
// AWS for what the queue refuses, 503 here), the names of the faults in a body are not told
// (validationErrorString), a function that cannot run gives a 504 of the emulator's own in place of
// the gateway response INTEGRATION_FAILURE (503).

// TestInvalidIsRefused: what is not a good order is refused at the door, and nothing of it gets on
// the queue.
func TestInvalidIsRefused(t *testing.T) { // alone: some of its bodies are others' as well
	awaitSettled(t)
	before := world.rejected.Len()
	var ids, bodies []string
	fresh := func() string {
		ids = append(ids, newID("invalid"))
		return ids[len(ids)-1]
	}
	with := func(change, to string) string { return strings.Replace(newOrder(fresh()), change, to, 1) }
	const batch = "/orders/batch"
	for name, r := range map[string]request{
		"empty":                  {},
		"white space":            {Body: " \n"},
		"not JSON":               {Body: "order"},
		"cut off":                {Body: strings.TrimSuffix(newOrder(fresh()), "}")},
		"two documents":          {Body: newOrder(fresh()) + newOrder(fresh())},
		"form":                   {Body: "Action=SendMessage&MessageBody=x"},
		"empty object":           {Body: "{}"},
		"null":                   {Body: "null"},
		"string":                 {Body: `"order"`},
		"array to /orders":       {Body: pipeline.Array(newOrder(fresh()))},
		"no orderId":             {Body: `{"currency":"EUR",` + oneItem + `}`},
		"ORDERID only":           {Body: `{"ORDERID":"` + fresh() + `","currency":"EUR",` + oneItem + `}`},
		"orderId a number":       {Body: `{"orderId":1,"currency":"EUR",` + oneItem + `}`},
		"orderId empty":          {Body: newOrder("")},
		"orderId with a slash":   {Body: newOrder("a/b")},
		"orderId with a space":   {Body: newOrder("a b")},
		"orderId not ASCII":      {Body: newOrder("é")},
		"orderId a dot":          {Body: newOrder(".")},
		"orderId two dots":       {Body: newOrder("..")},
		"orderId too long":       {Body: newOrder(strings.Repeat("x", order.MaxIDLength+1))},
		"no currency":            {Body: with(`"currency"`, `"Currency"`)},
		"currency in lower case": {Body: with("EUR", "eur")},
		"currency too long":      {Body: with("EUR", "EURO")},
		"no items":               {Body: with(oneItem, `"items":[]`)},
		"too many items":         {Body: with(oneItem, `"items":[`+strings.Join(repeat(101, `{"sku":"a","quantity":1,"unitPrice":1}`), ",")+`]`)},
		"no sku":                 {Body: with(`"sku"`, `"SKU"`)},
		"quantity nought":        {Body: with(`"quantity":1`, `"quantity":0`)},
		"quantity a string":      {Body: with(`"quantity":1`, `"quantity":"1"`)},
		"price a fraction":       {Body: with("1999", "19.99")},
		"price negative":         {Body: with("1999", "-1")},
		"note too long":          {Body: newOrder(fresh(), `"note":"`+strings.Repeat("x", 4001)+`"`)},
		"metadata a list":        {Body: newOrder(fresh(), `"metadata":[]`)},
		"no content type":        {Body: "{}", ContentType: "none"},
		"with a charset":         {Body: "{}", ContentType: "application/json; charset=utf-8"},
		"empty batch":            {Path: batch, Body: "[]"},
		"batch: nothing":         {Path: batch},
		"batch: empty object":    {Path: batch, Body: "{}"},
		"batch: one order":       {Path: batch, Body: newOrder(fresh())},
		"batch: 26 orders":       {Path: batch, Body: pipeline.Array(repeat(order.MaxBatchOrders+1, newOrder(fresh()))...)},
		"batch: one is bad":      {Path: batch, Body: pipeline.Array(newOrder(fresh()), with("EUR", "eur"), newOrder(fresh()))},
		"batch: one is null":     {Path: batch, Body: pipeline.Array(newOrder(fresh()), "null")},
		"batch in a batch":       {Path: batch, Body: pipeline.Array(pipeline.Array(newOrder(fresh())))},
	} {
		bodies = append(bodies, r.Body)
		t.Run(name, func(t *testing.T) {
			if a := mustCall(t, r); a.Code != http.StatusBadRequest || a.Status != "INVALID" || a.MessageID != "" {
				t.Errorf("got %v, want 400 INVALID", a)
			}
		})
	}
	for _, contentType := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json", "application/json-seq"} {
		for _, path := range []string{"/orders", batch} {
			t.Run(contentType+" to "+path, func(t *testing.T) {
				document := newOrder(fresh())
				if path == batch {
					document = pipeline.Array(document)
				}
				if a := mustCall(t, request{Path: path, Body: document, ContentType: contentType}); a.Code != http.StatusUnsupportedMediaType || a.Status != "UNSUPPORTED_MEDIA_TYPE" {
					t.Errorf("got %v, want 415 UNSUPPORTED_MEDIA_TYPE", a)
				}
			})
		}
	}
	t.Run("without credentials", func(t *testing.T) {
		id := fresh()
		for _, r := range []request{
			{Body: newOrder(id)},
			{Path: batch, Body: pipeline.Array(newOrder(id))},
			{Method: http.MethodGet, Path: "/orders/" + id},
		} {
			r.Unsigned = true
			if a := mustCall(t, r); a.Code != http.StatusForbidden || a.Status != "FORBIDDEN" {
				t.Errorf("%s %s: got %v, want 403 FORBIDDEN", r.Method, r.Path, a)
			}
		}
	})

	awaitSettled(t)
	for _, m := range world.rejected.All()[before:] { // where the processor puts what is not an order
		if slices.Contains(bodies, m.Body) || slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(m.Body, id) }) {
			t.Errorf("it reached the rejected queue: %v", m)
		}
	}
	for _, id := range ids {
		if found := world.Items(t, id); len(found) > 0 {
			t.Errorf("the table has %v", found)
		}
	}
}

// TestAccepted: the good answers.
func TestAccepted(t *testing.T) {
	t.Parallel()
	t.Run("one order", func(t *testing.T) {
		t.Parallel()
		id := newID("one")
		messageID := post(t, newOrder(id))
		if got := awaitStored(t, id); got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the headers are %v", got.Header)
		}
		if got := world.Items(t, id)[order.ItemOrder][order.AttrMessageID]; got != messageID {
			t.Errorf("the answer named message %s, the table %s", messageID, got)
		}
	})
	t.Run("no content type", func(t *testing.T) { // API Gateway takes it for application/json
		t.Parallel()
		id := newID("untyped")
		accepted(t, mustCall(t, request{Body: newOrder(id), ContentType: "none"}))
		awaitStored(t, id)
	})
	t.Run("the largest batch", func(t *testing.T) {
		t.Parallel()
		var ids, documents []string
		for range order.MaxBatchOrders {
			ids = append(ids, newID("largest"))
			documents = append(documents, newOrder(ids[len(ids)-1]))
		}
		messageID := postBatch(t, documents...)
		for _, id := range ids {
			awaitStored(t, id)
			if got := world.Items(t, id)[order.ItemOrder][order.AttrMessageID]; got != messageID {
				t.Errorf("order %s came with message %s, want all with one, %s", id, got, messageID)
			}
		}
	})
	t.Run("a batch of one", func(t *testing.T) {
		t.Parallel()
		id := newID("single")
		postBatch(t, newOrder(id))
		awaitStored(t, id)
	})
}

// TestStatus: the answers of GET for what is neither stored nor refused.
func TestStatus(t *testing.T) {
	t.Parallel()
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		a := get(t, newID("unknown"))
		if a.Code != http.StatusNotFound || a.Status != "UNKNOWN" || a.Header.Get("Retry-After") != "1" {
			t.Errorf("got %v, Retry-After %q; want 404 UNKNOWN and 1", a, a.Header.Get("Retry-After"))
		}
	})
	for _, id := range []string{"a%20b", "%C3%A9", "a%22b", "a%26b", "a+b", "a%00b", "%3Cscript%3E", strings.Repeat("x", order.MaxIDLength+1)} {
		t.Run("bad id "+id[:min(len(id), 20)], func(t *testing.T) {
			t.Parallel()
			if a := get(t, id); a.Code != http.StatusBadRequest || a.Status != "INVALID" {
				t.Errorf("got %v, want 400 INVALID", a)
			}
		})
	}
	t.Run("an order called batch", func(t *testing.T) {
		t.Parallel()
		// Its path is the batch call's as well.
		post(t, newOrder("batch"))
		awaitStored(t, "batch")
	})
	for _, r := range []request{
		{Method: http.MethodGet, Path: "/orders"}, {Method: http.MethodGet, Path: "/"}, {Method: http.MethodGet, Path: "/orders/a/b"},
		{Path: "/order"}, {Path: "/orders/" + newID("posted")}, {Method: http.MethodPut, Body: "{}"}, {Method: http.MethodDelete, Path: "/orders/a"},
	} {
		t.Run("no such call: "+r.Method+" "+r.Path, func(t *testing.T) {
			t.Parallel()
			if a := mustCall(t, r); a.Code != http.StatusForbidden || a.Status != "FORBIDDEN" { // as API Gateway answers it
				t.Errorf("got %v, want 403 FORBIDDEN", a)
			}
		})
	}
}

// wantUnavailable: what the client is to try again, and when.
func wantUnavailable(t *testing.T, a *answer) {
	t.Helper()
	if a.Code != http.StatusServiceUnavailable || a.Status != "UNAVAILABLE" || a.Header.Get("Retry-After") != "1" || a.MessageID != "" {
		t.Errorf("got %v, Retry-After %q; want 503 UNAVAILABLE and 1", a, a.Header.Get("Retry-After"))
	}
}

// TestQueueRefuses: what SQS does not take is never answered with 202. The emulator answers all of
// it with the default, 503; AWS answers what can never be accepted with 413 or 400 (by
// $context.responseOverride).
func TestQueueRefuses(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"a character that SQS cannot carry": `"` + "\ufffe" + `"`,
		"too large":                         `"` + strings.Repeat("x", 300<<10) + `"`,
	} {
		for _, path := range []string{"/orders", "/orders/batch"} {
			t.Run(name+" to "+path, func(t *testing.T) {
				t.Parallel()
				document := newOrder(newID("refused"), `"own":`+value)
				if path == "/orders/batch" {
					document = pipeline.Array(document)
				}
				wantUnavailable(t, mustCall(t, request{Path: path, Body: document}))
			})
		}
	}
}

// TestQueueIsGone: 503 with Retry-After while there is no queue; afterwards the same request is
// accepted.
func TestQueueIsGone(t *testing.T) { // alone: nobody could post
	for path, body := range map[string]func(string) string{
		"/orders":       func(id string) string { return newOrder(id) },
		"/orders/batch": func(id string) string { return pipeline.Array(newOrder(id)) },
	} {
		t.Run(path, func(t *testing.T) {
			api, resource := resourceID(t, path)
			method := &apigateway.GetIntegrationInput{RestApiId: &api, ResourceId: &resource, HttpMethod: aws.String(http.MethodPost)}
			before, err := world.APIs.GetIntegration(t.Context(), method)
			if err != nil {
				t.Fatal(err)
			}
			connect := func(uri string) {
				t.Helper()
				_, err := world.APIs.UpdateIntegration(t.Context(), &apigateway.UpdateIntegrationInput{
					RestApiId: method.RestApiId, ResourceId: method.ResourceId, HttpMethod: method.HttpMethod,
					PatchOperations: replace("/uri", uri),
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			uri := aws.ToString(before.Uri)
			at := strings.LastIndex(uri, "/")
			r := request{Path: path, Body: body(newID("gone"))}
			func() {
				defer connect(uri) // before anything else can be asked of the API
				connect(uri[:at] + "/no-such-queue")
				wantUnavailable(t, mustCall(t, r))
			}()
			accepted(t, mustCall(t, r))
		})
	}
}

// TestThrottled: 429 with Retry-After; afterwards the same request is accepted.
func TestThrottled(t *testing.T) { // alone: nobody could post
	api, _ := resourceID(t, "/orders")
	stages, err := world.APIs.GetStages(t.Context(), &apigateway.GetStagesInput{RestApiId: &api})
	if err != nil || len(stages.Item) != 1 {
		t.Fatalf("the stages are %v, %v", stages, err)
	}
	limit := func(operations []types.PatchOperation) {
		t.Helper()
		_, err := world.APIs.UpdateStage(t.Context(), &apigateway.UpdateStageInput{
			RestApiId: &api, StageName: stages.Item[0].StageName, PatchOperations: operations,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := request{Body: newOrder(newID("throttled"))}
	func() {
		defer limit([]types.PatchOperation{{Op: types.OpRemove, Path: aws.String("/~1orders/POST")}})
		limit(append(replace("/~1orders/POST/throttling/rateLimit", "0"), replace("/~1orders/POST/throttling/burstLimit", "0")...))
		if a := mustCall(t, r); a.Code != http.StatusTooManyRequests || a.Status != "THROTTLED" || a.Header.Get("Retry-After") != "1" {
			t.Errorf("got %v, Retry-After %q; want 429 THROTTLED and 1", a, a.Header.Get("Retry-After"))
		}
	}()
	accepted(t, mustCall(t, r))
}

func replace(path, value string) []types.PatchOperation {
	return []types.PatchOperation{{Op: types.OpReplace, Path: &path, Value: &value}}
}

// resourceID finds a path of the one API.
func resourceID(t *testing.T, path string) (api, resource string) {
	t.Helper()
	apis, err := world.APIs.GetRestApis(t.Context(), &apigateway.GetRestApisInput{})
	if err != nil || len(apis.Items) != 1 {
		t.Fatalf("the APIs are %v, %v", apis, err)
	}
	api = aws.ToString(apis.Items[0].Id)
	resources, err := world.APIs.GetResources(t.Context(), &apigateway.GetResourcesInput{RestApiId: &api, Limit: aws.Int32(500)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resources.Items {
		if aws.ToString(r.Path) == path {
			return api, aws.ToString(r.Id)
		}
	}
	t.Fatal(fmt.Errorf("the API has no %s", path))
	return "", ""
}
