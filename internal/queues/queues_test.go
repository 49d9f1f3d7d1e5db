package queues

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

func TestAll(t *testing.T) {
	d := &deployment.Deployment{
		QueueURL: "q", DeadLetterQueueURL: "dlq", RejectedQueueURL: "r", OnFailureQueueURL: "f",
		Subscribers: []deployment.Subscriber{{Name: "Billing", QueueURL: "b", DeadLetterQueueURL: "bd"}},
	}
	var got []string
	for _, q := range All(d) {
		got = append(got, q.Command+" "+q.URL+" "+q.Target)
		if q.Name == "" || q.Impact == "" {
			t.Errorf("%+v lacks something", q)
		}
	}
	want := []string{"redrive dlq dlq q", "redrive rejected r q", "replay --on-failure f ", "redrive subscriber Billing bd b"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !strings.Contains(All(d)[0].Impact, "14 days") {
		t.Errorf("says %q", All(d)[0].Impact)
	}
}

func TestNameOf(t *testing.T) {
	for from, want := range map[string]string{
		"https://sqs.eu-west-1.amazonaws.com/123456789012/orders": "orders",
		"arn:aws:sns:eu-west-1:123456789012:events":               "events",
		"plain": "plain",
	} {
		if got := NameOf(from); got != want {
			t.Errorf("%s: %q, want %q", from, got, want)
		}
	}
}

// What take accepts is deleted, the rest is visible again at once; a delete that the SDK sent twice
// is no error.
func TestConsume(t *testing.T) {
	var mu sync.Mutex
	calls := map[string][]string{}
	served := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		var in struct {
			Entries []struct{ ReceiptHandle string }
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		for _, e := range in.Entries {
			calls[operation] = append(calls[operation], e.ReceiptHandle)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		answer := map[string]any{}
		switch {
		case operation == "ReceiveMessage" && !served:
			served = true
			type message = map[string]string
			answer["Messages"] = []message{{"Body": "a", "ReceiptHandle": "ra"}, {"Body": "b", "ReceiptHandle": "rb"}}
			for _, m := range answer["Messages"].([]message) {
				m["MD5OfBody"] = map[string]string{"a": "0cc175b9c0f1b6a831c399e269772661", "b": "92eb5ffee6ae2fec3ad71c777531578f"}[m["Body"]]
			}
		case operation == "DeleteMessageBatch":
			answer["Failed"] = []map[string]any{{"Id": "0", "Code": "ReceiptHandleIsInvalid", "SenderFault": true}}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()
	s := deployment.Subscriber{Name: "Billing", QueueURL: server.URL + "/000000000000/b"}
	err := Consume(t.Context(), sqs.NewFromConfig(local.Config(server.URL)), s, time.Millisecond, func(body string) bool { return body == "a" })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(calls["DeleteMessageBatch"], []string{"ra"}) || !slices.Equal(calls["ChangeMessageVisibilityBatch"], []string{"rb"}) {
		t.Errorf("calls %v", calls)
	}
}
