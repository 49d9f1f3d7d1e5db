package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

type downCmd struct {
	Yes bool `short:"y" help:"Do not ask (AWS). Needed for prod."`
}

// Help is the long help.
func (downCmd) Help() string {
	return `Locally: ends the emulator and removes what it kept; the installed tools stay for the next time.

On AWS: runs 'cdk destroy --all', after you have typed the name of the environment. For prod it refuses without --yes.
A protected environment (staging, prod) refuses on top of that: its stack has termination protection and its table deletion
protection, which you first switch off by hand; its orders stay all the same.

Examples:

  orders down
  orders down --env dev`
}

// Run ends the deployment.
func (cmd *downCmd) Run(ctx context.Context, a *app) error {
	root, err := local.Root()
	if err != nil {
		return err
	}
	if a.target.Env != contract.EnvironmentLocal {
		return cmd.aws(ctx, a, root)
	}
	c := newClock(a.stdout)
	unlock, err := local.Lock(ctx, root, "up", func() { c.step("an 'orders up' is running; waiting for it") })
	if err != nil {
		return err
	}
	defer unlock()
	emulator, err := local.Running(ctx, root)
	if err != nil {
		return err
	}
	if emulator == nil {
		c.step("no emulator is running")
	} else {
		if err := emulator.Stop(); err != nil {
			return err
		}
		c.step("emulator: ended (process %d, port %d)", emulator.PID(), emulator.Port())
	}
	if err := os.RemoveAll(filepath.Join(root, local.StateDir, "emulator")); err != nil {
		return err
	}
	c.step("its state is removed; the tools stay in node_modules and %s", local.StateDir)
	return nil
}

func (cmd *downCmd) aws(ctx context.Context, a *app, root string) error {
	env := a.target.Env
	switch {
	case cmd.Yes:
	case env == "prod":
		return &failure{what: "destroying prod needs --yes", next: "be sure, then: " + a.self() + " down --env prod --yes", status: usageStatus}
	default:
		fmt.Fprintf(a.stderr, "This destroys the stacks of environment %q on AWS. Type its name to go on: ", env)
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
				return &failure{what: "not confirmed; nothing was destroyed", next: fmt.Sprintf("type %s when asked, or give --yes", env)}
			}
		}
	}
	return cdk(ctx, a, root, "destroy", "--all", "--force", "-c", "env="+env)
}
