package stacks

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/orderpipeline/orderpipeline/internal/prices"
)

func TestEnvironmentsAreValid(t *testing.T) {
	if err := Validate(Environments()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dev", "staging", "prod", "local", ""} {
		env, err := Lookup(Environments(), name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if name == "" && env.Name != "dev" {
			t.Errorf("the default environment is %s", env.Name)
		}
		if want := env.Name == "staging" || env.Name == "prod"; env.Protected != want {
			t.Errorf("%s: protected is %t", env.Name, env.Protected)
		}
	}
}

func TestUnknownEnvironment(t *testing.T) {
	_, err := Lookup(Environments(), "production")
	want := `there is no environment "production" (-c env=NAME takes dev, staging, prod, local; default dev)`
	if err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestValidateReportsEverything(t *testing.T) {
	err := Validate([]Environment{
		{Name: "Prod"},
		{Name: "eu", Account: "1234", Region: "Frankfurt"},
		{Name: "eu", Account: "123456789012"},
		{Name: "here", Local: true, Protected: true},
		{Name: "watched", Monitoring: Monitoring{Alarms: "some", MonthlyBudgetUSD: -1e7}},
		{Name: "there", Local: true, Monitoring: Monitoring{MonthlyBudgetUSD: 5}},
	})
	want := `environment 1 ("Prod"): Name: invalid (at most 20 lower-case letters, digits and dashes, beginning with a letter, because it becomes part of a stack's name)
environment 2 ("eu"): Account: "1234" is not an account id (12 digits)
environment 2 ("eu"): Region: "Frankfurt" is not a region name (such as eu-central-1)
environment 3 ("eu"): Name: used by another environment
environment 3 ("eu"): Region: empty (an Account needs a Region)
environment 4 ("here"): Protected: set with Local (the emulator keeps no data when it stops)
environment 5 ("watched"): Monitoring.Alarms: "some" is not a profile (none, core or full)
environment 5 ("watched"): Monitoring.MonthlyBudgetUSD: -10000000 is not an amount in US dollars (0 for no budget)
environment 6 ("there"): Monitoring.MonthlyBudgetUSD, CostAnomalies: set with Local (the emulator has no billing)`
	if err == nil || err.Error() != want {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
	}
	if _, err := Lookup([]Environment{{Name: "dev"}, {Name: "Prod"}}, "dev"); err == nil {
		t.Error("an invalid environment is reported only when it is asked for")
	}
}

// A budget is the cost of the environment by the price list, plus as much as keeps the first
// notification, at 80 %, from being sent. The docs have the same figures.
func TestBudgetsFollowThePrices(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	list := prices.Current()
	for _, test := range []struct {
		env, orders string
		n           float64
		alarms      int
	}{{"dev", "1,000", 1_000, 0}, {"staging", "10,000", 10_000, 9}, {"prod", "100,000", 100_000, 10}} {
		env, err := Lookup(Environments(), test.env)
		if err != nil {
			t.Fatal(err)
		}
		pipeline, monitoring := list.Pipeline(test.n), list.Monitoring(test.alarms)
		if want := math.Ceil((pipeline + monitoring) / 0.8); env.Monitoring.MonthlyBudgetUSD != want {
			t.Errorf("%s: the budget is %g USD, want %g for %.2f + %.2f",
				test.env, env.Monitoring.MonthlyBudgetUSD, want, pipeline, monitoring)
		}
		row := fmt.Sprintf("| %s | %s | %.2f | %.2f | %g |",
			test.env, test.orders, pipeline, monitoring, env.Monitoring.MonthlyBudgetUSD)
		if !strings.Contains(string(text), "\n"+row+"\n") {
			t.Errorf("docs/operations.md has no row\n%s", row)
		}
	}
	flowing := strings.Join(strings.Fields(string(text)), " ")
	for what, want := range map[string]string{
		"date": list.Date, "price beyond ten alarms": fmt.Sprintf("each further one costs %.2f USD per month", list.Alarms),
		"price beyond three dashboards": fmt.Sprintf("each further dashboard costs %.2f USD per month", list.Dashboards), "price beyond ten metrics": fmt.Sprintf("each further metric costs %.2f USD per month", list.Metrics),
		"scope of what is free": "free per organization",
	} {
		if !strings.Contains(flowing, want) {
			t.Errorf("docs/operations.md does not have the %s: %q", what, want)
		}
	}
}
