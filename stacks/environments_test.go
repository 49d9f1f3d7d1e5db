package stacks

import (
	"testing"
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
			t.Errorf("no name means %s", env.Name)
		}
		if want := env.Name == "staging" || env.Name == "prod"; env.Protected != want {
			t.Errorf("%s: protected is %t", env.Name, env.Protected)
		}
	}
}

func TestLookupOfAnUnknownEnvironment(t *testing.T) {
	_, err := Lookup(Environments(), "production")
	want := `there is no environment "production": -c env=NAME takes dev, staging, prod, local (dev when left out)`
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
		{Name: "watched", Monitoring: Monitoring{Alarms: "some", MonthlyBudgetUSD: -1}},
		{Name: "there", Local: true, Monitoring: Monitoring{MonthlyBudgetUSD: 5}},
	})
	want := `environment 1 ("Prod"): Name needs lower-case letters, digits and dashes, at most 20, a letter first: it becomes part of a stack's name
environment 2 ("eu"): Account is "1234" and needs 12 digits
environment 2 ("eu"): Region is "Frankfurt" and needs the name of a region, such as eu-central-1
environment 3 ("eu"): Name needs to be unique
environment 3 ("eu"): Region is empty and needs a value beside an Account
environment 4 ("here"): Protected needs to be false where Local is true: the emulator starts anew each day
environment 5 ("watched"): Monitoring.Alarms is "some" and needs none, core or full
environment 5 ("watched"): Monitoring.MonthlyBudgetUSD is -1 and needs an amount in US dollars, or 0 for no budget
environment 6 ("there"): Monitoring.MonthlyBudgetUSD and CostAnomalies need to be left out where Local is true: the emulator knows no bills`
	if err == nil || err.Error() != want {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
	}
	if _, err := Lookup([]Environment{{Name: "dev"}, {Name: "Prod"}}, "dev"); err == nil {
		t.Error("a wrong environment is reported only when it is asked for")
	}
}
