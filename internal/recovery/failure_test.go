package recovery

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// lambdaEnvelope is what Lambda sends to an on-failure destination for a DynamoDB stream (AWS
// Lambda Developer Guide, "Retaining discarded batches from a DynamoDB event source").
const lambdaEnvelope = `{
	"requestContext": {
		"requestId": "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81",
		"functionArn": "arn:aws:lambda:us-east-1:123456789012:function:publisher:$LATEST",
		"condition": "RecordAgeExceeded", "approximateInvokeCount": 1
	},
	"responseContext": {
		"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"
	},
	"version": "1.0", "timestamp": "2026-11-14T00:13:49.717Z",
	"DDBStreamBatchInfo": {
		"shardId": "shardId-00000001573689847184-864758bb",
		"startSequenceNumber": "800000000003126276362",
		"endSequenceNumber": "800000000003126276362",
		"approximateArrivalOfFirstRecord": "2026-11-14T00:13:19Z",
		"approximateArrivalOfLastRecord": "2026-11-14T00:14:19Z",
		"batchSize": 1,
		"streamArn": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-11-14T00:00:00"
	}
}`

func TestParseFailure(t *testing.T) {
	record, err := json.Marshal(contract.FailureRecord{Source: contract.FailureSource,
		Version: contract.FailureVersion,
		OrderID: "A", Reason: contract.FailureTooLarge})
	if err != nil {
		t.Fatal(err)
	}
	at := func(clock string) time.Time {
		value, err := time.Parse(time.RFC3339, "2026-11-14T"+clock+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	for name, test := range map[string]struct {
		body string
		want Failure
		err  string
	}{
		"publisher's": {string(record), Failure{OrderID: "A", Reason: "too-large"}, ""},
		"Lambda's": {lambdaEnvelope,
			Failure{First: at("00:08:19"), Last: at("00:19:19"), Reason: "RecordAgeExceeded"}, ""},
		"no order": {strings.Replace(string(record), `"A"`, `""`, 1), Failure{}, "no order id"},
		"not JSON": {"x", Failure{}, "invalid character"},
		"unknown":  {`{"source":"x"}`, Failure{}, "unknown"},
		"other version": {strings.Replace(string(record), `"version":1`, `"version":2`, 1), Failure{},
			"version 2"},
		"no times": {`{"DDBStreamBatchInfo":{"shardId":"x"}}`, Failure{}, "no span of time"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseFailure([]byte(test.body))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}

// FuzzParseFailure: a message names one order, or a span of time that does not end before it
// begins, or is an error.
func FuzzParseFailure(f *testing.F) {
	f.Add([]byte(lambdaEnvelope))
	f.Add([]byte(`{"source":"orderpipeline.publisher","version":1,"orderId":"A"}`))
	f.Add([]byte(`{"DDBStreamBatchInfo":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ParseFailure(body)
		if err != nil {
			return
		}
		one, span := order.ValidID(got.OrderID), !got.First.IsZero() && got.First.Before(got.Last)
		if one == span {
			t.Errorf("%+v", got)
		}
	})
}
