// Package pipeline is the deployed system as tests see it: post orders as clients do, and read queues, table and stack.
package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/order"
)

// System is a deployment on an emulator. Its methods that take a test end it when AWS cannot be asked.
type System struct {
	*deployment.Deployment
	// Emulator that it runs on.
	Emulator *local.Emulator
	// Tools that brought it there.
	Tools *local.Tools
	// Config of AWS clients.
	Config aws.Config

	tables *dynamodb.Client
	queues *sqs.Client
}

// Start starts an emulator of the test's own, with nothing deployed: see [System.Deploy]. It ends with the test.
func Start(ctx context.Context, t testing.TB, options local.EmulatorOptions) *System {
	t.Helper()
	root, err := local.Root()
	if err != nil {
		t.Fatal(err)
	}
	tools, err := local.Install(ctx, root, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	emulator, err := tools.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = emulator.Stop() })
	cfg, err := emulator.Config(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &System{Emulator: emulator, Tools: tools, Config: cfg, tables: dynamodb.NewFromConfig(cfg), queues: sqs.NewFromConfig(cfg)}
}

// Deploy brings the local environment to the emulator, or what options say, and reads what is there then.
func (s *System) Deploy(ctx context.Context, options local.DeployOptions) error {
	if err := s.Tools.Deploy(ctx, s.Emulator, options); err != nil {
		return err
	}
	var err error
	s.Deployment, err = deployment.Describe(ctx, s.Config, contract.EnvironmentLocal)
	return err
}

// Post sends a body to a path of the API, such as /orders, signed as clients do. It can be called at the same time as Deploy
// when url is that of the deployment before.
func (s *System) Post(ctx context.Context, url, body string) (status int, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	credentials, err := s.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return 0, "", err
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "execute-api", s.Config.Region, time.Now()); err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// Drain takes everything that is on a queue, and counts the bodies.
func (s *System) Drain(ctx context.Context, t testing.TB, url string, into map[string]int) (n int) {
	t.Helper()
	for {
		out, err := s.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10,
			VisibilityTimeout: 10, // a message whose receipt got lost on the way comes again, and soon
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return n
		}
		for _, m := range out.Messages {
			into[aws.ToString(m.Body)]++
			n++
			if _, err := s.queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Depth counts the messages of a queue, those in flight too.
func (s *System) Depth(ctx context.Context, t testing.TB, url string) (n int) {
	t.Helper()
	out, err := s.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{
		"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range out.Attributes {
		count, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(err)
		}
		n += count
	}
	return n
}

// StoredOrder is an order's item in the table.
type StoredOrder struct {
	// Document as it was posted, and the time when it was stored.
	Document, StoredAt string
}

// Table reads every order, and counts the refusals under each id.
func (s *System) Table(ctx context.Context, t testing.TB) (stored map[string]StoredOrder, refusals map[string]int) {
	t.Helper()
	stored, refusals = map[string]StoredOrder{}, map[string]int{}
	text := func(i map[string]types.AttributeValue, name string) string {
		value, _ := i[name].(*types.AttributeValueMemberS)
		if value == nil {
			t.Fatalf("item %v has no %s", i, name)
		}
		return value.Value
	}
	pages := dynamodb.NewScanPaginator(s.tables, &dynamodb.ScanInput{TableName: &s.TableName, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			if id := text(i, order.AttrOrderID); text(i, order.AttrKind) == order.KindOrder {
				stored[id] = StoredOrder{text(i, order.AttrDocument), text(i, order.AttrStoredAt)}
			} else {
				refusals[id]++
			}
		}
	}
	return stored, refusals
}

// Event is what the topic publishes of a stored order.
type Event struct {
	// ID of the event; the order's id; when it was stored.
	ID, Subject, Time string
	// Data is the order's document.
	Data json.RawMessage
}

// ParseEvent reads an event.
func ParseEvent(body string) (e Event, err error) {
	if err = json.Unmarshal([]byte(body), &e); err != nil {
		err = fmt.Errorf("event %s: %w", body, err)
	}
	return e, err
}
