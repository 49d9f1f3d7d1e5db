package faults

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// full is the number of schedules at which every fault occurs often enough to be counted.
const full = 20_000

// schedules is how many schedules TestSchedules runs, in all of its parts.
var schedules = flag.Int("schedules", 500,
	fmt.Sprintf("how many schedules to run; from %d, faults and coverage are checked", full))

var matrix Matrix

// TestSchedules runs random schedules and checks the promise after each. A failure is shrunk to the
// fewest orders and faults that still show it, and its timeline is printed with the command that
// runs it again.
func TestSchedules(t *testing.T) {
	const parts = 2 // run in parallel
	if err := flag.Set("rapid.checks", strconv.Itoa((*schedules+parts-1)/parts)); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	t.Run("all", func(t *testing.T) {
		for part := range parts {
			t.Run(fmt.Sprint(part+1), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					schedule := Schedules().Draw(t, "schedule")
					schedule.Seed += uint64(part) // with -rapid.seed the parts draw the same
					w := Run(schedule)
					matrix.Add(w.Fired())
					if n := w.Injected(); n < MinFaults {
						t.Fatalf("only %d faults", n)
					}
					if report := w.Report(); report != "" {
						t.Fatal(report)
					}
				})
			})
		}
	})
	t.Logf("%d schedules in %v; faults fired:\n%s", *schedules, time.Since(started).Round(time.Second),
		&matrix)
	const least = 100 // of every cell, in a full run
	if !t.Failed() && *schedules >= full {
		for _, cell := range matrix.Below(least) {
			t.Errorf("fired fewer than %d times: %s", least, cell)
		}
	}
}

// TestHourWithoutDynamoDB: an outage is waited out. With the construct's receive count, no order
// moves to the DLQ, and once the table is back all are stored and published without an operator.
func TestHourWithoutDynamoDB(t *testing.T) {
	if err := flag.Set("rapid.checks", strconv.Itoa(*schedules/100+10)); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		schedule := Schedules().Draw(t, "schedule")
		schedule.MaxReceives = maxReceives
		schedule.Faults = []Fault{
			{Cell{Outage, PutOrder}, rapid.IntRange(0, 10).Draw(t, "at"), time.Hour},
			{Cell{Outage, PutRefusal}, 0, time.Hour},
		}
		w := Run(schedule)
		if report := w.Report(); report != "" {
			t.Fatal(report)
		}
		if w.Fired()[schedule.Faults[0].Cell] < 20 {
			t.Fatalf("only %d calls met the outage", w.Fired()[schedule.Faults[0].Cell])
		}
		if w.Redriven() > 0 {
			t.Fatalf("%d messages moved to the DLQ", w.Redriven())
		}
	})
}

// TestRunIsDeterministic: the same schedule gives the same run, so that a failure can be run again.
func TestRunIsDeterministic(t *testing.T) {
	for seed := range 20 {
		schedule := Schedules().Example(seed)
		first, second := Run(schedule), Run(schedule)
		if first.Timeline() != second.Timeline() {
			t.Fatalf("seed %d gives two different runs", seed)
		}
	}
}

// TestHandlersAreCovered runs some schedules again in a process that counts statements.
func TestHandlersAreCovered(t *testing.T) {
	if *schedules < full {
		t.Skipf("only with -schedules %d: it compiles the handlers once more", full)
	}
	profile := filepath.Join(t.TempDir(), "cover.out")
	command := exec.Command("go", "test", "-run", "TestSchedules", "-coverprofile", profile,
		"-coverpkg", "github.com/orderpipeline/orderpipeline/lambdas/processor,"+
			"github.com/orderpipeline/orderpipeline/lambdas/publisher,"+
			"github.com/orderpipeline/orderpipeline/internal/publishing",
		".", "-schedules", "2000", "-rapid.seed", "1")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	var all, covered int
	var missed []string
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n")[1:] {
		var statements, count int
		place, numbers, _ := strings.Cut(line, " ")
		if _, err := fmt.Sscan(numbers, &statements, &count); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(place, "/config.go:") {
			continue // it runs before the first batch, or on real time
		}
		all += statements
		if count > 0 {
			covered += statements
		} else {
			missed = append(missed, place)
		}
	}
	percent := 100 * float64(covered) / float64(all)
	t.Logf("%d of %d statements of the handlers (%.1f %%); not covered:\n%s",
		covered, all, percent, strings.Join(missed, "\n"))
	if percent <= 95 {
		t.Errorf("%.1f %% covered, must be above 95 %%", percent)
	}
}
