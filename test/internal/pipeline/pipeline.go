// Package pipeline is the deployed system as tests see it: it starts an emulator, deploys, posts
// orders as clients do, and reads queues and table.
//
// Sending and receiving are at least once here as on AWS: the AWS SDK for Go sometimes closes its
// own connection while it reads an answer, and sends again (aws-sdk-go-v2 issues 1825 and 2737), in
// the functions and in the operator's command as well. So a test never counts what a client that
// retries has sent: it looks at the set of orders, ids or bodies. [System.Send] puts a message on a
// queue just once. Whatever is waited for gets [Patience].
package pipeline

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// Patience is how long tests wait for something that takes an idle machine a second. It is longer
// than the queue's visibility timeout, so that a message that was delivered in vain comes once
// more.
const Patience = 5 * time.Minute

// setUpTime is enough for a fresh and busy machine, which downloads the tools and compiles the
// CDK's bindings.
const setUpTime = 20 * time.Minute

// System is a deployment on an emulator, with the clients to look at it. Its methods end their test
// when AWS cannot be asked.
type System struct {
	*deployment.Deployment
	// Emulator that it runs on.
	Emulator *local.Emulator
	// Tools that brought it there.
	Tools *local.Tools
	// Config of AWS clients.
	Config aws.Config
	// Home is an empty folder of the operator's command.
	Home string

	APIs      *apigateway.Client
	Functions *lambda.Client
	Logs      *cloudwatchlogs.Client
	Metrics   *cloudwatch.Client
	Queues    *sqs.Client
	Stacks    *cloudformation.Client
	Tables    *dynamodb.Client

	once    *sqs.Client // sends a message once, or fails
	command func() (string, error)
}

// Run is a TestMain for tests that share one deployment of the local environment. It deploys, calls
// use, and runs the tests, then done. It exits with the tests' status.
func Run(m *testing.M, use func(*System) error, done func() error) {
	os.Exit(run(m, use, done))
}

func run(m *testing.M, use func(*System) error, done func() error) (code int) {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		return m.Run() // runs nothing, needs nothing
	}
	// Ctrl-C ends the set-up with all its children; later the emulator's own watchdog ends it, however
	// this ends.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	started := time.Now()
	step := func(format string, args ...any) {
		fmt.Printf("[%5.1f s] %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, args...))
	}
	s, err := start(ctx, step, local.EmulatorOptions{})
	if err != nil {
		fmt.Fprintln(os.Stderr, "no test ran: start the emulator:", err)
		return 1
	}
	defer func() {
		if err := s.stop(code != 0); err != nil {
			fmt.Fprintln(os.Stderr, "stop the emulator:", err)
		}
	}()
	go func() { _, _ = s.command() }() // while the CDK compiles and waits
	if err = s.Deploy(ctx, local.DeployOptions{}); err == nil {
		step("deployed: %s", s.APIURL)
		err = use(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "no test ran: deploy:", err)
		return 1
	}
	stop()
	code = m.Run()
	if err := done(); err != nil {
		fmt.Fprintln(os.Stderr, "after the tests:", err)
		code = 1
	}
	return code
}

// Start starts an emulator of the test's own, with nothing deployed: see [System.Deploy]. It ends
// with the test.
func Start(t testing.TB, options local.EmulatorOptions) *System {
	t.Helper()
	s, err := start(t.Context(), t.Logf, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(t.Failed()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func start(
	ctx context.Context,
	step func(string, ...any),
	options local.EmulatorOptions,
) (*System, error) {
	ctx, cancel := context.WithTimeout(ctx, setUpTime)
	defer cancel()
	root, err := local.Root()
	if err != nil {
		return nil, err
	}
	tools, err := local.Install(ctx, root, step)
	if err != nil {
		return nil, err
	}
	emulator, err := tools.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	cfg := local.Config(emulator.Endpoint())
	s := &System{
		Emulator: emulator,
		Tools:    tools,
		Config:   cfg,
		Home:     filepath.Join(emulator.Dir, "operator"),
		APIs: apigateway.NewFromConfig(
			cfg,
		),
		Functions: lambda.NewFromConfig(cfg),
		Logs:      cloudwatchlogs.NewFromConfig(cfg),
		Queues: sqs.NewFromConfig(
			cfg,
		),
		Stacks: cloudformation.NewFromConfig(cfg),
		Tables: dynamodb.NewFromConfig(cfg),
		// The SDK speaks CBOR by itself, which the emulator knows only with a library that it does not
		// bring along.
		Metrics: cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
			o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801)
		}),
		once: sqs.NewFromConfig(
			cfg,
			func(o *sqs.Options) { o.HTTPClient, o.Retryer = whole{}, aws.NopRetryer{} },
		),
	}
	s.command = sync.OnceValues(s.buildCommand)
	return s, os.Mkdir(s.Home, 0o755)
}

// Deploy brings the local environment to the emulator, or what options say, and reads what is there
// then.
func (s *System) Deploy(ctx context.Context, options local.DeployOptions) error {
	ctx, cancel := context.WithTimeoutCause(
		ctx,
		setUpTime,
		fmt.Errorf("not done within %v", setUpTime),
	)
	defer cancel()
	if err := s.Tools.Deploy(ctx, s.Emulator, options); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	var err error
	s.Deployment, err = deployment.Describe(ctx, s.Config,
		deployment.Target{Env: contract.EnvironmentLocal})
	return err
}

// stop ends the emulator. Of a failed test it keeps the logs: the emulator's folder goes with it.
func (s *System) stop(failed bool) error {
	if failed {
		kept := filepath.Join(
			s.Tools.Root,
			local.StateDir,
			"log",
			fmt.Sprintf("failed-%d", s.Emulator.Port()),
		)
		_ = os.MkdirAll(kept, 0o755)
		logs, _ := filepath.Glob(filepath.Join(s.Emulator.Dir, "*.log"))
		for _, log := range logs {
			if content, err := os.ReadFile(log); err == nil {
				_ = os.WriteFile(filepath.Join(kept, filepath.Base(log)), content, 0o644)
			}
		}
		fmt.Fprintf(
			os.Stderr,
			"the logs of the emulator, with the functions' output, and of the CDK are kept in %s\n",
			kept,
		)
	}
	return s.Emulator.Stop()
}

// Poll asks until the answer is nil, or gives the last one when [Patience] has ended.
func Poll(ask func() error) error {
	deadline := time.Now().Add(Patience)
	for {
		err := ask()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Eventually waits for what must come: it asks until the answer is nil.
func Eventually(t testing.TB, ask func() error) {
	t.Helper()
	if err := Poll(ask); err != nil {
		t.Fatalf("after %v: %v", Patience, err)
	}
}

// QueueName is the last part of a queue's URL.
func QueueName(url string) string { return url[strings.LastIndex(url, "/")+1:] }
