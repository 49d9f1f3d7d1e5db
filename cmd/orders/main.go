// Command orders operates OrderPipeline: it deploys and removes an environment, posts orders, reads
// their status and events, and sends stuck messages back on their way. It works the same on this
// machine (environment local, the default) and on AWS.
//
//	go run ./cmd/orders up             # everything on this machine
//	go run ./cmd/orders post --sample 3
//	go run ./cmd/orders --help
//
// An error is two lines on standard error: what is wrong, and what to do. Exit status: 0 success, 1
// failure, 2 wrong usage, 130 interrupted; `orders status` also has 3 (refused), 4 (unknown) and 5
// (erased), `orders doctor` 3 (findings).
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/failure"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first Ctrl-C ends the command in order, the second one at once.
	context.AfterFunc(ctx, stop)
	status := run(ctx, os.Args[1:], &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr})
	stop()
	os.Exit(status)
}

// cli is the command line. Its help is the manual. Defaults are appended to the help of a flag.
type cli struct {
	Env      string   `placeholder:"ENV" help:"Environment: local, dev, … (default local)."`
	Stack    []string `placeholder:"NAME" help:"Any stack with an OrderPipeline, instead of --env."`
	Pipeline string   `placeholder:"ID" help:"Which pipeline of --stack, if it has several."`
	Region   string   `placeholder:"REGION" help:"AWS region, instead of AWS_REGION or the profile's."`
	Profile  string   `placeholder:"NAME" help:"AWS profile, instead of AWS_PROFILE."`

	Up        upCmd        `cmd:"" help:"Deploy; locally, install and start the emulator first."`
	Down      downCmd      `cmd:"" help:"Stop the local emulator, or destroy the stacks on AWS."`
	Post      postCmd      `cmd:"" help:"Post orders from files or standard input, or sample orders."`
	Status    statusCmd    `cmd:"" help:"Show whether an order is stored, refused or unknown."`
	Events    eventsCmd    `cmd:"" help:"Show events as they arrive at the demo subscribers."`
	Describe  describeCmd  `cmd:"" help:"List the parts of a deployment."`
	Demo      demoCmd      `cmd:"" help:"Post sample orders and compare what arrives, byte by byte."`
	Redrive   redriveCmd   `cmd:"" help:"List stuck messages, and move them back."`
	Replay    replayCmd    `cmd:"" help:"Publish the events of stored orders again."`
	Doctor    doctorCmd    `cmd:"" help:"Check a deployment, and say what to do about each finding."`
	Dashboard dashboardCmd `cmd:"" help:"Draw the dashboard of the code as it is."`
	Cost      costCmd      `cmd:"" help:"Compute the monthly bill of an environment."`
}

const description = `Operate OrderPipeline. To try it on this machine, without an AWS account:

  orders up                     install, start and deploy (a minute; longer the first time)
  orders demo                   post 20 sample orders and follow them to the subscribers
  orders post --sample 3        post some more
  orders status ORDER_ID        stored, refused, or not known yet
  orders events                 what subscribers receive
  orders down                   stop it and remove what it stored

When something is stuck: 'orders doctor' finds it, 'orders redrive' moves messages back on their
way, 'orders replay' publishes events again.

On AWS the same commands take --env dev, staging, prod, or another environment that
stacks/environments.go defines. Environment local is the emulator on this machine; it never uses
AWS credentials, so --region and --profile do not apply to it.

A pipeline in the stack of another app is named with --stack instead, the name of the stack in
CloudFormation: 'orders doctor --stack Shop --region eu-west-1'. The stack needs nothing for that.
If it holds several pipelines, --pipeline chooses one. If its OrderAPI or its alarms are in other
stacks, name them all: --stack Shop,ShopAlarms. With --env local the stack is on the emulator. The
commands up, down, demo and cost are for environments only.

Exit status: 0 success, 1 failure, 2 wrong usage, 130 interrupted; 'orders status' also has 3
(refused), 4 (unknown) and 5 (erased), 'orders doctor' 3 (findings).`

// app is what the commands share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	target         deployment.Target

	// connect finds the deployment. Tests replace it; nil uses AWS or the emulator.
	connect func(ctx context.Context) (aws.Config, *deployment.Deployment, error)
}

// deployment returns the environment's AWS configuration and its parts.
func (a *app) deployment(ctx context.Context) (aws.Config, *deployment.Deployment, error) {
	if a.connect != nil {
		return a.connect(ctx)
	}
	cfg, err := deployment.Config(ctx, a.target)
	if err != nil {
		return aws.Config{}, nil, err
	}
	d, err := deployment.Describe(ctx, cfg, a.target)
	return cfg, d, err
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

// notef prints a line for people to standard error.
func (a *app) notef(format string, args ...any) { fmt.Fprintf(a.stderr, format+"\n", args...) }

// program is how this command was called, so that a command that it prints can be pasted.
func program() string {
	path := os.Args[0]
	if strings.Contains(path, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/orders"
	}
	return path
}

// command returns a command line of this command for the same deployment.
func (a *app) command(args string) string { return program() + " " + args + a.target.Flags() }

// environmentName matches what stacks allows. Whether the app defines the environment is for the
// CDK or the missing stack to say.
var environmentName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)

// run is main without the process. It returns the exit status.
func run(ctx context.Context, args []string, a *app) (status int) {
	var c cli
	exited := -1 // set when kong exits, for --help
	parser, err := newParser(ctx, &c, a, func(code int) { exited = code })
	if err != nil {
		return failure.Report(a.stderr, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited >= 0:
		return exited
	case err != nil:
		return failure.Report(a.stderr, failure.Usage(err.Error(), program()+
			" --help lists the commands; orders COMMAND --help explains one of them"))
	}
	if a.target, err = c.target(parsed.Selected().Name); err != nil {
		return failure.Report(a.stderr, err)
	}
	return failure.Report(a.stderr, a.explain(ctx, parsed.Run()))
}

// target returns what the command is for.
func (c *cli) target(command string) (deployment.Target, error) {
	t := deployment.Target{
		Env: c.Env, Stacks: c.Stack, Pipeline: c.Pipeline, Region: c.Region, Profile: c.Profile,
	}
	switch {
	case len(c.Stack) == 0 && c.Pipeline != "":
		return t, failure.Usage("--pipeline needs --stack", "an environment has one pipeline")
	case len(c.Stack) == 0:
		t.Env = cmp.Or(c.Env, contract.EnvironmentLocal)
		if !environmentName.MatchString(t.Env) {
			return t, failure.Usage(fmt.Sprintf("--env: %q is not a valid name", c.Env),
				"the environments are local, dev, staging, prod, and others in stacks/environments.go")
		}
	case c.Env != "" && c.Env != contract.EnvironmentLocal:
		return t, failure.Usage("give --env or --stack, one of the two",
			"with --stack, --env local means the emulator on this machine")
	case slices.Contains([]string{"up", "down", "demo", "cost"}, command):
		return t, failure.Usage("orders "+command+" does not take --stack",
			"use the tools of the app that the stack belongs to")
	}
	return t, nil
}

func newParser(ctx context.Context, c *cli, a *app, exit func(int)) (*kong.Kong, error) {
	return kong.New(c, kong.Name("orders"), kong.Description(description),
		kong.Writers(a.stdout, a.stderr), kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ValueFormatter(valueHelp),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(a))
}

// valueHelp appends the default to the help of a flag.
func valueHelp(v *kong.Value) string {
	text := kong.DefaultHelpValueFormatter(v)
	if v.HasDefault {
		return strings.TrimSuffix(text, ".") + " (default " + v.Default + ")."
	}
	return text
}

// isInterrupt reports whether Ctrl-C ended the command.
func isInterrupt(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled))
}

// interrupted is the error of a command that Ctrl-C ended.
func interrupted(err error, next string) error {
	return &failure.Error{What: "interrupted", Next: next, Status: failure.StatusInterrupted, Err: err}
}
