// Command supply looks at what this project is made of.
//
//	supply vuln     audits every dependency against the public vulnerability databases
//	supply sbom     writes software bills of materials to .local/sbom
//
// It runs in the root of the repository, after `make vuln` or `make sbom` installed what it needs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// goTool prefixes the command line of a tool that tools/supply/go.mod pins.
var goTool = []string{"go", "tool", "-modfile=tools/supply/go.mod"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch strings.Join(os.Args[1:], " ") {
	case "vuln":
		examples, err := filepath.Glob("examples/*")
		if err != nil || len(examples) == 0 {
			fmt.Fprintln(os.Stderr, "vuln: no folder examples here: run it in the root of the repository")
			os.Exit(2)
		}
		os.Exit(vuln(ctx, os.Stdout, audits(os.Getenv, examples), run))
	case "sbom":
		if err := sbom(ctx, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "sbom:", err)
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: supply vuln | supply sbom")
		os.Exit(2)
	}
}

// result is how a command ended. A status of -1 is one that did not run to its end.
type result struct {
	stdout, stderr string
	status         int
}

// run runs a command to its end.
func run(ctx context.Context, args ...string) result {
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := result{stdout.String(), stderr.String(), 0}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.status = exit.ExitCode()
	} else if err != nil {
		r.status = -1
		r.stderr += err.Error()
	}
	return r
}

// lastLine is the last line that holds text: where a tool that gave up says why.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}
