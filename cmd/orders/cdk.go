package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

// cdk runs the pinned CDK command line in this terminal, against AWS.
func cdk(ctx context.Context, a *app, root string, args ...string) error {
	tools, err := local.Install(ctx, root, terminal.NewSteps(a.stderr).Step)
	if err != nil {
		return err
	}
	if a.target.Profile != "" {
		args = append(args, "--profile", a.target.Profile)
	}
	command := tools.CDK(ctx, args...)
	command.Stdin, command.Stdout, command.Stderr = a.stdin, a.stdout, a.stderr
	if region := a.target.Region; region != "" {
		command.Env = append(command.Env, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region)
	}
	a.notef("cdk %s", strings.Join(args, " "))
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure.Error{
			What: fmt.Sprintf("cdk %s: %v", args[0], err),
			Next: "see its output above; without credentials, log in or give --profile; without a " +
				"bootstrapped account and region, run npx cdk bootstrap; without a terminal, give --yes",
			Err: err,
		}
	}
	return nil
}

// cdkSteps turns the lines of the CDK's output that show progress into steps.
type cdkSteps struct {
	*terminal.Steps
	line []byte
}

// Write takes the output of the CDK in pieces of any size.
func (s *cdkSteps) Write(p []byte) (int, error) {
	for _, b := range p {
		if b != '\n' {
			s.line = append(s.line, b)
			continue
		}
		line := string(s.line)
		s.line = s.line[:0]
		if asset, ok := strings.CutPrefix(line, "Bundling asset"); ok {
			s.Step("  building a function: %s", strings.Trim(asset, " ."))
		} else if strings.Contains(line, "Synthesis time") {
			s.Step("  synthesized")
		} else if strings.Contains(line, "deploying") && strings.Contains(line, "[1/1]") {
			s.Step("  CloudFormation")
		}
	}
	return len(p), nil
}
