package ordermonitoring

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/internal/prices"
)

// costGraph shows the hourly cost of requests at list prices. It is an upper bound: where several
// messages share a request, AWS charges less.
func (m *OrderMonitoring) costGraph() graph {
	p, list := m.settings.Pipeline, prices.Current()
	g := graph{
		title: fmt.Sprintf("Estimated cost of requests, upper bound (%s, %s)", list.Region, list.Date),
		unit:  list.Currency + " per hour", stacked: true,
	}
	hourly := func(of measured, name string) awscloudwatch.Metric {
		o := options("Sum", "")
		o.Period = hour()
		return of.Metric(&name, o)
	}
	add := func(label, expression string, using map[string]awscloudwatch.IMetric) {
		perMillion := "(" + expression + ")/1000000"
		g.metrics = append(g.metrics, calculated(perMillion, label, hour(), using))
	}
	functions := []awslambda.Function{p.Processor(), p.Publisher()}
	if api := m.settings.API; api != nil {
		functions = append(functions, api.Status())
		add("API Gateway", times("calls", list.APIGatewayRequests),
			map[string]awscloudwatch.IMetric{"calls": hourly(api, "Count")})
	}
	queue := p.Queue()
	const requests = "(FILL(sent,0)+FILL(got,0)+FILL(gone,0)+FILL(empty,0))"
	add("SQS", requests+"*"+check.Number(list.SQSRequests),
		map[string]awscloudwatch.IMetric{
			"sent":  hourly(queue, "NumberOfMessagesSent"),
			"got":   hourly(queue, "NumberOfMessagesReceived"),
			"gone":  hourly(queue, "NumberOfMessagesDeleted"),
			"empty": hourly(queue, "NumberOfEmptyReceives"),
		})
	runs := map[string]awscloudwatch.IMetric{}
	var terms []string
	for i, f := range functions {
		run, took := fmt.Sprintf("run%d", i), fmt.Sprintf("took%d", i)
		runs[run], runs[took] = hourly(f, "Invocations"), hourly(f, "Duration")
		price := list.LambdaGBSecondsARM
		if *f.Architecture().Name() == *awslambda.Architecture_X86_64().Name() {
			price = list.LambdaGBSecondsX86
		}
		// From milliseconds to seconds, and from MiB to GB.
		perMillisecond := price / 1000 * memoryMiB(f) / 1024
		terms = append(terms, times(run, list.LambdaRequests), times(took, perMillisecond))
	}
	add("Lambda", strings.Join(terms, "+"), runs)
	add("DynamoDB",
		times("writes", list.DynamoDBWrites)+"+"+times("reads", list.DynamoDBReads),
		map[string]awscloudwatch.IMetric{
			"writes": hourly(p.Table(), "ConsumedWriteCapacityUnits"),
			"reads":  hourly(p.Table(), "ConsumedReadCapacityUnits"),
		})
	add("SNS", times("events", list.SNSPublishes),
		map[string]awscloudwatch.IMetric{"events": hourly(p.Topic(), "NumberOfMessagesPublished")})
	return g
}

// times is a metric times a price. Without data, the metric is 0.
func times(metric string, price float64) string {
	return "FILL(" + metric + ",0)*" + check.Number(price)
}

// memoryMiB is the memory of a function, with Lambda's default where none is set.
func memoryMiB(f awslambda.Function) float64 {
	cfn, ok := f.Node().DefaultChild().(awslambda.CfnFunction)
	if ok && cfn.MemorySize() != nil {
		return *cfn.MemorySize()
	}
	return 128
}
