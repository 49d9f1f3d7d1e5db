//go:build emulator

package operate

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/order"
)

var world struct {
	emulator *local.Emulator
	program  string // the operator's command
	state    string // its folder for notes, and its working directory
	cfg      aws.Config
	*deployment.Deployment

	lambda *lambda.Client
	queues *sqs.Client
	table  *dynamodb.Client
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		return m.Run() // runs nothing, needs nothing
	}
	defer func() {
		if world.emulator != nil {
			_ = world.emulator.Stop()
		}
	}()
	if err := setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "operate: the set-up failed, so no test ran:", err)
		return 1
	}
	code := m.Run()
	if code != 0 {
		fmt.Fprintln(os.Stderr, "operate: the emulator's log is kept in", keepLog())
	}
	return code
}

func keepLog() string {
	kept := filepath.Join(local.StateDir, "log", "operate-emulator.log")
	root, err := local.Root()
	if err != nil {
		return err.Error()
	}
	content, err := os.ReadFile(world.emulator.LogFile())
	if err != nil {
		return err.Error()
	}
	if err := os.WriteFile(filepath.Join(root, kept), content, 0o644); err != nil {
		return err.Error()
	}
	return kept
}

func setUp() error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	root, err := local.Root()
	if err != nil {
		return err
	}
	tools, err := local.Install(ctx, root, func(string, ...any) {})
	if err != nil {
		return err
	}
	if world.emulator, err = tools.Start(ctx, local.EmulatorOptions{}); err != nil {
		return err
	}
	if err := tools.Deploy(ctx, world.emulator, local.DeployOptions{Env: contract.EnvironmentLocal}); err != nil {
		return err
	}
	if world.cfg, err = world.emulator.Config(ctx); err != nil {
		return err
	}
	if world.Deployment, err = deployment.Describe(ctx, world.cfg, contract.EnvironmentLocal); err != nil {
		return err
	}
	world.lambda = lambda.NewFromConfig(world.cfg)
	world.queues = sqs.NewFromConfig(world.cfg)
	world.table = dynamodb.NewFromConfig(world.cfg)
	world.program = filepath.Join(world.emulator.Dir, "orders")
	world.state = filepath.Join(world.emulator.Dir, "operator")
	if err := os.Mkdir(world.state, 0o755); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", world.program, "./cmd/orders")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the command: %w\n%s", err, out)
	}
	return nil
}

// patience is how long a test waits for what takes the emulator well under a second. It is far less than the queue's
// visibility timeout (180 s).
const patience = 30 * time.Second

func eventually(t *testing.T, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", patience, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// command prepares a run of the operator's command as a person would run it.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), world.program, args...)
	cmd.Dir = world.state
	cmd.Env = append(world.emulator.Environ(), "XDG_CACHE_HOME="+world.state, "HOME="+world.state)
	return cmd
}

type output struct{ stdout, stderr string }

// orders runs the command, which must exit with a status and say something.
func orders(t *testing.T, status int, args string, says ...string) output {
	t.Helper()
	return finish(t, status, command(t, strings.Fields(args)...), says...)
}

func finish(t *testing.T, status int, cmd *exec.Cmd, says ...string) output {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("orders %q exited with %d, want %d\n%s%s", cmd.Args[1:], got, status, &stdout, &stderr)
	}
	out := output{stdout.String(), stderr.String()}
	out.says(t, says...)
	if status != 0 && status != 3 && (!strings.Contains(out.stderr, "orders: ") || !strings.Contains(out.stderr, "   ->   ")) {
		t.Errorf("orders %q failed without the two lines:\n%s", cmd.Args[1:], out.stderr)
	}
	return out
}

func (o output) says(t *testing.T, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(o.stdout+o.stderr, want) {
			t.Errorf("it does not say %q:\n%s%s", want, o.stdout, o.stderr)
		}
	}
}

func newID(kind string) string { return "operate-" + kind + "-" + strings.ToLower(rand.Text()[:10]) }

// newOrder is an order whose bytes any decoding and encoding would change.
func newOrder(id, channel string) string {
	return fmt.Sprintf(`{ "own" : [1.00 , "\ud800<>&"],"orderId":%q,"currency":"EUR", "channel":%q,"items":[{"sku":"a","quantity":1,"unitPrice":1999}]}`, id, channel)
}

func send(t *testing.T, url, body string, attributes map[string]string) {
	t.Helper()
	in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageAttributes: map[string]sqstypes.MessageAttributeValue{}}
	for name, value := range attributes {
		in.MessageAttributes[name] = sqstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	if _, err := world.queues.SendMessage(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// post posts an order with the command.
func post(t *testing.T, documents ...string) {
	t.Helper()
	cmd := command(t, "post", "--no-check", "-")
	cmd.Stdin = strings.NewReader(strings.Join(documents, "\n"))
	finish(t, 0, cmd)
}

// message is one of a queue.
type message struct {
	body       string
	attributes map[string]string
}

// drain takes all that is on a queue by now. A message whose receipt got lost on the way, as happens once in some thousand calls
// of the emulator, is to be had again in ten seconds, not in the queue's three minutes.
func drain(t *testing.T, url string) (all []message) {
	t.Helper()
	for {
		out, err := world.queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}, VisibilityTimeout: 10,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			plain := message{aws.ToString(m.Body), map[string]string{}}
			for name, value := range m.MessageAttributes {
				plain.attributes[name] = aws.ToString(value.StringValue)
			}
			all = append(all, plain)
			if _, err := world.queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// depth counts the messages of a queue that can be received, and those in flight.
func depth(t *testing.T, url string) (visible, inFlight int) {
	t.Helper()
	out, err := world.queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{
		"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Sscan(out.Attributes["ApproximateNumberOfMessages"], &visible)
	_, _ = fmt.Sscan(out.Attributes["ApproximateNumberOfMessagesNotVisible"], &inFlight)
	return visible, inFlight
}

// wantDepth: so many messages, none of them in flight.
func wantDepth(t *testing.T, url string, want int) {
	t.Helper()
	if visible, inFlight := depth(t, url); visible != want || inFlight != 0 {
		t.Errorf("%d messages and %d in flight on %s, want %d and 0", visible, inFlight, url, want)
	}
}

// event is what a subscriber gets.
type event struct {
	ID      string          `json:"id"`
	Subject string          `json:"subject"`
	Time    string          `json:"time"`
	Data    json.RawMessage `json:"data"`
}

func parse(t *testing.T, body string) (e event) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("event %s: %v", body, err)
	}
	return e
}

// item gives the order that is stored under an id: its texts by name, nil for none.
func item(t *testing.T, id string) map[string]string {
	t.Helper()
	out, err := world.table.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &world.TableName, ConsistentRead: aws.Bool(true),
		Key: map[string]ddb.AttributeValue{
			order.AttrOrderID: &ddb.AttributeValueMemberS{Value: id},
			order.AttrItem:    &ddb.AttributeValueMemberS{Value: order.ItemOrder},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.Item == nil {
		return nil
	}
	plain := map[string]string{}
	for name, value := range out.Item {
		if text, ok := value.(*ddb.AttributeValueMemberS); ok {
			plain[name] = text.Value
		}
	}
	return plain
}

// awaitStored waits until a document stands in the table under its id, byte for byte.
func awaitStored(t *testing.T, id, document string) {
	t.Helper()
	eventually(t, func() error {
		stored := item(t, id)
		if stored == nil {
			return fmt.Errorf("order %s is not stored", id)
		}
		if got := stored[order.AttrDocument]; got != document {
			t.Fatalf("order %s: stored is %q, want %q", id, got, document)
		}
		return nil
	})
}

// collect takes events of a subscriber until all of the ids have come, and gives them by id. Others are dropped.
func collect(t *testing.T, url string, ids ...string) map[string]message {
	t.Helper()
	events := map[string]message{}
	eventually(t, func() error {
		for _, m := range drain(t, url) {
			events[parse(t, m.body).Subject] = m
		}
		for _, id := range ids {
			if _, ok := events[id]; !ok {
				visible, inFlight := depth(t, url)
				return fmt.Errorf("the event of %s has not come to %s, which has %d messages and %d in flight", id, url, visible, inFlight)
			}
		}
		return nil
	})
	return events
}
