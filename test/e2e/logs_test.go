//go:build emulator

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// TestLogs: one JSON line a batch, with numbers that are right, and nothing of any order in any
// log.
func TestLogs(t *testing.T) { // alone: it sums up what the functions do
	awaitSettled(t)
	before := processed(t)
	secret := newID("secret")[4:] // also in ids: they are the clients' own
	good, twice, bad := "good-"+secret, "twice-"+secret, "bad-"+secret
	goodDocument := newOrder(good, `"note":"`+secret+`"`, `"customerId":"`+secret+`"`, `"`+secret+`":1`, `"metadata":{"`+secret+`":"`+secret+`"}`)
	post(t, goodDocument)
	awaitStored(t, good)
	post(t, goodDocument+" ")                          // a duplicate
	post(t, newOrder(good, `"note":"not `+secret+`"`)) // a conflict
	post(t, newOrder(twice, `"`+secret+`":1`, `"`+secret+`":2`))
	send(t, pipeline.Array(newOrder(bad, `"note":["`+secret+`"]`), newOrder(bad+"2", `"note":"`+secret+`"`)))
	send(t, `{"orderId":"`+secret+`"`) // not JSON
	send(t, pipeline.Array(repeat(order.MaxMessageOrders+1, `"`+secret+`"`)...))
	mustCall(t, request{Body: `{"` + secret + `":"` + secret + `"}`})
	get(t, "unknown-"+secret)
	get(t, "%20"+secret)
	awaitSettled(t)

	want := tally{messages: 8, orders: 7, stored: 3, duplicates: 1, refused: map[order.Code]int{
		order.Conflict: 1, order.DuplicateMember: 1, order.Invalid: 1, order.NotJSON: 1, order.BatchTooLong: 1,
	}}
	pipeline.Eventually(t, func() error { // a log comes a moment after what it tells of
		return processed(t).since(before).atLeast(want)
	})

	groups := logGroups(t)
	for _, function := range []string{world.ProcessorFunction, world.PublisherFunction, world.StatusFunction} {
		if len(logLines(t, world.LogGroup(t, function))) == 0 {
			t.Errorf("there is no log of %s", function)
		}
	}
	for _, group := range groups {
		for invocation, lines := range logLines(t, group) {
			for _, line := range lines {
				if strings.Contains(line, secret) {
					t.Errorf("an order's content is in the log %s, %s: %s", group, invocation, line)
				}
			}
		}
	}
	for function, want := range map[string]string{world.ProcessorFunction: "batch processed", world.PublisherFunction: "batch published"} {
		for invocation, lines := range logLines(t, world.LogGroup(t, function)) {
			if lines = own(lines); len(lines) != 1 {
				t.Errorf("%s: %d lines, want 1: %q", invocation, len(lines), lines)
				continue
			}
			var entry struct{ Time, Level, Msg string }
			// WARN where a call of AWS failed, as on a busy machine.
			if err := json.Unmarshal([]byte(lines[0]), &entry); err != nil || entry.Msg != want || entry.Level != "INFO" && entry.Level != "WARN" || entry.Time == "" {
				t.Errorf("%s: %v in %q, want a JSON line %q of level INFO", invocation, err, lines[0], want)
			}
		}
	}
	for invocation, lines := range logLines(t, world.LogGroup(t, world.StatusFunction)) {
		if lines = own(lines); len(lines) > 0 {
			t.Errorf("%s: the status function, which had no trouble, logs %q", invocation, lines)
		}
	}
}

// tally is what the processor has done, by its own log.
type tally struct {
	messages, orders, stored, duplicates int
	refused                              map[order.Code]int
}

// processed sums up the processor's log.
func processed(t *testing.T) tally {
	t.Helper()
	sum := tally{refused: map[order.Code]int{}}
	for _, lines := range logLines(t, world.LogGroup(t, world.ProcessorFunction)) {
		for _, line := range own(lines) {
			var entry struct {
				Messages, Orders, Stored, Duplicates int
				Refused                              map[order.Code]int
			}
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Fatalf("the processor logged what is not JSON: %q: %v", line, err)
			}
			sum.messages += entry.Messages
			sum.orders += entry.Orders
			sum.stored += entry.Stored
			sum.duplicates += entry.Duplicates
			for code, n := range entry.Refused {
				sum.refused[code] += n
			}
		}
	}
	return sum
}

// since gives what has been added.
func (s tally) since(before tally) tally {
	refused := maps.Clone(s.refused)
	for code, n := range before.refused {
		if refused[code] -= n; refused[code] == 0 {
			delete(refused, code)
		}
	}
	return tally{s.messages - before.messages, s.orders - before.orders, s.stored - before.stored, s.duplicates - before.duplicates, refused}
}

// atLeast says what a tally lacks. A message that is delivered again counts again; an order is
// stored once, and a duplicate when the answer to the call that stored it got lost.
func (s tally) atLeast(want tally) error {
	ok := s.messages >= want.messages && s.orders >= want.orders && s.stored <= want.stored && s.duplicates >= want.duplicates &&
		s.stored+s.duplicates >= want.stored+want.duplicates && len(s.refused) == len(want.refused)
	for code, n := range want.refused {
		ok = ok && s.refused[code] >= n
	}
	if !ok {
		return fmt.Errorf("the processor's log tells of %+v, want %+v", s, want)
	}
	return nil
}

func logGroups(t *testing.T) (names []string) {
	t.Helper()
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(world.Logs, &cloudwatchlogs.DescribeLogGroupsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range page.LogGroups {
			names = append(names, aws.ToString(group.LogGroupName))
		}
	}
	return names
}

// own leaves out what the AWS SDK writes where an answer gets lost, past the function's logger.
func own(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.HasPrefix(line, "SDK ") })
}

// platform are the lines of Lambda itself.
var platform = []string{"START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "INIT_START "}

// logLines gives the lines that a function wrote, by invocation: each has a log stream of its own
// in the emulator.
func logLines(t *testing.T, group string) map[string][]string {
	t.Helper()
	lines := map[string][]string{}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(world.Logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			stream, line := aws.ToString(e.LogStreamName), aws.ToString(e.Message)
			if slices.ContainsFunc(platform, func(prefix string) bool { return strings.HasPrefix(line, prefix) }) {
				line = ""
			}
			lines[stream] = append(lines[stream], line)
		}
	}
	for stream, all := range lines {
		lines[stream] = slices.DeleteFunc(all, func(line string) bool { return line == "" })
	}
	return lines
}
