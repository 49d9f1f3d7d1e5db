package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/orderpipeline/orderpipeline/order"
)

// possibleSources adds what the event source mappings can do: they poll when there is something to
// deliver.
func (w *World) possibleSources(at func(time.Time, func())) {
	const mostProcessors = 3
	if next, ok := w.queue.next(); ok && w.processorsRunning < mostProcessors {
		at(later(next, w.processorOff), w.pollQueue)
	}
	for _, s := range w.shards {
		if s.position < len(s.records) && !s.busy {
			at(later(s.retryAt, w.publisherOff), func() { w.pollStream(s) })
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// disable disables a mapping for minutes, or for about a day: until the stream's records are older
// than the mapping accepts, or dropped.
func (w *World) disable(site Site) (off time.Time, ok bool) {
	if kind, length := w.fault(site); kind == Disabled {
		return w.clock.Add(length * time.Duration(22+4*w.rng.IntN(2))), true
	}
	return time.Time{}, false
}

// pollQueue delivers a batch to the processor.
func (w *World) pollQueue() {
	if off, ok := w.disable(ProcessorMapping); ok {
		w.processorOff = off
		return
	}
	batch := w.receive(w.queue, 1+w.rng.IntN(queueBatch), visibilityTimeout)
	if len(batch) == 0 {
		return
	}
	if kind, _ := w.fault(QueueDeliver); kind == Twice {
		batch[0].visibleAt = w.clock // another poller receives it too
	}
	event := events.SQSEvent{}
	for _, m := range batch {
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: m.id, Body: m.body, ReceiptHandle: m.id,
			Attributes: map[string]string{"SentTimestamp": fmt.Sprint(m.sentAt.UnixMilli())},
		})
	}
	w.processors++
	w.processorsRunning++
	name := fmt.Sprintf("processor %d", w.processors)
	w.note("%s receives %d messages", name, len(batch))
	var response events.SQSEventResponse
	var err error
	w.invoke(name, functionTimeout, func(ctx context.Context) {
		w.mayDie(ProcessorStart)
		response, err = w.processor.Handle(ctx, event)
		w.mayDie(ProcessorAnswer)
	}, func(i *invocation) {
		w.processorsRunning--
		if i.answered {
			w.acknowledge(i, batch, response, err)
		}
	})
}

// acknowledge deletes the messages that the processor's answer does not name as failed. As on AWS,
// an answer that names a message outside the batch fails the whole batch.
func (w *World) acknowledge(
	i *invocation, batch []*message, response events.SQSEventResponse, err error,
) {
	failed := map[string]bool{}
	for _, f := range response.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	w.note("%s answers: %d of %d messages failed, error %v", i.name, len(failed), len(batch), err)
	w.checkNeighbors(i, batch, failed, err)
	known := 0
	for _, m := range batch {
		if failed[m.id] {
			known++
		}
	}
	if err != nil || known < len(failed) {
		return
	}
	for _, m := range batch {
		if failed[m.id] {
			continue
		}
		if kind, _ := w.fault(QueueDelete); kind == Lost {
			continue
		}
		w.queue.delete(m.id)
	}
}

// shard is a part of the table's stream, with the position of its event source mapping.
type shard struct {
	name     string
	records  []record
	position int
	limit    int // of a batch, less while bisecting
	retryAt  time.Time
	backoff  time.Duration
	busy     bool
}

type record struct {
	at time.Time
	events.DynamoDBEventRecord
}

// pollStream delivers a batch to the publisher: one at a time per shard, in order.
func (w *World) pollStream(s *shard) {
	if off, ok := w.disable(PublisherMapping); ok {
		w.publisherOff = off
		return
	}
	w.expire(s)
	if s.position == len(s.records) {
		return
	}
	end := min(len(s.records), s.position+1+w.rng.IntN(s.limit))
	batch := s.records[s.position:end]
	event := events.DynamoDBEvent{}
	for _, r := range batch {
		event.Records = append(event.Records, r.DynamoDBEventRecord)
	}
	w.publishers++
	s.busy = true
	name := fmt.Sprintf("publisher %d", w.publishers)
	w.note("%s receives %d records of %s", name, len(batch), s.name)
	var response events.DynamoDBEventResponse
	var err error
	w.invoke(name, functionTimeout, func(ctx context.Context) {
		w.mayDie(PublisherStart)
		response, err = w.publisher.Handle(ctx, event)
		w.mayDie(PublisherAnswer)
	}, func(i *invocation) {
		s.busy = false
		w.checkpoint(i, s, batch, response, err)
	})
}

// checkpoint moves the shard's position as the publisher's answer says: to the lowest failed record
// of a partial answer. After an error the position stays, and the next batch is half as large.
func (w *World) checkpoint(
	i *invocation, s *shard, batch []record, response events.DynamoDBEventResponse, err error,
) {
	processed := len(batch)
	for _, f := range response.BatchItemFailures {
		at := 0 // an identifier that is not in the batch fails all of it
		for n, r := range batch {
			if r.Change.SequenceNumber == f.ItemIdentifier {
				at = n
			}
		}
		processed = min(processed, at)
	}
	if !i.answered || err != nil {
		processed = 0
	}
	if i.answered {
		w.note("%s answers: %d of %d records done, error %v", i.name, processed, len(batch), err)
	}
	if kind, _ := w.fault(StreamDeliver); kind == Lost {
		return // the position is not saved: the same batch again
	}
	s.position += processed
	if processed == len(batch) {
		s.limit, s.backoff = streamBatch, 0
		return
	}
	s.limit = max(1, len(batch)/2)
	s.backoff = min(max(2*s.backoff, time.Second), 5*time.Minute)
	s.retryAt = w.clock.Add(s.backoff)
}

// expire drops the records that the stream no longer holds, and discards those that are too old for
// the mapping: a message on the on-failure queue names the batch, without its records.
func (w *World) expire(s *shard) {
	trimmed := s.position
	for trimmed < len(s.records) && w.clock.Sub(s.records[trimmed].at) > streamRetention {
		trimmed++
	}
	if trimmed > s.position {
		w.note("%s has lost %d records", s.name, trimmed-s.position)
		w.streamLost = true
		s.position = trimmed
	}
	old := s.position
	for old < len(s.records) && w.clock.Sub(s.records[old].at) > recordAge {
		old++
	}
	if old == s.position {
		return
	}
	w.note("the mapping discards %d records of %s", old-s.position, s.name)
	envelope, err := json.Marshal(map[string]any{
		"version":        "1.0",
		"requestContext": map[string]any{"condition": "RecordAgeExceeded", "approximateInvokeCount": 1},
		"DDBStreamBatchInfo": map[string]any{
			"shardId":                         s.name,
			"batchSize":                       old - s.position,
			"startSequenceNumber":             s.records[s.position].Change.SequenceNumber,
			"endSequenceNumber":               s.records[old-1].Change.SequenceNumber,
			"approximateArrivalOfFirstRecord": s.records[s.position].at.Format(time.RFC3339),
			"approximateArrivalOfLastRecord":  s.records[old-1].at.Format(time.RFC3339),
		},
	})
	if err != nil {
		panic(err)
	}
	for _, r := range s.records[s.position:old] {
		w.discarded[r.Change.NewImage[order.AttrOrderID].String()] = true
	}
	w.send(w.onFailure, string(envelope), nil)
	s.position = old
}
