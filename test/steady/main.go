// Command steady runs a command again and again while every core is busy with something else, as on
// a machine that has other work to do. It prints the verdict and the time of each run, and exits
// with 1 if any run failed.
//
//	go run ./test/steady [-n RUNS] COMMAND [ARGUMENT...]
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// spin, as the only argument, makes this program one of its own busy processes.
const spin = "spin-until-standard-input-ends"

func main() {
	if len(os.Args) == 2 && os.Args[1] == spin {
		go func() {
			for sum := sha256.Sum256(nil); ; {
				sum = sha256.Sum256(sum[:])
			}
		}()
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	runs := flag.Int("n", 5, "how often to run the command")
	flag.Parse()
	if *runs < 1 || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: steady [-n RUNS] COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := steady(ctx, *runs, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "steady:", err)
		os.Exit(1)
	}
}

// steady runs the command, and says how often it failed.
func steady(ctx context.Context, runs int, command []string) error {
	end, err := busy(runtime.NumCPU())
	if err != nil {
		return err
	}
	defer end()
	fmt.Printf("steady: %d cores are busy\n", runtime.NumCPU())
	failed := 0
	var verdicts []string
	for i := range runs {
		started := time.Now()
		verdict := "ok"
		if err := run(ctx, command); err != nil {
			failed++
			verdict = fmt.Sprintf("FAILED (%v)", err)
		}
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		took := time.Since(started).Round(time.Second)
		verdicts = append(verdicts, fmt.Sprintf("steady: run %d of %d: %s, %v", i+1, runs, verdict, took))
		fmt.Println(verdicts[i])
	}
	fmt.Println()
	for _, verdict := range verdicts {
		fmt.Println(verdict)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d runs failed", failed, runs)
	}
	return nil
}

// busy starts n processes that use a core each. The pipe that is their standard input ends with
// this process, however it ends, and they with it.
func busy(n int) (end func(), err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	var spinners []*exec.Cmd
	end = func() {
		write.Close()
		for _, spinner := range spinners {
			_ = spinner.Wait()
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for range n {
		spinner := exec.Command(self, spin)
		spinner.Stdin = read
		if err := spinner.Start(); err != nil {
			end()
			return nil, fmt.Errorf("start a busy process: %w", err)
		}
		spinners = append(spinners, spinner)
	}
	return end, nil
}

// run runs the command in a process group of its own: interrupted, all of it is, and given a minute
// to tidy up.
func run(ctx context.Context, command []string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = time.Minute
	return cmd.Run()
}
