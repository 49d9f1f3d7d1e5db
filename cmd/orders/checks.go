package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
)

// mappings bring the queue's orders to the processor, and the table's stream to the publisher.
func (d *doctor) mappings(ctx context.Context) (found []finding, err error) {
	client := lambda.NewFromConfig(d.cfg)
	for _, leg := range []struct{ function, why, after string }{
		{d.d.ProcessorFunction, "orders stay on the queue, and expire there after 14 days", ""},
		{d.d.PublisherFunction, "no event is published; what the table's stream has kept for 24 hours is lost to it (the table still has the orders)",
			"\nthen, if it was off for more than 20 hours: " + d.orders("replay --from TIME --yes")},
	} {
		out, err := client.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: &leg.function})
		if err != nil {
			return found, fmt.Errorf("list the event source mappings of %s: %w", leg.function, err)
		}
		if len(out.EventSourceMappings) == 0 {
			found = append(found, finding{"mapping", leg.function, "the function has no event source mapping", leg.why, "deploy again: " + d.orders("up") + leg.after})
		}
		for _, m := range out.EventSourceMappings {
			uuid, state, result := aws.ToString(m.UUID), aws.ToString(m.State), aws.ToString(m.LastProcessingResult)
			switch {
			case strings.HasPrefix(state, "Disabl"):
				found = append(found, finding{"mapping", leg.function, "its event source mapping is " + strings.ToLower(state), leg.why,
					d.aws("lambda update-event-source-mapping --enabled --uuid "+uuid) + leg.after})
			case strings.HasPrefix(result, "PROBLEM"), strings.HasPrefix(result, "FAILED"):
				found = append(found, finding{"mapping", leg.function, "its event source mapping's last result is: " + result, "it does not get through with what it reads",
					"read the function's log: " + d.aws("logs tail /aws/lambda/"+leg.function+" --since 1h")})
			}
		}
	}
	return found, nil
}

// functions must be active, and allowed to run.
func (d *doctor) functions(ctx context.Context) (found []finding, err error) {
	client := lambda.NewFromConfig(d.cfg)
	for _, function := range []struct{ name, why string }{
		{d.d.ProcessorFunction, "orders stay on the queue"},
		{d.d.PublisherFunction, "no event is published"},
		{d.d.StatusFunction, "clients cannot ask what became of their orders"},
	} {
		out, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &function.name})
		if apiCode(err, "ResourceNotFoundException") {
			found = append(found, finding{"function", function.name, "it does not exist", function.why, "deploy again: " + d.orders("up")})
			continue
		}
		if err != nil {
			return found, fmt.Errorf("ask for function %s: %w", function.name, err)
		}
		// An idle function is Inactive, and starts again by itself.
		if out.State == lambdatypes.StateFailed || out.LastUpdateStatus == lambdatypes.LastUpdateStatusFailed {
			found = append(found, finding{"function", function.name, fmt.Sprintf("its state is %s, its last update %s: %s%s", out.State, out.LastUpdateStatus, aws.ToString(out.StateReason), aws.ToString(out.LastUpdateStatusReason)),
				function.why, "deploy again: " + d.orders("up")})
		}
		reserved, err := client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &function.name})
		if err != nil {
			return found, fmt.Errorf("ask for the concurrency of function %s: %w", function.name, err)
		}
		if reserved.ReservedConcurrentExecutions != nil && *reserved.ReservedConcurrentExecutions == 0 {
			found = append(found, finding{"function", function.name, "it is throttled to zero (reserved concurrency 0)", function.why + "; on the queue each throttled delivery counts as a receive, on the way to the dead-letter queue",
				d.aws("lambda delete-function-concurrency --function-name " + function.name)})
		}
	}
	return found, nil
}

// cloudWatch speaks JSON to the emulator, which knows CBOR, what the SDK speaks by itself, only with a library
// that it does not bring along.
func (d *doctor) cloudWatch() *cloudwatch.Client {
	return cloudwatch.NewFromConfig(d.cfg, func(o *cloudwatch.Options) {
		if d.d.Endpoint != "" {
			o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801)
		}
	})
}

// alarms are those whose names begin with the stack's.
func (d *doctor) alarms(ctx context.Context) (found []finding, err error) {
	prefix := contract.StackName(d.d.Env) + "-"
	var alarms []cwtypes.MetricAlarm
	var composites []cwtypes.CompositeAlarm
	pages := cloudwatch.NewDescribeAlarmsPaginator(d.cloudWatch(), &cloudwatch.DescribeAlarmsInput{
		AlarmNamePrefix: &prefix, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the alarms: %w", err)
		}
		alarms, composites = append(alarms, page.MetricAlarms...), append(composites, page.CompositeAlarms...)
	}
	if len(alarms)+len(composites) == 0 {
		profile, err := deployment.AlarmProfile(ctx, d.cfg, d.d.Env)
		if err != nil || profile == "none" { // as it was meant
			return nil, err
		}
		found = append(found, finding{"alarm", prefix + "*", "there is no alarm", "nobody is told when orders get stuck", "deploy the monitoring stack: " + d.orders("up")})
	}
	// What a composite alarm watches reports through it.
	var rules strings.Builder
	var targets []string // ARNs of actions
	reporting := map[string]int{}
	const mute = "when it goes off, nobody is told"
	one := func(name string, state cwtypes.StateValue, reason, description string, enabled *bool, actions []string, watched bool) {
		if state == cwtypes.StateValueAlarm {
			do := "see its runbook in docs/operations.md"
			if description != "" {
				do = oneLine(description)
			}
			found = append(found, finding{"alarm", name, "it is in ALARM: " + oneLine(reason), "it was set for this", do})
		}
		switch {
		case watched:
		case len(actions) == 0:
			found = append(found, finding{"alarm", name, "it has no action", mute, "give the monitoring stack a contact, and deploy it: " + d.orders("up")})
		case enabled != nil && !*enabled:
			found = append(found, finding{"alarm", name, "its actions are switched off", mute, d.aws("cloudwatch enable-alarm-actions --alarm-names " + name)})
		}
		for _, action := range actions {
			if !slices.Contains(targets, action) {
				targets = append(targets, action)
			}
			reporting[action]++
		}
	}
	for _, c := range composites {
		rules.WriteString(aws.ToString(c.AlarmRule))
		one(aws.ToString(c.AlarmName), c.StateValue, aws.ToString(c.StateReason), aws.ToString(c.AlarmDescription), c.ActionsEnabled, c.AlarmActions, false)
	}
	for _, m := range alarms {
		name := aws.ToString(m.AlarmName)
		watched := strings.Contains(rules.String(), name)
		one(name, m.StateValue, aws.ToString(m.StateReason), aws.ToString(m.AlarmDescription), m.ActionsEnabled, m.AlarmActions, watched)
	}
	for _, action := range targets {
		wrong, do, err := d.action(ctx, action)
		if err != nil {
			return found, err
		}
		if wrong != "" {
			found = append(found, finding{"alarm", action, wrong + "; " + count(reporting[action], "alarm") + " would report to it", mute, do})
		}
	}
	return found, nil
}

// action says what is wrong with an alarm's action and what to do, "" for nothing. Only topics can be looked at.
func (d *doctor) action(ctx context.Context, action string) (wrong, do string, err error) {
	if parsed, err := arn.Parse(action); err != nil || parsed.Service != "sns" {
		return "", "", nil
	}
	all, err := subscriptions(ctx, d.cfg, action, false)
	if apiCode(err, "NotFound", "NotFoundException") {
		return "this topic does not exist", "deploy the monitoring stack again: " + d.orders("up"), nil
	}
	if err != nil {
		return "", "", err
	}
	confirmed := slices.ContainsFunc(all, func(s subscription) bool { return !s.pending() })
	if confirmed || d.d.Env == contract.EnvironmentLocal { // from this machine, nobody is woken
		return "", "", nil
	}
	return "nobody has subscribed to this topic, or confirmed it",
		d.aws("sns subscribe --protocol email --notification-endpoint ADDRESS --topic-arn "+action) + "\nthen confirm it from the mail", nil
}

// queues that should be empty.
func (d *doctor) queues(ctx context.Context) (found []finding, err error) {
	client := sqs.NewFromConfig(d.cfg)
	if _, err := queueDepth(ctx, client, d.d.QueueURL); noQueue(err) {
		found = append(found, finding{"queue", "queue", "it is gone", "the API answers 503 to every order", "deploy again: " + d.orders("up")})
	} else if err != nil {
		return found, fmt.Errorf("ask for the queue: %w", err)
	}
	why := map[string]string{
		d.d.DeadLetterQueueURL: "these orders are accepted, and neither stored nor refused; they expire 14 days after they were accepted",
		d.d.RejectedQueueURL:   "these documents were accepted and then refused; their senders may not know",
		d.d.OnFailureQueueURL:  "these orders are stored, and no subscriber knows of them",
	}
	for _, q := range stuckQueues(d.d) {
		depth, err := queueDepth(ctx, client, q.from)
		if noQueue(err) {
			found = append(found, finding{"queue", q.name, "it is gone", "what should go there is lost", "deploy again: " + d.orders("up")})
			continue
		}
		if err != nil {
			return found, fmt.Errorf("ask for the %s: %w", q.name, err)
		}
		if n := depth.visible + depth.inFlight; n > 0 {
			reason, known := why[q.from]
			if !known {
				reason = "the subscriber has not handled these events"
			}
			found = append(found, finding{"queue", q.name, "has " + count(n, "message"), reason,
				d.orders(q.args) + "\nonce the cause is mended: " + d.orders(q.args+" --yes")})
		}
	}
	return found, nil
}

// subscriptions of the topic: confirmed, and to something that exists.
func (d *doctor) subscriptions(ctx context.Context) (found []finding, err error) {
	all, err := subscriptions(ctx, d.cfg, d.d.TopicARN, true)
	if apiCode(err, "NotFound", "NotFoundException") {
		return []finding{{"subscription", d.d.TopicARN, "the topic does not exist", "no event can be published", "deploy again: " + d.orders("up")}}, nil
	}
	if err != nil {
		return nil, err
	}
	topic, _ := arn.Parse(d.d.TopicARN)
	queues, functions := sqs.NewFromConfig(d.cfg), lambda.NewFromConfig(d.cfg)
	subscribed := map[string]bool{}
	for _, s := range all {
		if s.pending() {
			found = append(found, finding{"subscription", s.protocol + " " + s.endpoint, "it is not confirmed", "this subscriber gets no event; an unconfirmed subscription is removed after two days",
				"confirm it from the message that it was sent; to send that again: " + d.aws("sns subscribe --protocol "+s.protocol+" --notification-endpoint "+s.endpoint+" --topic-arn "+d.d.TopicARN)})
			continue
		}
		target, err := arn.Parse(s.endpoint)
		if err != nil || target.AccountID != topic.AccountID { // of another account, it cannot be seen from here
			continue
		}
		switch s.protocol {
		case "sqs":
			url, err := queueURL(ctx, queues, s.endpoint)
			if err != nil {
				return found, err
			}
			subscribed[target.Resource] = true
			if url == "" {
				found = append(found, d.lostQueue(s, target.Resource))
			}
		case "lambda":
			if _, err := functions.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &s.endpoint}); apiCode(err, "ResourceNotFoundException") {
				found = append(found, finding{"subscription", s.endpoint, "its function is gone", "this subscriber gets no event", "deploy the function again; or, if it is gone for good: " + d.aws("sns unsubscribe --subscription-arn "+s.arn)})
			} else if err != nil {
				return found, fmt.Errorf("ask for subscriber %s: %w", s.endpoint, err)
			}
		}
		if s.redrive != "" {
			url, err := queueURL(ctx, queues, s.redrive)
			if err != nil {
				return found, err
			}
			if url == "" {
				found = append(found, finding{"subscription", s.endpoint, "its dead-letter queue " + s.redrive + " is gone", "events that cannot be delivered to this subscriber are lost to it",
					d.aws("sqs create-queue --queue-name " + s.redrive[strings.LastIndex(s.redrive, ":")+1:] + " --attributes MessageRetentionPeriod=1209600")})
			}
		}
	}
	for _, s := range d.d.Subscribers {
		if queue := s.QueueURL[strings.LastIndex(s.QueueURL, "/")+1:]; !subscribed[queue] {
			found = append(found, finding{"subscription", s.Name, "its queue is not subscribed to the topic", "this subscriber gets no event",
				d.aws("sns subscribe --protocol sqs --attributes RawMessageDelivery=true --notification-endpoint QUEUE_ARN --topic-arn "+d.d.TopicARN) +
					"\nthen bring what it missed: " + d.orders("replay --from TIME --to-subscriber "+s.Name+" --yes")})
		}
	}
	return found, nil
}

// lostQueue is the finding of a subscription whose queue is gone.
func (d *doctor) lostQueue(s subscription, queue string) finding {
	name := queue
	for _, known := range d.d.Subscribers {
		if strings.HasSuffix(known.QueueURL, "/"+queue) {
			name = known.Name
		}
	}
	return finding{"subscription", s.endpoint, "its queue is gone", "this subscriber gets no event, and SNS keeps trying in vain",
		"make the queue again, with the policy that lets the topic send to it: " + d.aws("sqs create-queue --queue-name "+queue+" --attributes file://ATTRIBUTES") +
			"\nthen bring what it missed: " + d.orders("replay --from TIME --to-subscriber "+name+" --yes") +
			"\nor, if it is gone for good: " + d.aws("sns unsubscribe --subscription-arn "+s.arn)}
}

// metrics of the last hour, where CloudWatch has any. No datapoint is no finding: an idle queue has none.
func (d *doctor) metrics(ctx context.Context) (found []finding, err error) {
	end := time.Now()
	queue := d.d.QueueURL[strings.LastIndex(d.d.QueueURL, "/")+1:]
	log := func(function string) string {
		return "see the account's limit of concurrent executions: " + d.aws("lambda get-account-settings") + "\nand the function's own: " + d.aws("lambda get-function-concurrency --function-name "+function)
	}
	type series struct {
		resource, namespace, name, dimension, value, statistic string
		last                                                   time.Duration // how far to look back
		above                                                  float64
		what, why, do                                          string // what: with the value
	}
	all := []series{
		{d.d.ProcessorFunction, "AWS/Lambda", "Throttles", "FunctionName", d.d.ProcessorFunction, "Sum", time.Hour, 0,
			"it was throttled %.0f times in the last hour", "each throttled delivery counts as a receive of its orders, on the way to the dead-letter queue", log(d.d.ProcessorFunction)},
		{d.d.PublisherFunction, "AWS/Lambda", "Throttles", "FunctionName", d.d.PublisherFunction, "Sum", time.Hour, 0,
			"it was throttled %.0f times in the last hour", "events come late", log(d.d.PublisherFunction)},
		{d.d.StatusFunction, "AWS/Lambda", "Throttles", "FunctionName", d.d.StatusFunction, "Sum", time.Hour, 0,
			"it was throttled %.0f times in the last hour", "clients that ask for their orders get errors", log(d.d.StatusFunction)},
		{d.d.PublisherFunction, "AWS/Lambda", "IteratorAge", "FunctionName", d.d.PublisherFunction, "Maximum", 15 * time.Minute, 60_000,
			"it lags %.0f ms behind the table's stream", "events come late; records that wait for 20 hours are given up to the on-failure queue", "read its log: " + d.aws("logs tail /aws/lambda/"+d.d.PublisherFunction+" --since 1h")},
		{"queue", "AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue, "Maximum", 15 * time.Minute, 300,
			"its oldest order waits for %.0f s", "the processor does not keep up, or fails", "read its log: " + d.aws("logs tail /aws/lambda/"+d.d.ProcessorFunction+" --since 1h")},
		{d.d.TableName, "AWS/DynamoDB", "WriteThrottleEvents", "TableName", d.d.TableName, "Sum", time.Hour, 0,
			"%.0f writes were throttled in the last hour", "orders come late", "see the table's limits: " + d.aws("dynamodb describe-table --table-name "+d.d.TableName)},
		{d.d.TopicARN, "AWS/SNS", "NumberOfNotificationsFailed", "TopicName", d.d.TopicARN[strings.LastIndex(d.d.TopicARN, ":")+1:], "Sum", time.Hour, 0,
			"%.0f deliveries failed in the last hour", "a subscriber did not get its events, but for those on its dead-letter queue", "see which: " + d.orders("redrive")},
	}
	input := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(end.Add(-time.Hour)), EndTime: &end}
	for n, s := range all {
		input.MetricDataQueries = append(input.MetricDataQueries, cwtypes.MetricDataQuery{
			Id: aws.String(fmt.Sprintf("m%d", n)),
			MetricStat: &cwtypes.MetricStat{
				Period: aws.Int32(60), Stat: &s.statistic,
				Metric: &cwtypes.Metric{Namespace: &s.namespace, MetricName: &s.name, Dimensions: []cwtypes.Dimension{{Name: &s.dimension, Value: &s.value}}},
			},
		})
	}
	out, err := d.cloudWatch().GetMetricData(ctx, input)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	for _, result := range out.MetricDataResults {
		var n int
		if _, err := fmt.Sscanf(aws.ToString(result.Id), "m%d", &n); err != nil || n >= len(all) {
			continue
		}
		s, total := all[n], 0.0
		for i, value := range result.Values {
			switch {
			case i < len(result.Timestamps) && result.Timestamps[i].Before(end.Add(-s.last)):
			case s.statistic == "Sum":
				total += value
			default:
				total = max(total, value)
			}
		}
		if total > s.above {
			found = append(found, finding{"metric", s.resource, fmt.Sprintf(s.what, total), s.why, s.do})
		}
	}
	return found, nil
}

// canary posts an order and follows it.
func (d *doctor) canary(ctx context.Context, wait time.Duration) (found []finding, err error) {
	id := "canary-" + strings.ToLower(rand.Text()[:12])
	body := fmt.Sprintf(`{"orderId":%q,"currency":"EUR","channel":"web","items":[{"sku":"CANARY","quantity":1,"unitPrice":0}],"note":"posted by orders doctor --canary"}`, id)
	client := sqs.NewFromConfig(d.cfg)
	var watched []deployment.Subscriber // nobody else's message is received: each receive brings it nearer to the dead-letter queue
	for _, s := range d.d.Subscribers {
		if depth, err := queueDepth(ctx, client, s.QueueURL); err == nil && depth.visible+depth.inFlight == 0 {
			watched = append(watched, s)
		}
	}
	api := newClient(d.cfg, d.d, wait)
	got, err := api.do(ctx, "POST", "/orders", []byte(body))
	if err != nil {
		return nil, err
	}
	if got.code != 202 {
		refused := api.refused(d.app, "", got)
		return []finding{{"canary", "API", "it does not take an order: " + got.describe(), "clients' orders are not taken either", refused.next}}, nil
	}
	deadline := time.Now().Add(wait)
	for {
		got, err := api.do(ctx, "GET", "/orders/"+id, nil)
		if err != nil {
			return nil, err
		}
		if got.Status == "STORED" {
			break
		}
		if got.Status == "REFUSED" {
			return []finding{{"canary", id, "it was refused", "the deployment has another schema or rule than the canary knows, or refuses good orders", d.orders("status " + id)}}, nil
		}
		if time.Now().After(deadline) {
			return []finding{{"canary", id, fmt.Sprintf("it was accepted, and is not stored after %v", wait), "clients' orders are not stored either", d.orders("status " + id + " --wait 5m")}}, nil
		}
		if err := sleep(ctx, 250*time.Millisecond); err != nil {
			return nil, err
		}
	}
	for _, s := range watched {
		arrived, err := awaitEvent(ctx, client, s.QueueURL, id, wait)
		if err != nil {
			return found, err
		}
		if !arrived {
			found = append(found, finding{"canary", s.Name, fmt.Sprintf("the event of %s has not come after %v", id, wait), "other events do not come either", d.orders("replay --to-subscriber " + s.Name + " --id " + id)})
		}
	}
	return found, nil
}

// awaitEvent takes the event of an order from a queue that was empty before.
func awaitEvent(ctx context.Context, client *sqs.Client, url, orderID string, wait time.Duration) (bool, error) {
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: 30})
		if err != nil {
			return false, err
		}
		arrived := false
		for _, m := range out.Messages {
			var e event
			if json.Unmarshal([]byte(aws.ToString(m.Body)), &e) == nil && e.Subject == orderID {
				arrived = true
				_, err = client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
			} else {
				_, err = client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0})
			}
			if err != nil {
				return false, err
			}
		}
		if arrived {
			return true, nil
		}
	}
	return false, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
