package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

type upCmd struct {
	Port    int  `default:"4566" env:"PORT" placeholder:"PORT" help:"Port of the local emulator."`
	Force   bool `help:"Deploy even if no file has changed since the last time (local)."`
	Demo    bool `help:"Run the demo afterwards (local)."`
	Yes     bool `short:"y" help:"Do not ask before permissions are widened (AWS)."`
	Verbose bool `short:"v" help:"Show the output of the CDK (local; on AWS it is always shown)."`
}

// Help is the long help.
func (upCmd) Help() string {
	return `Locally: installs the pinned CDK command line and the pinned emulator into the project's
folder (node_modules, .local), starts the emulator, deploys with 'cdk deploy', and leaves everything
running. A second run uses what is running, so it is quick, and deploys changed code and stacks. It
needs no AWS account, no AWS credentials and no Docker.

On AWS: runs 'cdk deploy --all -c env=ENV' with the pinned CDK command line, which asks before it
widens permissions (--yes for an unattended run). Bootstrap the account and region for the CDK
once: 'npx cdk bootstrap'. A stack whose first deployment failed and that has termination protection
must be deleted first: the command says so, with the commands for it.

Examples:

  orders up
  orders up --port 14566
  orders up --env dev --profile sandbox`
}

const defaultPort = 4566

// Run deploys.
func (cmd *upCmd) Run(ctx context.Context, a *app) error {
	root, err := local.Root()
	if err != nil {
		return err
	}
	if a.target.Env != contract.EnvironmentLocal {
		return cmd.aws(ctx, a, root)
	}
	steps := terminal.NewSteps(a.stdout)
	unlock, err := local.Lock(ctx, root, "up",
		func() { steps.Step("waiting for another 'orders up'") })
	if err != nil {
		return err
	}
	err = cmd.local(ctx, a, root, steps)
	unlock()
	if err != nil {
		return err
	}
	if cmd.Demo {
		return runDemo(ctx, a, steps, demoOrders)
	}
	steps.Step("ready")
	a.printf("\n")
	_, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	printDeployment(a, d)
	a.printf(`
Next:
  %[1]s demo               post 20 sample orders and compare what arrives
  %[1]s post --sample 3    post some
  %[1]s events             see them arrive
  %[1]s down               stop it
`, program())
	return nil
}

func (cmd *upCmd) local(ctx context.Context, a *app, root string, steps *terminal.Steps) error {
	// Before anything slow: is an emulator running, and can one run?
	emulator, err := local.Running(ctx, root)
	if err != nil {
		return err
	}
	if emulator != nil && cmd.Port != defaultPort && cmd.Port != emulator.Port() {
		return &failure.Error{
			What: fmt.Sprintf("the emulator is already running, on port %d", emulator.Port()),
			Next: "stop it first (" + a.command("down") + "), or leave out the port",
		}
	}
	if emulator == nil {
		if err := local.CheckPort(cmd.Port); err != nil {
			return err
		}
	}

	// The first compilation of the app takes longer than anything else and needs none of the tools.
	compiled := make(chan error, 1)
	if emulator == nil {
		go func() { compiled <- compile(ctx, root) }()
	}

	steps.Step("tools: Go, the CDK command line (npm) and the emulator (pip), as locked")
	tools, err := local.Install(ctx, root, steps.Step)
	if err != nil {
		return err
	}
	if emulator != nil {
		steps.Step("emulator: already running at %s (process %d)", emulator.Endpoint(), emulator.PID())
		if !cmd.Force && tools.Deployed(emulator, contract.EnvironmentLocal) {
			if _, _, err := a.deployment(ctx); err == nil {
				steps.Step("already deployed; no file has changed since (--force deploys anyway)")
				return nil
			}
		}
	} else {
		emulator, err = tools.Start(ctx, local.EmulatorOptions{Port: cmd.Port, Detached: true})
		if err != nil {
			return err
		}
		steps.Step("emulator: started at %s (process %d)", emulator.Endpoint(), emulator.PID())
		if <-compiled == nil { // otherwise cdk deploy reports the error
			steps.Step("CDK app: compiled")
		}
	}
	var stdout io.Writer = &cdkSteps{Steps: steps}
	if cmd.Verbose {
		stdout = a.stderr
	}
	steps.Step("cdk deploy --all -c env=local")
	options := local.DeployOptions{Env: contract.EnvironmentLocal, Stdout: stdout}
	if err := tools.Deploy(ctx, emulator, options); err != nil {
		return err
	}
	steps.Step("deployed: API, queues, functions, table, topic, two demo subscribers")
	return nil
}

// compile fills Go's build cache with the app.
func compile(ctx context.Context, root string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", os.DevNull, ".")
	build.Dir = root
	return build.Run()
}

func (cmd *upCmd) aws(ctx context.Context, a *app, root string) error {
	if cmd.Demo {
		return failure.Usage("--demo is for environment local", "deploy, then: "+a.command("demo"))
	}
	cfg, err := deployment.Config(ctx, a.target)
	if err != nil {
		return err
	}
	// Before anything slow. What termination protection does not keep, the CDK deletes by itself.
	isProtected := func(f *deployment.FailedCreation) bool { return f.Protected }
	if err := cmd.checkCreation(ctx, cfg, a.target, isProtected); err != nil {
		return err
	}
	args := []string{"deploy", "--all", "-c", "env=" + a.target.Env}
	if cmd.Yes {
		args = append(args, "--require-approval=never")
	}
	if err := cdk(ctx, a, root, args...); err != nil {
		if ctx.Err() != nil {
			return err
		}
		all := func(*deployment.FailedCreation) bool { return true }
		return errors.Join(err, cmd.checkCreation(ctx, cfg, a.target, all))
	}
	_, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	a.printf("\n")
	printDeployment(a, d)
	return nil
}

// checkCreation returns an error for each stack whose first deployment failed and that matters.
func (cmd *upCmd) checkCreation(
	ctx context.Context, cfg aws.Config, target deployment.Target,
	matters func(*deployment.FailedCreation) bool,
) error {
	failed, err := deployment.FailedCreations(ctx, cfg, target)
	errs := []error{err}
	for _, f := range failed {
		if matters(f) {
			errs = append(errs, f)
		}
	}
	return errors.Join(errs...)
}
