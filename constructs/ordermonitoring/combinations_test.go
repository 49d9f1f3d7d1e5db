package ordermonitoring

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

// A dimension is a prop of one of the constructs (or a group of them) with the ways to set it.
type dimension struct {
	name string
	ways []string
}

// The first way of each is the default.
var dimensions = []dimension{
	{"queue", []string{"made", "theirs", "imported", "of another stack", "of another stack with its DLQ"}},
	{"table", []string{"made", "theirs", "imported"}},
	{"topic", []string{"made", "theirs", "imported", "of another stack"}},
	{"key", []string{"none", "theirs", "imported"}},
	{"role", []string{"made", "imported"}},
	{"API", []string{
		"made", "none", "theirs", "theirs, not deployed", "imported", "imported without its root",
		"of another stack", "of another OrderAPI", "from a definition",
	}},
	{"auth", []string{"IAM", "key", "pool", "imported pool", "function", "imported function"}},
	{"responses", []string{"default", "GatewayResponses"}},
	{"access logs", []string{"none", "kept", "to an imported group"}},
	{"monitoring", []string{"core", "none", "full", "in another stack", "without dashboard"}},
	{"alarm topics", []string{"made", "theirs", "imported"}},
	{"region", []string{"unknown", "eu-central-1"}},
}

// combination has a way for each dimension.
type combination map[string]string

func (c combination) String() string {
	var parts []string
	for _, d := range dimensions {
		if c[d.name] != d.ways[0] {
			parts = append(parts, d.name+" "+c[d.name])
		}
	}
	return strings.Join(parts, ", ")
}

// pairwise returns combinations in which every two ways of two dimensions occur together, after
// those that differ from the default in one dimension.
func pairwise() (all []combination) {
	type pair struct{ a, wayA, b, wayB string }
	left := map[pair]bool{}
	for i, a := range dimensions {
		for _, b := range dimensions[i+1:] {
			for _, wayA := range a.ways {
				for _, wayB := range b.ways {
					left[pair{a.name, wayA, b.name, wayB}] = true
				}
			}
		}
	}
	add := func(c combination) {
		all = append(all, c)
		for i, a := range dimensions {
			for _, b := range dimensions[i+1:] {
				delete(left, pair{a.name, c[a.name], b.name, c[b.name]})
			}
		}
	}
	gain := func(c combination) (n int) {
		for i, a := range dimensions {
			for _, b := range dimensions[i+1:] {
				if left[pair{a.name, c[a.name], b.name, c[b.name]}] {
					n++
				}
			}
		}
		return n
	}
	for _, d := range dimensions {
		for _, way := range d.ways {
			c := combination{}
			for _, other := range dimensions {
				c[other.name] = other.ways[0]
			}
			c[d.name] = way
			if gain(c) > 0 {
				add(c)
			}
		}
	}
	// Each next one begins with a pair that is left (the first in order, so that the list is the same
	// each time) and takes the way that adds most for one dimension after the other.
	for len(left) > 0 {
		c := combination{}
		first := slices.SortedFunc(func(yield func(pair) bool) {
			for p := range left {
				if !yield(p) {
					return
				}
			}
		}, func(x, y pair) int { return strings.Compare(fmt.Sprint(x), fmt.Sprint(y)) })[0]
		c[first.a], c[first.b] = first.wayA, first.wayB
		for _, d := range dimensions {
			if c[d.name] != "" {
				continue
			}
			best := -1
			var chosen string
			for _, way := range d.ways {
				c[d.name] = way
				if n := gain(c); n > best {
					best, chosen = n, way
				}
			}
			c[d.name] = chosen
		}
		add(c)
	}
	return all
}

// refusal returns a part of the sentence with which a combination must be refused, "" where it
// must synthesize.
func (c combination) refusal() string {
	mounted := !slices.Contains([]string{"made", "none"}, c["API"])
	switch {
	case c["queue"] == "of another stack":
		return "is in another stack and has no dead-letter queue"
	case c["key"] != "none" && c["table"] == "made" && c["region"] == "unknown":
		return "EncryptionKey: the stack has no region"
	case c["API"] == "none":
		return ""
	case c["API"] == "imported without its root":
		return "has no root resource (import it with RestApi_FromRestApiAttributes"
	case c["API"] == "of another stack":
		return "is in another stack (the two stacks would depend on each other"
	case c["API"] == "from a definition":
		return "is neither a RestApi nor imported"
	case mounted && c["access logs"] != "none":
		return "AccessLogs: set with API (configure it on that API's stage)"
	case !mounted && c["responses"] == "GatewayResponses":
		return "GatewayResponses: set without API"
	case c["API"] == "of another OrderAPI" && c["responses"] == "GatewayResponses":
		return "already has gateway responses: "
	case c["auth"] == "key" && slices.Contains([]string{"imported", "theirs, not deployed"}, c["API"]):
		return "AuthAPIKey needs a stage that is made in this app"
	}
	return ""
}

// build makes the constructs of a combination.
func (c combination) build(t *testing.T) awscdk.Stack {
	stack := synthtest.NewStack(t)
	if c["region"] != "unknown" {
		stack = synthtest.NewStackIn(t, c["region"])
	}
	id := jsii.String
	beside := func(name string) awscdk.Stack {
		return awscdk.NewStack(stack.Node().Root().(constructs.Construct), &name,
			&awscdk.StackProps{Env: &awscdk.Environment{Region: stack.Region()}})
	}
	arn := func(rest string) *string { return jsii.String("arn:aws:" + rest) }
	topic := func(way, name string) awssns.ITopic {
		switch way {
		case "theirs":
			return awssns.NewTopic(stack, &name, nil)
		case "imported":
			return awssns.Topic_FromTopicArn(stack, &name, arn("sns:eu-central-1:123456789012:"+name))
		case "of another stack":
			return awssns.NewTopic(beside(name+"Stack"), &name, nil)
		}
		return nil
	}
	var p orderpipeline.OrderPipelineProps
	switch c["key"] {
	case "theirs":
		p.EncryptionKey = awskms.NewKey(stack, id("Key"), nil)
	case "imported":
		p.EncryptionKey = awskms.Key_FromKeyArn(stack, id("Key"), arn("kms:eu-central-1:123456789012:key/k"))
	}
	switch c["queue"] {
	case "theirs":
		p.Queue.Existing = awssqs.NewQueue(stack, id("Queue"), nil)
	case "of another stack":
		p.Queue.Existing = awssqs.NewQueue(beside("QueueStack"), id("Queue"), nil)
	case "of another stack with its DLQ":
		other := beside("QueueStack")
		p.Queue.Existing = awssqs.NewQueue(other, id("Queue"), &awssqs.QueueProps{
			DeadLetterQueue: &awssqs.DeadLetterQueue{
				Queue: awssqs.NewQueue(other, id("DLQ"), nil), MaxReceiveCount: jsii.Number(100),
			},
		})
	case "imported":
		p.Queue.Existing = awssqs.Queue_FromQueueArn(stack, id("Queue"), arn("sqs:eu-central-1:123456789012:q"))
		p.Queue.ExistingDeadLetterQueue = awssqs.Queue_FromQueueArn(stack, id("DLQ"),
			arn("sqs:eu-central-1:123456789012:dlq"))
	}
	switch c["table"] {
	case "theirs":
		text := func(name string) *awsdynamodb.Attribute {
			return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
		}
		p.Table.Existing = awsdynamodb.NewTableV2(stack, id("Table"), &awsdynamodb.TablePropsV2{
			PartitionKey: text("orderId"), SortKey: text("item"),
			DynamoStream: awsdynamodb.StreamViewType_NEW_IMAGE,
		})
	case "imported":
		p.Table.Existing = awsdynamodb.TableV2_FromTableAttributes(stack, id("Table"), &awsdynamodb.TableAttributesV2{
			TableName: id("orders"), TableStreamArn: arn("dynamodb:eu-central-1:123456789012:table/orders/stream/1"),
		})
	}
	p.Topic.Existing = topic(c["topic"], "Topic")
	pipeline := orderpipeline.NewOrderPipeline(stack, "P", &p)
	pipeline.AddSubscriber("Billing", nil)

	var api *orderapi.OrderAPI
	if c["API"] != "none" {
		api = c.newAPI(stack, beside, pipeline)
	}
	m := OrderMonitoringProps{Pipeline: pipeline, API: api}
	m.Critical.Existing = topic(c["alarm topics"], "Critical")
	m.Warning.Existing = topic(c["alarm topics"], "Warning")
	scope := stack
	switch c["monitoring"] {
	case "none":
		m.Profile = ProfileNone
	case "full":
		m.Profile = ProfileFull
	case "without dashboard":
		m.Dashboard.Disabled = true
	case "in another stack":
		scope = beside("Monitoring")
	}
	NewOrderMonitoring(scope, "M", &m)
	return stack
}

func (c combination) newAPI(
	stack awscdk.Stack, beside func(string) awscdk.Stack, pipeline *orderpipeline.OrderPipeline,
) *orderapi.OrderAPI {
	id := jsii.String
	a := orderapi.OrderAPIProps{
		Pipeline: pipeline, Path: "/shop", GatewayResponses: c["responses"] == "GatewayResponses",
	}
	switch c["auth"] {
	case "key":
		a.Auth = orderapi.AuthAPIKey()
	case "pool":
		a.Auth = orderapi.AuthCognito([]awscognito.IUserPool{awscognito.NewUserPool(stack, id("Pool"), nil)}, nil)
	case "imported pool":
		a.Auth = orderapi.AuthCognito([]awscognito.IUserPool{
			awscognito.UserPool_FromUserPoolId(stack, id("Pool"), id("eu-central-1_abc")),
		}, &orderapi.CognitoAuthProps{Scopes: []string{"orders/submit"}})
	case "function":
		a.Auth = orderapi.AuthLambda(pipeline.Processor(), nil) // any will do
	case "imported function":
		a.Auth = orderapi.AuthLambda(awslambda.Function_FromFunctionArn(stack, id("Authorizer"),
			id("arn:aws:lambda:eu-central-1:123456789012:function:f")), nil)
	}
	switch c["access logs"] {
	case "kept":
		a.AccessLogs = orderapi.AccessLogsKept(awslogs.RetentionDays_ONE_DAY)
	case "to an imported group":
		a.AccessLogs = orderapi.AccessLogsTo(awslogs.LogGroup_FromLogGroupName(stack, id("Group"), id("group")))
	}
	theirs := func(scope awscdk.Stack, deployed bool) awsapigateway.IRestApi {
		api := awsapigateway.NewRestApi(scope, id("Theirs"), &awsapigateway.RestApiProps{
			CloudWatchRole: jsii.Bool(false), Deploy: &deployed,
		})
		api.Root().AddMethod(id("GET"), nil, nil)
		return api
	}
	switch c["API"] {
	case "theirs":
		a.API = theirs(stack, true)
	case "theirs, not deployed":
		a.API = theirs(stack, false)
	case "of another stack":
		a.API = theirs(beside("APIStack"), true)
	case "of another OrderAPI":
		a.API = orderapi.NewOrderAPI(stack, "First", &orderapi.OrderAPIProps{Pipeline: pipeline}).API()
	case "imported":
		a.API = awsapigateway.RestApi_FromRestApiAttributes(stack, id("Imported"), &awsapigateway.RestApiAttributes{
			RestApiId: id("abc"), RootResourceId: id("root"), RestApiName: id("shop"),
		})
	case "imported without its root":
		a.API = awsapigateway.RestApi_FromRestApiId(stack, id("Imported"), id("abc"))
	case "from a definition":
		a.API = awsapigateway.NewSpecRestApi(stack, id("Definition"), &awsapigateway.SpecRestApiProps{
			ApiDefinition: awsapigateway.ApiDefinition_FromInline(map[string]any{"openapi": "3.0.2"}),
		})
	}
	if c["role"] == "imported" {
		a.Status.Role = awsiam.Role_FromRoleArn(stack, id("Role"),
			id("arn:aws:iam::123456789012:role/status"), nil)
	}
	return orderapi.NewOrderAPI(stack, "A", &a)
}

// TestCombinations: every combination of the three constructs with every "existing" prop
// synthesizes, or is refused with a sentence of ours that names the prop.
func TestCombinations(t *testing.T) {
	for _, c := range pairwise() {
		t.Run(c.String(), func(t *testing.T) {
			got := synthtest.Panic(func() {
				assertions.Template_FromStack(c.build(t), nil)
			})
			want := c.refusal()
			refused := strings.HasPrefix(got, "orderpipeline.") || strings.HasPrefix(got, "orderapi.") ||
				strings.HasPrefix(got, "ordermonitoring.")
			ok := got == ""
			if want != "" {
				ok = refused && strings.Contains(got, want)
			}
			if !ok {
				t.Errorf("panics with %q, want %q", got, want)
			}
		})
	}
}
