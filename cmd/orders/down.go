package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/internal/replay"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type downCmd struct {
	Yes bool `short:"y" help:"Do not ask for confirmation (AWS). Required for prod."`
}

// Help is the long help.
func (downCmd) Help() string {
	return `Locally: stops the emulator and removes what it stored. The installed tools stay for the
next time.

On AWS: runs 'cdk destroy --all' after you have typed the name of the environment. For prod it
requires --yes. A protected environment (staging, prod) cannot be destroyed while its stack has
termination protection and its table deletion protection: turn both off first. The table with its
orders is kept even then.

Examples:

  orders down
  orders down --env dev`
}

// Run removes the deployment.
func (cmd *downCmd) Run(ctx context.Context, a *app) error {
	root, err := local.Root()
	if err != nil {
		return err
	}
	if a.target.Env != contract.EnvironmentLocal {
		return cmd.aws(ctx, a, root)
	}
	steps := terminal.NewSteps(a.stdout)
	unlock, err := local.Lock(ctx, root, "up",
		func() { steps.Step("waiting for a running 'orders up'") })
	if err != nil {
		return err
	}
	defer unlock()
	emulator, err := local.Running(ctx, root)
	if err != nil {
		return err
	}
	if emulator == nil {
		steps.Step("no emulator is running")
	} else {
		if err := emulator.Stop(); err != nil {
			return err
		}
		steps.Step("emulator: stopped (process %d, port %d)", emulator.PID(), emulator.Port())
	}
	if err := errors.Join(os.RemoveAll(filepath.Join(root, local.StateDir, "emulator")),
		replay.RemoveStates(contract.EnvironmentLocal)); err != nil {
		return err
	}
	steps.Step("its state is removed; the tools stay in node_modules and %s", local.StateDir)
	return nil
}

func (cmd *downCmd) aws(ctx context.Context, a *app, root string) error {
	env := a.target.Env
	switch {
	case cmd.Yes:
	case env == "prod":
		return failure.Usage("destroying prod needs --yes", "if you are sure: "+a.command("down --yes"))
	default:
		fmt.Fprintf(a.stderr, "This destroys the stacks of environment %q on AWS. "+
			"Type its name to confirm: ", env)
		typed := make(chan string, 1)
		go func() {
			line, _ := bufio.NewReader(a.stdin).ReadString('\n')
			typed <- strings.TrimSpace(line)
		}()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case name := <-typed:
			if name != env {
				return &failure.Error{
					What: "not confirmed; nothing was destroyed",
					Next: fmt.Sprintf("type %s when asked, or give --yes", env),
				}
			}
		}
	}
	return cdk(ctx, a, root, "destroy", "--all", "--force", "-c", "env="+env)
}
