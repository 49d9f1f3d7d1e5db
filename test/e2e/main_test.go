//go:build emulator

package e2e

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// setUpTime is enough for a fresh machine, which downloads the tools and compiles the CDK's bindings.
const setUpTime = 15 * time.Minute

// world is the deployment under test and the clients to look at it with.
var world struct {
	root     string // the project's folder
	tools    *local.Tools
	emulator *local.Emulator
	cfg      aws.Config
	*deployment.Deployment

	api    *apigateway.Client
	lambda *lambda.Client
	logs   *cloudwatchlogs.Client
	queues *sqs.Client
	table  *dynamodb.Client

	rejected, billing, shipping *collector
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	_ = flag.Set("test.parallel", "8") // the tests wait more than they work; -parallel overrides it
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		return m.Run() // runs nothing, needs nothing
	}
	defer func() { // not only after an error: a failed test's cause may be in the log
		if world.emulator != nil {
			if err := world.emulator.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, "e2e: stop the emulator:", err)
			}
		}
	}()
	if err := setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: the set-up failed, so no test ran:", err)
		printLogs()
		return 1
	}
	stopCollecting := collect(world.rejected, world.billing, world.shipping)
	code := m.Run()
	if err := leftovers(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: after the tests:", err)
		code = cmp.Or(code, 1)
	}
	stopCollecting()
	if code != 0 {
		keepLog()
	}
	return code
}

// setUp installs the tools, starts the emulator and deploys. Ctrl-C ends it with all its children; later the emulator's own
// watchdog does that, whatever ends this process.
func setUp() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, setUpTime, fmt.Errorf("not done within %v", setUpTime))
	defer cancel()
	started := time.Now()
	step := func(format string, args ...any) {
		fmt.Printf("e2e [%5.1f s] %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, args...))
	}
	var err error
	failed := func(doing string) error {
		return fmt.Errorf("%s: %w", doing, cmp.Or(context.Cause(ctx), err))
	}
	if world.root, err = local.Root(); err != nil {
		return failed("find the project's folder")
	}
	if world.tools, err = local.Install(ctx, world.root, step); err != nil {
		return failed("install the tools")
	}
	if world.emulator, err = world.tools.Start(ctx, local.EmulatorOptions{}); err != nil {
		return failed("start the emulator")
	}
	step("the emulator is at %s", world.emulator.Endpoint())
	if err = world.tools.Deploy(ctx, world.emulator, local.DeployOptions{Env: contract.EnvironmentLocal}); err != nil {
		return failed("deploy")
	}
	if world.cfg, err = world.emulator.Config(ctx); err != nil {
		return failed("configure the AWS SDK")
	}
	if world.Deployment, err = deployment.Describe(ctx, world.cfg, contract.EnvironmentLocal); err != nil {
		return failed("describe the deployment")
	}
	step("deployed: %s", world.APIURL)
	billing, shipping := world.Subscriber("Billing"), world.Subscriber("Shipping")
	if billing == nil || shipping == nil {
		return fmt.Errorf("the deployment's subscribers are %v, want Billing and Shipping", world.Subscribers)
	}
	world.api = apigateway.NewFromConfig(world.cfg)
	world.lambda = lambda.NewFromConfig(world.cfg)
	world.logs = cloudwatchlogs.NewFromConfig(world.cfg)
	world.queues = sqs.NewFromConfig(world.cfg)
	world.table = dynamodb.NewFromConfig(world.cfg)
	world.rejected = newCollector("the rejected queue", world.RejectedQueueURL)
	world.billing = newCollector("Billing", billing.QueueURL)
	world.shipping = newCollector("Shipping", shipping.QueueURL)
	return nil
}

// leftovers looks for messages that no test asked about: after all tests every order has its verdict, nothing is on its way
// to a dead-letter queue, nothing could not be published.
func leftovers() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var errs []error
	if err := poll(patience, func() error { return emptyQueue(ctx, world.QueueURL) }); err != nil {
		errs = append(errs, fmt.Errorf("the queue: %w", err))
	}
	others := map[string]string{"the dead-letter queue": world.DeadLetterQueueURL, "the on-failure queue": world.OnFailureQueueURL}
	for _, s := range world.Subscribers {
		others["the dead-letter queue of "+s.Name] = s.DeadLetterQueueURL
	}
	for name, url := range others {
		if err := emptyQueue(ctx, url); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// printLogs shows the ends of the logs: the emulator's folder goes with it.
func printLogs() {
	if world.emulator == nil {
		return
	}
	for _, name := range []string{world.emulator.LogFile(), "bootstrap.log", "cdk.log"} { // what failed comes last
		content, err := os.ReadFile(filepath.Join(world.emulator.Dir, filepath.Base(name)))
		if err != nil {
			continue // not got that far
		}
		lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
		fmt.Fprintf(os.Stderr, "--- the end of %s\n%s\n", filepath.Base(name), strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
}

// keepLog saves the emulator's log, with the functions' output, for whoever looks for the cause of a failure.
func keepLog() {
	kept := filepath.Join(local.StateDir, "log", "e2e-emulator.log")
	content, err := os.ReadFile(world.emulator.LogFile())
	if err == nil {
		err = os.WriteFile(filepath.Join(world.root, kept), content, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: keep the emulator's log:", err)
		return
	}
	fmt.Fprintln(os.Stderr, "e2e: the emulator's log is kept in", kept)
}
