// Package stacks puts the constructs together for each environment.
package stacks

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/orderpipeline/orderpipeline/constructs/ordermonitoring"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Environment is where the stacks are deployed to, and how.
type Environment struct {
	// Name is part of the stacks' names: lower-case letters, digits and dashes, at most 20, a letter first.
	Name string
	// Account is the id of the AWS account. Default: that of the credentials at hand.
	Account string
	// Region of AWS. Default: that of the credentials at hand.
	Region string
	// Protected keeps the orders, whatever is done to the stack: data is retained, the table and the stack refuse to be
	// deleted. Otherwise they go with the stack.
	Protected bool
	// Local is the emulator: it runs Lambda code as processes of this machine.
	Local bool
	// DemoSubscribers shows events arriving: one queue gets all, one only those of the web channel.
	DemoSubscribers bool
	// Monitoring is alarms, dashboard and budget.
	Monitoring Monitoring
}

// Environments of the app. Fill in Account and Region where the choice should not be left to the credentials at hand.
func Environments() []Environment {
	return []Environment{
		// Ten alarms an organisation are free, and prod has them. Without orders for days, a heartbeat tells nothing. Budgets are
		// what 1,000, 10,000 and 100,000 orders a month come to at list price, and a quarter more (docs/operations.md).
		{Name: "dev", DemoSubscribers: true, Monitoring: Monitoring{Alarms: ordermonitoring.ProfileNone, MonthlyBudgetUSD: 7}},
		{Name: "staging", Protected: true, Monitoring: Monitoring{
			WithoutAlarms: []ordermonitoring.AlarmName{ordermonitoring.AlarmPublisherHeartbeat}, MonthlyBudgetUSD: 8,
		}},
		{Name: "prod", Protected: true, Monitoring: Monitoring{MonthlyBudgetUSD: 10}},
		// The emulator knows no budgets, and sends no mail.
		{Name: "local", Local: true, DemoSubscribers: true, Region: contract.LocalRegion, Monitoring: Monitoring{
			AlarmEmails: []string{"on-call@example.com"}, WarningEmails: []string{"on-call@example.com"},
		}},
	}
}

// DefaultEnvironment is the name of the one that is meant when none is named.
const DefaultEnvironment = "dev"

// Lookup gives the environment of a name, "" being [DefaultEnvironment]. Environments that are wrong are reported first,
// whichever was asked for.
func Lookup(environments []Environment, name string) (Environment, error) {
	if err := Validate(environments); err != nil {
		return Environment{}, err
	}
	if name == "" {
		name = DefaultEnvironment
	}
	var names []string
	for _, env := range environments {
		if env.Name == name {
			return env, nil
		}
		names = append(names, env.Name)
	}
	return Environment{}, fmt.Errorf("there is no environment %q: -c env=NAME takes %s (%s when left out)", name, strings.Join(names, ", "), DefaultEnvironment)
}

var (
	environmentName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)
	accountID       = regexp.MustCompile(`^[0-9]{12}$`)
	regionName      = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]$`)
)

// Validate reports everything that is wrong with the environments, at once.
func Validate(environments []Environment) error {
	var errs []error
	seen := map[string]bool{}
	for i, env := range environments {
		add := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("environment %d (%q): %s", i+1, env.Name, fmt.Sprintf(format, args...)))
		}
		if !environmentName.MatchString(env.Name) {
			add("Name needs lower-case letters, digits and dashes, at most 20, a letter first: it becomes part of a stack's name")
		}
		if seen[env.Name] {
			add("Name needs to be unique")
		}
		seen[env.Name] = true
		if env.Account != "" && !accountID.MatchString(env.Account) {
			add("Account is %q and needs 12 digits", env.Account)
		}
		if env.Region != "" && !regionName.MatchString(env.Region) {
			add("Region is %q and needs the name of a region, such as eu-central-1", env.Region)
		}
		if env.Account != "" && env.Region == "" {
			add("Region is empty and needs a value beside an Account")
		}
		if env.Local && env.Protected {
			add("Protected needs to be false where Local is true: the emulator starts anew each day")
		}
		m := env.Monitoring
		switch m.Alarms {
		case "", ordermonitoring.ProfileNone, ordermonitoring.ProfileCore, ordermonitoring.ProfileFull:
		default:
			add("Monitoring.Alarms is %q and needs none, core or full", m.Alarms)
		}
		if !(m.MonthlyBudgetUSD >= 0) {
			add("Monitoring.MonthlyBudgetUSD is %g and needs an amount in US dollars, or 0 for no budget", m.MonthlyBudgetUSD)
		}
		if env.Local && (m.MonthlyBudgetUSD != 0 || m.CostAnomalies) {
			add("Monitoring.MonthlyBudgetUSD and CostAnomalies need to be left out where Local is true: the emulator knows no bills")
		}
	}
	return errors.Join(errs...)
}
