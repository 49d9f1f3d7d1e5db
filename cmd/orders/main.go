// Command orders operates OrderPipeline: it starts and ends a deployment, posts orders, asks for their status and shows their
// events, on one machine (environment local, the default) and on AWS alike.
//
//	go run ./cmd/orders up             # the whole system on this machine
//	go run ./cmd/orders post --sample 3
//	go run ./cmd/orders --help
//
// Every failure is two lines on standard error, what went wrong and what to do next. Exit status: 0 done, 1 failed, 2 wrong usage,
// 130 interrupted; `orders status` has 3 (refused) and 4 (unknown) as well, `orders doctor` 3 (findings).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first Ctrl-C ends the command in order; a second one ends it at once.
	context.AfterFunc(ctx, stop)
	status := run(ctx, os.Args[1:], &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr})
	stop()
	os.Exit(status)
}

// cli is the command line. Its help is the manual.
type cli struct {
	Env     string `help:"Environment: local, dev, staging, prod, or another of stacks/environments.go; ${default} when not given. local is this machine's emulator and never uses AWS credentials; the others are on AWS." default:"local" placeholder:"ENV"`
	Region  string `help:"AWS region (default: AWS_REGION or the profile's). Not for local." placeholder:"REGION"`
	Profile string `help:"Profile of the AWS configuration (default: AWS_PROFILE or the default one). Not for local." placeholder:"NAME"`

	Up        upCmd        `cmd:"" help:"Deploy; locally, install the tools and start the emulator first."`
	Down      downCmd      `cmd:"" help:"End the local emulator, or destroy the stacks on AWS."`
	Post      postCmd      `cmd:"" help:"Post orders from files, standard input, or made up."`
	Status    statusCmd    `cmd:"" help:"What became of an order."`
	Events    eventsCmd    `cmd:"" help:"Show events as they arrive at the demo subscribers."`
	Describe  describeCmd  `cmd:"" help:"Where everything of a deployment is."`
	Demo      demoCmd      `cmd:"" help:"Post sample orders and check, byte by byte, where they arrive."`
	Redrive   redriveCmd   `cmd:"" help:"Look at messages that got stuck, and move them back."`
	Replay    replayCmd    `cmd:"" help:"Publish the events of stored orders again."`
	Doctor    doctorCmd    `cmd:"" help:"Check a deployment, and say what to do."`
	Dashboard dashboardCmd `cmd:"" help:"Draw the dashboard as the code is now, with what the environment holds."`
}

const description = `Operate OrderPipeline. A first round on this machine, without an AWS account:

  orders up                     install, start, deploy (about a minute; the first time longer)
  orders demo                   20 sample orders, followed from the API to the subscribers
  orders post --sample 3        post some more
  orders status ORDER_ID        stored, refused, or unknown yet
  orders events                 what subscribers receive
  orders down                   end it; nothing stays

When something is stuck: 'orders doctor' says what, 'orders redrive' moves messages back on their way, 'orders replay' publishes events
again.

On AWS the same commands take --env dev, staging or prod.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted; 'orders status' also 3 (refused), 4 (unknown) and 5 (erased),
'orders doctor' 3 (findings).`

// app is what the commands share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	target         deployment.Target

	// connect finds the deployment; nil: for real. Tests have their own.
	connect func(ctx context.Context) (aws.Config, *deployment.Deployment, error)
}

// deployment gives the environment's AWS configuration and where its parts are.
func (a *app) deployment(ctx context.Context) (aws.Config, *deployment.Deployment, error) {
	if a.connect != nil {
		return a.connect(ctx)
	}
	cfg, err := deployment.Config(ctx, a.target)
	if err != nil {
		return aws.Config{}, nil, err
	}
	d, err := deployment.Describe(ctx, cfg, a.target.Env)
	return cfg, d, err
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.stdout, format, args...) }

// self is how to call this command again, with the environment.
func (a *app) self() string {
	name := "orders"
	if path := os.Args[0]; strings.Contains(path, string(filepath.Separator)+"go-build") {
		name = "go run ./cmd/orders"
	} else if strings.ContainsRune(path, filepath.Separator) && !filepath.IsAbs(path) {
		name = path
	}
	return name
}

// envFlag is what to add to self for another environment.
func (a *app) envFlag() string {
	if a.target.Env == "" || a.target.Env == contract.EnvironmentLocal {
		return ""
	}
	return " --env " + a.target.Env
}

const usageStatus = 2

// environmentName is what stacks allows. Which ones there are is the app's to say: a name that it does not know is told by cdk, or
// by the missing stack.
var environmentName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)

// run is main without the process: it gives the exit status.
func run(ctx context.Context, args []string, a *app) (status int) {
	var c cli
	exited := -1 // kong exits for --help
	parser, err := newParser(ctx, &c, a, func(code int) { exited = code })
	if err != nil {
		fmt.Fprintln(a.stderr, "orders:", err)
		return usageStatus
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		return report(a.stderr, &failure{what: err.Error(), next: a.self() + " --help shows the commands, orders COMMAND --help one of them", status: usageStatus})
	}
	if !environmentName.MatchString(c.Env) {
		return report(a.stderr, &failure{what: fmt.Sprintf("%q cannot be the name of an environment", c.Env), next: "there are local, dev, staging and prod; stacks/environments.go has them", status: usageStatus})
	}
	a.target = deployment.Target{Env: c.Env, Region: c.Region, Profile: c.Profile}
	return report(a.stderr, explain(ctx, a, parsed.Run()))
}

func newParser(ctx context.Context, c *cli, a *app, exit func(int)) (*kong.Kong, error) {
	return kong.New(c, kong.Name("orders"), kong.Description(description), kong.Writers(a.stdout, a.stderr), kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(a))
}

// clock prints steps with the time since the start.
type clock struct {
	mu      sync.Mutex
	out     io.Writer
	started time.Time
}

func newClock(out io.Writer) *clock { return &clock{out: out, started: time.Now()} }

func (c *clock) step(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.out, "[%6.1f s] %s\n", time.Since(c.started).Seconds(), fmt.Sprintf(format, args...))
}

// isInterrupt says whether the person ended the command.
func isInterrupt(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled))
}
