package ordermonitoring

import (
	"math"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// settings are the caller's props with every default filled in.
type settings struct{ OrderMonitoringProps }

// resolve copies the props, fills the defaults in and reports everything that is wrong.
func resolve(props *OrderMonitoringProps) (*settings, error) {
	var errs check.Errors
	s := &settings{}
	if props != nil {
		s.OrderMonitoringProps = *props
	}
	if s.Pipeline == nil {
		errs.Addf("Pipeline", check.Verbatim("nil"), "needs what orderpipeline.NewOrderPipeline gives: that is what is watched")
	}
	switch s.Profile {
	case "":
		s.Profile = ProfileCore
	case ProfileNone, ProfileCore, ProfileFull:
	default:
		errs.Addf("Profile", string(s.Profile), "needs none, core or full")
	}
	s.Without = slices.Clone(s.Without)
	for _, name := range s.Without {
		if !slices.ContainsFunc(definitions, func(d definition) bool { return d.name == name }) {
			errs.Addf("Without", string(name), "needs the name of an alarm: the constants of type AlarmName")
		}
	}
	s.resolveThresholds(&errs)
	if s.RunbookURL == "" {
		s.RunbookURL = DefaultRunbookURL
	} else if u, err := url.Parse(s.RunbookURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		errs.Addf("RunbookURL", s.RunbookURL, "needs an address with http:// or https://: whoever is woken follows it")
	} else if u.Fragment != "" {
		errs.Addf("RunbookURL", s.RunbookURL, "needs to be without a #: each alarm adds its own")
	}
	checkTopic(&errs, "Critical", s.Critical)
	checkTopic(&errs, "Warning", s.Warning)
	if s.Pipeline != nil && s.Dashboard.Title == "" {
		s.Dashboard.Title = *s.Pipeline.Node().Path()
	}
	s.resolveCosts(&errs)
	return s, errs.Err("ordermonitoring.OrderMonitoringProps")
}

func (s *settings) resolveThresholds(errs *check.Errors) {
	t := &s.Thresholds
	for _, field := range []struct {
		name                string
		value               *float64
		fallback, low, high float64
		why                 string
	}{
		{"APIServerErrorsPercent", &t.APIServerErrorsPercent, 1, 0, 100, "it is a share of the calls"},
		{"APIClientErrorsPercent", &t.APIClientErrorsPercent, 5, 0, 100, "it is a share of the calls"},
		{"APILatencyMilliseconds", &t.APILatencyMilliseconds, 1000, 1, 29_000, "API Gateway answers after 29 s at the latest"},
		{"QueueAgeSeconds", &t.QueueAgeSeconds, 300, 1, 14 * 24 * 3600, "the queue keeps orders for 14 days"},
		{"DeadLettersMessages", &t.DeadLettersMessages, 1, 1, math.MaxInt32, "below that nothing is wrong"},
		{"RejectedMessages", &t.RejectedMessages, 1, 1, math.MaxInt32, "below that nothing is wrong"},
		{"OnFailureMessages", &t.OnFailureMessages, 1, 1, math.MaxInt32, "below that nothing is wrong"},
		{"SubscriberDeadLettersMessages", &t.SubscriberDeadLettersMessages, 1, 1, math.MaxInt32, "below that nothing is wrong"},
		{"FunctionErrorsPerMinute", &t.FunctionErrorsPerMinute, 1, 1, math.MaxInt32, "below that nothing is wrong"},
		{"FunctionThrottlesPerMinute", &t.FunctionThrottlesPerMinute, 1, 1, math.MaxInt32, "below that nothing is wrong"},
		{"FunctionDurationPercent", &t.FunctionDurationPercent, 80, 1, 100, "at its timeout a function is killed"},
		{"PublisherAgeSeconds", &t.PublisherAgeSeconds, 60, 1, 20 * 3600, "the publisher gets records of at most 20 hours"},
		{"DeliveryFailuresPerMinute", &t.DeliveryFailuresPerMinute, 1, 1, math.MaxInt32, "below that nothing is wrong"},
		{"TableErrorsPerMinute", &t.TableErrorsPerMinute, 1, 1, math.MaxInt32, "below that nothing is wrong"},
		{"TableThrottlesPerMinute", &t.TableThrottlesPerMinute, 1, 1, math.MaxInt32, "below that nothing is wrong"},
	} {
		if *field.value == 0 {
			*field.value = field.fallback
		}
		if v := *field.value; !(v >= field.low && v <= field.high) { // NaN is neither
			errs.Addf("Thresholds."+field.name, v, "needs %g to %g: %s", field.low, field.high, field.why)
		}
	}
	if t.PublisherSilenceHours == 0 {
		t.PublisherSilenceHours = 12
	}
	errs.Range("Thresholds.PublisherSilenceHours", t.PublisherSilenceHours, 1, 20,
		"the stream keeps 24 hours, so a later alarm tells what is lost already; where longer breaks are normal, leave the alarm out (Without)")
}

const awsKey = "alias/aws/sns"

func checkTopic(errs *check.Errors, field string, p TopicProps) {
	if topic := p.Existing; topic != nil {
		if *topic.Fifo() {
			errs.Addf(field+".Existing", *topic.Node().Path(), "needs a standard topic: CloudWatch and AWS Budgets publish to no other")
		}
		if usesAWSKey(topic) {
			errs.Addf(field+".Existing", *topic.Node().Path(), "needs a key of the customer's, or none: %s lets CloudWatch in to nobody's topic, and every alarm would be dropped", awsKey)
		}
	}
	for i, address := range p.Emails {
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			errs.Addf(field+".Emails", address, "needs an e-mail address, without a name")
		} else if slices.Contains(p.Emails[:i], address) {
			errs.Addf(field+".Emails", address, "needs each address once")
		}
	}
}

func usesAWSKey(topic awssns.ITopic) bool {
	if alias, ok := topic.MasterKey().(awskms.IAlias); ok && strings.HasSuffix(*alias.AliasName(), awsKey) {
		return true
	}
	cfn, _ := topic.Node().DefaultChild().(awssns.CfnTopic)
	if cfn == nil {
		return false
	}
	id := cfn.KmsMasterKeyId()
	return id != nil && strings.HasSuffix(*id, awsKey)
}

// resolveCosts checks what watches the costs.
func (s *settings) resolveCosts(errs *check.Errors) {
	const tag = "needs the cost-allocation tag of the pipeline's resources: without, it is the whole account that is counted"
	if b := s.Budget; b != nil {
		if !(b.MonthlyUSD >= 0.01 && b.MonthlyUSD <= 1e9) {
			errs.Addf("Budget.MonthlyUSD", b.MonthlyUSD, "needs an amount above 0, in US dollars")
		}
		if b.TagKey == "" || b.TagValue == "" {
			errs.Addf("Budget.TagKey, TagValue", b.TagKey+" "+b.TagValue, tag)
		}
		if n := len(b.Emails); n > 10 {
			errs.Addf("Budget.Emails", n, "needs at most 10: AWS Budgets takes no more a notification")
		}
		checkTopic(errs, "Budget", TopicProps{Emails: b.Emails})
	}
	if s.Anomalies != nil {
		a := *s.Anomalies
		if a.ImpactUSD == 0 {
			a.ImpactUSD = 5
		}
		if !(a.ImpactUSD > 0) {
			errs.Addf("Anomalies.ImpactUSD", a.ImpactUSD, "needs an amount above 0, in US dollars")
		}
		if a.ExistingMonitorARN == "" && (a.TagKey == "" || a.TagValue == "") {
			errs.Addf("Anomalies.TagKey, TagValue", a.TagKey+" "+a.TagValue, tag)
		}
		s.Anomalies = &a
	}
}
