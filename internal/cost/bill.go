package cost

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/prices"
)

// The groups of a bill's lines.
const (
	// DataPath is what an order costs from the call to the subscribers, logs included.
	DataPath = "Data path"
	// StatusChecks is what GET costs.
	StatusChecks = "Status checks"
	// Standing is what a month costs whatever happens, and what is stored.
	Standing = "Standing"
)

// Bill is what a month costs.
type Bill struct {
	Name     string       `json:"name"`
	Region   string       `json:"region"`
	Date     string       `json:"pricesOf"`
	Currency string       `json:"currency"`
	Workload Workload     `json:"workload"`
	Lines    []Line       `json:"lines"`
	Missing  []string     `json:"notInTheBill,omitempty"`
	List     float64      `json:"list"`
	WithFree float64      `json:"withFreeTier"`
	prices   prices.List  // of the lines
	meters   *meters      // what is left of the free tier
	measured Measurements // of the functions
}

// Line is one item of the bill.
type Line struct {
	Group    string  `json:"group"`
	Name     string  `json:"name"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	Price    float64 `json:"price"`
	Per      float64 `json:"per"`
	// List is the amount at list price, WithFree what is left of it after the always-free tier.
	List     float64 `json:"list"`
	WithFree float64 `json:"withFreeTier"`
	// Source is the page of the price, and how the quantity comes about.
	Source   string `json:"source"`
	Quantify string `json:"quantityFrom,omitempty"`
	// Unverified says that the price is one that no source confirms.
	Unverified bool `json:"unverifiedPrice,omitempty"`
}

// meters count what is used of each price, for its tiers and for what is free.
type meters struct {
	used, billed, free map[string]float64
}

// add appends a line, unless nothing of it is used.
func (b *Bill) add(group, name, item string, quantity float64, from string) {
	b.addBillable(group, name, item, quantity, b.meters.free[b.prices.Item(item).Pool], from)
}

// addBillable appends a line of which at most free units are free.
func (b *Bill) addBillable(group, name, item string, quantity, free float64, from string) {
	if quantity <= 0 {
		return
	}
	i, m := b.prices.Item(item), b.meters
	free = min(free, quantity)
	m.free[i.Pool] -= free
	line := Line{
		Group: group, Name: name, Quantity: quantity, Unit: i.Unit, Price: i.Price, Per: i.Per,
		List:     amount(i, m.used[item]+quantity) - amount(i, m.used[item]),
		WithFree: amount(i, m.billed[item]+quantity-free) - amount(i, m.billed[item]),
		Source:   i.Page, Quantify: from, Unverified: i.Unverified,
	}
	m.used[item] += quantity
	m.billed[item] += quantity - free
	b.Lines = append(b.Lines, line)
	b.List += line.List
	b.WithFree += line.WithFree
}

// amount is the price of a quantity, tier by tier.
func amount(i prices.Item, quantity float64) float64 {
	total, price, from := 0.0, i.Price, 0.0
	for _, tier := range i.Tiers {
		if quantity <= tier.Above {
			break
		}
		total += (tier.Above - from) * price
		price, from = tier.Price, tier.Above
	}
	return (total + (quantity-from)*price) / i.Per
}

// Group returns the totals of one group of lines.
func (b *Bill) Group(name string) (list, withFree float64) {
	for _, line := range b.Lines {
		if line.Group == name {
			list += line.List
			withFree += line.WithFree
		}
	}
	return list, withFree
}

func newBill(name string, w Workload, list prices.List) *Bill {
	b := &Bill{
		Name: name, Region: list.Region, Date: list.Date, Currency: list.Currency, Workload: w,
		prices: list, measured: CurrentMeasurements(),
		meters: &meters{map[string]float64{}, map[string]float64{}, map[string]float64{}},
	}
	for pool, quantity := range list.Free {
		b.meters.free[pool] = quantity
	}
	return b
}

const (
	month      = 730 * 3600 // seconds, as AWS's pricing calculator counts
	pollWait   = 20         // seconds of a long poll (AWS Lambda, "Using Lambda with Amazon SQS")
	idlePolls  = 2          // pollers of an idle queue, the same page
	startPolls = 5          // pollers at the start, and with MaximumConcurrency always
	streamPoll = 0.25       // seconds between polls of a shard (AWS Lambda, "DynamoDB Streams")
	shards     = 4          // of a new on-demand table (Amazon DynamoDB, "Initial throughput")
	shardUnits = 1000       // write units per second of one partition, which has a shard
	chunk      = 64 << 10   // bytes of one request (Amazon SQS and Amazon SNS pricing)
	gigabyte   = 1 << 30
	lineBytes  = 26  // that CloudWatch Logs adds to a line (PutLogEvents)
	headers    = 400 // bytes of an HTTP answer's headers, an estimate
	accepted   = 75  // bytes of the answer to POST
	keyReuse   = 300 // seconds for which SQS, SNS and DynamoDB reuse a data key
)

// Lines of the platform (AWS Lambda, "Working with the Lambda telemetry API: platform.report").
const (
	requestID = "00000000-0000-4000-8000-000000000000"
	jsonStart = `{"time":"2026-11-25T12:00:00.000Z","type":"platform.start",` +
		`"record":{"requestId":"` + requestID + `","version":"$LATEST"}}`
	jsonReport = `{"time":"2026-11-25T12:00:00.000Z","type":"platform.report",` +
		`"record":{"requestId":"` + requestID + `","metrics":{"durationMs":12.345,` +
		`"billedDurationMs":13,"memorySizeMB":256,"maxMemoryUsedMB":40},"status":"success"}}`
	textLines = "START RequestId: " + requestID + " Version: $LATEST\n" +
		"END RequestId: " + requestID + "\n" +
		"REPORT RequestId: " + requestID + "\tDuration: 12.345 ms\tBilled Duration: 13 ms\t" +
		"Memory Size: 256 MB\tMax Memory Used: 40 MB\n"
)

// phase is a part of the month with an even rate.
type phase struct {
	seconds float64
	share   float64 // of the month's orders
}

// phases: one hour of each day has the peak rate, the other 23 share the rest.
func (w Workload) phases() [2]phase {
	busy := float64(w.Peak) / maxPeak
	return [2]phase{{month / 24., busy}, {month * 23 / 24., 1 - busy}}
}

// Bill computes the bill of a month. Every pipeline of the system gets the whole workload.
func (s *System) Bill(name string, w Workload, list prices.List) (*Bill, error) {
	b := newBill(name, w, list)
	b.Missing = s.missing
	for i, p := range s.pipelines {
		if err := w.Validate(p.maxMessage); err != nil {
			return nil, err
		}
		path := ""
		if i > 0 {
			path = fmt.Sprintf(" (%d)", i+1)
		}
		flow{Bill: b, pipeline: p, suffix: path}.lines()
	}
	b.add(Standing, "CloudWatch: alarm metrics", "alarms", s.alarms, "")
	b.add(Standing, "CloudWatch: composite alarms", "compositeAlarms", s.composite, "")
	for _, metrics := range s.boards {
		free := b.meters.free["dashboards"]
		if metrics > 50 { // free are dashboards with up to 50 metrics
			free = 0
		}
		b.addBillable(Standing, "CloudWatch: dashboard", "dashboards", 1, free,
			fmt.Sprintf("%.0f metrics; free with up to 50", metrics))
	}
	b.add(Standing, "KMS: customer managed keys", "keys", s.keys, "")
	slices.SortStableFunc(b.Lines, func(x, y Line) int {
		return cmp.Compare(groupOrder(x.Group), groupOrder(y.Group))
	})
	return b, nil
}

func groupOrder(group string) int {
	return slices.Index([]string{DataPath, StatusChecks, Standing}, group)
}

// flow is a month of orders in one pipeline.
type flow struct {
	*Bill
	pipeline
	suffix string
}

func (f flow) line(group, name, item string, quantity float64, from string) {
	f.add(group, name+f.suffix, item, quantity, from)
}

// run is the invocations of a function in a month.
type run struct {
	invocations, gbSeconds, logBytes, requests float64
}

// lines appends the lines of the pipeline.
func (f flow) lines() {
	w := f.Workload
	orders, size := float64(w.Orders), float64(w.Size)
	messages := orders / float64(w.Batch)
	stored := orders * (1 - float64(w.Duplicates) - float64(w.Refused))

	if f.api != nil {
		f.line(DataPath, "API Gateway: POST", "apiGatewayRequests", messages, "one per call")
	}
	processor, receives, empty, fill := f.process(messages, size)
	publisher := f.publish(stored, size, fill)
	refused := orders * float64(w.Refused)
	f.line(DataPath, "SQS: send, receive, delete", "sqsRequests",
		messages*chunks(float64(w.Batch)*size)+receives, "per 64 KB; receive and delete per 10 messages")
	f.line(DataPath, "SQS: rejected queue", "sqsRequests", 3*refused*chunks(size),
		"send, and later receive and delete")
	f.function(DataPath, "Lambda: processor", f.processor, processor)
	f.line(DataPath, "DynamoDB: writes", "dynamoDBWrites", f.writes(stored, orders, refused, size),
		"1 KB each; the item has "+fmt.Sprintf("%.0f bytes", f.itemSize(size)))
	f.function(DataPath, "Lambda: publisher", f.publisher, publisher)
	f.line(DataPath, "SNS: publishes", "snsPublishes", publisher.requests,
		"per 64 KB, 10 events per call at most")
	f.deliveries(stored, size)
	f.statusLines(orders, size)
	f.traces(messages, processor, publisher)
	f.line(DataPath, "Data transfer: answers to POST", "dataOut",
		f.answers(messages, accepted)/gigabyte, "headers estimated")

	pollers := "2 pollers when idle"
	if f.mapping.maxConcurrency {
		pollers = "5 pollers always, because of MaximumConcurrency"
	}
	f.line(Standing, "SQS: empty receives", "sqsRequests", empty, pollers+", 20 s each")
	f.storage(stored, size)
	f.custom()
	f.keyRequests(messages)
}

// process is the processor's month: its invocations, the receives and deletes of messages, the
// receives that find none, and the messages of one invocation, on average.
func (f flow) process(messages, size float64) (total run, receives, empty, fill float64) {
	perMessage := float64(f.Workload.Batch)
	pollers := float64(idlePolls)
	if f.mapping.maxConcurrency {
		pollers = startPolls
	}
	for _, p := range f.Workload.phases() {
		if p.share == 0 {
			empty += pollers * p.seconds / pollWait
			continue
		}
		n := messages * p.share
		rate := n / p.seconds
		fill := f.messagesPerInvocation(rate, perMessage, size)
		total = total.plus(n/fill, f.invocation(f.measured.Processor, f.processor, fill*perMessage, size))
		calls := n / min(fill, contract.MaxBatchEntries)
		receives += calls*chunks(min(fill, contract.MaxBatchEntries)*perMessage*size) + calls
		// A poll ends with a message or after 20 s: at random arrivals, of all polls the share
		// 1-exp(-20 × rate per poller) finds one.
		if found := 1 - math.Exp(-pollWait*calls/p.seconds/pollers); found > 0 {
			empty += calls/found - calls
		}
	}
	return total, receives, empty, messages / total.invocations
}

// messagesPerInvocation: each of the pollers takes what has come in while it waited for its window
// and for the invocation before.
func (f flow) messagesPerInvocation(rate, perMessage, size float64) float64 {
	one := f.measured.milliseconds(at(f.measured.Processor, perMessage), f.processor.memoryMiB, size)
	waiting := rate * (f.mapping.window + one/1000) / startPolls
	return min(max(1, waiting), f.mapping.batch)
}

// publish is the publisher's month. burst is how many messages the processor works on at once.
func (f flow) publish(stored, size, burst float64) (total run) {
	event := size + float64(f.measured.EventBytes)
	item := units(f.itemSize(size), 1024)
	for _, p := range f.Workload.phases() {
		n := stored * p.share
		if n == 0 {
			continue
		}
		rate := n / p.seconds
		// Orders spread evenly over the shards; what arrives between two polls comes together.
		parts := max(shards, rate*item/shardUnits) * f.publication.parallel
		together := burst*float64(f.Workload.Batch) + rate*(streamPoll+f.publication.window)
		perShard := together / (parts * (1 - math.Pow(1-1/parts, together)))
		fill := min(max(1, perShard), f.publication.batch)
		one := f.invocation(f.measured.Publisher, f.publisher, fill, size)
		calls := at(f.measured.Publisher, fill).Calls["sns"]
		one.requests = calls * chunks(fill/calls*event)
		total = total.plus(n/fill, one)
	}
	return total
}

// invocation is one invocation with n orders.
func (f flow) invocation(measured []Invocation, fn function, n, size float64) run {
	i := at(measured, n)
	bytes := fn.platformBytes()
	if fn.info {
		bytes += i.LogBytes + lineBytes*i.LogLines
	}
	duration := f.measured.milliseconds(i, fn.memoryMiB, size) / 1000
	return run{1, duration * fn.memoryMiB / 1024, bytes, 0}
}

// platformBytes are the lines that Lambda writes about an invocation.
func (fn function) platformBytes() float64 {
	switch {
	case !fn.platformLines:
		return 0
	case fn.platformJSON:
		return float64(len(jsonStart) + len(jsonReport) + 2*lineBytes)
	}
	return float64(len(textLines) + 3*lineBytes)
}

// plus adds n times one invocation.
func (r run) plus(n float64, one run) run {
	return run{
		r.invocations + n, r.gbSeconds + n*one.gbSeconds, r.logBytes + n*one.logBytes,
		r.requests + n*one.requests,
	}
}

// function appends the lines of a function, its log included.
func (f flow) function(group, name string, fn function, r run) {
	if r.invocations == 0 {
		return
	}
	item := "lambdaGBSecondsX86"
	if fn.arm {
		item = "lambdaGBSecondsARM"
	}
	f.line(group, name+", requests", "lambdaRequests", r.invocations, "")
	f.line(group, name+", duration", item, r.gbSeconds,
		fmt.Sprintf("%.0f ms each", r.gbSeconds/r.invocations*1024/fn.memoryMiB*1000))
	f.line(group, name+", log", "logs", r.logBytes/gigabyte,
		fmt.Sprintf("%.0f bytes an invocation", r.logBytes/r.invocations))
	months := fn.retention / 30
	if fn.retention == 0 {
		months = f.Workload.Months
	}
	f.line(Standing, name+", log kept", "logsStored", r.logBytes/gigabyte*months, "not compressed")
}

// itemSize is the size of an order's item.
func (f flow) itemSize(size float64) float64 { return size + float64(f.measured.ItemBytes) }

// writes are the write units of a month. A failed condition costs as much as the item that it
// finds; a refusal is a transaction, which costs twice, over the refusal and the order (Amazon
// DynamoDB, "Read and write capacity").
func (f flow) writes(stored, orders, refused, size float64) float64 {
	order, item := units(f.itemSize(size), 1024), 0.0
	item = order
	for _, i := range f.table.indexes {
		if i.full {
			item += order
		} else {
			item++
		}
	}
	duplicates := orders * float64(f.Workload.Duplicates)
	refusal := order + 2*(1+order)
	return (stored*item + duplicates*order + refused*refusal) * (1 + f.table.replicas)
}

// deliveries appends what the subscriptions cost: those of the template, and as many SQS queues of
// others as the workload has more.
func (f flow) deliveries(stored, size float64) {
	event := size + float64(f.measured.EventBytes)
	nothing := float64(max(0, f.Workload.Subscribers-len(f.topics)))
	for _, s := range f.topics {
		nothing += one(s.protocol == "sqs" || s.protocol == "lambda")
	}
	if nothing > 0 && stored > 0 {
		f.Lines = append(f.Lines, Line{
			Group: DataPath, Name: "SNS: to SQS and Lambda" + f.suffix, Quantity: nothing * stored,
			Unit: "deliveries", Per: 1e6, Source: f.prices.Item("snsPublishes").Page,
			Quantify: "free of charge",
		})
	}
	for i, s := range f.topics {
		name := fmt.Sprintf("subscriber %d", i+1)
		switch s.protocol {
		case "http", "https":
			f.line(DataPath, "SNS: HTTP, "+name, "snsHTTP", stored*chunks(event), "")
			f.line(DataPath, "Data transfer: "+name, "dataOut", stored*event/gigabyte, "")
		case "email", "email-json":
			f.line(DataPath, "SNS: e-mail, "+name, "snsEmail", stored, "")
		case "sqs":
			if s.ownQueue {
				f.line(DataPath, "SQS: "+name, "sqsRequests", 2*stored*chunks(event),
					"receive and delete, one by one; SNS delivers to SQS for nothing")
			}
		}
	}
}

// statusLines appends what GET costs.
func (f flow) statusLines(orders, size float64) {
	checks := orders * f.Workload.StatusChecks
	if f.api == nil || f.api.status == nil || checks == 0 {
		return
	}
	f.line(StatusChecks, "API Gateway: GET", "apiGatewayRequests", checks, "")
	one := f.invocation(f.measured.Status, *f.api.status, 1, size)
	f.function(StatusChecks, "Lambda: status", *f.api.status, run{}.plus(checks, one))
	f.line(StatusChecks, "DynamoDB: reads", "dynamoDBReads", checks*units(f.itemSize(size), 4096),
		"4 KB each, consistent")
	f.line(StatusChecks, "Data transfer: answers to GET", "dataOut",
		f.answers(checks, size+float64(f.measured.AnswerBytes))/gigabyte, "headers estimated")
}

// answers are the bytes of n HTTP answers.
func (f flow) answers(n, body float64) float64 {
	if f.api == nil {
		return 0
	}
	return n * (headers + body)
}

// traces appends what X-Ray costs: one trace a second, and 5 % of the rest (AWS X-Ray, "Sampling").
func (f flow) traces(messages float64, processor, publisher run) {
	sampled := func(on bool, n float64) float64 {
		if !on {
			return 0
		}
		return min(n, month) + max(0, n-month)*0.05
	}
	api := f.api != nil && f.api.traced
	f.line(DataPath, "X-Ray: traces", "traces", sampled(api, messages)+
		sampled(f.processor.traced, processor.invocations)+
		sampled(f.publisher.traced, publisher.invocations), "")
	if f.api != nil {
		f.line(DataPath, "API Gateway: access log", "logs",
			messages*(f.api.accessLine+lineBytes)*one(f.api.accessLine > 0)/gigabyte,
			"as long as its format")
	}
}

// storage appends the table.
func (f flow) storage(stored, size float64) {
	copies := 1 + f.table.replicas
	for _, i := range f.table.indexes {
		copies += one(i.full)
	}
	gb := stored * f.Workload.Months * f.itemSize(size) / gigabyte
	held := "one month of orders"
	if f.Workload.Months != 1 {
		held = fmt.Sprintf("%g months of orders", f.Workload.Months)
	}
	f.line(Standing, "DynamoDB: storage", "dynamoDBStorage", gb*copies, held)
	if f.table.recovery {
		f.line(Standing, "DynamoDB: point-in-time recovery", "dynamoDBRecovery",
			gb*(1+f.table.replicas), held)
	}
}

// custom appends the custom metrics.
func (f flow) custom() {
	n := float64(f.measured.CustomMetrics.Processor)*one(f.processor.metrics) +
		float64(f.measured.CustomMetrics.Publisher)*one(f.publisher.metrics)
	f.line(Standing, "CloudWatch: custom metrics", "metrics", n, "")
}

// keyRequests appends the requests to KMS: at most one per reuse period and caller (Amazon SQS,
// "Key management": two for a producer, one for a consumer), and no more than there are calls.
func (f flow) keyRequests(messages float64) {
	const periods = month / keyReuse
	f.line(Standing, "KMS: requests", "keyRequests",
		3*min(messages, periods)*one(f.keyedQueue)+2*min(messages, periods)*one(f.topicKey)+
			3*min(messages, periods)*one(f.table.keyed), "a data key is reused for 5 minutes")
}

// chunks is how many requests a payload counts as.
func chunks(bytes float64) float64 { return units(bytes, chunk) }

// units is how many units of a size, begun ones included, hold so many bytes.
func units(bytes, unit float64) float64 { return max(1, math.Ceil(bytes/unit)) }

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
