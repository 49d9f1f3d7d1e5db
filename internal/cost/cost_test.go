package cost

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/prices"
)

const testdata = "../../test/snapshot/testdata/"

// read reads the templates of an environment, changed by change.
func read(t *testing.T, env string, change func(resources map[string]map[string]any)) *System {
	t.Helper()
	var templates [][]byte
	for _, name := range []string{env, env + "-monitoring"} {
		text, err := os.ReadFile(testdata + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			var parsed struct{ Resources map[string]map[string]any }
			if err := json.Unmarshal(text, &parsed); err != nil {
				t.Fatal(err)
			}
			change(parsed.Resources)
			if text, err = json.Marshal(parsed); err != nil {
				t.Fatal(err)
			}
		}
		templates = append(templates, text)
	}
	s, err := Read(templates...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func bill(t *testing.T, s *System, w Workload) *Bill {
	t.Helper()
	b, err := s.Bill("test", w, prices.Current())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// line returns a line by its name; the zero line when there is none.
func (b *Bill) line(name string) Line {
	for _, l := range b.Lines {
		if l.Name == name {
			return l
		}
	}
	return Line{}
}

// TestEveryResourceTypeHasALine: the bill says something about each resource of the templates: it has
// a line, or a page says that it is free.
func TestEveryResourceTypeHasALine(t *testing.T) {
	files, err := filepath.Glob(testdata + "*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var parsed struct{ Resources map[string]resource }
		if err := json.Unmarshal(text, &parsed); err != nil {
			t.Fatal(err)
		}
		for _, what := range missing(parsed.Resources) {
			t.Errorf("%s: the bill has no line for %s (internal/cost/resources.go)", file, what)
		}
	}
	for kind, page := range free {
		if !strings.HasPrefix(page, "https://") || priced[kind] != "" {
			t.Errorf("%s: free because of %q, and priced for %q", kind, page, priced[kind])
		}
	}
}

func TestMissing(t *testing.T) {
	got := missing(map[string]resource{
		"A": {Type: "AWS::EC2::NatGateway"}, "B": {Type: "AWS::EC2::NatGateway"},
		"C": {"AWS::Lambda::EventSourceMapping", map[string]any{"ProvisionedPollerConfig": map[string]any{}}},
		"D": {"AWS::DynamoDB::Table", map[string]any{}},
		"E": {"AWS::SNS::Subscription", map[string]any{"Protocol": "sms"}},
		"F": {"AWS::ApiGateway::Stage", map[string]any{"CacheClusterEnabled": true}},
		"G": {"AWS::SQS::Queue", map[string]any{"FifoQueue": true}},
		"H": {"AWS::DynamoDB::Table", map[string]any{"BillingMode": "PAY_PER_REQUEST", "TableClass": "STANDARD_INFREQUENT_ACCESS"}},
	})
	want := []string{
		"2 × AWS::EC2::NatGateway", "C: ProvisionedPollerConfig", "D: BillingMode PROVISIONED", "E: Protocol sms",
		"F: CacheClusterEnabled", "G: FifoQueue", "H: TableClass",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTargets: what the project promises for 100,000 orders in prod, and which lines are in the way
// of the rest.
func TestTargets(t *testing.T) {
	const target = 0.47 // US dollars with the always-free tier
	s, w := read(t, "prod", nil), DefaultWorkload()
	b := bill(t, s, w)
	path, _ := b.Group(DataPath)
	if path > 1 {
		t.Errorf("the data path is %.4f USD at list, want at most 1.00", path)
	}
	_, checks := b.Group(StatusChecks)
	floor := Floor(w, prices.Current())
	secondUnit := b.line("DynamoDB: writes").WithFree - floor.Lines[3].WithFree
	recovery := b.line("DynamoDB: point-in-time recovery").WithFree
	if rest := b.WithFree - checks - secondUnit - recovery; rest > target {
		t.Errorf("%.4f USD with the free tier, of which %.4f for status checks, %.4f for items above 1 KB, %.4f for recovery: leaves %.4f, want at most %.2f",
			b.WithFree, checks, secondUnit, recovery, rest, target)
	}
	small := w
	small.Size, small.StatusChecks = 700, 0
	if b := bill(t, s, small); b.WithFree > target {
		t.Errorf("orders of 700 bytes without status checks: %.4f USD, want at most %.2f", b.WithFree, target)
	}
	batches := w
	batches.Batch = 25
	if inBatches, _ := bill(t, s, batches).Group(DataPath); inBatches > path/3 {
		t.Errorf("the data path is %.4f USD in batches of 25, want less than a third of %.4f", inBatches, path)
	}
}

func TestReferenceAndFloor(t *testing.T) {
	reference, floor := Reference(100_000, prices.Current()), Floor(DefaultWorkload(), prices.Current())
	for name, test := range map[string]struct{ got, want float64 }{
		"reference": {reference.List, 3.06}, "floor": {floor.List, 0.47}, "floor with free tier": {floor.WithFree, 0.41},
	} {
		if math.Abs(test.got-test.want) > 0.005 {
			t.Errorf("%s: %.4f USD, want %.2f", name, test.got, test.want)
		}
	}
}

// TestBillByHand: 73,000 orders of 500 bytes at an even rate are 100 per hour.
func TestBillByHand(t *testing.T) {
	w := Workload{Orders: 73_000, Size: 500, Batch: 1, Subscribers: 3, StatusChecks: 2, Duplicates: 0.1, Refused: 0.1, Peak: 1, Months: 12}
	b := bill(t, read(t, "prod", nil), w)
	m := CurrentMeasurements()
	item := float64(500 + m.ItemBytes) // below 1 KB
	wait := 1 - math.Exp(-20*100./3600/2)
	for name, want := range map[string]float64{
		"API Gateway: POST":                73_000,
		"API Gateway: GET":                 146_000,
		"SQS: send, receive, delete":       219_000,
		"SQS: empty receives":              73_000/wait - 73_000,
		"SQS: rejected queue":              21_900,
		"DynamoDB: writes":                 58_400 + 7_300 + 7_300*(1+4),
		"DynamoDB: reads":                  146_000,
		"DynamoDB: storage":                58_400 * 12 * item / (1 << 30),
		"DynamoDB: point-in-time recovery": 58_400 * 12 * item / (1 << 30),
		"Lambda: processor, requests":      73_000,
		"Lambda: status, requests":         146_000,
		"Lambda: processor, log": 73_000 * (m.Processor[0].LogBytes + 26 + float64(len(jsonStart)+26+len(jsonReport)+26)) /
			(1 << 30),
		"Lambda: processor, duration": 73_000 * 0.25 *
			(m.Processor[0].CPUMilliseconds*1769/256 + m.Processor[0].Calls["dynamodb"]*m.Latency["dynamodb"].Milliseconds + 1) / 1000,
		"SNS: to SQS and Lambda":     175_200,
		"CloudWatch: alarm metrics":  10,
		"CloudWatch: custom metrics": 6,
		"CloudWatch: dashboard":      1,
	} {
		if got := b.line(name).Quantity; math.Abs(got-want) > want*1e-9 {
			t.Errorf("%s: %f, want %f", name, got, want)
		}
	}
	// 219,000 + 21,900 + 73,000 × (1/wait - 1) requests, of which a million are free.
	if sqs := b.line("SQS: empty receives"); sqs.WithFree != 0 || math.Abs(sqs.List-sqs.Quantity*0.4e-6) > 1e-9 {
		t.Errorf("empty receives: %+v", sqs)
	}
	var list, withFree float64
	for _, l := range b.Lines {
		list, withFree = list+l.List, withFree+l.WithFree
		if l.List > 0 && l.Source == "" || l.WithFree > l.List {
			t.Errorf("%+v", l)
		}
	}
	if math.Abs(list-b.List) > 1e-9 || math.Abs(withFree-b.WithFree) > 1e-9 {
		t.Errorf("the total is %f and %f, the lines are %f and %f", b.List, b.WithFree, list, withFree)
	}
}

// TestTemplateSettings: each setting of a template changes the quantities that depend on it.
func TestTemplateSettings(t *testing.T) {
	w := DefaultWorkload()
	before := bill(t, read(t, "prod", nil), w)
	used := map[string]bool{}
	each := func(kind string, change func(p map[string]any)) func(map[string]map[string]any) {
		return func(resources map[string]map[string]any) {
			for _, r := range resources {
				if p, ok := r["Properties"].(map[string]any); ok && r["Type"] == kind {
					change(p)
				}
			}
		}
	}
	set := func(kind, name string, value any) func(map[string]map[string]any) {
		return each(kind, func(p map[string]any) { p[name] = value })
	}
	logging := func(name, value string) func(map[string]map[string]any) {
		return each("AWS::Lambda::Function", func(p map[string]any) { p["LoggingConfig"].(map[string]any)[name] = value })
	}
	add := func(id, kind string, p map[string]any) func(map[string]map[string]any) {
		return func(resources map[string]map[string]any) {
			resources[id] = map[string]any{"Type": kind, "Properties": p}
		}
	}
	subscribe := func(protocol string, endpoint any) func(map[string]map[string]any) {
		return func(resources map[string]map[string]any) {
			for id, r := range resources {
				if r["Type"] == "AWS::SNS::Topic" && strings.HasPrefix(id, "PipelineTopic") {
					add("Subscription", "AWS::SNS::Subscription", map[string]any{"Protocol": protocol, "TopicArn": map[string]any{"Ref": id}, "Endpoint": endpoint})(resources)
				}
			}
		}
	}
	math2 := []any{map[string]any{"Expression": "a/b"}, map[string]any{"MetricStat": map[string]any{"Period": 60.}}, map[string]any{"MetricStat": map[string]any{"Period": 60.}}}
	index := func(projection string) []any {
		return []any{map[string]any{"Projection": map[string]any{"ProjectionType": projection}}}
	}
	m := CurrentMeasurements()
	platform := float64(len(jsonStart) + len(jsonReport) + 52)
	for name, test := range map[string]struct {
		change func(map[string]map[string]any)
		line   string
		want   func(q float64) float64 // from the quantity before
	}{
		"more pollers": {set("AWS::Lambda::EventSourceMapping", "ScalingConfig", map[string]any{"MaximumConcurrency": 10.}), "SQS: empty receives", func(q float64) float64 { return 616_790 }},
		"memory":       {set("AWS::Lambda::Function", "MemorySize", 1769.), "Lambda: processor, duration", func(float64) float64 { return 0 }},
		"x86":          {set("AWS::Lambda::Function", "Architectures", []any{"x86_64"}), "Lambda: processor, duration", func(q float64) float64 { return q }},
		"system log level": {logging("SystemLogLevel", "WARN"), "Lambda: processor, log", func(q float64) float64 {
			return q - before.line("Lambda: processor, requests").Quantity*platform/(1<<30)
		}},
		"application level": {logging("ApplicationLogLevel", "WARN"), "Lambda: status, log", func(q float64) float64 { return q }},
		"text log":          {logging("LogFormat", "Text"), "Lambda: status, log", func(float64) float64 { return 100_000 * float64(len(textLines)+78) / (1 << 30) }},
		"metrics off": {each("AWS::Lambda::Function", func(p map[string]any) {
			p["Environment"].(map[string]any)["Variables"].(map[string]any)[contract.EnvMetrics] = contract.MetricsOff
		}), "CloudWatch: custom metrics", func(float64) float64 { return 0 }},
		"tracing": {set("AWS::Lambda::Function", "TracingConfig", map[string]any{"Mode": "Active"}), "X-Ray: traces", func(float64) float64 {
			return before.line("Lambda: processor, requests").Quantity + before.line("Lambda: publisher, requests").Quantity
		}},
		"tracing of the API":   {set("AWS::ApiGateway::Stage", "TracingEnabled", true), "X-Ray: traces", func(float64) float64 { return 100_000 }},
		"access log":           {set("AWS::ApiGateway::Stage", "AccessLogSetting", map[string]any{"Format": strings.Repeat("x", 74)}), "API Gateway: access log", func(float64) float64 { return 100_000. * 100 / (1 << 30) }},
		"full index":           {set("AWS::DynamoDB::GlobalTable", "GlobalSecondaryIndexes", index("ALL")), "DynamoDB: writes", func(q float64) float64 { return q + 98_900*2 }},
		"index of keys":        {set("AWS::DynamoDB::GlobalTable", "GlobalSecondaryIndexes", index("KEYS_ONLY")), "DynamoDB: writes", func(q float64) float64 { return q + 98_900 }},
		"index, storage":       {set("AWS::DynamoDB::GlobalTable", "LocalSecondaryIndexes", index("ALL")), "DynamoDB: storage", func(q float64) float64 { return 2 * q }},
		"replica":              {each("AWS::DynamoDB::GlobalTable", func(p map[string]any) { p["Replicas"] = append(p["Replicas"].([]any), map[string]any{}) }), "DynamoDB: writes", func(q float64) float64 { return 2 * q }},
		"no recovery":          {set("AWS::DynamoDB::GlobalTable", "Replicas", []any{}), "DynamoDB: point-in-time recovery", func(float64) float64 { return 0 }},
		"metric math":          {set("AWS::CloudWatch::Alarm", "Metrics", math2), "CloudWatch: alarm metrics", func(q float64) float64 { return 2 * q }},
		"anomaly detection":    {each("AWS::CloudWatch::Alarm", func(p map[string]any) { p["Metrics"], p["ThresholdMetricId"] = math2[:2], "a" }), "CloudWatch: alarm metrics", func(q float64) float64 { return 3 * q }},
		"high resolution":      {set("AWS::CloudWatch::Alarm", "Period", 10.), "CloudWatch: alarm metrics", func(q float64) float64 { return 3 * q }},
		"composite alarm":      {add("Composite", "AWS::CloudWatch::CompositeAlarm", nil), "CloudWatch: composite alarms", func(float64) float64 { return 2 }},
		"key":                  {add("Key", "AWS::KMS::Key", nil), "KMS: customer managed keys", func(float64) float64 { return 2 }},
		"key of the queue":     {set("AWS::SQS::Queue", "KmsMasterKeyId", "key"), "KMS: requests", func(float64) float64 { return 3 * 8760 }},
		"key of the topic":     {set("AWS::SNS::Topic", "KmsMasterKeyId", "key"), "KMS: requests", func(float64) float64 { return 2 * 8760 }},
		"key of the table":     {set("AWS::DynamoDB::GlobalTable", "SSESpecification", map[string]any{"SSEType": "KMS"}), "KMS: requests", func(float64) float64 { return 3 * 8760 }},
		"e-mail":               {subscribe("email", "on-call@example.com"), "SNS: e-mail, subscriber 1", func(float64) float64 { return 98_900 }},
		"HTTPS":                {subscribe("https", "https://example.com"), "SNS: HTTP, subscriber 1", func(float64) float64 { return 98_900 }},
		"HTTPS, traffic":       {subscribe("https", "https://example.com"), "Data transfer: subscriber 1", func(float64) float64 { return 98_900 * float64(1024+m.EventBytes) / (1 << 30) }},
		"queue of the stack":   {subscribe("sqs", map[string]any{"Fn::GetAtt": []any{"PipelineDeadLetterQueueF08023D6", "Arn"}}), "SQS: subscriber 1", func(float64) float64 { return 2 * 98_900 }},
		"queue of others":      {subscribe("sqs", "arn:aws:sqs:us-east-1:000000000000:queue"), "SNS: to SQS and Lambda", func(q float64) float64 { return q }},
		"log kept for a year":  {set("AWS::Logs::LogGroup", "RetentionInDays", 360.), "Lambda: processor, log kept", func(q float64) float64 { return 12 * q }},
		"log kept for ever":    {each("AWS::Logs::LogGroup", func(p map[string]any) { delete(p, "RetentionInDays") }), "Lambda: processor, log kept", func(q float64) float64 { return q }},
		"window of the stream": {set("AWS::Lambda::EventSourceMapping", "MaximumBatchingWindowInSeconds", 300.), "Lambda: publisher, requests", func(float64) float64 { return 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			b := bill(t, read(t, "prod", test.change), w)
			got, q := b.line(test.line).Quantity, before.line(test.line).Quantity
			want := test.want(q)
			switch name {
			case "memory": // faster, but not by as much as it costs
				if got <= 2*q || got >= 1769./256*q {
					t.Errorf("%s: %f, from %f", test.line, got, q)
				}
			case "window of the stream": // fewer invocations
				if got >= q/2 {
					t.Errorf("%s: %f, from %f", test.line, got, q)
				}
			case "more pollers":
				if math.Abs(got-want) > want/100 {
					t.Errorf("%s: %f, want about %f", test.line, got, want)
				}
			default:
				if math.Abs(got-want) > 1e-9*max(1, want) {
					t.Errorf("%s: %f, from %f, want %f", test.line, got, q, want)
				}
			}
			for _, l := range b.Lines {
				used[l.Unit+l.Source] = true
			}
			if name == "x86" && b.line(test.line).List <= before.line(test.line).List {
				t.Error("x86 does not cost more than arm64")
			}
		})
	}
	list := prices.Current()
	for _, item := range list.Names() {
		if i := list.Item(item); !used[i.Unit+i.Page] {
			t.Errorf("no setting leads to a line with the price %s", item)
		}
	}
}

// TestOtherStacks: queues and tables that exist already, no API, two pipelines in one template.
func TestOtherStacks(t *testing.T) {
	fn := func(variables string) string {
		return `{"Type":"AWS::Lambda::Function","Properties":{"Environment":{"Variables":{` + variables + `}}}}`
	}
	mapping := func(f, source string) string {
		return `{"Type":"AWS::Lambda::EventSourceMapping","Properties":{"FunctionName":{"Ref":"` + f + `"},"EventSourceArn":` + source + `}}`
	}
	existing := `{"Resources":{"A":` + fn(`"REJECTED_QUEUE_URL":"u","TABLE_NAME":"t"`) + `,"B":` + fn(`"ON_FAILURE_QUEUE_URL":"u","TOPIC_ARN":"a"`) +
		`,"MA":` + mapping("A", `"arn:queue"`) + `,"MB":` + mapping("B", `"arn:stream"`) + `}}`
	s, err := Read([]byte(existing))
	if err != nil {
		t.Fatal(err)
	}
	b := bill(t, s, DefaultWorkload())
	if b.line("API Gateway: POST").Quantity != 0 || b.line("SQS: send, receive, delete").Quantity != 300_000 || b.line("Lambda: publisher, requests").Quantity == 0 {
		t.Errorf("existing queue and table: %+v", b.Lines)
	}
	if twice, err := Read([]byte(existing), []byte(existing)); err != nil {
		t.Error(err)
	} else if two := bill(t, twice, DefaultWorkload()); math.Abs(two.List-2*b.List) > 1e-6 {
		t.Errorf("two pipelines cost %f, one %f", two.List, b.List)
	}
	for text, want := range map[string]string{
		"{":  "template 1: not JSON",
		"{}": "template 1: no Resources",
		`{"Resources":{"Q":{"Type":"AWS::SQS::Queue"}}}`: "no OrderPipeline in the templates",
	} {
		if _, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %s", text, err, want)
		}
	}
}

// TestLargeVolumes: batches fill, tiers apply, nothing polls in vain.
func TestLargeVolumes(t *testing.T) {
	w := DefaultWorkload()
	w.Orders, w.Peak, w.StatusChecks = 2e9, 1, 0
	b := bill(t, read(t, "prod", nil), w)
	// 333 M at 3.50, 667 M at 2.80, the rest at 2.38.
	if got, want := b.line("API Gateway: POST").List, 333*3.50+667*2.80+1000*2.38; math.Abs(got-want) > 0.01 {
		t.Errorf("API Gateway: %f, want %f", got, want)
	}
	// All lines of a price share what is free.
	var list, withFree float64
	for _, l := range b.Lines {
		if strings.HasPrefix(l.Name, "SQS") {
			list, withFree = list+l.List, withFree+l.WithFree
		}
	}
	if math.Abs(list-withFree-0.40) > 1e-6 {
		t.Errorf("of SQS, %f are free, want a million requests for 0.40", list-withFree)
	}
	if got := b.line("SQS: empty receives").Quantity; got > 1000 {
		t.Errorf("%f empty receives", got)
	}
	if got := b.line("Lambda: publisher, requests").Quantity; got > 2e9/20 {
		t.Errorf("%f invocations of the publisher for 2 billion orders", got)
	}
}

func TestWorkloadErrors(t *testing.T) {
	s := read(t, "prod", nil)
	for want, change := range map[string]func(*Workload){
		"--batch: 0 (a call has 1 to 25 orders)":  func(w *Workload) { w.Batch = 0 },
		"--batch: 26":                             func(w *Workload) { w.Batch = 26 },
		"--subscribers: -1":                       func(w *Workload) { w.Subscribers = -1 },
		"--status-checks: -1":                     func(w *Workload) { w.StatusChecks = -1 },
		"--months: 0":                             func(w *Workload) { w.Months = 0 },
		"--duplicates, --refused: together 110 %": func(w *Workload) { w.Duplicates, w.Refused = 1, 0.1 },
		"--size, --batch: one call has 250000 bytes (the queue takes at most 24": func(w *Workload) { w.Size, w.Batch = 10_000, 25 },
	} {
		w := DefaultWorkload()
		change(&w)
		if _, err := s.Bill("", w, prices.Current()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	all := DefaultWorkload()
	all.Duplicates, all.Refused, all.Peak = 1, 0, 24
	if b := bill(t, s, all); math.IsNaN(b.List) || b.line("SNS: publishes").Quantity != 0 {
		t.Errorf("nothing but duplicates: %+v", b)
	}
}

func TestFlags(t *testing.T) {
	type flag interface{ UnmarshalText([]byte) error }
	for text, test := range map[string]struct {
		flag flag
		want any
	}{
		"100000": {new(Count), Count(100_000)}, "100k": {new(Count), Count(100_000)}, "10M": {new(Count), Count(1e7)}, "1B": {new(Count), Count(1e9)},
		"1KB": {new(Size), Size(1024)}, "700B": {new(Size), Size(700)}, "1.5KB": {new(Size), Size(1536)}, "512": {new(Size), Size(512)},
		"1%": {new(Share), Share(0.01)}, "0.25": {new(Share), Share(0.25)}, "10x": {new(Factor), Factor(10)}, "1": {new(Factor), Factor(1)},
	} {
		if err := test.flag.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got any
		switch f := test.flag.(type) {
		case *Count:
			got = *f
		case *Size:
			got = *f
		case *Share:
			got = *f
		case *Factor:
			got = *f
		}
		if got != test.want {
			t.Errorf("%s is %v, want %v", text, got, test.want)
		}
	}
	for _, wrong := range []struct {
		flag flag
		text string
	}{
		{new(Count), "0"}, {new(Count), "1.5"}, {new(Count), "many"}, {new(Count), "1K"}, {new(Count), "-1"}, {new(Count), "2000B"},
		{new(Size), "0"}, {new(Size), "1GB"}, {new(Size), ""}, {new(Share), "101%"}, {new(Share), "-1%"}, {new(Share), "NaN"},
		{new(Factor), "0.5x"}, {new(Factor), "25x"}, {new(Factor), "10%"}, {new(Factor), "Inf"},
	} {
		if err := wrong.flag.UnmarshalText([]byte(wrong.text)); err == nil || !strings.Contains(err.Error(), "is not a") {
			t.Errorf("%T %q: error is %v", wrong.flag, wrong.text, err)
		}
	}
}

func TestPrint(t *testing.T) {
	list, err := prices.In("sa-east-1")
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, "prod", func(resources map[string]map[string]any) {
		resources["Gateway"] = map[string]any{"Type": "AWS::EC2::NatGateway"}
	})
	b, err := s.Bill("prod", DefaultWorkload(), list)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	b.Print(&out)
	for _, want := range []string{
		"API Gateway: POST                          100,000 requests       4.25 / M?     0.4250     0.4250  [1] one per call\n",
		"Total ", "Reference design (claims 3.32 for 100,000)", "Floor of this chain", "Above the floor, with the free tier: API Gateway: GET 0.4250; DynamoDB: writes",
		"?  no source for this price", "Not in the bill: 2 × AWS::EC2::NatGateway\n", "[1] https://aws.amazon.com/api-gateway/pricing/\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	out.Reset()
	dev, err := read(t, "dev", nil).Bill("dev", DefaultWorkload(), list)
	if err != nil {
		t.Fatal(err)
	}
	Compare(&out, []*Bill{b, dev})
	for _, want := range []string{
		"prod                    dev\n", "SQS: subscriber 1                                         -        0.0791 / 0.0000\n",
		"CloudWatch: alarm metrics                   1.0000 / 0.0000                      -\n", "Total ", "Not in the bill of prod: ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestCurve(t *testing.T) {
	c, err := read(t, "prod", nil).Curve(DefaultWorkload(), prices.Current())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Orders) != 61 || c.Orders[0] != 1000 || c.Orders[60] != 1e9 {
		t.Errorf("points: %v", c.Orders)
	}
	for _, amounts := range [][]float64{c.List, c.WithFree, c.Reference} {
		if !slices.IsSorted(amounts) || len(amounts) != 61 {
			t.Errorf("more orders cost less: %v", amounts)
		}
	}
	text := c.Text()
	for _, want := range []string{"1k ", "100k ", "1B\n", "* list, + with free tier, . reference design, list\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	picture := c.SVG("prod <1>")
	decoder := xml.NewDecoder(bytes.NewReader(picture))
	counts := map[string]int{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		if start, ok := token.(xml.StartElement); ok {
			counts[start.Name.Local]++
		}
	}
	if counts["polyline"] != 3 || !bytes.Contains(picture, []byte("prod &lt;1&gt;")) || !bytes.Contains(picture, []byte(">100M<")) {
		t.Errorf("%v in\n%s", slices.Collect(maps.Keys(counts)), picture)
	}
}
