package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

type upCmd struct {
	Port    int  `help:"Port of the local emulator (${default}, or the PORT of the environment)." default:"4566" env:"PORT" placeholder:"PORT"`
	Force   bool `help:"Deploy even if nothing has changed since the last time (local)."`
	Demo    bool `help:"Run the demo afterwards (local)."`
	Yes     bool `short:"y" help:"Do not ask before permissions are widened (AWS); for where nobody can answer."`
	Verbose bool `short:"v" help:"Show what the CDK prints (local; on AWS it always shows)."`
}

// Help is the long help.
func (upCmd) Help() string {
	return `Locally: installs the pinned CDK command line and the pinned emulator into the project's folder (node_modules, .local), starts the
emulator, deploys with 'cdk deploy', and leaves everything running. What runs is used again, so a second time is quick and brings changed
code and stacks. No AWS account, no AWS credentials, no Docker.

On AWS: runs 'cdk deploy --all -c env=ENV' with the pinned CDK command line; it asks before it widens permissions. The account must
be bootstrapped for the CDK once: 'npx cdk bootstrap'.

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
	c := newClock(a.stdout)
	unlock, err := local.Lock(ctx, root, "up", func() { c.step("another 'orders up' is running; waiting for it") })
	if err != nil {
		return err
	}
	err = cmd.local(ctx, a, root, c)
	unlock()
	if err != nil {
		return err
	}
	if cmd.Demo {
		return demo(ctx, a, c, demoOrders)
	}
	c.step("ready")
	a.printf("\n")
	_, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	printDeployment(a, d)
	a.printf("\nNext:\n  %[1]s demo               20 sample orders, checked byte by byte\n  %[1]s post --sample 3    post some\n  %[1]s events             see them arrive\n  %[1]s down               end it\n", a.self())
	return nil
}

func (cmd *upCmd) local(ctx context.Context, a *app, root string, c *clock) error {
	// Before anything slow: is there an emulator, and can there be one?
	emulator, err := local.Running(ctx, root)
	if err != nil {
		return err
	}
	if emulator != nil && cmd.Port != defaultPort && cmd.Port != emulator.Port() {
		return &failure{what: fmt.Sprintf("the emulator already runs, at port %d", emulator.Port()), next: fmt.Sprintf("end it first (%s down), or leave out the port", a.self())}
	}
	if emulator == nil {
		if err := local.CheckPort(cmd.Port); err != nil {
			return err
		}
	}

	// The first compilation of the app takes longer than anything else, and it needs none of the tools.
	compiled := make(chan error, 1)
	if emulator == nil {
		go func() { compiled <- compile(ctx, root) }()
	}

	c.step("tools: Go, the CDK command line (npm) and the emulator (pip), as the lock files pin them")
	tools, err := local.Install(ctx, root, c.step)
	if err != nil {
		return err
	}
	if emulator != nil {
		c.step("emulator: runs already at %s (process %d)", emulator.Endpoint(), emulator.PID())
		if !cmd.Force && tools.Deployed(emulator, contract.EnvironmentLocal) {
			if _, _, err := a.deployment(ctx); err == nil {
				c.step("deployed already; no file has changed since (--force deploys all the same)")
				return nil
			}
		}
	} else {
		if emulator, err = tools.Start(ctx, local.EmulatorOptions{Port: cmd.Port, Detached: true}); err != nil {
			return err
		}
		c.step("emulator: started at %s (process %d)", emulator.Endpoint(), emulator.PID())
		if <-compiled == nil { // else cdk deploy shows what is wrong
			c.step("CDK app: compiled")
		}
	}
	var stdout io.Writer = &cdkSteps{clock: c}
	if cmd.Verbose {
		stdout = a.stderr
	}
	c.step("cdk deploy --all -c env=local")
	if err := tools.Deploy(ctx, emulator, local.DeployOptions{Env: contract.EnvironmentLocal, Stdout: stdout}); err != nil {
		return err
	}
	c.step("deployed: API, queues, functions, table, topic, two demo subscribers")
	return nil
}

// cdkSteps makes steps of the lines of the CDK's output that tell how far it is.
type cdkSteps struct {
	*clock
	line []byte
}

// Write takes the CDK's output, in whatever pieces.
func (s *cdkSteps) Write(p []byte) (int, error) {
	for _, b := range p {
		if b != '\n' {
			s.line = append(s.line, b)
			continue
		}
		switch line := string(s.line); {
		case strings.Contains(line, "Bundling asset"):
			s.step("  building a Lambda: %s", strings.Trim(strings.TrimSpace(strings.TrimPrefix(line, "Bundling asset")), "."))
		case strings.Contains(line, "Synthesis time"):
			s.step("  synthesized")
		case strings.HasSuffix(strings.TrimSpace(line), "[1/1]") && strings.Contains(line, "deploying"):
			s.step("  CloudFormation")
		}
		s.line = s.line[:0]
	}
	return len(p), nil
}

// compile fills Go's build cache with the app.
func compile(ctx context.Context, root string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", os.DevNull, ".")
	build.Dir = root
	return build.Run()
}

func (cmd *upCmd) aws(ctx context.Context, a *app, root string) error {
	if cmd.Demo {
		return &failure{what: "--demo is for environment local", next: "deploy, then: " + a.self() + " demo" + a.envFlag(), status: usageStatus}
	}
	args := []string{"deploy", "--all", "-c", "env=" + a.target.Env}
	if cmd.Yes {
		args = append(args, "--require-approval=never")
	}
	if err := cdk(ctx, a, root, args...); err != nil {
		return err
	}
	_, d, err := a.deployment(ctx)
	if err != nil {
		return err
	}
	a.printf("\n")
	printDeployment(a, d)
	return nil
}

// cdk runs the pinned CDK command line in the terminal, against AWS.
func cdk(ctx context.Context, a *app, root string, args ...string) error {
	tools, err := local.Install(ctx, root, newClock(a.stderr).step)
	if err != nil {
		return err
	}
	if a.target.Profile != "" {
		args = append(args, "--profile", a.target.Profile)
	}
	command := tools.CDK(ctx, args...)
	command.Stdin, command.Stdout, command.Stderr = a.stdin, a.stdout, a.stderr
	if a.target.Region != "" {
		command.Env = append(command.Env, "AWS_REGION="+a.target.Region, "AWS_DEFAULT_REGION="+a.target.Region)
	}
	fmt.Fprintf(a.stderr, "cdk %s\n", strings.Join(args, " "))
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &failure{
			what: fmt.Sprintf("cdk %s: %v", args[0], err),
			next: "the reason is above; credentials: log in, or give --profile; bootstrapping: npx cdk bootstrap, once an account and region; a missing terminal: --yes",
			err:  err,
		}
	}
	return nil
}
