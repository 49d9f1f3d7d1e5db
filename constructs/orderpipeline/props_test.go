package orderpipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/order"
)

type props = orderpipeline.OrderPipelineProps

// propsTest changes the default props and says how NewOrderPipeline judges them.
type propsTest struct {
	name   string
	mutate func(*props)
	want   string // how the error begins after the type's name; "" for no error
}

func checkProps(t *testing.T, stack awscdk.Stack, tests []propsTest) {
	t.Helper()
	for _, test := range tests {
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
			if want := "orderpipeline.OrderPipelineProps: " + test.want; !strings.HasPrefix(got, want) {
				t.Errorf("panics with\n%s\nwant\n%s", got, want)
			}
			if len(*stack.Node().Children()) != children {
				t.Error("something was created before the props were checked")
			}
		})
	}
}

// closedSchema is the default schema without additional properties.
func closedSchema(t *testing.T) *order.Schema {
	t.Helper()
	schema, err := order.NewSchema([]byte(strings.Replace(string(order.DefaultSchema().JSON()),
		`"type": "object"`, `"type": "object", "additionalProperties": false`, 1)), "orderId")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestInvalidProps(t *testing.T) {
	stack := synthtest.NewStack(t)
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	awsKey := awskms.Alias_FromAliasName(stack, jsii.String("AWSKey"), jsii.String("alias/aws/sqs"))
	table := newTable(stack, "Table", nil)
	checkProps(t, stack, []propsTest{
		{"a schema not made by NewSchema", func(p *props) { p.Schema = &order.Schema{} },
			`Schema: empty (use order.NewSchema, which checks that API Gateway, RE2 and the pipeline support the schema)`},
		{"the default schema by name", func(p *props) { p.Schema = order.DefaultSchema() }, ""},
		{"key in a stack without a region", func(p *props) { p.EncryptionKey = key },
			`EncryptionKey: the stack has no region (a table needs one key per region; set StackProps.Env, or use Table.Existing)`},
		{"AWS managed key", func(p *props) { p.EncryptionKey, p.Table.Existing = awsKey, table },
			`EncryptionKey: alias/aws/sqs is an AWS managed key (its policy does not let SNS deliver to the queues; use a customer managed key)`},
		{"removal policy", func(p *props) { p.RemovalPolicy = awscdk.RemovalPolicy_SNAPSHOT },
			`RemovalPolicy: SNAPSHOT is not supported (RETAIN, RETAIN_ON_UPDATE_OR_DELETE or DESTROY; queues have no snapshots)`},
		{"all at once", func(p *props) {
			p.Processor.MaxConcurrency, p.Publisher.ParallelizationFactor = 1, 11
			p.Topic.MaxMessageSizeBytes = 1
		}, "3 problems:\n  - Topic.MaxMessageSizeBytes: 1 is out of range"},
	})
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
			t.Errorf("%s is empty", name)
		}
	}
	if p.Schema() != order.DefaultSchema() && string(p.Schema().JSON()) != string(order.DefaultSchema().JSON()) {
		t.Error("Schema is not the default one")
	}
	if got := p.MaxDocumentBytes(); got != 245_760 {
		t.Errorf("MaxDocumentBytes is %d", got)
	}
	if p.RemovalPolicy() != awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE {
		t.Errorf("RemovalPolicy is %s", p.RemovalPolicy())
	}

	template := synthtest.Synth(t, stack)
	if got := template.At(t, "PQueue.Tags"); got != `[{"Key":"team","Value":"orders"}]` {
		t.Errorf("tags of the queue are %s", got)
	}
	if got := template.At(t, "PProcessor.Environment.Variables.A_LINE"); got != `"through the getter"` {
		t.Errorf("variable is %s", got)
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
