// Package stacks makes the stacks of each environment from the constructs.
package stacks

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/orderpipeline/orderpipeline/constructs/ordermonitoring"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Environment configures the stacks of an environment.
type Environment struct {
	// Name is part of the stacks' names: at most 20 lower-case letters, digits and dashes, beginning
	// with a letter.
	Name string
	// Account is the id of the AWS account. Default: the account of the current credentials.
	Account string
	// Region is the AWS region. Default: the region of the current credentials.
	Region string
	// Protected keeps the orders when the stack is deleted or changed: data is retained, and table
	// and stack refuse to be deleted. Otherwise the data is deleted with the stack.
	Protected bool
	// Local deploys to the emulator, which runs Lambda code as processes of this machine.
	Local bool
	// DemoSubscribers adds two queues that receive events: one gets all, the other only those of
	// the web channel.
	DemoSubscribers bool
	// Monitoring configures alarms, dashboard and budget.
	Monitoring Monitoring
}

// Environments returns the environments of the app. Fill in Account and Region where the current
// credentials should not decide.
func Environments() []Environment {
	return []Environment{
		// The ten alarms that are free per organization go to prod. Staging has no heartbeat alarm,
		// because days without an order are normal there. A budget is the list price of 1,000,
		// 10,000 and 100,000 orders per month, plus a quarter (docs/operations.md).
		{Name: "dev", DemoSubscribers: true, Monitoring: Monitoring{
			Alarms: ordermonitoring.ProfileNone, MonthlyBudgetUSD: 7,
		}},
		{Name: "staging", Protected: true, Monitoring: Monitoring{
			WithoutAlarms:    []ordermonitoring.AlarmName{ordermonitoring.AlarmPublisherHeartbeat},
			MonthlyBudgetUSD: 8,
		}},
		{Name: "prod", Protected: true, Monitoring: Monitoring{MonthlyBudgetUSD: 10}},
		// The emulator has no budgets and sends no e-mail.
		{
			Name: contract.EnvironmentLocal, Local: true, DemoSubscribers: true,
			Region: contract.LocalRegion, Monitoring: Monitoring{
				AlarmEmails:   []string{"on-call@example.com"},
				WarningEmails: []string{"on-call@example.com"},
			},
		},
	}
}

// DefaultEnvironment is the environment that is used when none is named.
const DefaultEnvironment = "dev"

// Lookup returns the environment with a name, and [DefaultEnvironment] for "". It first reports
// invalid environments, whichever name is asked for.
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
	return Environment{}, fmt.Errorf("there is no environment %q (-c env=NAME takes %s; default %s)",
		name, strings.Join(names, ", "), DefaultEnvironment)
}

var (
	environmentName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)
	accountID       = regexp.MustCompile(`^[0-9]{12}$`)
	regionName      = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]$`)
)

// Validate reports everything that is wrong with the environments.
func Validate(environments []Environment) error {
	var errs []error
	seen := map[string]bool{}
	for i, env := range environments {
		add := func(format string, args ...any) {
			problem := fmt.Sprintf(format, args...)
			errs = append(errs, fmt.Errorf("environment %d (%q): %s", i+1, env.Name, problem))
		}
		if !environmentName.MatchString(env.Name) {
			add("Name: invalid (at most 20 lower-case letters, digits and dashes, beginning with a " +
				"letter, because it becomes part of a stack's name)")
		}
		if seen[env.Name] {
			add("Name: used by another environment")
		}
		seen[env.Name] = true
		if env.Account != "" && !accountID.MatchString(env.Account) {
			add("Account: %q is not an account id (12 digits)", env.Account)
		}
		if env.Region != "" && !regionName.MatchString(env.Region) {
			add("Region: %q is not a region name (such as eu-central-1)", env.Region)
		}
		if env.Account != "" && env.Region == "" {
			add("Region: empty (an Account needs a Region)")
		}
		if env.Local && env.Protected {
			add("Protected: set with Local (the emulator keeps no data when it stops)")
		}
		m := env.Monitoring
		switch m.Alarms {
		case "", ordermonitoring.ProfileNone, ordermonitoring.ProfileCore, ordermonitoring.ProfileFull:
		default:
			add("Monitoring.Alarms: %q is not a profile (none, core or full)", m.Alarms)
		}
		if !(m.MonthlyBudgetUSD >= 0) {
			add("Monitoring.MonthlyBudgetUSD: %s is not an amount in US dollars (0 for no budget)",
				strconv.FormatFloat(m.MonthlyBudgetUSD, 'f', -1, 64))
		}
		if env.Local && (m.MonthlyBudgetUSD != 0 || m.CostAnomalies) {
			add("Monitoring.MonthlyBudgetUSD, CostAnomalies: set with Local " +
				"(the emulator has no billing)")
		}
	}
	return errors.Join(errs...)
}
