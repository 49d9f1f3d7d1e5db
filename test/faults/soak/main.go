// Command soak runs the fault simulation on every core, for as many schedules or as long as the
// flags say.
//
//	go run ./test/faults/soak [-schedules N | -for 10m] [-from SEED]
//
// It prints a broken promise with its timeline and the command that runs it again.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/orderpipeline/orderpipeline/test/faults"
)

func main() {
	schedules := flag.Int64("schedules", 100_000, "how many schedules to run")
	duration := flag.Duration("for", 0, "run for this long instead, for example 10m")
	from := flag.Int64("from", 0,
		"the first seed; with -schedules 1, runs one schedule again and prints its timeline")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *duration)
		defer cancel()
		*schedules = 1 << 40
	}
	if *schedules == 1 {
		w := faults.Run(faults.Schedules().Example(int(*from)))
		fmt.Print(w.Timeline())
	}
	if !run(ctx, *from, *schedules, *duration) {
		os.Exit(1)
	}
}

// run reports whether the promise held in every schedule.
func run(ctx context.Context, from, schedules int64, duration time.Duration) bool {
	progress := mpb.New(mpb.WithOutput(os.Stderr))
	total, started := schedules, time.Now()
	if duration > 0 {
		total = int64(duration / time.Second)
	}
	var done atomic.Int64
	bar := progress.AddBar(total,
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			return fmt.Sprintf("%d schedules ", done.Load())
		})),
		mpb.AppendDecorators(decor.Percentage(), decor.Name(" "),
			decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO), "")))

	var matrix faults.Matrix
	var next atomic.Int64
	var failure atomic.Pointer[string]
	var workers sync.WaitGroup
	for range runtime.NumCPU() {
		workers.Go(func() {
			for ctx.Err() == nil && failure.Load() == nil {
				n := next.Add(1) - 1
				if n >= schedules {
					return
				}
				w := faults.Run(faults.Schedules().Example(int(from + n)))
				matrix.Add(w.Fired())
				if report := w.Report(); report != "" {
					report += fmt.Sprintf(
						"to run it again: go run ./test/faults/soak -schedules 1 -from %d\n", from+n)
					failure.CompareAndSwap(nil, &report)
				}
				count := done.Add(1)
				if duration > 0 {
					count = int64(time.Since(started) / time.Second)
				}
				bar.SetCurrent(count)
			}
		})
	}
	workers.Wait()
	if !bar.Completed() {
		bar.Abort(false)
	}
	progress.Wait()
	fmt.Printf("%d schedules in %v; faults fired:\n%s", done.Load(),
		time.Since(started).Round(time.Second), &matrix)
	if report := failure.Load(); report != nil {
		fmt.Print("\n" + *report)
		return false
	}
	fmt.Println("no promise broken")
	return true
}
