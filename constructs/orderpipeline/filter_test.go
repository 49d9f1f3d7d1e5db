package orderpipeline_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/order"
)

// attributesOf makes a FilterPolicy of JSON.
func attributesOf(t *testing.T, policy string) map[string]awssns.SubscriptionFilter {
	t.Helper()
	var lists map[string][]any
	if err := json.Unmarshal([]byte(policy), &lists); err != nil {
		t.Fatal(err)
	}
	all := map[string]awssns.SubscriptionFilter{}
	for name, conditions := range lists {
		all[name] = awssns.NewSubscriptionFilter(&conditions)
	}
	return all
}

// bodyOf makes a FilterPolicyWithMessageBody of JSON.
func bodyOf(t *testing.T, policy string) map[string]awssns.FilterOrPolicy {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(policy), &members); err != nil {
		t.Fatal(err)
	}
	var convert func(map[string]any) map[string]awssns.FilterOrPolicy
	convert = func(members map[string]any) map[string]awssns.FilterOrPolicy {
		all := map[string]awssns.FilterOrPolicy{}
		for name, value := range members {
			switch value := value.(type) {
			case []any:
				all[name] = awssns.FilterOrPolicy_Filter(awssns.NewSubscriptionFilter(&value))
			case map[string]any:
				nested := convert(value)
				all[name] = awssns.FilterOrPolicy_Policy(&nested)
			}
		}
		return all
	}
	return convert(members)
}

const filterSchema = `{
	"$schema": "http://json-schema.org/draft-04/schema#",
	"type": "object",
	"required": ["orderId"],
	"properties": {
		"orderId": {"type": "string", "maxLength": 20, "minLength": 1, "pattern": "^[A-Z0-9]{1,20}$"},
		"currency": {"type": "string", "maxLength": 3, "pattern": "^[A-Z]{3}$"},
		"channel": {"type": "string", "maxLength": 64},
		"total": {"type": "integer"},
		"metadata": {"type": "object"},
		"items": {"type": "array", "items": {
			"type": "object", "properties": {"sku": {"type": "string"}, "quantity": {"type": "integer"}}}}
	}
}`

// A policy that no event can match delivers nothing, silently, so synth refuses it.
func TestFilterPolicies(t *testing.T) {
	schema, err := order.NewSchema([]byte(filterSchema), "orderId")
	if err != nil {
		t.Fatal(err)
	}
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Schema:    schema,
		Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"currency", "channel"}},
	})
	const (
		text  = `(the attributes of events are text; filter numbers of the document by FilterPolicyWithMessageBody)`
		event = `(in all events it is "orderpipeline.order.created.v1")`
		long  = "0123456789012345678901234567890123456789012345678901234567890123456789"
	)
	for _, test := range []struct {
		attributes, body string
		want             string // "" is accepted
	}{
		{`{"currency":[{"numeric":[">=",10]}]}`, ``, `FilterPolicy: no event has {"numeric":[">=",10]} in the attribute "currency" ` + text},
		{`{"currency":["EUR",10]}`, ``, `FilterPolicy: no event has 10 in the attribute "currency" ` + text},
		{`{"currency":[{"anything-but":[10]}]}`, ``, `FilterPolicy: no event has {"anything-but":[10]} in the attribute "currency" ` + text},
		{`{"currency":[true]}`, ``, `FilterPolicy: no event has true in the attribute "currency" ` + text},
		{`{"currency":[]}`, ``, `FilterPolicy: currency has an empty list (SNS refuses it, and no value is in it)`},
		{`{"type":["order.created"]}`, ``, `FilterPolicy: no event has "order.created" in "type" ` + event},
		{`{"type":[{"exists":false}]}`, ``, `FilterPolicy: no event has {"exists":false} in "type" ` + event},
		{`{"type":[{"prefix":"order."},"x"]}`, ``, `FilterPolicy: no event has {"prefix":"order."} or "x" in "type" ` + event},
		{`{"type":[{"anything-but":"orderpipeline.order.created.v1"}]}`, ``, `in "type" ` + event},
		{`{"region":["eu"]}`, ``, `FilterPolicy: no event has the attribute "region", so none would be delivered ` +
			`(events have type, currency, channel; add attributes with Publisher.EventAttributes)`},
		{`{"$or":[{"currency":["EUR"]},{"region":["eu"]}]}`, ``, `no event has the attribute "region", so none`},
		{`{"$or":["EUR"]}`, ``, `no event has the attribute "$or", so none`},
		{`{"currency":["eur"]}`, ``, `FilterPolicy: no event has "eur" in the attribute "currency" (the schema of the order document allows other values only)`},
		{`{"channel":[""]}`, ``, `FilterPolicy: no event has "" in the attribute "channel" (`},
		{`{"channel":["` + long + `"]}`, ``, `in the attribute "channel" (the schema of the order document allows`},
		{`{"channel":[{"wildcard":"w*"}]}`, ``, `FilterPolicy: channel: {"wildcard":"w*"} has no operator of SNS (prefix, `},
		{``, `{"currency":["EUR"]}`, `FilterPolicyWithMessageBody: no event has "currency" (events have datacontenttype, id, source, specversion, subject, time, type and data; the order document is below data)`},
		{``, `{"data.currency":["EUR"]}`, `no event has "data.currency" (`},
		{``, `{"data":["EUR"]}`, `FilterPolicyWithMessageBody: no event matches a condition on "data" itself (it is the order document, an object; nest conditions on its members below it)`},
		{``, `{"data":[{"exists":true}]}`, `no event matches a condition on "data" itself (`},
		{``, `{"data":{"currency":["A"],"channel":["b"],"c":["c"],"d":["d"],"e":["e"],"f":["f"]}}`, `FilterPolicyWithMessageBody: 6 keys are too many (SNS allows 5)`},
		{``, `{"data":{}}`, `FilterPolicyWithMessageBody: data has no conditions`},
		{``, `{"data":{"currency":[{"numeric":[">",1]}]}}`, `FilterPolicyWithMessageBody: no event matches the conditions on "data.currency" ("currency" is of type string in the schema)`},
		{``, `{"data":{"total":["10"]}}`, `("total" is of type integer in the schema)`},
		{``, `{"data":{"metadata":["x"]}}`, `("metadata" is of type object in the schema)`},
		{``, `{"data":{"metadata":[{"exists":true}]}}`, `("metadata" is of type object in the schema)`},
		{``, `{"data":{"items":{"quantity":["1"]}}}`, `("items.quantity" is of type integer in the schema)`},
		{``, `{"data":{"currency":{"code":["EUR"]}}}`, `("currency" is of type string in the schema)`},
		{``, `{"data":{"currency":["eur"]}}`, `no event has "eur" in the member "data.currency" (`},
		{``, `{"source":["shop"]}`, `no event has "shop" in "source" (in all events it is "urn:orderpipeline")`},
		{``, `{"subject":[1]}`, `no event has 1 in "subject" (it is text)`},
		{``, `{"subject":{"id":["1"]}}`, `no event has "subject.id" (subject is text)`},

		{`{"$or":[{"currency":["EUR"]},{"channel":["web"]}]}`, ``, ``},
		{`{"currency":["EUR","eur"],"type":["order.created","orderpipeline.order.created.v1"]}`, ``, ``},
		{`{"region":[{"exists":false}]}`, ``, ``},
		{`{"channel":[{"exists":false},{"prefix":"w"}],"type":[{"suffix":".v1"}]}`, ``, ``},
		{`{"channel":[{"cidr":"10.0.0.0/8"},{"equals-ignore-case":"WEB"},{"anything-but":["a","b"]}]}`, ``, ``},
		{``, `{"data":{"total":[{"numeric":[">=",10]}],"items":{"quantity":[1],"sku":["a"]},"unknown":[true,null]}}`, ``},
		{``, `{"data":{"$or":[{"currency":["EUR"]},{"total":[1]}]},"type":[{"prefix":"orderpipeline."}]}`, ``},
		{``, `{"id":[{"exists":true}],"region":[{"exists":false}]}`, ``},
	} {
		var props orderpipeline.SubscriberProps
		policy := test.attributes
		if policy != "" {
			props.FilterPolicy = attributesOf(t, policy)
		} else {
			policy = test.body
			props.FilterPolicyWithMessageBody = bodyOf(t, policy)
		}
		// An error comes before anything is made.
		got := synthtest.Panic(func() { p.AddSubscriber("S", &props) })
		if test.want == "" && got == "" {
			p = orderpipeline.NewOrderPipeline(synthtest.NewStack(t), "P", &orderpipeline.OrderPipelineProps{
				Schema:    schema,
				Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"currency", "channel"}},
			})
			continue
		}
		if test.want == "" || !strings.HasPrefix(got, "orderpipeline.SubscriberProps of S: ") ||
			!strings.Contains(got, test.want) {
			t.Errorf("%s panics with\n%s\nwant\n%s", policy, got, test.want)
		}
	}
}

// The template has the policy as it was given.
func TestOrInTemplate(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"currency", "channel"}},
	})
	const policy = `{"$or":[{"currency":["EUR"]},{"channel":["web"]}]}`
	p.AddSubscriber("Billing", &orderpipeline.SubscriberProps{FilterPolicy: attributesOf(t, policy)})
	got := synthtest.JSON(t, subscription(t, synthtest.Synth(t, stack), "sqs")["FilterPolicy"])
	if diff := cmp.Diff(policy, got); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
}

// A nil filter is an error that names the prop, for each kind of subscriber.
func TestNilFilters(t *testing.T) {
	p := orderpipeline.NewOrderPipeline(synthtest.NewStack(t), "P", nil)
	attributes := map[string]awssns.SubscriptionFilter{"type": nil}
	body := map[string]awssns.FilterOrPolicy{"data": awssns.FilterOrPolicy_Policy(
		&map[string]awssns.FilterOrPolicy{})}
	nilBody := map[string]awssns.FilterOrPolicy{"data": nil}
	for want, add := range map[string]func(){
		`FilterPolicy: "type" is nil (pass a filter, or leave the attribute out)`: func() {
			p.AddSubscriber("S", &orderpipeline.SubscriberProps{FilterPolicy: attributes})
		},
		`FilterPolicyWithMessageBody: "data" is nil (pass a filter or a policy, or leave the key out)`: func() {
			p.AddEmailSubscriber("S", "orders@shop.example", &orderpipeline.SubscriptionProps{
				FilterPolicyWithMessageBody: nilBody,
			})
		},
		`FilterPolicyWithMessageBody: data has no conditions`: func() {
			p.AddSubscriber("S", &orderpipeline.SubscriberProps{FilterPolicyWithMessageBody: body})
		},
	} {
		if got := synthtest.Panic(add); !strings.Contains(got, want) {
			t.Errorf("panics with\n%s\nwant\n%s", got, want)
		}
	}
}

// A value that is known at deployment only can be any.
func TestFilterTokens(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Publisher: orderpipeline.PublisherProps{EventAttributes: []string{"currency"}},
	})
	parameter := awscdk.NewCfnParameter(stack, jsii.String("Currency"), nil)
	p.AddSubscriber("Billing", &orderpipeline.SubscriberProps{
		FilterPolicy: map[string]awssns.SubscriptionFilter{
			"currency": awssns.NewSubscriptionFilter(&[]any{parameter.ValueAsString()}),
			"type":     awssns.NewSubscriptionFilter(&[]any{parameter.ValueAsString()}),
		},
	})
}

// Others may publish to an existing topic, so a policy that no event of the pipeline matches is a
// warning there. What SNS refuses is an error.
func TestFiltersOfExistingTopic(t *testing.T) {
	stack := synthtest.NewStack(t)
	p := orderpipeline.NewOrderPipeline(stack, "P", &orderpipeline.OrderPipelineProps{
		Topic: orderpipeline.TopicProps{Existing: awssns.Topic_FromTopicArn(stack,
			jsii.String("Theirs"), jsii.String("arn:aws:sns:us-east-1:123456789012:events"))},
	})
	p.AddEmailSubscriber("Mail", "orders@shop.example", &orderpipeline.SubscriptionProps{
		FilterPolicy: attributesOf(t, `{"channel":["web"]}`),
	})
	messages := strings.Join(synthtest.Warnings(p), "\n")
	const warning = `The FilterPolicy of Mail matches no event of the pipeline, only messages of ` +
		`other publishers: no event has the attribute "channel"`
	if !strings.Contains(messages, warning) {
		t.Errorf("warnings:\n%s\nwant %s", messages, warning)
	}
	got := synthtest.Panic(func() {
		p.AddEmailSubscriber("Empty", "orders@shop.example", &orderpipeline.SubscriptionProps{
			FilterPolicy: attributesOf(t, `{"channel":[]}`),
		})
	})
	if !strings.Contains(got, "channel has an empty list") {
		t.Errorf("panics with %q", got)
	}
}

// TestEventMembers: the members that filters on the body may name are those of an event.
func TestEventMembers(t *testing.T) {
	var event map[string]any
	encoded := order.EventFormat{Source: "s", Type: "t"}.Encode("id", "time", []byte("{}"))
	if err := json.Unmarshal(encoded, &event); err != nil {
		t.Fatal(err)
	}
	p := orderpipeline.NewOrderPipeline(synthtest.NewStack(t), "P", &orderpipeline.OrderPipelineProps{
		Publisher: orderpipeline.PublisherProps{Event: order.EventFormat{Source: "s", Type: "t"}},
	})
	for name, value := range event {
		if name == "data" {
			continue
		}
		policy := synthtest.JSON(t, map[string]any{name: []any{value}})
		p.AddEmailSubscriber("S"+name, "orders@shop.example", &orderpipeline.SubscriptionProps{
			FilterPolicyWithMessageBody: bodyOf(t, policy),
		})
	}
	if n := len(p.Subscribers()); n != 7 {
		t.Errorf("%d members beside data, want 7", n)
	}
}
