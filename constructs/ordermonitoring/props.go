package ordermonitoring

import (
	"net/url"
	"slices"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

// OrderMonitoringProps configures an [OrderMonitoring].
type OrderMonitoringProps struct {
	// Pipeline is the pipeline to monitor, with the subscribers that it has so far. Required.
	Pipeline *orderpipeline.OrderPipeline
	// API is the API in front of the pipeline. Default: nil, no alarms and graphs for an API.
	API *orderapi.OrderAPI
	// Profile selects the alarms. Default: [ProfileCore].
	Profile Profile
	// Without leaves out single alarms of the profile, such as [AlarmPublisherHeartbeat] where days
	// without an order are normal.
	Without []AlarmName
	// Thresholds are the thresholds of the alarms. Default: those documented with each field.
	Thresholds Thresholds
	// RunbookURL is the runbook that alarm descriptions link to: a page with a section per alarm,
	// whose anchor is the alarm's name in lower case. Default: [DefaultRunbookURL], this project's
	// docs/operations.md.
	RunbookURL string
	// Critical is the topic of critical alarms: orders or events are late, or need an operator.
	// Page someone for them.
	Critical TopicProps
	// Warning is the topic of warnings and of budget and cost anomaly notifications, which can wait
	// until working hours.
	Warning TopicProps
	// Dashboard configures the dashboard.
	Dashboard DashboardProps
	// Budget configures a monthly budget. In a region without budgets it is left out, with a warning
	// at synth; use [NewOrderCosts] there. Default: nil, none.
	Budget *BudgetProps
	// Anomalies configures Cost Anomaly Detection; as with Budget, not every region has it. Default:
	// nil, none.
	Anomalies *AnomaliesProps
}

// settings are the caller's props with every default filled in.
type settings struct{ OrderMonitoringProps }

// resolve fills in the defaults without changing props, and reports everything that is wrong.
func resolve(props *OrderMonitoringProps) (*settings, error) {
	var errs check.Errors
	s := &settings{}
	if props != nil {
		s.OrderMonitoringProps = *props
	}
	if s.Pipeline == nil {
		errs.Addf("Pipeline", "nil (pass the pipeline to monitor)")
	}
	switch s.Profile {
	case "":
		s.Profile = ProfileCore
	case ProfileNone, ProfileCore, ProfileFull:
	default:
		errs.Addf("Profile", "%s is not a profile (none, core or full)",
			check.Quote(string(s.Profile)))
	}
	s.Without = slices.Clone(s.Without)
	for _, name := range s.Without {
		if !slices.ContainsFunc(definitions, func(d definition) bool { return d.name == name }) {
			errs.Addf("Without", "%s is not an alarm (use the constants of type AlarmName)",
				check.Quote(string(name)))
		}
	}
	s.Thresholds.resolve(&errs)
	if s.RunbookURL == "" {
		s.RunbookURL = DefaultRunbookURL
	}
	u, err := url.Parse(s.RunbookURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		errs.Addf("RunbookURL", "%s is not an http:// or https:// URL", check.Quote(s.RunbookURL))
	} else if u.Fragment != "" {
		errs.Addf("RunbookURL", "%s has an anchor (each alarm adds its own)",
			check.Quote(s.RunbookURL))
	}
	s.Critical.check(&errs, "Critical")
	s.Warning.check(&errs, "Warning")
	if s.Pipeline != nil && s.Dashboard.Title == "" {
		s.Dashboard.Title = *s.Pipeline.Node().Path()
	}
	errs.ASCII("Dashboard.Title", s.Dashboard.Title)
	errs.ASCII("RunbookURL", s.RunbookURL)
	s.Budget.check(&errs)
	s.Anomalies = s.Anomalies.resolve(&errs)
	return s, errs.Err("ordermonitoring.OrderMonitoringProps")
}
