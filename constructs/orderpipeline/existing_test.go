package orderpipeline_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

func assertAt(t *testing.T, template synthtest.Template, want map[string]string) {
	t.Helper()
	for path, w := range want {
		if got := template.At(t, path); got != w {
			t.Errorf("%s is %s, want %s", path, got, w)
		}
	}
}

func arnOf(t *testing.T, template synthtest.Template, path string) string {
	t.Helper()
	return `{"Fn::GetAtt":["` + template.ID(t, path) + `","Arn"]}`
}

func TestExistingOfThisApp(t *testing.T) {
	stack := synthtest.NewStackIn(t, "us-east-1")
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	queue := awssqs.NewQueue(stack, jsii.String("Theirs"), &awssqs.QueueProps{EncryptionMasterKey: key})
	table := newTable(stack, "TheirTable", func(p *awsdynamodb.TablePropsV2) {
		p.Encryption = awsdynamodb.TableEncryptionV2_CustomerManagedKey(key, nil)
	})
	topic := awssns.NewTopic(stack, jsii.String("TheirTopic"), &awssns.TopicProps{MasterKey: key})
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Queue: orderpipeline.QueueProps{Existing: queue},
		Table: orderpipeline.TableProps{Existing: table, IndexedFields: []string{"channel"}},
		Topic: orderpipeline.TopicProps{Existing: topic},
	})
	if messages := synthtest.Warnings(stack); len(messages) > 0 {
		t.Errorf("warnings: %q", messages)
	}
	if p.Queue() != queue || p.Table() != table || p.Topic() != topic {
		t.Error("a getter does not return the existing resource")
	}
	template := synthtest.Synth(t, stack)
	assertAt(t, template, map[string]string{
		"Theirs.VisibilityTimeout":                        "180",
		"Theirs.MessageRetentionPeriod":                   "1209600",
		"Theirs.MaximumMessageSize":                       "245760",
		"Theirs.RedrivePolicy":                            `{"deadLetterTargetArn":` + arnOf(t, template, "PDeadLetterQueue") + `,"maxReceiveCount":80}`,
		"TheirTable.TimeToLiveSpecification":              `{"AttributeName":"expiresAt","Enabled":true}`,
		"PProcessorMapping.EventSourceArn":                arnOf(t, template, "Theirs"),
		"PProcessor.Environment.Variables.TABLE_NAME":     `{"Ref":"` + template.ID(t, "TheirTable") + `"}`,
		"PProcessor.Environment.Variables.INDEXED_FIELDS": `"channel"`,
		"PPublisherMapping.EventSourceArn":                `{"Fn::GetAtt":["` + template.ID(t, "TheirTable") + `","StreamArn"]}`,
		"PPublisher.Environment.Variables.TOPIC_ARN":      `{"Ref":"` + template.ID(t, "TheirTopic") + `"}`,
		"PDeadLetterQueue.SqsManagedSseEnabled":           "true",
		"POnFailureQueue.SqsManagedSseEnabled":            "true",
	})
	for _, kind := range []string{"AWS::DynamoDB::GlobalTable", "AWS::SNS::Topic"} {
		if got := template.IDs(kind); len(got) != 1 {
			t.Errorf("%s: %q, want theirs alone", kind, got)
		}
	}
	if got := template.IDs("AWS::SQS::Queue"); len(got) != 4 {
		t.Errorf("queues: %q, want theirs and the construct's three", got)
	}
	for policy, want := range map[string]string{
		"PProcessorRoleDefaultPolicy": `{"Action":["kms:Decrypt","kms:DescribeKey","kms:Encrypt","kms:GenerateDataKey*","kms:ReEncrypt*"],"Effect":"Allow","Resource":` + arnOf(t, template, "Key") + `}`,
		"PPublisherRoleDefaultPolicy": `{"Action":["kms:Decrypt","kms:GenerateDataKey*"],"Effect":"Allow","Resource":` + arnOf(t, template, "Key") + `}`,
	} {
		if got := strings.Join(template.Statements(t, policy), "\n"); !strings.Contains(got, want) {
			t.Errorf("%s is\n%s\nwant %s", policy, got, want)
		}
	}
}

// Valid settings of an existing queue are kept.
func TestExistingQueueWithDeadLetterQueue(t *testing.T) {
	stack := synthtest.NewStack(t)
	fortnight := awscdk.Duration_Days(jsii.Number(14))
	dlq := awssqs.NewQueue(stack, jsii.String("DLQ"), &awssqs.QueueProps{RetentionPeriod: fortnight})
	queue := awssqs.NewQueue(stack, jsii.String("Theirs"), &awssqs.QueueProps{
		VisibilityTimeout: seconds(600), RetentionPeriod: fortnight, MaxMessageSizeBytes: jsii.Number(100_000),
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: dlq, MaxReceiveCount: jsii.Number(99)},
	})
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Queue: orderpipeline.QueueProps{Existing: queue},
	})
	template := synthtest.Synth(t, stack)
	assertAt(t, template, map[string]string{
		"Theirs.VisibilityTimeout":  "600",
		"Theirs.MaximumMessageSize": "100000",
		"Theirs.RedrivePolicy":      `{"deadLetterTargetArn":` + arnOf(t, template, "DLQ") + `,"maxReceiveCount":99}`,
	})
	if *p.DeadLetterQueue().QueueArn() != *dlq.QueueArn() {
		t.Error("DeadLetterQueue is not theirs")
	}
}

func TestExistingImported(t *testing.T) {
	stack := synthtest.NewStack(t)
	orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Queue: orderpipeline.QueueProps{
			Existing: awssqs.Queue_FromQueueArn(stack, jsii.String("Queue"),
				jsii.String("arn:aws:sqs:us-east-1:123456789012:orders")),
			ExistingDeadLetterQueue: awssqs.Queue_FromQueueArn(stack, jsii.String("DLQ"),
				jsii.String("arn:aws:sqs:us-east-1:123456789012:dlq")),
			MaxReceiveCount: 90,
		},
		Table: orderpipeline.TableProps{
			Existing: awsdynamodb.TableV2_FromTableAttributes(stack, jsii.String("Table"), &awsdynamodb.TableAttributesV2{
				TableName:      jsii.String("orders"),
				TableStreamArn: jsii.String("arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/1"),
			}),
		},
		Topic: orderpipeline.TopicProps{
			Existing: awssns.Topic_FromTopicArn(stack, jsii.String("Topic"),
				jsii.String("arn:aws:sns:us-east-1:123456789012:events")),
		},
	})
	messages := strings.Join(synthtest.Warnings(stack), "\n")
	for _, want := range []string{
		"Queue.Existing is imported, so the construct cannot change it. Set on it: a visibility timeout of at least 180 s, " +
			"a retention of 14 days, a maximum message size of at most 245760 bytes, " +
			"and Test/DLQ as its dead-letter queue (retention 14 days) with a maxReceiveCount of at least 90.",
		"Table.Existing is imported, so the construct can neither check nor change it. It needs the partition key orderId " +
			"and the sort key item, both strings; a stream of NEW_IMAGE or NEW_AND_OLD_IMAGES; and the TTL attribute expiresAt.",
		"Topic.Existing is imported, so the construct can neither check nor change it. It needs a maximum message size of " +
			"at least 262144 bytes and, in another account, a policy that lets Test/P/Publisher publish.",
	} {
		if !strings.Contains(messages, want) {
			t.Errorf("warnings:\n%s\nwant %s", messages, want)
		}
	}
	template := synthtest.Synth(t, stack)
	assertAt(t, template, map[string]string{
		"PProcessorMapping.EventSourceArn":            `"arn:aws:sqs:us-east-1:123456789012:orders"`,
		"PProcessor.Environment.Variables.TABLE_NAME": `"orders"`,
		"PPublisherMapping.EventSourceArn":            `"arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/1"`,
		"PPublisher.Environment.Variables.TOPIC_ARN":  `"arn:aws:sns:us-east-1:123456789012:events"`,
	})
	if got := template.IDs("AWS::SQS::Queue"); len(got) != 2 {
		t.Errorf("queues: %q, want the rejected and the on-failure one", got)
	}
}

// Each imported resource gets its own warning about what to set by hand.
func TestImportedOneByOne(t *testing.T) {
	stack := synthtest.NewStackIn(t, "us-east-1")
	dlq := awssqs.Queue_FromQueueArn(stack, jsii.String("DLQ"),
		jsii.String("arn:aws:sqs:us-east-1:123456789012:dlq"))
	function := awslambda.Function_FromFunctionArn(stack, jsii.String("Function"),
		jsii.String("arn:aws:lambda:us-east-1:123456789012:function:f"))
	key := awskms.Key_FromKeyArn(stack, jsii.String("Imported"),
		jsii.String("arn:aws:kms:us-east-1:123456789012:key/1"))
	queue := func(id string, dlq awssqs.IQueue) awssqs.Queue {
		props := &awssqs.QueueProps{}
		if dlq != nil {
			props.DeadLetterQueue = &awssqs.DeadLetterQueue{Queue: dlq, MaxReceiveCount: jsii.Number(100)}
		}
		return awssqs.NewQueue(stack, &id, props)
	}
	for _, test := range []struct {
		id    string
		props props
		add   func(*orderpipeline.OrderPipeline)
		want  string
	}{
		{"Beside", props{Queue: orderpipeline.QueueProps{Existing: queue("One", nil), ExistingDeadLetterQueue: dlq}}, nil,
			"The dead-letter queue Test/DLQ is imported, so the construct cannot change it. " +
				"Set on it: a retention of 14 days, and a redrive allow policy that includes Test/One."},
		{"Of", props{Queue: orderpipeline.QueueProps{Existing: queue("Two", dlq)}}, nil,
			"The dead-letter queue Test/DLQ is imported"},
		{"Key", props{EncryptionKey: key}, nil,
			"EncryptionKey is imported, so the construct cannot change its policy. The policy must delegate access to IAM"},
		{"Call", props{}, func(p *orderpipeline.OrderPipeline) { p.AddLambdaSubscriber("Caller", function, nil) },
			"The function Test/Function is imported, so the construct cannot change its policy. " +
				"The policy must allow sns.amazonaws.com to use lambda:InvokeFunction"},
		{"Own", props{Queue: orderpipeline.QueueProps{Existing: queue("Three", nil)}},
			func(p *orderpipeline.OrderPipeline) { p.AddLambdaSubscriber("Caller", p.Publisher(), nil) }, ""},
	} {
		p := orderpipeline.NewOrderPipeline(stack, test.id, &test.props)
		if test.add != nil {
			test.add(p)
		}
		messages := strings.Join(synthtest.Warnings(p), "\n")
		if test.want == "" && messages != "" || !strings.Contains(messages, test.want) {
			t.Errorf("%s: warnings %q, want %q", test.id, messages, test.want)
		}
	}
}

func TestEncryptionKey(t *testing.T) {
	stack := synthtest.NewStackIn(t, "us-east-1")
	// With this flag, CDK's own subscription would make key and topic depend on each other.
	stack.Node().SetContext(jsii.String("@aws-cdk/aws-sns-subscriptions:restrictSqsDescryption"), true)
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{EncryptionKey: key})
	p.AddSubscriber("Billing", nil)
	if messages := synthtest.Warnings(stack); len(messages) > 0 {
		t.Errorf("warnings: %q", messages)
	}
	template := synthtest.Synth(t, stack) // fails on circular dependencies
	arn := arnOf(t, template, "Key")
	want := map[string]string{
		"PTable.SSESpecification": `{"SSEEnabled":true,"SSEType":"KMS"}`,
		"PTopic.KmsMasterKeyId":   arn,
	}
	for _, queue := range []string{
		"PQueue", "PDeadLetterQueue", "PRejectedQueue", "POnFailureQueue",
		"PSubscriberBillingQueue", "PSubscriberBillingDeadLetterQueue",
	} {
		want[queue+".KmsMasterKeyId"] = arn
		want[queue+".SqsManagedSseEnabled"] = "null"
	}
	assertAt(t, template, want)
	if got := template.At(t, "PTable.Replicas.0.SSESpecification"); got != `{"KMSMasterKeyId":`+arn+`}` {
		t.Errorf("the table's key is %s", got)
	}
	policy := template.At(t, "Key.KeyPolicy")
	if strings.Contains(policy, "PTopic") ||
		!strings.Contains(policy, `"Principal":{"Service":"sns.amazonaws.com"}`) {
		t.Errorf("the key's policy is %s", policy)
	}

	imported := awskms.Key_FromKeyArn(stack, jsii.String("Imported"),
		jsii.String("arn:aws:kms:us-east-1:123456789012:key/1"))
	q := orderpipeline.NewOrderPipeline(stack, "Q", &props{EncryptionKey: imported})
	q.AddSubscriber("Billing", nil)
	messages := strings.Join(synthtest.Warnings(stack), "\n")
	wantMessage := "The key Test/Imported is imported, so the construct cannot change its policy. " +
		"The policy must allow sns.amazonaws.com to use kms:Decrypt and kms:GenerateDataKey*"
	if !strings.Contains(messages, wantMessage) {
		t.Errorf("warnings:\n%s\nwant %s", messages, wantMessage)
	}
}
