package orderpipeline_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/order"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

// synth makes a pipeline with the default props as changed by mutate.
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
		{"PQueue.DeletionPolicy", `"RetainExceptOnCreate"`},
		{"PDeadLetterQueue.SqsManagedSseEnabled", "true"},
		{"PDeadLetterQueue.MessageRetentionPeriod", "1209600"},
		{"PDeadLetterQueue.MaximumMessageSize", "1048576"},
		{"PDeadLetterQueue.DeletionPolicy", `"RetainExceptOnCreate"`},
		{"PRejectedQueue.SqsManagedSseEnabled", "true"},
		{"PRejectedQueue.MessageRetentionPeriod", "1209600"},
		{"PRejectedQueue.MaximumMessageSize", "1048576"},
		{"PRejectedQueue.RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`},
		{"PRejectedQueue.DeletionPolicy", `"RetainExceptOnCreate"`},
		{"POnFailureQueue.SqsManagedSseEnabled", "true"},
		{"POnFailureQueue.MessageRetentionPeriod", "1209600"},
		{"POnFailureQueue.MaximumMessageSize", "1048576"},
		{"POnFailureQueue.RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`},
		{"POnFailureQueue.DeletionPolicy", `"RetainExceptOnCreate"`},

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
		{"PProcessorLogs.DeletionPolicy", `"RetainExceptOnCreate"`},
		{"PProcessorMapping.EventSourceArn", arn("PQueue")},
		{"PProcessorMapping.BatchSize", "10"},
		{"PProcessorMapping.MaximumBatchingWindowInSeconds", "null"},
		{"PProcessorMapping.FunctionResponseTypes", `["ReportBatchItemFailures"]`},
		{"PProcessorMapping.ScalingConfig", "null"},
		{"PProcessorMapping.FilterCriteria", "null"}, // Lambda deletes what a filter leaves out of a queue

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

	t.Run("each role has the permissions of its function", func(t *testing.T) {
		logs := func(path string) string {
			return `{"Action":["logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":` + arn(path) + `}`
		}
		for policy, want := range map[string][]string{
			"PProcessorRoleDefaultPolicy": {
				logs("PProcessorLogs"),
				`{"Action":["dynamodb:PutItem","dynamodb:ConditionCheckItem"],"Effect":"Allow","Resource":` + arn("PTable") + `}`,
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
		const deny = `"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"`
		for _, policy := range []string{
			"PQueuePolicy", "PDeadLetterQueuePolicy", "PRejectedQueuePolicy", "POnFailureQueuePolicy",
			"PTopicPolicy",
		} {
			if s := template.Statements(t, policy)[0]; !strings.Contains(s, deny) {
				t.Errorf("%s: %s", policy, s)
			}
		}
	})

	t.Run("no other resources", func(t *testing.T) {
		got := map[string]int{}
		for _, r := range template.Resources {
			got[r.Type]++
		}
		want := map[string]int{
			"AWS::SQS::Queue": 4, "AWS::SQS::QueuePolicy": 4, "AWS::DynamoDB::GlobalTable": 1,
			"AWS::SNS::Topic": 1, "AWS::SNS::TopicPolicy": 1,
			"AWS::Lambda::Function": 2, "AWS::Lambda::EventSourceMapping": 2,
			"AWS::IAM::Role": 2, "AWS::IAM::Policy": 2, "AWS::Logs::LogGroup": 2,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("resources (-want +got):\n%s", diff)
		}
		if len(template.Outputs) > 0 {
			t.Errorf("unexpected outputs: %v", template.Outputs)
		}
	})

	// These ids must never change: another logical id is another table, queue or topic, and the
	// orders in the old one stay behind.
	t.Run("logical ids", func(t *testing.T) {
		got := slices.Concat(template.IDs("AWS::DynamoDB::GlobalTable"),
			template.IDs("AWS::SQS::Queue"), template.IDs("AWS::SNS::Topic"))
		want := []string{
			"PTable25934F62", "PDeadLetterQueueB380A4A9", "POnFailureQueue3AF060BF",
			"PQueue6451F1B1", "PRejectedQueueB8594100", "PTopic073523E2",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestProps(t *testing.T) {
	custom := strings.ReplaceAll(string(order.DefaultSchema().JSON()), "orderId", "number")
	schema, err := order.NewSchema([]byte(custom), "number")
	if err != nil {
		t.Fatal(err)
	}
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
		{"Processor.BatchingWindow", func(p *props) {
			p.Processor.BatchSize, p.Processor.BatchingWindow = 500, seconds(20)
		}, map[string]string{
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
		{"DisableMetrics", func(p *props) { p.DisableMetrics = true }, map[string]string{
			"PProcessor.Environment.Variables.METRICS": `"off"`,
			"PPublisher.Environment.Variables.METRICS": `"off"`,
		}},
		{"Publisher.Function", func(p *props) {
			p.Publisher.Function = orderpipeline.FunctionProps{
				Timeout: seconds(45), MemoryMiB: 512, Architecture: awslambda.Architecture_X86_64(),
			}
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
			"PTable.DeletionPolicy":                       `"RetainExceptOnCreate"`,
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
			"PProcessor.MemorySize":                               "1024",
			"PQueue.MaximumMessageSize":                           "1032192",
			"PProcessor.Environment.Variables.MAX_DOCUMENT_BYTES": `"393216"`,
			"PPublisher.Environment.Variables.MAX_EVENT_BYTES":    `"1048576"`,
		}},
		{"Schema", func(p *props) { p.Schema = schema }, map[string]string{
			"PProcessor.Environment.Variables.ORDER_ID_FIELD": `"number"`,
		}},
		{"Processor.Function.Code", func(p *props) {
			p.Schema = schema
			p.Processor.Function.Code = awslambda.Code_FromCfnParameters(nil)
		}, map[string]string{
			"PProcessor.Code.S3Key":                           `{"Ref":"PProcessorLambdaSourceObjectKeyParameterF6A8BD83"}`,
			"PProcessor.Environment.Variables.ORDER_ID_FIELD": `"number"`,
		}},
		{"Processor.Function.ReservedConcurrency", func(p *props) {
			p.Processor.MaxConcurrency, p.Processor.Function.ReservedConcurrency = 7, 9
		}, map[string]string{
			"PProcessor.ReservedConcurrentExecutions": "9",
		}},
		{"Table.OrderTTL", func(p *props) { p.Table.OrderTTL = awscdk.Duration_Days(jsii.Number(365)) }, map[string]string{
			"PProcessor.Environment.Variables.ORDER_TTL_SECONDS": `"31536000"`,
		}},
		{"Table.IndexedFields", func(p *props) { p.Table.IndexedFields = []string{"note", "channel", "note"} }, map[string]string{
			"PProcessor.Environment.Variables.INDEXED_FIELDS": `"channel,note"`,
			"PTable.GlobalSecondaryIndexes":                   "null",
		}},
		{"Table.Indexes", func(p *props) {
			p.Table.Indexes = []orderpipeline.IndexProps{
				{Field: "customerId"},
				{Field: "channel", SortField: "customerId", Name: "by-channel", Projection: awsdynamodb.ProjectionType_ALL},
			}
		}, map[string]string{
			"PProcessor.Environment.Variables.INDEXED_FIELDS": `"channel,customerId"`,
			"PTable.GlobalSecondaryIndexes": `[{"IndexName":"index_customerId","KeySchema":[{"AttributeName":"index_customerId","KeyType":"HASH"},{"AttributeName":"storedAt","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}},` +
				`{"IndexName":"by-channel","KeySchema":[{"AttributeName":"index_channel","KeyType":"HASH"},{"AttributeName":"index_customerId","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}]`,
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

func TestReplicas(t *testing.T) {
	stack := synthtest.NewStackIn(t, "us-east-1")
	orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Table: orderpipeline.TableProps{Replicas: []orderpipeline.ReplicaProps{{Region: "eu-west-1"}}},
	})
	got := synthtest.Synth(t, stack).At(t, "PTable.Replicas")
	for _, want := range []string{`"Region":"eu-west-1"`, `"Region":"us-east-1"`} {
		if !strings.Contains(got, want) {
			t.Errorf("replicas are %s, want %s", got, want)
		}
	}
}

func TestReplicasWithKeys(t *testing.T) {
	stack := synthtest.NewStackIn(t, "us-east-1")
	const elsewhere = "arn:aws:kms:eu-west-1:123456789012:key/1"
	orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		EncryptionKey: awskms.NewKey(stack, jsii.String("Key"), nil),
		Table: orderpipeline.TableProps{
			Replicas: []orderpipeline.ReplicaProps{{Region: "eu-west-1", EncryptionKeyARN: elsewhere}},
		},
	})
	got := synthtest.Synth(t, stack).At(t, "PTable.Replicas")
	if want := `"Region":"eu-west-1","SSESpecification":{"KMSMasterKeyId":"` + elsewhere + `"}`; !strings.Contains(got, want) {
		t.Errorf("replicas are %s, want %s", got, want)
	}
}

func TestNetworkAndRole(t *testing.T) {
	stack := synthtest.NewStack(t)
	vpc := awsec2.Vpc_FromVpcAttributes(stack, jsii.String("VPC"), &awsec2.VpcAttributes{
		VpcId: jsii.String("vpc-1"), AvailabilityZones: jsii.Strings("a"),
		IsolatedSubnetIds: jsii.Strings("subnet-1"), PrivateSubnetIds: jsii.Strings("subnet-2"),
	})
	group := awsec2.SecurityGroup_FromSecurityGroupId(stack, jsii.String("Group"), jsii.String("sg-1"), nil)
	role := awsiam.NewRole(stack, jsii.String("Theirs"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	var props orderpipeline.OrderPipelineProps
	props.Processor.Function = orderpipeline.FunctionProps{
		VPC:            vpc,
		Subnets:        &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED},
		SecurityGroups: []awsec2.ISecurityGroup{group},
		Role:           role,
	}
	orderpipeline.NewOrderPipeline(stack, "P", &props)
	template := synthtest.Synth(t, stack)
	for path, want := range map[string]string{
		"PProcessor.VpcConfig": `{"SecurityGroupIds":["sg-1"],"SubnetIds":["subnet-1"]}`,
		"PProcessor.Role":      `{"Fn::GetAtt":["` + template.ID(t, "Theirs") + `","Arn"]}`,
		"PPublisher.VpcConfig": "null",
	} {
		if got := template.At(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	statements := strings.Join(template.Statements(t, "TheirsDefaultPolicy"), "\n")
	for _, want := range []string{
		`{"Action":["ec2:CreateNetworkInterface","ec2:DeleteNetworkInterface","ec2:DescribeNetworkInterfaces","ec2:DescribeSubnets","ec2:AssignPrivateIpAddresses","ec2:UnassignPrivateIpAddresses"],"Effect":"Allow","Resource":"*"}`,
		`"logs:PutLogEvents"`, `"dynamodb:PutItem"`, `"sqs:SendMessage"`, `"sqs:ReceiveMessage"`,
	} {
		if !strings.Contains(statements, want) {
			t.Errorf("the role has\n%s\nwant %s", statements, want)
		}
	}
	if got := template.IDs("AWS::IAM::Role"); len(got) != 2 { // theirs and the publisher's
		t.Errorf("roles: %q", got)
	}
}

// A role that CDK cannot change must have the permissions already: a warning lists them.
func TestImmutableRole(t *testing.T) {
	stack := synthtest.NewStack(t)
	own := awsiam.NewRole(stack, jsii.String("Own"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	imported := func(id string, mutable bool) awsiam.IRole {
		return awsiam.Role_FromRoleArn(stack, &id, jsii.String("arn:aws:iam::123456789012:role/"+id),
			&awsiam.FromRoleArnOptions{Mutable: &mutable})
	}
	for id, test := range map[string]struct {
		role  awsiam.IRole
		warns bool
	}{
		"Changed":  {own, false},
		"Attached": {imported("Mutable", true), false},
		"Frozen":   {own.WithoutPolicyUpdates(nil), true},
		"Fixed":    {imported("Immutable", false), true},
	} {
		var props orderpipeline.OrderPipelineProps
		props.Processor.Function = orderpipeline.FunctionProps{Role: test.role, Tracing: true}
		props.Publisher.Function.Role = test.role
		p := orderpipeline.NewOrderPipeline(stack, id, &props)
		messages := strings.Join(synthtest.Warnings(p), "\n")
		for _, want := range []string{
			"Processor.Function.Role (",
			"It must let lambda.amazonaws.com assume it, and allow: dynamodb:PutItem and " +
				"dynamodb:ConditionCheckItem on Table; sqs:SendMessage on RejectedQueue; ",
			"logs:CreateLogStream and logs:PutLogEvents on its log group; xray:PutTraceSegments",
			"Publisher.Function.Role (",
			"sns:Publish on Topic; sqs:SendMessage on OnFailureQueue; logs:",
		} {
			if strings.Contains(messages, want) != test.warns {
				t.Errorf("%s: warnings %q contain %q: %t, want %t", id, messages, want, !test.warns, test.warns)
			}
		}
	}
}

// A custom schema is placed beside the processor's binary, and beside no other.
func TestSchemaFile(t *testing.T) {
	if testing.Short() {
		t.Skip("builds both functions")
	}
	custom := strings.ReplaceAll(string(order.DefaultSchema().JSON()), "orderId", "number")
	schema, err := order.NewSchema([]byte(custom), "number")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	stack := synthtest.NewStackWithCode(t, out)
	orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{Schema: schema})
	found, err := filepath.Glob(filepath.Join(out, "asset.*", orderpipeline.SchemaFile))
	if err != nil || len(found) != 1 {
		t.Fatalf("schema files: %q (%v), want one", found, err)
	}
	if got, err := os.ReadFile(found[0]); err != nil || string(got) != custom {
		t.Errorf("the schema is %s (%v)", got, err)
	}
	if binaries, _ := filepath.Glob(filepath.Join(out, "asset.*", "bootstrap")); len(binaries) != 2 {
		t.Errorf("binaries: %q", binaries)
	}
}

func TestPropsAreNotChanged(t *testing.T) {
	newProps := func() orderpipeline.OrderPipelineProps {
		return orderpipeline.OrderPipelineProps{
			Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"channel"}},
		}
	}
	props := newProps()
	stack := synthtest.NewStack(t)
	orderpipeline.NewOrderPipeline(stack, "One", &props)
	p := orderpipeline.NewOrderPipeline(stack, "Two", &props) // and two fit in one stack
	p.AddSubscriber("Billing", &orderpipeline.SubscriberProps{})
	sameSchema := cmp.Comparer(func(a, b *order.Schema) bool { return a == b })
	if diff := cmp.Diff(newProps(), props, sameSchema); diff != "" {
		t.Errorf("props changed (-want +got):\n%s", diff)
	}
	if got := synthtest.Synth(t, stack).IDs("AWS::DynamoDB::GlobalTable"); len(got) != 2 {
		t.Errorf("tables %q, want 2", got)
	}
}
