package orderpipeline_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/order"
)

func TestValidation(t *testing.T) {
	type props = orderpipeline.OrderPipelineProps
	own, err := order.NewSchema([]byte(strings.Replace(string(order.DefaultSchema().JSON()), `"title": "Order"`, `"title": "Mine"`, 1)), "orderId")
	if err != nil {
		t.Fatal(err)
	}
	stack := synthtest.NewStack(t)
	const about = "orderpipeline.OrderPipelineProps: "
	for _, test := range []struct {
		name   string
		mutate func(*props)
		want   string // without about; "" is fine
	}{
		{"an own schema without code", func(p *props) { p.Schema = own },
			`Schema is "{\n  \"$schema\": `},
		{"the default schema by name", func(p *props) { p.Schema = order.DefaultSchema() }, ""},
		{"removal policy", func(p *props) { p.RemovalPolicy = awscdk.RemovalPolicy_SNAPSHOT },
			`RemovalPolicy is "SNAPSHOT": needs RETAIN, RETAIN_ON_UPDATE_OR_DELETE or DESTROY: queues and tables know no snapshot`},
		{"batch size", func(p *props) { p.Processor.BatchSize = 10_001; p.Processor.BatchingWindow = seconds(1) },
			`Processor.BatchSize is 10001: needs 1 to 10000: these are Lambda's bounds for a standard queue`},
		{"batch without window", func(p *props) { p.Processor.BatchSize = 11 },
			`Processor.BatchSize is 11: needs a Processor.BatchingWindow of at least 1 s: Lambda refuses batches of more than 10 without`},
		{"window", func(p *props) { p.Processor.BatchingWindow = seconds(301) },
			`Processor.BatchingWindow is 301 s: needs 0 to 300 s: these are Lambda's bounds`},
		{"window in parts of a second", func(p *props) { p.Processor.BatchingWindow = awscdk.Duration_Millis(jsii.Number(1500)) },
			`Processor.BatchingWindow is 1.5 s: needs whole seconds`},
		{"window below a second", func(p *props) { p.Processor.BatchingWindow = awscdk.Duration_Millis(jsii.Number(500)) },
			`Processor.BatchingWindow is 0.5 s: needs whole seconds`},
		{"window unknown", func(p *props) {
			p.Processor.BatchingWindow = awscdk.Duration_Seconds(awscdk.Token_AsNumber("x"))
		}, `Processor.BatchingWindow is a token: needs a duration that is known at synth: these are Lambda's bounds`},
		{"concurrency", func(p *props) { p.Processor.MaxConcurrency = 1 },
			`Processor.MaxConcurrency is 1: needs 2 to 1000: these are Lambda's bounds`},
		{"processor timeout", func(p *props) { p.Processor.Function.Timeout = seconds(901) },
			`Processor.Function.Timeout is 901 s: needs 1 to 900 s: these are Lambda's bounds`},
		{"memory", func(p *props) { p.Processor.Function.MemoryMiB = 64 },
			`Processor.Function.MemoryMiB is 64: needs 128 to 10240: these are Lambda's bounds`},
		{"environment of the construct", func(p *props) { p.Processor.Function.Environment = map[string]string{"TABLE_NAME": "mine"} },
			`Processor.Function.Environment is "TABLE_NAME": needs another name: the construct sets this variable itself`},
		{"environment name", func(p *props) { p.Publisher.Function.Environment = map[string]string{"a-b": ""} },
			`Publisher.Function.Environment is "a-b": needs a name of letters, digits and _, two at least and a letter first, as Lambda does`},
		{"receives too few", func(p *props) { p.Queue.MaxReceiveCount = 79 },
			`Queue.MaxReceiveCount is 79: needs 80 to 1000: less would give good orders up in an outage of under 4 hours, and SQS allows no more`},
		{"receives too many", func(p *props) { p.Queue.MaxReceiveCount = 1001 },
			`Queue.MaxReceiveCount is 1001: needs 80 to 1000: less would give good orders up in an outage of under 4 hours, and SQS allows no more`},
		{"receives that a long timeout makes enough", func(p *props) {
			p.Processor.Function.Timeout, p.Queue.MaxReceiveCount = seconds(900), 3
		}, ""},
		{"visibility beyond SQS's", func(p *props) {
			p.Processor.Function.Timeout, p.Processor.BatchingWindow = seconds(900), seconds(300)
		}, ""}, // 5700 s, far below 12 h
		{"stream batch", func(p *props) { p.Publisher.BatchSize = -1 },
			`Publisher.BatchSize is -1: needs 1 to 10000: these are Lambda's bounds for a stream`},
		{"parallelization", func(p *props) { p.Publisher.ParallelizationFactor = 11 },
			`Publisher.ParallelizationFactor is 11: needs 1 to 10: these are Lambda's bounds`},
		{"stream window", func(p *props) { p.Publisher.BatchingWindow = seconds(301) },
			`Publisher.BatchingWindow is 301 s: needs 0 to 300 s: these are Lambda's bounds`},
		{"event", func(p *props) { p.Publisher.Event.Type = "ä" },
			`Publisher.Event is {urn:orderpipeline ä}: needs what CloudEvents asks for: `},
		{"too many attributes", func(p *props) { p.Publisher.EventAttributes = strings.Split("a,b,c,d,e,f,g,h,i,j", ",") },
			`Publisher.EventAttributes is "a,b,c,d,e,f,g,h,i,j": needs at most 9 names, not 10: SNS delivers 10 attributes to a queue, and the event's type is one`},
		{"attribute twice", func(p *props) { p.Publisher.EventAttributes = []string{"a", "a"} },
			`Publisher.EventAttributes is "a": needs each name once`},
		{"attribute type", func(p *props) { p.Publisher.EventAttributes = []string{"type"} },
			`Publisher.EventAttributes is "type": needs another name: this attribute holds the event's type`},
		{"attribute name", func(p *props) { p.Publisher.EventAttributes = []string{"a,b"} },
			`Publisher.EventAttributes is "a,b": needs letters, digits, _, - and single dots, at most 256, and no AWS. or Amazon. in front, as SNS does`},
		{"attribute of AWS", func(p *props) { p.Publisher.EventAttributes = []string{"aws.x"} },
			`Publisher.EventAttributes is "aws.x": needs letters`},
		{"topic", func(p *props) { p.Topic.MaxMessageSizeBytes = 1_048_577 },
			`Topic.MaxMessageSizeBytes is 1048577: needs 32768 to 1048576: SNS allows no more, and less leaves no room for an order beside the event's envelope`},
		{"all at once", func(p *props) {
			p.Processor.MaxConcurrency, p.Publisher.ParallelizationFactor, p.Topic.MaxMessageSizeBytes = 1, 11, 1
		}, "3 problems:\n  - Topic.MaxMessageSizeBytes is 1:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p props
			test.mutate(&p)
			children := len(*stack.Node().Children())
			got := synthtest.Panic(func() {
				orderpipeline.NewOrderPipeline(stack, "P"+strings.ReplaceAll(test.name, " ", ""), &p)
			})
			if test.want == "" {
				if got != "" {
					t.Errorf("panics with %s", got)
				}
				return
			}
			if !strings.HasPrefix(got, about+test.want) {
				t.Errorf("panics with\n%s\nwant\n%s", got, about+test.want)
			}
			if len(*stack.Node().Children()) != children {
				t.Error("something was created before the props were checked")
			}
		})
	}
}

func TestSubscriberValidation(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)
	filter := awssns.SubscriptionFilter_ExistsFilter()
	for _, test := range []struct {
		id    string
		props orderpipeline.SubscriberProps
		want  string
	}{
		{"", orderpipeline.SubscriberProps{}, `id is "": needs a name that no other subscriber of the pipeline has`},
		{"X", orderpipeline.SubscriberProps{VisibilityTimeout: seconds(43_201)}, `VisibilityTimeout is 43201 s: needs 0 to 43200 s: these are SQS's bounds`},
		{"X", orderpipeline.SubscriberProps{MaxReceiveCount: 1001}, `MaxReceiveCount is 1001: needs 1 to 1000: these are SQS's bounds`},
		{"X", orderpipeline.SubscriberProps{FilterPolicy: map[string]awssns.SubscriptionFilter{"a": filter, "b": filter, "c": filter, "d": filter, "e": filter, "f": filter}},
			`FilterPolicy is 6: needs at most 5 attributes, as SNS does`},
	} {
		if got, want := synthtest.Panic(func() { p.AddSubscriber(test.id, &test.props) }), "orderpipeline.SubscriberProps of "+test.id+": "+test.want; got != want {
			t.Errorf("panics with\n%s\nwant\n%s", got, want)
		}
	}
	p.AddSubscriber("Billing", nil)
	if got, want := synthtest.Panic(func() { p.AddSubscriber("Billing", nil) }), `id is "Billing": needs a name that no other`; !strings.Contains(got, want) {
		t.Errorf("panics with\n%s\nwant\n%s", got, want)
	}
}

func TestGettersAndScope(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)

	awscdk.Tags_Of(p).Add(jsii.String("team"), jsii.String("orders"), nil)
	awscdk.NewCfnOutput(p, jsii.String("Within"), &awscdk.CfnOutputProps{Value: p.Queue().QueueArn()})
	p.Processor().AddEnvironment(jsii.String("A_LINE"), jsii.String("through the getter"), nil)
	for name, got := range map[string]*string{
		"DeadLetterQueue":  p.DeadLetterQueue().QueueArn(),
		"RejectedQueue":    p.RejectedQueue().QueueArn(),
		"OnFailureQueue":   p.OnFailureQueue().QueueArn(),
		"Table":            p.Table().TableStreamArn(),
		"Topic":            p.Topic().TopicArn(),
		"Processor":        p.Processor().FunctionArn(),
		"ProcessorLogs":    p.ProcessorLogs().LogGroupArn(),
		"ProcessorMapping": p.ProcessorMapping().EventSourceMappingId(),
		"Publisher":        p.Publisher().FunctionArn(),
		"PublisherLogs":    p.PublisherLogs().LogGroupArn(),
		"PublisherMapping": p.PublisherMapping().EventSourceMappingId(),
	} {
		if got == nil || *got == "" {
			t.Errorf("%s is not to be had", name)
		}
	}
	if p.Schema() != order.DefaultSchema() && string(p.Schema().JSON()) != string(order.DefaultSchema().JSON()) {
		t.Error("Schema is not the default one")
	}
	if got := p.MaxDocumentBytes(); got != 245_760 {
		t.Errorf("MaxDocumentBytes is %d", got)
	}
	if p.RemovalPolicy() != awscdk.RemovalPolicy_RETAIN {
		t.Errorf("RemovalPolicy is %s", p.RemovalPolicy())
	}
	sender := awslambda.NewFunction(stack, jsii.String("Sender"), &awslambda.FunctionProps{
		Code: awslambda.Code_FromInline(jsii.String("x")), Runtime: awslambda.Runtime_PYTHON_3_13(), Handler: jsii.String("index.x"),
	})
	p.GrantEnqueue(sender)

	template := synthtest.Synth(t, stack)
	if got := template.At(t, "PQueue.Tags"); got != `[{"Key":"team","Value":"orders"}]` {
		t.Errorf("tags of the queue are %s", got)
	}
	if got := template.At(t, "PProcessor.Environment.Variables.A_LINE"); got != `"through the getter"` {
		t.Errorf("variable is %s", got)
	}
	want := `{"Action":"sqs:SendMessage","Effect":"Allow","Resource":{"Fn::GetAtt":["` + template.ID(t, "PQueue") + `","Arn"]}}`
	if got := template.Statements(t, "SenderServiceRoleDefaultPolicy"); !slices.Equal(got, []string{want}) {
		t.Errorf("GrantEnqueue gives %s, want %s", got, want)
	}
	if len(template.Outputs) != 1 {
		t.Errorf("outputs: %v", template.Outputs)
	}
}

func TestCodeThatDoesNotBuild(t *testing.T) {
	stack := synthtest.NewStackWithCode(t, t.TempDir())
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/shop\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var props orderpipeline.OrderPipelineProps
	props.Processor.Function.Code = golambda.NewCode(&golambda.CodeProps{Package: "./nothing", ModuleDir: dir})
	got := synthtest.Panic(func() { orderpipeline.NewOrderPipeline(stack, "P", &props) })
	if !strings.HasPrefix(got, "golambda: building ./nothing for linux/arm64 in "+dir) || !strings.Contains(got, "nothing: directory not found") {
		t.Errorf("panics with %s", got)
	}
}
