package orderpipeline_test

import (
	"fmt"
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
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"channel"}}})
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

// subscription is the properties of the one subscription with a protocol.
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
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"channel"}}})
	web := awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{Allowlist: jsii.Strings("web")})
	body := map[string]awssns.FilterOrPolicy{"data": awssns.FilterOrPolicy_Policy(&map[string]awssns.FilterOrPolicy{"channel": awssns.FilterOrPolicy_Filter(web)})}

	function := p.Processor() // any will do
	lambda := p.AddLambdaSubscriber("Call", function, &orderpipeline.SubscriptionProps{FilterPolicyWithMessageBody: body})
	p.AddHTTPSSubscriber("Post", "https://shop.example/events", &orderpipeline.SubscriptionProps{
		FilterPolicy: map[string]awssns.SubscriptionFilter{"channel": web}, RawDelivery: true,
	})
	p.AddEmailSubscriber("Mail", "orders@shop.example", nil)
	if lambda.Queue() != nil || lambda.DeadLetterQueue() == nil || lambda.Subscription() == nil || len(p.Subscribers()) != 3 {
		t.Error("a getter gives the wrong thing")
	}
	template := synthtest.Synth(t, stack)
	arn := func(path string) any { return map[string]any{"Fn::GetAtt": []any{template.ID(t, path), "Arn"}} }
	topic := map[string]any{"Ref": template.ID(t, "PTopic")}
	for protocol, want := range map[string]map[string]any{
		"lambda": {
			"Endpoint": arn("PProcessor"), "RedrivePolicy": map[string]any{"deadLetterTargetArn": arn("PSubscriberCallDeadLetterQueue")},
			"FilterPolicyScope": "MessageBody", "FilterPolicy": map[string]any{"data": map[string]any{"channel": []any{"web"}}},
		},
		"https": {
			"Endpoint": "https://shop.example/events", "RedrivePolicy": map[string]any{"deadLetterTargetArn": arn("PSubscriberPostDeadLetterQueue")},
			"FilterPolicy": map[string]any{"channel": []any{"web"}}, "RawMessageDelivery": true,
		},
		"email": {
			"Endpoint": "orders@shop.example", "RedrivePolicy": map[string]any{"deadLetterTargetArn": arn("PSubscriberMailDeadLetterQueue")},
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
	want := map[string]any{"Action": "lambda:InvokeFunction", "FunctionName": arn("PProcessor"), "Principal": "sns.amazonaws.com", "SourceArn": topic}
	if diff := cmp.Diff(want, template.Resources[permissions[0]].Properties); diff != "" {
		t.Errorf("permission (-want +got):\n%s", diff)
	}
}

func TestSubscriberProps(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)
	p.AddSubscriber("Day", &orderpipeline.SubscriberProps{Retention: awscdk.Duration_Days(jsii.Number(1)), DisableRawDelivery: true})
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

func TestSubscribersQueueBroughtAlong(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", nil)
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	queue := awssqs.NewQueue(stack, jsii.String("Theirs"), &awssqs.QueueProps{EncryptionMasterKey: key})
	p.AddSubscriber("Billing", &orderpipeline.SubscriberProps{Queue: queue})
	if said := synthtest.Warnings(stack); len(said) > 0 {
		t.Errorf("warns of %q", said)
	}
	imported := awssqs.Queue_FromQueueArn(stack, jsii.String("Imported"), jsii.String("arn:aws:sqs:us-east-1:123456789012:events"))
	p.AddSubscriber("Shipping", &orderpipeline.SubscriberProps{Queue: imported})
	if said := synthtest.Warnings(stack); len(said) != 1 || !strings.Contains(said[0], "Queue of subscriber Shipping is imported, so its policy cannot be changed from here. Let the service sns.amazonaws.com use sqs:SendMessage") {
		t.Errorf("warns of %q", said)
	}

	template := synthtest.Synth(t, stack)
	topic := `{"Ref":"` + template.ID(t, "PTopic") + `"}`
	if got := template.Statements(t, "TheirsPolicy"); len(got) != 1 || !strings.Contains(got[0], `"Condition":{"ArnEquals":{"aws:SourceArn":`+topic+`}},"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"}`) {
		t.Errorf("the queue's policy is %s", got)
	}
	keyPolicy := synthtest.JSON(t, template.Resources[template.ID(t, "Key")].Properties["KeyPolicy"])
	want := `{"Action":["kms:Decrypt","kms:GenerateDataKey*"],"Condition":{"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}},"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Resource":"*"}`
	if !strings.Contains(keyPolicy, want) {
		t.Errorf("the key's policy is %s, want %s in it", keyPolicy, want)
	}
	if got := len(template.IDs("AWS::SNS::Subscription")); got != 2 {
		t.Errorf("%d subscriptions", got)
	}
}

// A filter by an attribute that no event has lets none through.
func TestFilterPolicyOfNoEvent(t *testing.T) {
	stack := synthtest.NewStack(t)
	web := awssns.SubscriptionFilter_StringFilter(&awssns.StringConditions{Allowlist: jsii.Strings("web")})
	absent := awssns.SubscriptionFilter_NotExistsFilter()
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"region"}}})
	p.AddSubscriber("Fine", &orderpipeline.SubscriberProps{FilterPolicy: map[string]awssns.SubscriptionFilter{"region": web, "type": web, "channel": absent}})
	theirs := awssns.Topic_FromTopicArn(stack, jsii.String("Theirs"), jsii.String("arn:aws:sns:us-east-1:123456789012:events"))
	q := orderpipeline.NewOrderPipeline(stack, "Q", &orderpipeline.OrderPipelineProps{Topic: orderpipeline.TopicProps{Existing: theirs}})
	q.AddEmailSubscriber("Mail", "orders@shop.example", &orderpipeline.SubscriptionProps{FilterPolicy: map[string]awssns.SubscriptionFilter{"channel": web}})
	if said, want := strings.Join(synthtest.Warnings(q), "\n"), "The FilterPolicy of Mail asks for what no event of the pipeline has (channel)"; !strings.Contains(said, want) {
		t.Errorf("warns of %s, want %s", said, want)
	}
	defer func() {
		const want = `FilterPolicy is "channel": needs attributes that events have, else every event is filtered out: type, region; or add it to Publisher.EventAttributes`
		if said := fmt.Sprint(recover()); !strings.Contains(said, want) {
			t.Errorf("panics with %s, want %s", said, want)
		}
	}()
	p.AddSubscriber("Deaf", &orderpipeline.SubscriberProps{FilterPolicy: map[string]awssns.SubscriptionFilter{"channel": web}})
}

func TestSubscriberValidation(t *testing.T) {
	stack := synthtest.NewStack(t)
	attributes := orderpipeline.PublisherProps{EventAttributes: strings.Split("abcdef", "")}
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{Publisher: attributes})
	large := orderpipeline.NewOrderPipeline(stack, "Large", &orderpipeline.OrderPipelineProps{Topic: orderpipeline.TopicProps{MaxMessageSizeBytes: 262_145}})
	filter := awssns.SubscriptionFilter_ExistsFilter()
	six := map[string]awssns.SubscriptionFilter{"a": filter, "b": filter, "c": filter, "d": filter, "e": filter, "f": filter}
	bodies := func(names string) map[string]awssns.FilterOrPolicy {
		all := map[string]awssns.FilterOrPolicy{}
		for _, name := range strings.Split(names, "") {
			all[name] = awssns.FilterOrPolicy_Filter(filter)
		}
		return all
	}
	fifo := awssqs.NewQueue(stack, jsii.String("Fifo"), &awssqs.QueueProps{Fifo: jsii.Bool(true)})
	for _, test := range []struct {
		id    string
		props orderpipeline.SubscriberProps
		want  string
	}{
		{"", orderpipeline.SubscriberProps{}, `id is "": needs a name that no other subscriber of the pipeline has`},
		{"X", orderpipeline.SubscriberProps{VisibilityTimeout: seconds(43_201)}, `VisibilityTimeout is 43201 s: needs 0 to 43200 s: these are SQS's bounds`},
		{"X", orderpipeline.SubscriberProps{MaxReceiveCount: 1001}, `MaxReceiveCount is 1001: needs 1 to 1000: these are SQS's bounds`},
		{"X", orderpipeline.SubscriberProps{Retention: seconds(59)}, `Retention is 59 s: needs 60 to 1209600 s: these are SQS's bounds`},
		{"X", orderpipeline.SubscriberProps{FilterPolicy: six}, `FilterPolicy is 6: needs at most 5 attributes, as SNS does`},
		{"X", orderpipeline.SubscriberProps{FilterPolicyWithMessageBody: bodies("abcdef")}, `FilterPolicyWithMessageBody is 6: needs at most 5 keys, as SNS does`},
		{"X", orderpipeline.SubscriberProps{FilterPolicy: map[string]awssns.SubscriptionFilter{"a": filter}, FilterPolicyWithMessageBody: bodies("a")},
			`FilterPolicyWithMessageBody is set: needs FilterPolicy to be left out: SNS filters a subscription by attributes or by body, not by both`},
		{"X", orderpipeline.SubscriberProps{Queue: fifo}, `Queue is "Test/Fifo": needs a standard queue: a standard topic delivers to no other`},
		{"X", orderpipeline.SubscriberProps{Queue: p.Queue(), VisibilityTimeout: seconds(1), MaxReceiveCount: 1, Retention: seconds(60)},
			"3 problems:\n  - VisibilityTimeout is set: needs to be left out with Queue: say it where that queue is made\n  - MaxReceiveCount is 1: needs to be left out with Queue: say it where that queue is made" +
				"\n  - Retention is set: needs to be left out with Queue: say it where that queue is made"},
	} {
		if got, want := synthtest.Panic(func() { p.AddSubscriber(test.id, &test.props) }), "orderpipeline.SubscriberProps of "+test.id+": "+test.want; got != want {
			t.Errorf("panics with\n%s\nwant\n%s", got, want)
		}
	}
	raw := &orderpipeline.SubscriptionProps{RawDelivery: true}
	for _, test := range []struct {
		add  func()
		want string
	}{
		{func() { p.AddLambdaSubscriber("X", nil, nil) }, `function is nil: needs the function to call`},
		{func() { p.AddLambdaSubscriber("X", p.Processor(), raw) }, `RawDelivery is true: needs false: SNS delivers the bare event to queues and HTTPS addresses only`},
		{func() { p.AddLambdaSubscriber("X", p.Processor(), &orderpipeline.SubscriptionProps{FilterPolicy: six}) }, `FilterPolicy is 6: needs at most 5`},
		{func() { p.AddHTTPSSubscriber("X", "http://shop.example", nil) }, `url is "http://shop.example": needs an address that begins with https://: orders do not travel in the clear`},
		{func() { p.AddEmailSubscriber("X", "Shop <orders@shop.example>", raw) }, "2 problems:\n  - address is \"Shop <orders@shop.example>\": needs a bare e-mail address\n  - RawDelivery is true: "},
		{func() { large.AddHTTPSSubscriber("X", "https://shop.example", nil) }, `Topic.MaxMessageSizeBytes is 262145: needs at most 262144 for subscribers by HTTPS and e-mail: SNS takes none on a topic with larger messages`},
	} {
		if got, want := synthtest.Panic(test.add), "orderpipeline.SubscriptionProps of X: "+test.want; !strings.HasPrefix(got, want) {
			t.Errorf("panics with\n%s\nwant\n%s", got, want)
		}
	}
	p.AddSubscriber("Billing", nil)
	if got, want := synthtest.Panic(func() { p.AddSubscriber("Billing", nil) }), `id is "Billing": needs a name that no other`; !strings.Contains(got, want) {
		t.Errorf("panics with\n%s\nwant\n%s", got, want)
	}
}
