package cost

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/prices"
)

var update = flag.Bool("update", false, "write the tables of docs/cost.md, and docs/cost.svg")

const page = "../../docs/cost.md"

// TestPage: the tables of docs/cost.md, between comments that name them, are what the model says.
func TestPage(t *testing.T) {
	for name, table := range map[string]string{
		"bills": bills(t), "batches": batches(t), "settings": settings(t),
		"alternatives": alternatives(t), "regions": regions(t),
	} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		begin, end := "<!-- cost:"+name+" -->\n", "<!-- /cost:"+name+" -->"
		before, rest, found := strings.Cut(string(text), begin)
		got, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Errorf("%s: no table %s", page, name)
			continue
		}
		want := "\n" + table + "\n"
		if *update {
			if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got != want {
			t.Errorf("%s: the table %s is\n%swant\n%s(go test ./internal/cost -run TestPage -update)", page, name, got, want)
		}
	}
}

// TestProse: the figures in the sentences of docs/cost.md.
func TestProse(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	s, w := read(t, "prod", nil), DefaultWorkload()
	b, floor := bill(t, s, w), Floor(w, prices.Current())
	_, checks := b.Group(StatusChecks)
	small := w
	small.Size, small.StatusChecks = 700, 0
	flowing, overhead := strings.Join(strings.Fields(string(text)), " "), CurrentMeasurements().ItemBytes
	for _, want := range []string{
		"at the prices of " + b.Date,
		fmt.Sprintf("about %d bytes beside the document", overhead/10*10),
		fmt.Sprintf("one of up to %d bytes takes one", (1024-overhead)/10*10),
		fmt.Sprintf("status checks (%.2f), the second write unit of an order of 1 KB (%.2f), and point-in-time recovery (%.2f)",
			checks, b.line("DynamoDB: writes").WithFree-floor.line("DynamoDB: writes").WithFree, b.line("DynamoDB: point-in-time recovery").WithFree),
		fmt.Sprintf("without status checks cost %.2f USD", bill(t, s, small).WithFree),
		fmt.Sprintf("would save the %.2f USD of 100,000 orders", b.line("DynamoDB: writes").WithFree),
		fmt.Sprintf("%.0f,000 requests per month with two pollers, %.0f,000 with five", idlePolls*month/20./1000, startPolls*month/20./1000),
		fmt.Sprintf("%g ms for DynamoDB, %g ms for SNS", b.measured.Latency["dynamodb"].Milliseconds, b.measured.Latency["sns"].Milliseconds),
	} {
		if !strings.Contains(flowing, want) {
			t.Errorf("%s does not say: %s", page, want)
		}
	}
}

// TestPicture: docs/cost.svg is the curve as it is now.
func TestPicture(t *testing.T) {
	const file = "../../docs/cost.svg"
	c, err := read(t, "prod", nil).Curve(DefaultWorkload(), prices.Current())
	if err != nil {
		t.Fatal(err)
	}
	want := c.SVG("prod: monthly bill, us-east-1, prices of " + prices.Current().Date)
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
		t.Errorf("%s is not the curve as it is now (go test ./internal/cost -run TestPicture -update): %v", file, err)
	}
}

func markdown(header []string, rows [][]string) string {
	var out strings.Builder
	line := func(cells []string) { out.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(header)
	align := []string{"---"}
	for range header[1:] {
		align = append(align, "---:")
	}
	line(align)
	for _, row := range rows {
		line(row)
	}
	return out.String()
}

func both(list, withFree float64) string { return money(list) + " / " + money(withFree) }

// bills: 1 k, 100 k and 10 M orders, line by line.
func bills(t *testing.T) string {
	s, list := read(t, "prod", nil), prices.Current()
	volumes := []Count{1e3, 1e5, 1e7}
	var all []*Bill
	for _, orders := range volumes {
		w := DefaultWorkload()
		w.Orders = orders
		all = append(all, bill(t, s, w))
	}
	var rows [][]string
	for _, group := range []string{DataPath, StatusChecks, Standing} {
		for _, l := range all[0].Lines {
			if l.Group != group || all[1].line(l.Name).List < 0.01 && all[2].line(l.Name).List < 0.01 {
				continue
			}
			row := []string{l.Name}
			for _, b := range all {
				row = append(row, both(b.line(l.Name).List, b.line(l.Name).WithFree))
			}
			rows = append(rows, row)
		}
		row := []string{"**" + group + "**"}
		for _, b := range all {
			row = append(row, "**"+both(b.Group(group))+"**")
		}
		rows = append(rows, row)
	}
	total, reference, floor := []string{"**Total**"}, []string{"Reference design"}, []string{"Floor of this chain"}
	for _, b := range all {
		total = append(total, "**"+both(b.List, b.WithFree)+"**")
		r, f := Reference(b.Workload.Orders, list), Floor(b.Workload, list)
		reference, floor = append(reference, both(r.List, r.WithFree)), append(floor, both(f.List, f.WithFree))
	}
	rows = append(rows, total, reference, floor)
	return markdown([]string{"USD per month, list / with free tier", "1,000", "100,000", "10,000,000"}, rows)
}

// batches: the data path by the number of orders in a call.
func batches(t *testing.T) string {
	s := read(t, "prod", nil)
	var rows [][]string
	single := map[Count]float64{}
	for _, batch := range []int{1, 5, 10, 25} {
		row := []string{fmt.Sprint(batch)}
		for _, orders := range []Count{1e5, 1e7} {
			w := DefaultWorkload()
			w.Orders, w.Batch = orders, batch
			list, _ := bill(t, s, w).Group(DataPath)
			if batch == 1 {
				single[orders] = list
			}
			row = append(row, money(list), fmt.Sprintf("%.0f %%", 100*list/single[orders]))
		}
		rows = append(rows, row)
	}
	return markdown([]string{"orders per call", "100,000 orders", "of single calls", "10,000,000 orders", "of single calls"}, rows)
}

// settings: what a month costs less, or more, with another setting.
func settings(t *testing.T) string {
	functions := func(change func(p map[string]any)) func(map[string]map[string]any) {
		return func(resources map[string]map[string]any) {
			for _, r := range resources {
				if r["Type"] == "AWS::Lambda::Function" {
					change(r["Properties"].(map[string]any))
				}
			}
		}
	}
	without := func(kind string) func(map[string]map[string]any) {
		return func(resources map[string]map[string]any) {
			for id, r := range resources {
				if r["Type"] == kind {
					delete(resources, id)
				}
			}
		}
	}
	var rows [][]string
	add := func(name, env string, change func(map[string]map[string]any), workload func(*Workload)) {
		row := []string{name}
		for _, orders := range []Count{1e5, 1e7} {
			w := DefaultWorkload()
			w.Orders = orders
			before := bill(t, read(t, env, nil), w)
			if workload != nil {
				workload(&w)
			}
			after := bill(t, read(t, env, change), w)
			row = append(row, fmt.Sprintf("%+.4f / %+.4f", after.List-before.List, after.WithFree-before.WithFree))
		}
		rows = append(rows, row)
	}
	add("System log level WARN", "prod", functions(func(p map[string]any) {
		p["LoggingConfig"].(map[string]any)["SystemLogLevel"] = "WARN"
	}), nil)
	add("128 MB instead of 256 MB", "prod", functions(func(p map[string]any) { p["MemorySize"] = 128. }), nil)
	add("x86 instead of arm64", "prod", functions(func(p map[string]any) { p["Architectures"] = []any{"x86_64"} }), nil)
	add("Processor.MaxConcurrency set", "prod", func(resources map[string]map[string]any) {
		for _, r := range resources {
			if r["Type"] == "AWS::Lambda::EventSourceMapping" {
				r["Properties"].(map[string]any)["ScalingConfig"] = map[string]any{"MaximumConcurrency": 10.}
			}
		}
	}, nil)
	add("DisableMetrics", "prod", functions(func(p map[string]any) {
		p["Environment"].(map[string]any)["Variables"].(map[string]any)[contract.EnvMetrics] = contract.MetricsOff
	}), nil)
	add("No dashboard", "prod", without("AWS::CloudWatch::Dashboard"), nil)
	add("No alarms", "prod", without("AWS::CloudWatch::Alarm"), nil)
	add("No demo subscribers (dev)", "dev", without("AWS::SNS::Subscription"), nil)
	add("No status checks", "prod", nil, func(w *Workload) { w.StatusChecks = 0 })
	add("Orders of 700 bytes", "prod", nil, func(w *Workload) { w.Size = 700 })
	add("Twelve months in the table", "prod", nil, func(w *Workload) { w.Months = 12 })
	return markdown([]string{"Change in USD per month, list / with free tier", "100,000 orders", "10,000,000 orders"}, rows)
}

// alternatives: what was decided against.
func alternatives(t *testing.T) string {
	s, list := read(t, "prod", nil), prices.Current()
	var rows [][]string
	add := func(name string, ours, theirs func(*Bill) float64) {
		row := []string{name}
		for _, orders := range []Count{1e5, 1e7} {
			w := DefaultWorkload()
			w.Orders = orders
			b := bill(t, s, w)
			row = append(row, money(ours(b)), money(theirs(b)))
		}
		rows = append(rows, row)
	}
	sum := func(b *Bill, prefix string) (quantity, amount float64) {
		for _, l := range b.Lines {
			if strings.HasPrefix(l.Name, prefix) {
				quantity, amount = quantity+l.Quantity, amount+l.List
			}
		}
		return quantity, amount
	}
	service := func(prefix string) func(*Bill) float64 {
		return func(b *Bill) float64 { _, amount := sum(b, prefix); return amount }
	}
	at := func(prefix, price string) func(*Bill) float64 {
		return func(b *Bill) float64 {
			quantity, _ := sum(b, prefix)
			return quantity * list.Alternatives[price] / 1e6
		}
	}
	add("HTTP API instead of REST API", service("API Gateway"), at("API Gateway", "httpAPIRequests"))
	add("FIFO queue instead of standard", service("SQS"), at("SQS", "sqsFIFORequests"))
	add("Provisioned writes for the peak", service("DynamoDB: writes"), func(b *Bill) float64 {
		writes, _ := sum(b, "DynamoDB: writes")
		return math.Ceil(writes/month*float64(b.Workload.Peak)) * month / 3600 * list.Alternatives["dynamoDBProvisionedWriteHours"]
	})
	return markdown([]string{"USD per month, list", "100,000: chosen", "alternative", "10,000,000: chosen", "alternative"}, rows)
}

// regions: the same month elsewhere.
func regions(t *testing.T) string {
	s := read(t, "prod", nil)
	var rows [][]string
	for _, region := range []string{"us-east-1", "eu-west-1", "eu-central-1", "sa-east-1"} {
		list, err := prices.In(region)
		if err != nil {
			t.Fatal(err)
		}
		row, unverified := []string{region}, 0
		for _, name := range list.Names() {
			if list.Item(name).Unverified {
				unverified++
			}
		}
		for _, orders := range []Count{1e5, 1e7} {
			w := DefaultWorkload()
			w.Orders = orders
			b, err := s.Bill("", w, list)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, both(b.List, b.WithFree))
		}
		rows = append(rows, append(row, fmt.Sprintf("%d of %d", unverified, len(list.Names()))))
	}
	return markdown([]string{"USD per month, list / with free tier", "100,000 orders", "10,000,000 orders", "unverified prices"}, rows)
}
