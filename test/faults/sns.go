package faults

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// topic keeps every event that reached it, each time.
type topic struct {
	events []event
	// strict refuses a whole call for one invalid entry, rather than the entry.
	strict bool
	// slow makes each call slow.
	slow bool
}

type event struct {
	ID, Subject, Time string
	Data              json.RawMessage
	bytes             string
}

// PublishBatch is the publisher's call. Entries fail individually, inside a successful answer.
func (w *World) PublishBatch(ctx context.Context, in *sns.PublishBatchInput,
	_ ...func(*sns.Options)) (*sns.PublishBatchOutput, error) {
	entries := in.PublishBatchRequestEntries
	var ids []string
	for _, e := range entries {
		ids = append(ids, aws.ToString(e.Id))
	}
	what := "entries " + strings.Join(ids, ",")
	if len(entries) == 0 || len(entries) > contract.MaxBatchEntries {
		w.violated("publish", "a call with %d entries", len(entries))
	}
	total := 0
	for _, e := range entries {
		total += len(aws.ToString(e.Message))
	}
	if total > maxEventBytes {
		w.violated("publish", "a call of %d bytes", total)
	}
	return call(w, ctx, Publish, what, func(kind Kind) (*sns.PublishBatchOutput, error) {
		if w.topic.strict {
			for _, e := range entries {
				if isCursed(e) {
					return nil, apiError("InvalidParameter")
				}
			}
		}
		if w.topic.slow && kind != Brownout {
			w.pause(ctx.Value(invocationKey{}).(*invocation), w.clock.Add(slow))
		}
		out := &sns.PublishBatchOutput{}
		for _, e := range entries {
			unlucky := w.rng.IntN(2) == 0
			switch {
			case isCursed(e):
				out.Failed = append(out.Failed, failedEntry(e, "InvalidParameter"))
			case unlucky && kind == Partial:
				codes := []string{"InternalError", "ThrottlingException", "AuthorizationError",
					"KMSAccessDenied"}
				out.Failed = append(out.Failed, failedEntry(e, codes[w.rng.IntN(len(codes))]))
			case unlucky && kind == Unnamed:
			default:
				w.publish(aws.ToString(e.Message))
				out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: e.Id})
			}
		}
		return out, nil
	})
}

func isCursed(e types.PublishBatchRequestEntry) bool {
	return strings.Contains(aws.ToString(e.Message), cursed)
}

func failedEntry(e types.PublishBatchRequestEntry, code string) types.BatchResultErrorEntry {
	return types.BatchResultErrorEntry{Id: e.Id, Code: aws.String(code), SenderFault: true}
}

func (w *World) publish(message string) {
	e := event{bytes: message}
	if err := json.Unmarshal([]byte(message), &e); err != nil {
		w.violated("event", "an event that is not JSON: %v", err)
	}
	w.topic.events = append(w.topic.events, e)
}
