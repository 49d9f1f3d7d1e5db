package orderpipeline_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

func TestValidation(t *testing.T) {
	type props = orderpipeline.OrderPipelineProps
	stack := synthtest.NewStack(t)
	vpc := awsec2.Vpc_FromVpcAttributes(stack, jsii.String("VPC"), &awsec2.VpcAttributes{VpcId: jsii.String("vpc-1"), AvailabilityZones: jsii.Strings("a")})
	group := awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("Group"), jsii.String("sg-1"), nil)
	queue := func(id string, props *awssqs.QueueProps) awssqs.Queue { return awssqs.NewQueue(stack, &id, props) }
	imported := awssqs.Queue_FromQueueArn(stack, jsii.String("Imported"), jsii.String("arn:aws:sqs:us-east-1:123456789012:orders"))
	short := queue("Short", &awssqs.QueueProps{VisibilityTimeout: seconds(179), RetentionPeriod: awscdk.Duration_Days(jsii.Number(4))})
	fifo := queue("Fifo", &awssqs.QueueProps{Fifo: jsii.Bool(true)})
	withDeadLetters := queue("WithDeadLetters", &awssqs.QueueProps{DeadLetterQueue: &awssqs.DeadLetterQueue{
		Queue: queue("TheirDeadLetters", &awssqs.QueueProps{RetentionPeriod: awscdk.Duration_Days(jsii.Number(13))}), MaxReceiveCount: jsii.Number(3),
	}})
	table := func(id string, props awsdynamodb.TablePropsV2) awsdynamodb.TableV2 {
		if props.PartitionKey == nil {
			props.PartitionKey = &awsdynamodb.Attribute{Name: jsii.String("orderId"), Type: awsdynamodb.AttributeType_STRING}
			props.SortKey = &awsdynamodb.Attribute{Name: jsii.String("item"), Type: awsdynamodb.AttributeType_STRING}
		}
		return awsdynamodb.NewTableV2(stack, &id, &props)
	}
	good := table("Good", awsdynamodb.TablePropsV2{DynamoStream: awsdynamodb.StreamViewType_NEW_IMAGE})
	other := table("Other", awsdynamodb.TablePropsV2{
		PartitionKey:        &awsdynamodb.Attribute{Name: jsii.String("orderId"), Type: awsdynamodb.AttributeType_NUMBER},
		DynamoStream:        awsdynamodb.StreamViewType_KEYS_ONLY,
		TimeToLiveAttribute: jsii.String("ttl"),
	})
	streamless := table("Streamless", awsdynamodb.TablePropsV2{})
	importedTable := awsdynamodb.TableV2_FromTableName(stack, jsii.String("ImportedTable"), jsii.String("orders"))
	fifoTopic := awssns.NewTopic(stack, jsii.String("FifoTopic"), &awssns.TopicProps{Fifo: jsii.Bool(true)})
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	awsKey := awskms.Alias_FromAliasName(stack, jsii.String("AWSKey"), jsii.String("alias/aws/sqs"))
	closed, err := order.NewSchema([]byte(strings.Replace(string(order.DefaultSchema().JSON()), `"type": "object"`, `"type": "object", "additionalProperties": false`, 1)), "orderId")
	if err != nil {
		t.Fatal(err)
	}
	const about = "orderpipeline.OrderPipelineProps: "
	for _, test := range []struct {
		name   string
		mutate func(*props)
		want   string // without about; "" is fine
	}{
		{"a schema that is none", func(p *props) { p.Schema = &order.Schema{} },
			`Schema is empty: needs what order.NewSchema gives: it has checked that API Gateway, RE2 and the pipeline know the schema`},
		{"key in a stack without a region", func(p *props) { p.EncryptionKey = key },
			`EncryptionKey is "Test/Key": needs a stack that names its region (StackProps.Env): the key of a table is one a region; or bring the table along (Table.Existing)`},
		{"key of AWS", func(p *props) { p.EncryptionKey, p.Table.Existing = awsKey, good },
			`EncryptionKey is "alias/aws/sqs": needs a key of the customer's: the policies of AWS's own keys let SNS write to no queue, and what it should deliver would be dropped`},
		{"reserved without concurrency", func(p *props) { p.Processor.Function.ReservedConcurrency = 5 },
			`Processor.Function.ReservedConcurrency is 5: needs a Processor.MaxConcurrency of at most that: pollers would go on receiving, and messages that are throttled count as tried`},
		{"concurrency above reserved", func(p *props) {
			p.Processor.MaxConcurrency, p.Processor.Function.ReservedConcurrency = 6, 5
		}, `Processor.MaxConcurrency is 6: needs at most Processor.Function.ReservedConcurrency, 5: what is above is throttled, and counts as tried`},
		{"reserved below none", func(p *props) { p.Publisher.Function.ReservedConcurrency = -1 },
			`Publisher.Function.ReservedConcurrency is -1: needs 1 at least, or 0 for none reserved: 0 as Lambda knows it would stop the function`},
		{"subnets of nothing", func(p *props) {
			p.Processor.Function.Subnets = &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED}
		}, `Processor.Function.Subnets is set: needs Processor.Function.VPC: that is what they are subnets of`},
		{"groups of nothing", func(p *props) { p.Processor.Function.SecurityGroups = []awsec2.ISecurityGroup{group} },
			`Processor.Function.SecurityGroups is 1: needs Processor.Function.VPC: outside of one there is nothing to guard`},
		{"nil group", func(p *props) {
			p.Processor.Function.VPC, p.Processor.Function.SecurityGroups = vpc, []awsec2.ISecurityGroup{nil}
		}, `Processor.Function.SecurityGroups is nil: needs groups that are not nil`},

		{"FIFO queue", func(p *props) { p.Queue.Existing = fifo },
			`Queue.Existing is "Test/Fifo": needs a standard queue: a FIFO queue drops what it takes for a duplicate, and holds a group back behind one message`},
		{"queue that expires and shows too early", func(p *props) { p.Queue.Existing = short },
			"2 problems:\n  - Queue.Existing is \"Test/Short\": needs a retention of 14 days, not 345600 s: no order expires in less; or leave it out there, to have it set" +
				"\n  - Queue.Existing is \"Test/Short\": needs a visibility timeout of at least 180 s, not 179 s: 6 × the processor's timeout and its batching window; or leave it out there, to have it set"},
		{"dead letters that expire and come early", func(p *props) { p.Queue.Existing = withDeadLetters },
			"2 problems:\n  - Queue.Existing's dead-letter queue is \"Test/TheirDeadLetters\": needs a retention of 14 days, not 1123200 s: no order expires in less; or leave it out there, to have it set" +
				"\n  - Queue.Existing's MaxReceiveCount is 3: needs 80 to 1000: less would give good orders up"},
		{"two dead-letter queues", func(p *props) {
			p.Queue.Existing, p.Queue.ExistingDeadLetterQueue, p.Queue.MaxReceiveCount = withDeadLetters, imported, 80
			p.Processor.Function.Timeout = seconds(900)
		}, "3 problems:\n  - Queue.Existing's dead-letter queue is \"Test/TheirDeadLetters\": needs a retention of 14 days, not 1123200 s: no order expires in less; or leave it out there, to have it set" +
			"\n  - Queue.ExistingDeadLetterQueue is \"Test/Imported\": needs to be left out: Queue.Existing has a dead-letter queue" +
			"\n  - Queue.MaxReceiveCount is 80: needs to be left out: Queue.Existing has a dead-letter queue, and says itself when a message goes there"},
		{"dead letters of nothing", func(p *props) { p.Queue.ExistingDeadLetterQueue = imported },
			`Queue.ExistingDeadLetterQueue is "Test/Imported": needs Queue.Existing: the queue that the construct makes has a dead-letter queue of its own`},

		{"table that decides", func(p *props) {
			p.Table = orderpipeline.TableProps{
				Existing: good, DisablePointInTimeRecovery: true, DeletionProtection: jsii.Bool(true),
				Indexes: []orderpipeline.IndexProps{{Field: "channel"}},
			}
		}, "3 problems:\n  - Table.DisablePointInTimeRecovery is set: needs to be left out with Table.Existing: say it where that table is made\n  - Table.DeletionProtection is set: "},
		{"table without a stream", func(p *props) { p.Table.Existing = streamless },
			`Table.Existing is "Test/Streamless": needs a stream, which the publisher reads: TablePropsV2.DynamoStream, or TableAttributesV2.TableStreamArn when it is imported`},
		{"imported table without a stream", func(p *props) { p.Table.Existing = importedTable },
			`Table.Existing is "Test/ImportedTable": needs a stream, which the publisher reads`},
		{"another table", func(p *props) { p.Table.Existing = other },
			"4 problems:\n  - Table.Existing is \"Test/Other\": needs a stream of NEW_IMAGE or NEW_AND_OLD_IMAGES, not KEYS_ONLY: the publisher reads the order from it" +
				"\n  - Table.Existing is \"Test/Other\": needs the partition key orderId and the sort key item, not orderId and none: an order and its refusals lie side by side" +
				"\n  - Table.Existing is \"Test/Other\": needs orderId to be a string, not N" +
				"\n  - Table.Existing is \"Test/Other\": needs the TTL attribute expiresAt, not ttl: refusals expire by it; or leave it out there, to have it set"},
		{"order TTL", func(p *props) { p.Table.OrderTTL = awscdk.Duration_Days(jsii.Number(27)) },
			`Table.OrderTTL is 2332800 s: needs 2419200 to 3153600000 s: a message may stay 14 days in the queue and 14 in the dead-letter queue, and would be a new order when it comes after its order is gone`},
		{"index without a field", func(p *props) { p.Table.Indexes = []orderpipeline.IndexProps{{SortField: "channel"}} },
			`Table.Indexes.Field is "": needs a name of 1 to 249 bytes without commas: it becomes that of an attribute`},
		{"index of nothing", func(p *props) { p.Table.Indexes = []orderpipeline.IndexProps{{}} },
			`Table.Indexes.Field is "": needs a name of 1 to 249 bytes without commas: it becomes that of an attribute`},
		{"index name", func(p *props) { p.Table.Indexes = []orderpipeline.IndexProps{{Field: "Kanal für"}} },
			`Table.Indexes.Name is "index_Kanal für": needs 3 to 255 letters, digits, _, - and dots, as DynamoDB does`},
		{"index twice", func(p *props) {
			p.Table.Indexes = []orderpipeline.IndexProps{{Field: "channel"}, {Field: "channel", SortField: "customerId"}}
		}, `Table.Indexes.Name is "index_channel": needs a name that no other index has`},
		{"index projection", func(p *props) {
			p.Table.Indexes = []orderpipeline.IndexProps{{Field: "channel", Projection: awsdynamodb.ProjectionType_INCLUDE}}
		}, `Table.Indexes.Projection is "INCLUDE": needs KEYS_ONLY or ALL: there is no list of what else to include`},
		{"index that sorts by itself", func(p *props) {
			p.Table.Indexes = []orderpipeline.IndexProps{{Field: "channel", SortField: "channel"}}
		}, `Table.Indexes.SortField is "channel": needs another field than Field: it would sort orders that are all equal`},
		{"too many indexes", func(p *props) {
			for i := range 21 {
				p.Table.Indexes = append(p.Table.Indexes, orderpipeline.IndexProps{Field: "channel", Name: "by_" + strconv.Itoa(i)})
			}
		}, `Table.Indexes is too long: needs at most 20 indexes, not 21, as DynamoDB does`},
		{"lifted field", func(p *props) { p.Table.IndexedFields = []string{"a,b"} },
			`Table.IndexedFields is "a,b": needs a name of 1 to 249 bytes without commas: it becomes that of an attribute`},
		{"lifted field that is no text", func(p *props) { p.Table.IndexedFields = []string{"items"} },
			`Table.IndexedFields is "items": needs a text on the document's top level: "items" is of type array in the schema (its text members: channel, `},
		{"index by a field that no document has", func(p *props) {
			p.Schema, p.Table.Indexes = closed, []orderpipeline.IndexProps{{Field: "channel", SortField: "chanel"}}
		}, `Table.Indexes.SortField is "chanel": needs a text on the document's top level: the schema has no member "chanel" and allows no others (its text members: channel, `},
		{"attribute that no document has", func(p *props) { p.Schema, p.Publisher.EventAttributes = closed, []string{"chanel"} },
			`Publisher.EventAttributes is "chanel": needs a text on the document's top level: the schema has no member "chanel"`},
		{"attribute that the schema does not name", func(p *props) { p.Publisher.EventAttributes = []string{"chanel"} }, ""},
		{"metrics by hand", func(p *props) { p.Publisher.Function.Environment = map[string]string{contract.EnvMetrics: "off"} },
			`Publisher.Function.Environment is "METRICS": needs another name: the construct sets this variable itself`},
		{"too many lifted fields", func(p *props) { p.Table.IndexedFields = strings.Split("a,b,c,d,e,f,g,h,i", ",") },
			`Table.IndexedFields is "a,b,c,d,e,f,g,h,i": needs at most 8 fields, those of Table.Indexes included, not 9: an item has no room for more beside the largest order`},
		{"replica of a stack without a region", func(p *props) { p.Table.Replicas = []orderpipeline.ReplicaProps{{Region: "eu-west-1"}} },
			`Table.Replicas is "eu-west-1": needs a stack that names its region (StackProps.Env): nobody knows otherwise whether this is another`},
		{"FIFO topic", func(p *props) { p.Topic.Existing = fifoTopic },
			`Topic.Existing is "Test/FifoTopic": needs a standard topic: a FIFO topic delivers to queues only, and the pipeline promises no order`},
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
		{"environment of the construct", func(p *props) { p.Processor.Function.Environment = map[string]string{contract.EnvTableName: "mine"} },
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
		{"event source", func(p *props) { p.Publisher.Event.Source = "a b" }, `Publisher.Event.Source is "a b": needs what CloudEvents asks for: `},
		{"architecture", func(p *props) {
			p.Publisher.Function.Architecture = awslambda.Architecture_Custom(jsii.String("mips"), nil)
		},
			`Publisher.Function.Architecture is "mips": needs ARM_64 or X86_64: Lambda knows no other`},
		{"code for another machine", func(p *props) {
			p.Processor.Function.Architecture = awslambda.Architecture_X86_64()
			p.Processor.Function.Code = orderpipeline.ProcessorCode(golambda.Target{}, nil)
		}, `Processor.Function.Code is built for arm64: needs to be built for amd64, Processor.Function.Architecture's: set golambda.CodeProps.Target`},
		{"event", func(p *props) { p.Publisher.Event.Type = "ä" },
			`Publisher.Event.Type is "ä": needs what CloudEvents asks for: `},
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

func TestReplicaValidation(t *testing.T) {
	stack := synthtest.NewStackIn(t, "us-east-1")
	replicas := func(list ...orderpipeline.ReplicaProps) *orderpipeline.OrderPipelineProps {
		return &orderpipeline.OrderPipelineProps{Table: orderpipeline.TableProps{Replicas: list}}
	}
	encrypted := replicas(orderpipeline.ReplicaProps{Region: "eu-west-1"})
	encrypted.EncryptionKey = awskms.NewKey(stack, jsii.String("Key"), nil)
	for _, test := range []struct {
		props *orderpipeline.OrderPipelineProps
		want  string
	}{
		{replicas(orderpipeline.ReplicaProps{Region: "Ireland"}), `Table.Replicas.Region is "Ireland": needs the name of a region, such as eu-west-1`},
		{replicas(orderpipeline.ReplicaProps{Region: "us-east-1"}), `Table.Replicas.Region is "us-east-1": needs another region than the stack's: the table itself is there`},
		{replicas(orderpipeline.ReplicaProps{Region: "eu-west-1"}, orderpipeline.ReplicaProps{Region: "eu-west-1"}), `Table.Replicas.Region is "eu-west-1": needs each region once`},
		{encrypted, `Table.Replicas.EncryptionKeyARN is "": needs a key of eu-west-1 when there is an EncryptionKey, and only then: all replicas are encrypted alike`},
		{replicas(orderpipeline.ReplicaProps{Region: "eu-west-1", EncryptionKeyARN: "arn:x"}), `Table.Replicas.EncryptionKeyARN is "arn:x": needs a key of eu-west-1 when there is an EncryptionKey, and only then`},
	} {
		got := synthtest.Panic(func() { orderpipeline.NewOrderPipeline(stack, "P", test.props) })
		if want := "orderpipeline.OrderPipelineProps: " + test.want; !strings.HasPrefix(got, want) {
			t.Errorf("panics with\n%s\nwant\n%s", got, want)
		}
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
