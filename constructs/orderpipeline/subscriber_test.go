package orderpipeline_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

func TestAddSubscriber(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"channel"}},
	})
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
			prefix + "Queue.SqsManagedSseEnabled":             "true", // alias/aws/sqs would keep SNS out
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
			allow := `"Action":"sqs:SendMessage","Condition":{"ArnEquals":{"aws:SourceArn":` + topic +
				`}},"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"}`
			if len(statements) != 2 ||
				!strings.Contains(statements[0], `"aws:SecureTransport":"false"`) ||
				!strings.Contains(statements[1], allow) {
				t.Errorf("%s: %s", policy, statements)
			}
		}
	}
	all := p.Subscribers()
	if len(all) != 2 || all[1] != shipping || shipping.ID() != "Shipping" {
		t.Errorf("Subscribers: %d", len(all))
	}
	if *shipping.Subscription().Node().Path() == "" || *shipping.Queue().QueueArn() == "" ||
		*shipping.DeadLetterQueue().QueueArn() == "" {
		t.Error("getters are empty")
	}
}

// suffix returns the hash that CDK puts into the id of a subscription, which it names after queue
// and topic.
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

// subscription returns the properties of the one subscription with a protocol.
func subscription(t *testing.T, template synthtest.Template, protocol string) map[string]any {
	t.Helper()
	for _, id := range template.IDs("AWS::SNS::Subscription") {
		if p := template.Resources[id].Properties; p["Protocol"] == protocol {
			return p
		}
	}
	t.Fatal("no subscription of protocol " + protocol)
	return nil
}

func TestOtherSubscribers(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"channel"}},
	})
	web := awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{Allowlist: jsii.Strings("web")})
	body := map[string]awssns.FilterOrPolicy{
		"data": awssns.FilterOrPolicy_Policy(&map[string]awssns.FilterOrPolicy{
			"channel": awssns.FilterOrPolicy_Filter(web),
		}),
	}

	function := p.Processor() // any will do
	lambda := p.AddLambdaSubscriber("Call", function, &orderpipeline.SubscriptionProps{
		FilterPolicyWithMessageBody: body,
	})
	p.AddHTTPSSubscriber("Post", "https://shop.example/events", &orderpipeline.SubscriptionProps{
		FilterPolicy: map[string]awssns.SubscriptionFilter{"channel": web}, RawDelivery: true,
	})
	p.AddEmailSubscriber("Mail", "orders@shop.example", nil)
	if lambda.Queue() != nil || lambda.DeadLetterQueue() == nil || lambda.Subscription() == nil ||
		len(p.Subscribers()) != 3 {
		t.Error("a getter returns the wrong value")
	}
	template := synthtest.Synth(t, stack)
	arn := func(path string) any { return map[string]any{"Fn::GetAtt": []any{template.ID(t, path), "Arn"}} }
	redrive := func(path string) any { return map[string]any{"deadLetterTargetArn": arn(path)} }
	topic := map[string]any{"Ref": template.ID(t, "PTopic")}
	for protocol, want := range map[string]map[string]any{
		"lambda": {
			"Endpoint":          arn("PProcessor"),
			"RedrivePolicy":     redrive("PSubscriberCallDeadLetterQueue"),
			"FilterPolicyScope": "MessageBody",
			"FilterPolicy":      map[string]any{"data": map[string]any{"channel": []any{"web"}}},
		},
		"https": {
			"Endpoint":           "https://shop.example/events",
			"RedrivePolicy":      redrive("PSubscriberPostDeadLetterQueue"),
			"FilterPolicy":       map[string]any{"channel": []any{"web"}},
			"RawMessageDelivery": true,
		},
		"email": {
			"Endpoint":      "orders@shop.example",
			"RedrivePolicy": redrive("PSubscriberMailDeadLetterQueue"),
		},
	} {
		want["Protocol"], want["TopicArn"] = protocol, topic
		if diff := cmp.Diff(want, subscription(t, template, protocol)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", protocol, diff)
		}
	}
	permissions := template.IDs("AWS::Lambda::Permission")
	if len(permissions) != 1 {
		t.Fatalf("permissions: %q", permissions)
	}
	want := map[string]any{
		"Action": "lambda:InvokeFunction", "FunctionName": arn("PProcessor"),
		"Principal": "sns.amazonaws.com", "SourceArn": topic,
	}
	if diff := cmp.Diff(want, template.Resources[permissions[0]].Properties); diff != "" {
		t.Errorf("permission (-want +got):\n%s", diff)
	}
}

func TestSubscriberProps(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)
	p.AddSubscriber("Day", &orderpipeline.SubscriberProps{
		Retention: awscdk.Duration_Days(jsii.Number(1)), DisableRawDelivery: true,
	})
	template := synthtest.Synth(t, stack)
	for path, want := range map[string]string{
		"PSubscriberDayQueue.MessageRetentionPeriod":           "86400",
		"PSubscriberDayDeadLetterQueue.MessageRetentionPeriod": "1209600",
	} {
		if got := template.At(t, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	if got := subscription(t, template, "sqs")["RawMessageDelivery"]; got != false {
		t.Errorf("RawMessageDelivery is %v", got)
	}
}

func TestExistingSubscriberQueue(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	queue := awssqs.NewQueue(stack, jsii.String("Theirs"), &awssqs.QueueProps{EncryptionMasterKey: key})
	p.AddSubscriber("Billing", &orderpipeline.SubscriberProps{Queue: queue})
	if messages := synthtest.Warnings(stack); len(messages) > 0 {
		t.Errorf("warnings: %q", messages)
	}
	imported := awssqs.Queue_FromQueueArn(stack, jsii.String("Imported"),
		jsii.String("arn:aws:sqs:us-east-1:123456789012:events"))
	p.AddSubscriber("Shipping", &orderpipeline.SubscriberProps{Queue: imported})
	const warning = "The queue of subscriber Shipping is imported, so the construct cannot change its policy. " +
		"The policy must allow sns.amazonaws.com to use sqs:SendMessage"
	messages := synthtest.Warnings(stack)
	if len(messages) != 1 || !strings.Contains(messages[0], warning) {
		t.Errorf("warnings: %q, want %s", messages, warning)
	}

	template := synthtest.Synth(t, stack)
	topic := `{"Ref":"` + template.ID(t, "PTopic") + `"}`
	allow := `"Condition":{"ArnEquals":{"aws:SourceArn":` + topic + `}},"Effect":"Allow",` +
		`"Principal":{"Service":"sns.amazonaws.com"}`
	got := template.Statements(t, "TheirsPolicy")
	if len(got) != 1 || !strings.Contains(got[0], allow) {
		t.Errorf("the queue's policy is %s", got)
	}
	keyPolicy := synthtest.JSON(t, template.Resources[template.ID(t, "Key")].Properties["KeyPolicy"])
	want := `{"Action":["kms:Decrypt","kms:GenerateDataKey*"],` +
		`"Condition":{"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}},"Effect":"Allow",` +
		`"Principal":{"Service":"sns.amazonaws.com"},"Resource":"*"}`
	if !strings.Contains(keyPolicy, want) {
		t.Errorf("the key's policy is %s, want it to contain %s", keyPolicy, want)
	}
	if got := len(template.IDs("AWS::SNS::Subscription")); got != 2 {
		t.Errorf("%d subscriptions", got)
	}
}

func TestInvalidSubscribers(t *testing.T) {
	stack := synthtest.NewStack(t)
	attributes := orderpipeline.PublisherProps{EventAttributes: strings.Split("abcdef", "")}
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{Publisher: attributes})
	large := orderpipeline.NewOrderPipeline(stack, "Large", &orderpipeline.OrderPipelineProps{
		Topic: orderpipeline.TopicProps{MaxMessageSizeBytes: 262_145},
	})
	filter := awssns.SubscriptionFilter_ExistsFilter()
	six := map[string]awssns.SubscriptionFilter{
		"a": filter, "b": filter, "c": filter, "d": filter, "e": filter, "f": filter,
	}
	fifo := awssqs.NewQueue(stack, jsii.String("Fifo"), &awssqs.QueueProps{Fifo: jsii.Bool(true)})
	type subscriber = orderpipeline.SubscriberProps
	for _, test := range []struct {
		id    string
		props subscriber
		want  string
	}{
		{"", subscriber{}, `id: empty (every subscriber needs an id)`},
		{"Büro", subscriber{},
			`id: "Büro" is not ASCII (CloudFormation returns other characters as ?, so every cdk diff would report a change)`},
		{"X", subscriber{VisibilityTimeout: seconds(43_201)},
			`VisibilityTimeout: 43201 s is out of range 0 s to 43200 s (SQS's limits)`},
		{"X", subscriber{MaxReceiveCount: 1001},
			`MaxReceiveCount: 1001 is out of range 1 to 1000 (SQS's limits)`},
		{"X", subscriber{Retention: seconds(59)},
			`Retention: 59 s is out of range 60 s to 14 days (SQS's limits)`},
		{"X", subscriber{FilterPolicy: six},
			`FilterPolicy: 6 keys are too many (SNS allows 5)`},
		{"X", subscriber{
			FilterPolicy: map[string]awssns.SubscriptionFilter{"a": filter},
			FilterPolicyWithMessageBody: map[string]awssns.FilterOrPolicy{
				"id": awssns.FilterOrPolicy_Filter(filter),
			},
		}, `FilterPolicyWithMessageBody: set with FilterPolicy (SNS filters a subscription by attributes or by body, not by both)`},
		{"X", subscriber{Queue: fifo},
			`Queue: Test/Fifo is a FIFO queue (a standard topic delivers to standard queues only)`},
		{"X", subscriber{
			Queue: p.Queue(), VisibilityTimeout: seconds(1), MaxReceiveCount: 1, Retention: seconds(60),
		}, "3 problems:\n  - VisibilityTimeout: set with Queue (configure it on that queue)" +
			"\n  - MaxReceiveCount: set with Queue (configure it on that queue)" +
			"\n  - Retention: set with Queue (configure it on that queue)"},
	} {
		got := synthtest.Panic(func() { p.AddSubscriber(test.id, &test.props) })
		if want := "orderpipeline.SubscriberProps of " + test.id + ": " + test.want; got != want {
			t.Errorf("panics with\n%s\nwant\n%s", got, want)
		}
	}
	raw := &orderpipeline.SubscriptionProps{RawDelivery: true}
	filtered := &orderpipeline.SubscriptionProps{FilterPolicy: six}
	for _, test := range []struct {
		add  func()
		want string
	}{
		{func() { p.AddLambdaSubscriber("X", nil, nil) }, `function: nil (pass the function to invoke)`},
		{func() { p.AddLambdaSubscriber("X", p.Processor(), raw) },
			`RawDelivery: not supported here (SNS delivers raw messages to queues and HTTPS endpoints only)`},
		{func() { p.AddLambdaSubscriber("X", p.Processor(), filtered) },
			`FilterPolicy: 6 keys are too many (SNS allows 5)`},
		{func() { p.AddHTTPSSubscriber("X", "http://shop.example", nil) },
			`url: "http://shop.example" is not an https:// URL (orders are not sent unencrypted)`},
		{func() { p.AddEmailSubscriber("X", "Shop <orders@shop.example>", raw) },
			"2 problems:\n  - address: \"Shop <orders@shop.example>\" is not a bare e-mail address\n  - RawDelivery: not supported here ("},
		{func() { large.AddHTTPSSubscriber("X", "https://shop.example", nil) },
			`Topic.MaxMessageSizeBytes: 262145 exceeds 262144 (SNS allows no HTTPS or e-mail subscribers on a topic with larger messages)`},
	} {
		got, want := synthtest.Panic(test.add), "orderpipeline.SubscriptionProps of X: "+test.want
		if !strings.HasPrefix(got, want) {
			t.Errorf("panics with\n%s\nwant\n%s", got, want)
		}
	}
	p.AddSubscriber("Billing", nil)
	got, want := synthtest.Panic(func() { p.AddSubscriber("Billing", nil) }),
		`id: "Billing" is used by another subscriber of the pipeline`
	if !strings.Contains(got, want) {
		t.Errorf("panics with\n%s\nwant\n%s", got, want)
	}
}

// A topic with larger messages has at most 100 subscribers. Each subscriber is several resources, so
// the pipeline of the test has no others.
func TestManyLargeSubscribers(t *testing.T) {
	stack := synthtest.NewStack(t)
	topic := awssns.Topic_FromTopicArn(stack, jsii.String("Theirs"),
		jsii.String("arn:aws:sns:us-east-1:123456789012:events"))
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Topic: orderpipeline.TopicProps{Existing: topic, MaxMessageSizeBytes: 262_145},
	})
	queue := awssqs.Queue_FromQueueArn(stack, jsii.String("Imported"),
		jsii.String("arn:aws:sqs:us-east-1:123456789012:events"))
	props := &orderpipeline.SubscriberProps{Queue: queue}
	for i := range 100 {
		p.AddSubscriber("S"+strconv.Itoa(i), props)
	}
	got := synthtest.Panic(func() { p.AddSubscriber("Last", props) })
	const want = `id: "Last" is one subscriber too many (SNS allows 100 on a topic with messages above 262144 bytes)`
	if !strings.Contains(got, want) {
		t.Errorf("panics with\n%s\nwant\n%s", got, want)
	}
}
