package orderpipeline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/order"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// synth makes a pipeline with the props' differences from the defaults.
func synth(t *testing.T, mutate func(*orderpipeline.OrderPipelineProps)) synthtest.Template {
	t.Helper()
	var props orderpipeline.OrderPipelineProps
	if mutate != nil {
		mutate(&props)
	}
	stack := synthtest.NewStack(t)
	orderpipeline.NewOrderPipeline(stack, "P", &props)
	return synthtest.Synth(t, stack)
}

func seconds(s float64) awscdk.Duration { return awscdk.Duration_Seconds(&s) }

func TestDefaults(t *testing.T) {
	stack := synthtest.NewStack(t)
	orderpipeline.NewOrderPipeline(stack, "P", nil)
	template := synthtest.Synth(t, stack)

	arn := func(path string) string { return `{"Fn::GetAtt":["` + template.ID(t, path) + `","Arn"]}` }
	ref := func(path string) string { return `{"Ref":"` + template.ID(t, path) + `"}` }
	streamARN := `{"Fn::GetAtt":["` + template.ID(t, "PTable") + `","StreamArn"]}`
	for _, want := range [][2]string{
		{"PQueue.SqsManagedSseEnabled", "true"},
		{"PQueue.MessageRetentionPeriod", "1209600"},
		{"PQueue.MaximumMessageSize", "245760"}, // 256 KiB - 16 KiB
		{"PQueue.VisibilityTimeout", "180"},     // 6 × 30 s
		{"PQueue.RedrivePolicy", `{"deadLetterTargetArn":` + arn("PDeadLetterQueue") + `,"maxReceiveCount":80}`}, // 80 × 180 s = 4 h
		{"PQueue.RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`},
		{"PQueue.QueueName", "null"},
		{"PQueue.DeletionPolicy", `"Retain"`},
		{"PDeadLetterQueue.SqsManagedSseEnabled", "true"},
		{"PDeadLetterQueue.MessageRetentionPeriod", "1209600"},
		{"PDeadLetterQueue.MaximumMessageSize", "1048576"},
		{"PDeadLetterQueue.DeletionPolicy", `"Retain"`},
		{"PRejectedQueue.SqsManagedSseEnabled", "true"},
		{"PRejectedQueue.MessageRetentionPeriod", "1209600"},
		{"PRejectedQueue.MaximumMessageSize", "1048576"},
		{"PRejectedQueue.RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`},
		{"PRejectedQueue.DeletionPolicy", `"Retain"`},
		{"POnFailureQueue.SqsManagedSseEnabled", "true"},
		{"POnFailureQueue.MessageRetentionPeriod", "1209600"},
		{"POnFailureQueue.MaximumMessageSize", "1048576"},
		{"POnFailureQueue.RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`},
		{"POnFailureQueue.DeletionPolicy", `"Retain"`},

		{"PProcessor.Runtime", `"provided.al2023"`},
		{"PProcessor.Architectures", `["arm64"]`},
		{"PProcessor.Timeout", "30"},
		{"PProcessor.MemorySize", "256"},
		{"PProcessor.TracingConfig", "null"},
		{"PProcessor.ReservedConcurrentExecutions", "null"},
		{"PProcessor.LoggingConfig", `{"LogFormat":"JSON","LogGroup":` + ref("PProcessorLogs") + `}`},
		{"PProcessor.Environment.Variables", `{"MAX_DOCUMENT_BYTES":"245760","REJECTED_QUEUE_URL":` + ref("PRejectedQueue") + `,"TABLE_NAME":` + ref("PTable") + `}`},
		{"PProcessorLogs.RetentionInDays", "30"},
		{"PProcessorLogs.LogGroupName", "null"},
		{"PProcessorLogs.DeletionPolicy", `"Retain"`},
		{"PProcessorMapping.EventSourceArn", arn("PQueue")},
		{"PProcessorMapping.BatchSize", "10"},
		{"PProcessorMapping.MaximumBatchingWindowInSeconds", "null"},
		{"PProcessorMapping.FunctionResponseTypes", `["ReportBatchItemFailures"]`},
		{"PProcessorMapping.ScalingConfig", "null"},
		{"PProcessorMapping.FilterCriteria", "null"}, // what a filter leaves out of a queue is deleted

		{"PTable.BillingMode", `"PAY_PER_REQUEST"`},
		{"PTable.KeySchema", `[{"AttributeName":"orderId","KeyType":"HASH"},{"AttributeName":"item","KeyType":"RANGE"}]`},
		{"PTable.AttributeDefinitions", `[{"AttributeName":"orderId","AttributeType":"S"},{"AttributeName":"item","AttributeType":"S"}]`},
		{"PTable.StreamSpecification", `{"StreamViewType":"NEW_AND_OLD_IMAGES"}`},
		{"PTable.TimeToLiveSpecification", `{"AttributeName":"expiresAt","Enabled":true}`},
		{"PTable.Replicas", `[{"DeletionProtectionEnabled":true,"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true},"Region":{"Ref":"AWS::Region"}}]`},
		{"PTable.TableName", "null"},
		{"PTable.DeletionPolicy", `"Retain"`},

		{"PPublisher.Timeout", "30"},
		{"PPublisher.Architectures", `["arm64"]`},
		{"PPublisher.Environment.Variables", `{"EVENT_ATTRIBUTES":"","EVENT_SOURCE":"urn:orderpipeline","EVENT_TYPE":"orderpipeline.order.created.v1","MAX_EVENT_BYTES":"262144","ON_FAILURE_QUEUE_URL":` + ref("POnFailureQueue") + `,"TOPIC_ARN":` + ref("PTopic") + `}`},
		{"PPublisherMapping.EventSourceArn", streamARN},
		{"PPublisherMapping.BatchSize", "100"},
		{"PPublisherMapping.StartingPosition", `"TRIM_HORIZON"`},
		{"PPublisherMapping.BisectBatchOnFunctionError", "true"},
		{"PPublisherMapping.MaximumRetryAttempts", "-1"},
		{"PPublisherMapping.MaximumRecordAgeInSeconds", "72000"}, // 20 h of the stream's 24
		{"PPublisherMapping.ParallelizationFactor", "1"},
		{"PPublisherMapping.FunctionResponseTypes", `["ReportBatchItemFailures"]`},
		{"PPublisherMapping.FilterCriteria.Filters.0.Pattern", `"{\"dynamodb\":{\"NewImage\":{\"kind\":{\"S\":[\"order\"]}}},\"eventName\":[\"INSERT\"]}"`},
		{"PPublisherMapping.DestinationConfig", `{"OnFailure":{"Destination":` + arn("POnFailureQueue") + `}}`},

		{"PTopic.TopicName", "null"},
		{"PTopic.MaximumMessageSize", "null"},
		{"PTopic.FifoTopic", "null"},
	} {
		if got := template.At(t, want[0]); got != want[1] {
			t.Errorf("%s is %s, want %s", want[0], got, want[1])
		}
	}

	t.Run("each role may do what its function does", func(t *testing.T) {
		logs := func(path string) string {
			return `{"Action":["logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":` + arn(path) + `}`
		}
		for policy, want := range map[string][]string{
			"PProcessorRoleDefaultPolicy": {
				logs("PProcessorLogs"),
				`{"Action":"dynamodb:PutItem","Effect":"Allow","Resource":` + arn("PTable") + `}`,
				`{"Action":"sqs:SendMessage","Effect":"Allow","Resource":` + arn("PRejectedQueue") + `}`,
				`{"Action":["sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes"],"Effect":"Allow","Resource":` + arn("PQueue") + `}`,
			},
			"PPublisherRoleDefaultPolicy": {
				logs("PPublisherLogs"),
				`{"Action":"sns:Publish","Effect":"Allow","Resource":` + ref("PTopic") + `}`,
				`{"Action":"sqs:SendMessage","Effect":"Allow","Resource":` + arn("POnFailureQueue") + `}`,
				`{"Action":["dynamodb:DescribeStream","dynamodb:GetRecords","dynamodb:GetShardIterator","dynamodb:ListStreams"],"Effect":"Allow","Resource":` + streamARN + `}`,
			},
		} {
			if diff := cmp.Diff(want, template.Statements(t, policy)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", policy, diff)
			}
		}
		for _, id := range template.IDs("AWS::IAM::Role") {
			if managed := template.Resources[id].Properties["ManagedPolicyArns"]; managed != nil {
				t.Errorf("%s has managed policies: %v", id, managed)
			}
		}
	})

	t.Run("queues and topic refuse plain HTTP", func(t *testing.T) {
		for _, policy := range []string{"PQueuePolicy", "PDeadLetterQueuePolicy", "PRejectedQueuePolicy", "POnFailureQueuePolicy", "PTopicPolicy"} {
			if s := template.Statements(t, policy)[0]; !strings.Contains(s, `"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"`) {
				t.Errorf("%s: %s", policy, s)
			}
		}
	})

	t.Run("nothing but what the pipeline is made of", func(t *testing.T) {
		got := map[string]int{}
		for _, r := range template.Resources {
			got[r.Type]++
		}
		want := map[string]int{
			"AWS::SQS::Queue": 4, "AWS::SQS::QueuePolicy": 4, "AWS::DynamoDB::GlobalTable": 1, "AWS::SNS::Topic": 1, "AWS::SNS::TopicPolicy": 1,
			"AWS::Lambda::Function": 2, "AWS::Lambda::EventSourceMapping": 2, "AWS::IAM::Role": 2, "AWS::IAM::Policy": 2, "AWS::Logs::LogGroup": 2,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("resources (-want +got):\n%s", diff)
		}
		if len(template.Outputs) > 0 {
			t.Errorf("outputs nobody asked for: %v", template.Outputs)
		}
	})

	// Never to be changed: another logical id is another table, another queue, another topic, and the orders stay behind.
	t.Run("logical ids", func(t *testing.T) {
		got := slices.Concat(template.IDs("AWS::DynamoDB::GlobalTable"), template.IDs("AWS::SQS::Queue"), template.IDs("AWS::SNS::Topic"))
		want := []string{"PTable25934F62", "PDeadLetterQueueB380A4A9", "POnFailureQueue3AF060BF", "PQueue6451F1B1", "PRejectedQueueB8594100", "PTopic073523E2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestProps(t *testing.T) {
	own := strings.Replace(string(order.DefaultSchema().JSON()), `"title": "Order"`, `"title": "Mine"`, 1)
	schema, err := order.NewSchema([]byte(own), "orderId")
	if err != nil {
		t.Fatal(err)
	}
	type props = orderpipeline.OrderPipelineProps
	for _, test := range []struct {
		name   string
		mutate func(*props)
		want   map[string]string
	}{
		{"Processor.Function.Timeout", func(p *props) { p.Processor.Function.Timeout = seconds(60) }, map[string]string{
			"PProcessor.Timeout":                   "60",
			"PQueue.VisibilityTimeout":             "360",
			"PQueue.RedrivePolicy.maxReceiveCount": "40",
		}},
		{"Processor.BatchingWindow", func(p *props) { p.Processor.BatchSize, p.Processor.BatchingWindow = 500, seconds(20) }, map[string]string{
			"PProcessorMapping.BatchSize":                      "500",
			"PProcessorMapping.MaximumBatchingWindowInSeconds": "20",
			"PQueue.VisibilityTimeout":                         "200",
			"PQueue.RedrivePolicy.maxReceiveCount":             "72",
		}},
		{"Processor.MaxConcurrency", func(p *props) { p.Processor.MaxConcurrency = 7 }, map[string]string{
			"PProcessorMapping.ScalingConfig": `{"MaximumConcurrency":7}`,
		}},
		{"Processor.Function", func(p *props) {
			p.Processor.Function = orderpipeline.FunctionProps{
				Architecture: awslambda.Architecture_X86_64(),
				MemoryMiB:    1024,
				Environment:  map[string]string{"PRICE_LIST": "s3://x"},
				Tracing:      true,
				LogRetention: awslogs.RetentionDays_ONE_YEAR,
			}
		}, map[string]string{
			"PProcessor.Architectures":                    `["x86_64"]`,
			"PProcessor.MemorySize":                       "1024",
			"PProcessor.Environment.Variables.PRICE_LIST": `"s3://x"`,
			"PProcessor.TracingConfig":                    `{"Mode":"Active"}`,
			"PProcessorLogs.RetentionInDays":              "365",
			"PPublisher.Architectures":                    `["arm64"]`,
		}},
		{"Publisher.Function", func(p *props) {
			p.Publisher.Function = orderpipeline.FunctionProps{Timeout: seconds(45), MemoryMiB: 512, Architecture: awslambda.Architecture_X86_64()}
		}, map[string]string{
			"PPublisher.Timeout":       "45",
			"PPublisher.MemorySize":    "512",
			"PPublisher.Architectures": `["x86_64"]`,
			"PQueue.VisibilityTimeout": "180",
		}},
		{"Publisher", func(p *props) {
			p.Publisher.BatchSize, p.Publisher.BatchingWindow, p.Publisher.ParallelizationFactor = 10, seconds(2), 4
			p.Publisher.Event = order.EventFormat{Source: "https://shop.example/orders", Type: "shop.order.v1"}
			p.Publisher.EventAttributes = []string{"currency", "channel"}
		}, map[string]string{
			"PPublisherMapping.BatchSize":                       "10",
			"PPublisherMapping.MaximumBatchingWindowInSeconds":  "2",
			"PPublisherMapping.ParallelizationFactor":           "4",
			"PPublisher.Environment.Variables.EVENT_SOURCE":     `"https://shop.example/orders"`,
			"PPublisher.Environment.Variables.EVENT_TYPE":       `"shop.order.v1"`,
			"PPublisher.Environment.Variables.EVENT_ATTRIBUTES": `"currency,channel"`,
		}},
		{"Queue.MaxReceiveCount", func(p *props) { p.Queue.MaxReceiveCount = 200 }, map[string]string{
			"PQueue.RedrivePolicy.maxReceiveCount": "200",
		}},
		{"Table.DisablePointInTimeRecovery", func(p *props) { p.Table.DisablePointInTimeRecovery = true }, map[string]string{
			"PTable.Replicas.0.PointInTimeRecoverySpecification": `{"PointInTimeRecoveryEnabled":false}`,
		}},
		{"Table.DeletionProtection", func(p *props) { p.Table.DeletionProtection = jsii.Bool(false) }, map[string]string{
			"PTable.Replicas.0.DeletionProtectionEnabled": "false",
			"PTable.DeletionPolicy":                       `"Retain"`,
		}},
		{"RemovalPolicy", func(p *props) { p.RemovalPolicy = awscdk.RemovalPolicy_DESTROY }, map[string]string{
			"PTable.DeletionPolicy":                       `"Delete"`,
			"PTable.Replicas.0.DeletionProtectionEnabled": "false",
			"PQueue.DeletionPolicy":                       `"Delete"`,
			"PDeadLetterQueue.DeletionPolicy":             `"Delete"`,
			"PRejectedQueue.DeletionPolicy":               `"Delete"`,
			"POnFailureQueue.DeletionPolicy":              `"Delete"`,
			"PProcessorLogs.DeletionPolicy":               `"Delete"`,
			"PPublisherLogs.DeletionPolicy":               `"Delete"`,
		}},
		{"Topic.MaxMessageSizeBytes below SNS's own", func(p *props) { p.Topic.MaxMessageSizeBytes = 100_000 }, map[string]string{
			"PTopic.MaximumMessageSize":                           "100000",
			"PQueue.MaximumMessageSize":                           "83616",
			"PProcessor.Environment.Variables.MAX_DOCUMENT_BYTES": `"83616"`,
			"PPublisher.Environment.Variables.MAX_EVENT_BYTES":    `"100000"`,
		}},
		{"Topic.MaxMessageSizeBytes above what an item holds", func(p *props) { p.Topic.MaxMessageSizeBytes = 1_048_576 }, map[string]string{
			"PTopic.MaximumMessageSize":                           "1048576",
			"PQueue.MaximumMessageSize":                           "1032192",
			"PProcessor.Environment.Variables.MAX_DOCUMENT_BYTES": `"393216"`,
			"PPublisher.Environment.Variables.MAX_EVENT_BYTES":    `"1048576"`,
		}},
		{"Schema", func(p *props) {
			p.Schema = schema
			p.Processor.Function.Code = awslambda.Code_FromCfnParameters(nil)
		}, map[string]string{
			"PProcessor.Code.S3Key": `{"Ref":"PProcessorLambdaSourceObjectKeyParameterF6A8BD83"}`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			template := synth(t, test.mutate)
			for path, want := range test.want {
				if got := template.At(t, path); got != want {
					t.Errorf("%s is %s, want %s", path, got, want)
				}
			}
		})
	}
}

func TestPropsAreNotChanged(t *testing.T) {
	props := orderpipeline.OrderPipelineProps{Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"channel"}}}
	stack := synthtest.NewStack(t)
	orderpipeline.NewOrderPipeline(stack, "One", &props)
	p := orderpipeline.NewOrderPipeline(stack, "Two", &props) // and two fit in one stack
	p.AddSubscriber("Billing", &orderpipeline.SubscriberProps{})
	if diff := cmp.Diff(orderpipeline.OrderPipelineProps{Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"channel"}}}, props,
		cmp.Comparer(func(a, b *order.Schema) bool { return a == b })); diff != "" {
		t.Errorf("props changed (-want +got):\n%s", diff)
	}
	if got := synthtest.Synth(t, stack).IDs("AWS::DynamoDB::GlobalTable"); len(got) != 2 {
		t.Errorf("tables %q, want 2", got)
	}
}

func TestAddSubscriber(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)
	p.AddSubscriber("Billing", nil)
	shipping := p.AddSubscriber("Shipping", &orderpipeline.SubscriberProps{
		FilterPolicy: map[string]awssns.SubscriptionFilter{
			"channel": awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{Allowlist: jsii.Strings("web")}),
		},
		VisibilityTimeout: seconds(600),
		MaxReceiveCount:   5,
	})
	template := synthtest.Synth(t, stack)

	topic := `{"Ref":"` + template.ID(t, "PTopic") + `"}`
	for _, name := range []string{"Billing", "Shipping"} {
		prefix := "PSubscriber" + name
		dlq := `{"Fn::GetAtt":["` + template.ID(t, prefix+"DeadLetterQueue") + `","Arn"]}`
		queue := `{"Fn::GetAtt":["` + template.ID(t, prefix+"Queue") + `","Arn"]}`
		subscription := prefix + "QueueTestPTopic" + suffix(t, template, prefix+"QueueTestPTopic")
		want := map[string]string{
			subscription + ".Protocol":                        `"sqs"`,
			subscription + ".Endpoint":                        queue,
			subscription + ".TopicArn":                        topic,
			subscription + ".RawMessageDelivery":              "true",
			subscription + ".RedrivePolicy":                   `{"deadLetterTargetArn":` + dlq + `}`,
			prefix + "Queue.RedrivePolicy":                    `{"deadLetterTargetArn":` + dlq + `,"maxReceiveCount":80}`,
			prefix + "Queue.VisibilityTimeout":                "180",
			prefix + "Queue.SqsManagedSseEnabled":             "true", // aws/sqs's key would drop what SNS sends
			prefix + "Queue.MessageRetentionPeriod":           "1209600",
			prefix + "DeadLetterQueue.SqsManagedSseEnabled":   "true",
			prefix + "DeadLetterQueue.MessageRetentionPeriod": "1209600",
			prefix + "DeadLetterQueue.MaximumMessageSize":     "1048576",
			subscription + ".FilterPolicy":                    "null",
		}
		if name == "Shipping" {
			want[subscription+".FilterPolicy"] = `{"channel":["web"]}`
			want[prefix+"Queue.VisibilityTimeout"] = "600"
			want[prefix+"Queue.RedrivePolicy"] = `{"deadLetterTargetArn":` + dlq + `,"maxReceiveCount":5}`
		}
		for path, w := range want {
			if got := template.At(t, path); got != w {
				t.Errorf("%s is %s, want %s", path, got, w)
			}
		}
		for _, policy := range []string{prefix + "QueuePolicy", prefix + "DeadLetterQueuePolicy"} {
			statements := template.Statements(t, policy)
			if len(statements) != 2 || !strings.Contains(statements[0], `"aws:SecureTransport":"false"`) ||
				!strings.Contains(statements[1], `"Action":"sqs:SendMessage","Condition":{"ArnEquals":{"aws:SourceArn":`+topic+`}},"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"}`) {
				t.Errorf("%s: %s", policy, statements)
			}
		}
	}
	if got := len(p.Subscribers()); got != 2 || p.Subscribers()[1] != shipping || shipping.ID() != "Shipping" {
		t.Errorf("Subscribers: %d", got)
	}
	if *shipping.Subscription().Node().Path() == "" || *shipping.Queue().QueueArn() == "" || *shipping.DeadLetterQueue().QueueArn() == "" {
		t.Error("getters are empty")
	}
}

// suffix is the hash that CDK puts into the id of a subscription, which is named after queue and topic.
func suffix(t *testing.T, template synthtest.Template, prefix string) string {
	t.Helper()
	for _, id := range template.IDs("AWS::SNS::Subscription") {
		if rest, ok := strings.CutPrefix(id, prefix); ok {
			return rest[:len(rest)-8]
		}
	}
	t.Fatal("no subscription " + prefix)
	return ""
}
