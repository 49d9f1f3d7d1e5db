package publishing

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

const (
	// maxRounds is how often the entries that failed inside a successful answer are tried: the SDK
	// retries whole calls only.
	maxRounds     = 4
	firstBackoff  = 100 * time.Millisecond
	attributeType = "String"
)

// Result is what Publish has done.
type Result struct {
	// Published counts the events that the topic accepted.
	Published int
	// Failed counts the events that the callback took.
	Failed int
	// Unfinished is the lowest index of an event that is neither. It is 0 when Publish returned no
	// error.
	Unfinished int
}

// Publish publishes events in order, as many per call as fit. An event that can never be published
// goes to the callback fail, with its index. Publish ends with the first error; some events after
// Result.Unfinished may be published by then.
func (p *Publisher) Publish(
	ctx context.Context, events iter.Seq2[int, Event], fail func(context.Context, int, Event) error,
) (Result, error) {
	r := run{Publisher: p, fail: fail}
	var err error
	r.Unfinished, err = r.all(ctx, events)
	return r.Result, err
}

// run is the work of one Publish.
type run struct {
	*Publisher
	Result
	fail func(context.Context, int, Event) error
}

// entry is an event with its index.
type entry struct {
	Event
	index int
}

func (r *run) all(ctx context.Context, events iter.Seq2[int, Event]) (unfinished int, err error) {
	var chunk []entry
	size := 0
	flush := func() (int, error) {
		unfinished, err := r.chunk(ctx, chunk)
		chunk, size = nil, 0
		return unfinished, err
	}
	for i, event := range events {
		e := entry{event, i}
		full := len(chunk) == contract.MaxBatchEntries || size+e.Size > r.MaxEventBytes
		if full || e.Unpublishable != "" {
			if unfinished, err := flush(); err != nil {
				return unfinished, err
			}
		}
		if e.Unpublishable != "" {
			if err := r.handOver(ctx, e); err != nil {
				return i, err
			}
			continue
		}
		chunk, size = append(chunk, e), size+e.Size
	}
	return flush()
}

// chunk publishes entries until each is on the topic or was handed over.
func (r *run) chunk(ctx context.Context, entries []entry) (unfinished int, err error) {
	backoff := firstBackoff
	for round := 1; len(entries) > 0; round++ {
		var invalid []entry
		entries, invalid, err = r.try(ctx, entries)
		for i, e := range invalid {
			if failErr := r.handOver(ctx, e); failErr != nil {
				return lowest(append(entries, invalid[i:]...)), failErr
			}
		}
		if len(entries) == 0 {
			return 0, nil
		}
		// The SDK has retried an error of the whole call already.
		var partial partialFailure
		if !errors.As(err, &partial) || round == maxRounds {
			return lowest(entries), err
		}
		if sleepErr := r.sleep(ctx, backoff); sleepErr != nil {
			return lowest(entries), err
		}
		backoff *= 2
	}
	return 0, nil
}

// handOver gives an event that can never be published to the callback.
func (r *run) handOver(ctx context.Context, e entry) error {
	if err := r.beforeCall(ctx); err != nil {
		return err
	}
	err := r.fail(ctx, e.index, e.Event)
	if err == nil {
		r.Failed++
	}
	return err
}

// partialFailure is an entry's error inside a successful answer.
type partialFailure struct{ code string }

func (p partialFailure) Error() string { return "an entry could not be published: " + p.code }

// try publishes entries in one call. It returns those that are not on the topic, and apart from
// them those that never can be. err is nil only when nothing is left to try.
func (r *run) try(ctx context.Context, entries []entry) (left, invalid []entry, err error) {
	if err := r.beforeCall(ctx); err != nil {
		return entries, nil, err
	}
	out, err := r.Topic.PublishBatch(ctx, &sns.PublishBatchInput{
		TopicArn:                   aws.String(r.TopicARN),
		PublishBatchRequestEntries: request(entries),
	})
	if err != nil {
		if !invalidEntry(err) {
			return entries, nil, err
		}
		if len(entries) == 1 {
			return nil, []entry{entries[0].invalid()}, nil
		}
		return r.tryEach(ctx, entries)
	}
	published := map[string]bool{}
	for _, success := range out.Successful {
		published[aws.ToString(success.Id)] = true
	}
	codes := map[string]string{}
	for _, failure := range out.Failed {
		codes[aws.ToString(failure.Id)] = aws.ToString(failure.Code)
	}
	for _, e := range entries {
		switch code := codes[e.id()]; {
		case published[e.id()]:
			r.Published++
		case invalidCode(code):
			invalid = append(invalid, e.invalid())
		default: // also an entry that the answer does not name at all
			left = append(left, e)
			err = partialFailure{code}
		}
	}
	return left, invalid, err
}

// tryEach finds the entries for which SNS refused a whole call.
func (r *run) tryEach(ctx context.Context, entries []entry) (left, invalid []entry, err error) {
	for _, e := range entries {
		l, i, tryErr := r.try(ctx, []entry{e})
		left, invalid = append(left, l...), append(invalid, i...)
		if tryErr != nil {
			err = tryErr
		}
	}
	return left, invalid, err
}

// invalidEntry tells an error about an entry from one about anything else, such as the topic's
// address.
func invalidEntry(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && invalidCode(api.ErrorCode()) &&
		!strings.Contains(api.ErrorMessage(), "TopicArn")
}

// invalidCode reports whether SNS refuses an entry for what it is. Everything else (authorization,
// keys, throttling, outages, and unknown codes) can pass, and is tried again.
func invalidCode(code string) bool {
	return code == "InvalidParameter" || code == "InvalidParameterValue" ||
		code == "ParameterValueInvalid"
}

func request(entries []entry) []types.PublishBatchRequestEntry {
	batch := make([]types.PublishBatchRequestEntry, len(entries))
	for i, e := range entries {
		attributes := make(map[string]types.MessageAttributeValue, len(e.Attributes))
		for name, value := range e.Attributes {
			attributes[name] = types.MessageAttributeValue{
				DataType: aws.String(attributeType), StringValue: aws.String(value),
			}
		}
		batch[i] = types.PublishBatchRequestEntry{
			Id:                aws.String(e.id()),
			Message:           aws.String(string(e.Bytes)),
			MessageAttributes: attributes,
		}
	}
	return batch
}

// id names the entry within its call.
func (e entry) id() string { return strconv.Itoa(e.index) }

// invalid is the entry as SNS sees it: it can never be published.
func (e entry) invalid() entry {
	e.Unpublishable = contract.FailureInvalidParameter
	return e
}

func lowest(entries []entry) int {
	low := entries[0].index
	for _, e := range entries {
		low = min(low, e.index)
	}
	return low
}
