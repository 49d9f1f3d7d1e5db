package publisher

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/lambdas/internal/function"
)

const (
	maxEntries   = 10 // of one PublishBatch (SNS quota)
	maxRounds    = 4  // tries at the entries that failed inside a successful answer: the SDK retries only whole calls
	firstBackoff = 100 * time.Millisecond
)

// run is the work on one batch of the stream.
type run struct {
	*Handler
	published, failed, ignored int
}

// all publishes the records in order, up to maxEntries in a call. On an error, failed is the first record that is neither
// published nor put aside; some after it may be published already, and will be again.
func (r *run) all(ctx context.Context, records []events.DynamoDBEventRecord) (failed int, err error) {
	var chunk []entry
	size := 0
	flush := func() (int, error) {
		failed, err := r.chunk(ctx, chunk)
		chunk, size = nil, 0
		return failed, err
	}
	for i, record := range records {
		e, ok := r.read(i, record)
		if !ok {
			r.ignored++
			continue
		}
		if len(chunk) == maxEntries || e.unpublishable != "" || size+e.size > r.MaxEventBytes {
			if failed, err := flush(); err != nil {
				return failed, err
			}
		}
		if e.unpublishable != "" {
			if err := r.sendToOnFailure(ctx, e); err != nil {
				return i, err
			}
			continue
		}
		chunk, size = append(chunk, e), size+e.size
	}
	return flush()
}

// chunk publishes entries until each is on the topic or put aside. On an error, failed is the lowest index that is neither.
func (r *run) chunk(ctx context.Context, entries []entry) (failed int, err error) {
	backoff := firstBackoff
	for round := 1; len(entries) > 0; round++ {
		var invalid []entry
		entries, invalid, err = r.try(ctx, entries)
		for i, e := range invalid {
			if asideErr := r.sendToOnFailure(ctx, e); asideErr != nil {
				entries, err = append(entries, invalid[i:]...), asideErr
				return lowest(entries), err
			}
		}
		if len(entries) == 0 {
			return 0, nil
		}
		// An error of the whole call was retried by the SDK already.
		var partial partialFailure
		if !errors.As(err, &partial) || round == maxRounds {
			return lowest(entries), err
		}
		if sleepErr := r.Sleep(ctx, backoff); sleepErr != nil {
			return lowest(entries), err
		}
		backoff *= 2
	}
	return 0, nil
}

// partialFailure is an entry's error inside a successful answer.
type partialFailure struct{ code string }

func (p partialFailure) Error() string { return "SNS could not publish an entry: " + p.code }

// try publishes entries in one call. It gives those that are not on the topic, apart from those that never can be. err is
// nil only when nothing is left to try.
func (r *run) try(ctx context.Context, entries []entry) (left, invalid []entry, err error) {
	if err := function.TimeLeft(ctx, r.Now()); err != nil {
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
			r.published++
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

// invalidEntry tells an error about an entry from one about anything else, such as the topic's address.
func invalidEntry(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && invalidCode(api.ErrorCode()) && !strings.Contains(api.ErrorMessage(), "TopicArn")
}

// invalidCode holds for the codes with which SNS refuses an entry for what it is. Everything else (authorization, keys,
// throttling, outages, and codes nobody has seen yet) can pass, and is tried again.
func invalidCode(code string) bool {
	return code == "InvalidParameter" || code == "InvalidParameterValue" || code == "ParameterValueInvalid"
}

func request(entries []entry) []types.PublishBatchRequestEntry {
	batch := make([]types.PublishBatchRequestEntry, len(entries))
	for i, e := range entries {
		attributes := make(map[string]types.MessageAttributeValue, len(e.attributes))
		for name, value := range e.attributes {
			attributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
		}
		batch[i] = types.PublishBatchRequestEntry{
			Id:                aws.String(e.id()),
			Message:           aws.String(string(e.event)),
			MessageAttributes: attributes,
		}
	}
	return batch
}

// id names the entry within its call.
func (e entry) id() string { return strconv.Itoa(e.index) }

func lowest(entries []entry) int {
	low := entries[0].index
	for _, e := range entries {
		low = min(low, e.index)
	}
	return low
}
