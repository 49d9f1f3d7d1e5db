//go:build emulator

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/orderpipeline/orderpipeline/order"
)

// What differs from AWS here, and so is not tested: a wrong signature passes (403 on AWS), the status that the integration
// response sets by $context.responseOverride is ignored (413 and 400 on AWS for what the queue refuses, 503 here), the names of
// the faults in a body are not told (validationErrorString), a function that cannot run gives a 504 of the emulator's own in
// place of the gateway response INTEGRATION_FAILURE (503).

// TestInvalidIsRefused: what is not a good order is refused at the door, and nothing of it gets on the queue.
func TestInvalidIsRefused(t *testing.T) { // alone: it counts the messages that the processor takes
	awaitSettled(t)
	taken, rejected := processed(t), world.rejected.count()
	var ids []string
	fresh := func() string {
		ids = append(ids, newID("invalid"))
		return ids[len(ids)-1]
	}
	with := func(change, to string) string { return strings.Replace(newOrder(fresh()), change, to, 1) }
	const batch = "/orders/batch"
	for name, r := range map[string]request{
		"empty":                  {},
		"white space":            {body: " \n"},
		"not JSON":               {body: "order"},
		"cut off":                {body: strings.TrimSuffix(newOrder(fresh()), "}")},
		"two documents":          {body: newOrder(fresh()) + newOrder(fresh())},
		"form":                   {body: "Action=SendMessage&MessageBody=x"},
		"empty object":           {body: "{}"},
		"null":                   {body: "null"},
		"string":                 {body: `"order"`},
		"array to /orders":       {body: array(newOrder(fresh()))},
		"no orderId":             {body: `{"currency":"EUR",` + oneItem + `}`},
		"ORDERID only":           {body: `{"ORDERID":"` + fresh() + `","currency":"EUR",` + oneItem + `}`},
		"orderId a number":       {body: `{"orderId":1,"currency":"EUR",` + oneItem + `}`},
		"orderId empty":          {body: newOrder("")},
		"orderId with a slash":   {body: newOrder("a/b")},
		"orderId with a space":   {body: newOrder("a b")},
		"orderId not ASCII":      {body: newOrder("é")},
		"orderId a dot":          {body: newOrder(".")},
		"orderId two dots":       {body: newOrder("..")},
		"orderId too long":       {body: newOrder(strings.Repeat("x", order.MaxIDLength+1))},
		"no currency":            {body: with(`"currency"`, `"Currency"`)},
		"currency in lower case": {body: with("EUR", "eur")},
		"currency too long":      {body: with("EUR", "EURO")},
		"no items":               {body: with(oneItem, `"items":[]`)},
		"too many items":         {body: with(oneItem, `"items":[`+strings.Join(repeat(101, `{"sku":"a","quantity":1,"unitPrice":1}`), ",")+`]`)},
		"no sku":                 {body: with(`"sku"`, `"SKU"`)},
		"quantity nought":        {body: with(`"quantity":1`, `"quantity":0`)},
		"quantity a string":      {body: with(`"quantity":1`, `"quantity":"1"`)},
		"price a fraction":       {body: with("1999", "19.99")},
		"price negative":         {body: with("1999", "-1")},
		"note too long":          {body: newOrder(fresh(), `"note":"`+strings.Repeat("x", 4001)+`"`)},
		"metadata a list":        {body: newOrder(fresh(), `"metadata":[]`)},
		"no content type":        {body: "{}", contentType: "none"},
		"with a charset":         {body: "{}", contentType: "application/json; charset=utf-8"},
		"empty batch":            {path: batch, body: "[]"},
		"batch: nothing":         {path: batch},
		"batch: empty object":    {path: batch, body: "{}"},
		"batch: one order":       {path: batch, body: newOrder(fresh())},
		"batch: 26 orders":       {path: batch, body: array(repeat(order.MaxBatchOrders+1, newOrder(fresh()))...)},
		"batch: one is bad":      {path: batch, body: array(newOrder(fresh()), with("EUR", "eur"), newOrder(fresh()))},
		"batch: one is null":     {path: batch, body: array(newOrder(fresh()), "null")},
		"batch in a batch":       {path: batch, body: array(array(newOrder(fresh())))},
	} {
		t.Run(name, func(t *testing.T) {
			if a := mustCall(t, r); a.code != http.StatusBadRequest || a.Status != "INVALID" || a.MessageID != "" {
				t.Errorf("got %v, want 400 INVALID", a)
			}
		})
	}
	for _, contentType := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json", "application/json-seq"} {
		for _, path := range []string{"/orders", batch} {
			t.Run(contentType+" to "+path, func(t *testing.T) {
				document := newOrder(fresh())
				if path == batch {
					document = array(document)
				}
				if a := mustCall(t, request{path: path, body: document, contentType: contentType}); a.code != http.StatusUnsupportedMediaType || a.Status != "UNSUPPORTED_MEDIA_TYPE" {
					t.Errorf("got %v, want 415 UNSUPPORTED_MEDIA_TYPE", a)
				}
			})
		}
	}
	t.Run("without credentials", func(t *testing.T) {
		id := fresh()
		for _, r := range []request{
			{body: newOrder(id)},
			{path: batch, body: array(newOrder(id))},
			{method: http.MethodGet, path: "/orders/" + id},
		} {
			r.unsigned = true
			if a := mustCall(t, r); a.code != http.StatusForbidden || a.Status != "FORBIDDEN" {
				t.Errorf("%s %s: got %v, want 403 FORBIDDEN", r.method, r.path, a)
			}
		}
	})

	awaitSettled(t)
	if got := processed(t).since(taken).messages; got != 1 { // awaitSettled's own order
		t.Errorf("%d messages reached the processor, want none but the last", got)
	}
	if got := world.rejected.count() - rejected; got != 0 {
		t.Errorf("%d documents reached the rejected queue", got)
	}
	for _, id := range ids {
		if found := items(t, id); len(found) > 0 {
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
		if got := awaitStored(t, id); got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("the headers are %v", got.header)
		}
		if got := items(t, id)[order.ItemOrder][order.AttrMessageID]; got != messageID {
			t.Errorf("the answer named message %s, the table %s", messageID, got)
		}
	})
	t.Run("no content type", func(t *testing.T) { // API Gateway takes it for application/json
		t.Parallel()
		id := newID("untyped")
		accepted(t, mustCall(t, request{body: newOrder(id), contentType: "none"}))
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
			if got := items(t, id)[order.ItemOrder][order.AttrMessageID]; got != messageID {
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
		if a.code != http.StatusNotFound || a.Status != "UNKNOWN" || a.header.Get("Retry-After") != "1" {
			t.Errorf("got %v, Retry-After %q; want 404 UNKNOWN and 1", a, a.header.Get("Retry-After"))
		}
	})
	for _, id := range []string{"a%20b", "%C3%A9", "a%22b", "a%26b", "a+b", "a%00b", "%3Cscript%3E", strings.Repeat("x", order.MaxIDLength+1)} {
		t.Run("bad id "+id[:min(len(id), 20)], func(t *testing.T) {
			t.Parallel()
			if a := get(t, id); a.code != http.StatusBadRequest || a.Status != "INVALID" {
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
		{method: http.MethodGet, path: "/orders"}, {method: http.MethodGet, path: "/"}, {method: http.MethodGet, path: "/orders/a/b"},
		{path: "/order"}, {path: "/orders/" + newID("posted")}, {method: http.MethodPut, body: "{}"}, {method: http.MethodDelete, path: "/orders/a"},
	} {
		t.Run("no such call: "+r.method+" "+r.path, func(t *testing.T) {
			t.Parallel()
			if a := mustCall(t, r); a.code != http.StatusForbidden || a.Status != "FORBIDDEN" { // as API Gateway answers it
				t.Errorf("got %v, want 403 FORBIDDEN", a)
			}
		})
	}
}

// wantUnavailable: what the client is to try again, and when.
func wantUnavailable(t *testing.T, a *answer) {
	t.Helper()
	if a.code != http.StatusServiceUnavailable || a.Status != "UNAVAILABLE" || a.header.Get("Retry-After") != "1" || a.MessageID != "" {
		t.Errorf("got %v, Retry-After %q; want 503 UNAVAILABLE and 1", a, a.header.Get("Retry-After"))
	}
}

// TestQueueRefuses: what SQS does not take is never answered with 202. The emulator answers all of it with the default, 503;
// AWS answers what can never be accepted with 413 or 400 (by $context.responseOverride).
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
					document = array(document)
				}
				wantUnavailable(t, mustCall(t, request{path: path, body: document}))
			})
		}
	}
}

// TestQueueIsGone: 503 with Retry-After while there is no queue; afterwards the same request is accepted.
func TestQueueIsGone(t *testing.T) { // alone: nobody could post
	for path, body := range map[string]func(string) string{
		"/orders":       func(id string) string { return newOrder(id) },
		"/orders/batch": func(id string) string { return array(newOrder(id)) },
	} {
		t.Run(path, func(t *testing.T) {
			api, resource := resourceID(t, path)
			method := &apigateway.GetIntegrationInput{RestApiId: &api, ResourceId: &resource, HttpMethod: aws.String(http.MethodPost)}
			before, err := world.api.GetIntegration(t.Context(), method)
			if err != nil {
				t.Fatal(err)
			}
			connect := func(uri string) {
				t.Helper()
				_, err := world.api.UpdateIntegration(t.Context(), &apigateway.UpdateIntegrationInput{
					RestApiId: method.RestApiId, ResourceId: method.ResourceId, HttpMethod: method.HttpMethod,
					PatchOperations: replace("/uri", uri),
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			uri := aws.ToString(before.Uri)
			at := strings.LastIndex(uri, "/")
			r := request{path: path, body: body(newID("gone"))}
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
	stages, err := world.api.GetStages(t.Context(), &apigateway.GetStagesInput{RestApiId: &api})
	if err != nil || len(stages.Item) != 1 {
		t.Fatalf("the stages are %v, %v", stages, err)
	}
	limit := func(operations []types.PatchOperation) {
		t.Helper()
		_, err := world.api.UpdateStage(t.Context(), &apigateway.UpdateStageInput{
			RestApiId: &api, StageName: stages.Item[0].StageName, PatchOperations: operations,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := request{body: newOrder(newID("throttled"))}
	func() {
		defer limit([]types.PatchOperation{{Op: types.OpRemove, Path: aws.String("/~1orders/POST")}})
		limit(append(replace("/~1orders/POST/throttling/rateLimit", "0"), replace("/~1orders/POST/throttling/burstLimit", "0")...))
		if a := mustCall(t, r); a.code != http.StatusTooManyRequests || a.Status != "THROTTLED" || a.header.Get("Retry-After") != "1" {
			t.Errorf("got %v, Retry-After %q; want 429 THROTTLED and 1", a, a.header.Get("Retry-After"))
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
	apis, err := world.api.GetRestApis(t.Context(), &apigateway.GetRestApisInput{})
	if err != nil || len(apis.Items) != 1 {
		t.Fatalf("the APIs are %v, %v", apis, err)
	}
	api = aws.ToString(apis.Items[0].Id)
	resources, err := world.api.GetResources(t.Context(), &apigateway.GetResourcesInput{RestApiId: &api, Limit: aws.Int32(500)})
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
