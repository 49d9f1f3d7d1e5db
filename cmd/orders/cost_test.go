package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// prodTemplates are the flags that read prod's templates, so that nothing is synthesized.
var prodTemplates = []string{
	"--template", "../../test/snapshot/testdata/prod.json",
	"--template", "../../test/snapshot/testdata/prod-monitoring.json",
}

func costOf(t *testing.T, args ...string) result {
	t.Helper()
	return orders(t, nil, "", append(append([]string{"cost"}, prodTemplates...), args...)...)
}

func TestCost(t *testing.T) {
	dir := t.TempDir()
	picture := filepath.Join(dir, "cost.svg")
	costOf(t, "--orders", "10M", "--batch", "25", "--curve", "--svg", picture, "--region", "eu-central-1").want(t, 0,
		"prod, prod-monitoring\n10,000,000 orders of 1,024 bytes per month, 25 per call", "Prices: eu-central-1, 20", "Data path", "3.70 / M",
		"Reference design (claims 3.32 for 100,000)", "Floor of this chain", "* list, + with free tier")
	if text, err := os.ReadFile(picture); err != nil || !strings.HasPrefix(string(text), "<svg") {
		t.Errorf("the picture is %.40s, %v", text, err)
	}
	var bill struct {
		List, WithFreeTier, ReferenceClaim float64
		Lines                              []struct{ Name string }
		Reference, Floor                   struct{ List float64 }
		Curve                              struct{ Orders []float64 }
	}
	r := costOf(t, "--json", "--curve")
	r.want(t, 0)
	if err := json.Unmarshal([]byte(r.stdout), &bill); err != nil {
		t.Fatal(err)
	}
	if bill.List <= bill.WithFreeTier || bill.ReferenceClaim != 3.32 || len(bill.Lines) < 20 || bill.Reference.List <= bill.Floor.List || len(bill.Curve.Orders) < 50 {
		t.Errorf("%+v", bill)
	}
	// A cdk.out folder has the templates, and other files.
	for name, template := range map[string]string{"Orders": "prod", "Monitoring": "prod-monitoring"} {
		text, err := os.ReadFile("../../test/snapshot/testdata/" + template + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".template.json"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.SplitN(costOf(t).stdout, "\n", 2)[1]
	if got := orders(t, nil, "", "cost", "--template", dir); got.status != 0 || !strings.HasSuffix(got.stdout, want) {
		t.Errorf("from a folder: status %d\n%s%s\nwant\n%s", got.status, got.stdout, got.stderr, want)
	}
}

// TestCostOwnPrices: a price file of one's own replaces the embedded one.
func TestCostOwnPrices(t *testing.T) {
	text, err := os.ReadFile("../../internal/prices/prices.json")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "prices.json")
	own := strings.ReplaceAll(string(text), `"apiGatewayRequests": 3.50`, `"apiGatewayRequests": 7.00`)
	if err := os.WriteFile(file, []byte(own), 0o644); err != nil {
		t.Fatal(err)
	}
	costOf(t, "--prices", file).want(t, 0, "7.00 / M     0.7000     0.7000")
}

func TestCostErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	notJSON, noPipeline := write("a.json", "Resources:"), write("b.json", `{"Resources":{"Q":{"Type":"AWS::SQS::Queue"}}}`)
	for args, want := range map[string]string{
		"--orders many":                  `--orders: "many" is not a number of orders`,
		"--size 1GB":                     `--size: "1GB" is not a size`,
		"--batch 26":                     "--batch: 26 (a call has 1 to 25 orders)",
		"--subscribers=-1":               "--subscribers: -1 (must be from 0 to 1000)",
		"--status-checks 2000":           "--status-checks: 2000 (must be from 0 to 1000)",
		"--duplicates 101%":              `--duplicates: "101%" is not a share`,
		"--refused x":                    `--refused: "x" is not a share`,
		"--peak 100x":                    `--peak: "100x" is not a peak`,
		"--months 0":                     "--months: 0 (must be above 0",
		"--duplicates 60% --refused 60%": "--duplicates, --refused: together 120 %",
		"--size 200KB --batch 2":         "--size, --batch: one call has 409600 bytes",
		"--region mars-1":                `--region: no prices for region "mars-1" (the file has eu-central-1`,
		"--prices nowhere.json":          "--prices: open nowhere.json",
		"--prices " + notJSON:            "not a price file",
		"--svg " + dir:                   "--svg: ",
		"--template nowhere.json":        "--template: no file nowhere.json",
		"--template " + t.TempDir():      "--template: no *.template.json in",
		"--template " + notJSON:          "not JSON",
		"--compare prod,staging":         "--compare cannot be combined with --template",
	} {
		costOf(t, strings.Fields(args)...).want(t, 2, want, "   ->   ")
	}
	orders(t, nil, "", "cost", "--template", noPipeline).want(t, 2, "no OrderPipeline in the templates", "   ->   ")
	orders(t, nil, "", "cost", "--compare", "prod,Staging!").want(t, 2, `--compare: "Staging!" is not a valid name`)
	orders(t, nil, "", "cost", "--compare", "prod,dev", "--curve").want(t, 2, "--compare cannot be combined")
}
