package recovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// Failure is what a message on the on-failure queue names: one order, or all that reached the stream in a span of time.
type Failure struct {
	// OrderID is the order whose event the publisher put aside. Empty when the message is Lambda's own.
	OrderID string
	// First and Last bound when the records that Lambda gave up were written. Lambda's clock and the processor's differ
	// and the arrival times are approximate: both have a minute to spare.
	First, Last time.Time
	// Reason is the publisher's, or Lambda's condition (RecordAgeExceeded, RetryAttemptsExhausted).
	Reason string
}

// ParseFailure reads a message of the on-failure queue: the publisher's, or the envelope with which Lambda gives up a
// batch of the stream (it holds only metadata: the shard, the sequence numbers and the times).
func ParseFailure(body []byte) (Failure, error) {
	var origin struct {
		Source string          `json:"source"`
		Batch  json.RawMessage `json:"DDBStreamBatchInfo"`
	}
	if err := json.Unmarshal(body, &origin); err != nil {
		return Failure{}, fmt.Errorf("on-failure message: %w", err)
	}
	switch {
	case origin.Source == contract.FailureSource:
		return parseRecord(body)
	case origin.Batch != nil:
		return parseEnvelope(body)
	}
	return Failure{}, errors.New("on-failure message: neither the publisher's nor Lambda's")
}

func parseRecord(body []byte) (Failure, error) {
	var message contract.FailureRecord
	if err := json.Unmarshal(body, &message); err != nil {
		return Failure{}, fmt.Errorf("on-failure message of the publisher: %w", err)
	}
	if message.Version != contract.FailureVersion {
		return Failure{}, fmt.Errorf("on-failure message of the publisher: version %d, this release reads %d", message.Version, contract.FailureVersion)
	}
	if !order.ValidID(message.OrderID) {
		return Failure{}, errors.New("on-failure message of the publisher: it names no order")
	}
	return Failure{OrderID: message.OrderID, Reason: message.Reason}, nil
}

func parseEnvelope(body []byte) (Failure, error) {
	var message struct {
		RequestContext struct {
			Condition string `json:"condition"`
		} `json:"requestContext"`
		Batch struct {
			First time.Time `json:"approximateArrivalOfFirstRecord"`
			Last  time.Time `json:"approximateArrivalOfLastRecord"`
		} `json:"DDBStreamBatchInfo"`
	}
	if err := json.Unmarshal(body, &message); err != nil {
		return Failure{}, fmt.Errorf("on-failure message of Lambda: %w", err)
	}
	first, last := message.Batch.First, message.Batch.Last
	if first.IsZero() || last.Before(first) {
		return Failure{}, errors.New("on-failure message of Lambda: it names no span of time")
	}
	const spare = time.Minute
	return Failure{First: first.Add(-spare), Last: last.Add(spare), Reason: message.RequestContext.Condition}, nil
}
