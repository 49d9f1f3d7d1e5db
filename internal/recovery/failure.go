package recovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// Failure is what a message on the on-failure queue names: one order, or all orders that reached
// the stream within a span of time.
type Failure struct {
	// OrderID is the order whose event can never be published. It is empty when the message is
	// Lambda's own.
	OrderID string
	// First and Last bound the time at which the records that Lambda discarded were written. They
	// are five minutes wider than the message says, because its arrival times are approximate and
	// Lambda's clock and the processor's differ.
	First, Last time.Time
	// Reason is the publisher's reason (a contract.Failure constant) or Lambda's condition
	// (RecordAgeExceeded, RetryAttemptsExhausted).
	Reason string
}

// ParseFailure reads a message of the on-failure queue. It is a failure record of the publisher, or
// Lambda's record of a discarded batch of the stream, which holds only metadata: the shard, the
// sequence numbers and the times.
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
	return Failure{}, errors.New(
		"on-failure message: unknown (sent neither by the publisher nor by Lambda)")
}

func parseRecord(body []byte) (Failure, error) {
	var message contract.FailureRecord
	if err := json.Unmarshal(body, &message); err != nil {
		return Failure{}, fmt.Errorf("on-failure message of the publisher: %w", err)
	}
	if message.Version != contract.FailureVersion {
		return Failure{}, fmt.Errorf("on-failure message of the publisher: version %d (this release "+
			"reads version %d)", message.Version, contract.FailureVersion)
	}
	if !order.ValidID(message.OrderID) {
		return Failure{}, errors.New("on-failure message of the publisher: has no order id")
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
		return Failure{}, errors.New("on-failure message of Lambda: has no span of time")
	}
	const spare = 5 * time.Minute
	return Failure{
		First: first.Add(-spare), Last: last.Add(spare), Reason: message.RequestContext.Condition,
	}, nil
}
