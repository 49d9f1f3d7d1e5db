package orderapi

import (
	"regexp"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/constructs/internal/function"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

var (
	stageName  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	mountPath  = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
)

const ordersPath = "/orders"

// settings are the caller's props with every default filled in.
type settings struct {
	OrderAPIProps
	statusTimeout float64 // seconds
	timeout       float64 // seconds
}

// resolve copies the props, fills the defaults in and reports everything that is wrong.
func resolve(scope constructs.Construct, props *OrderAPIProps) (*settings, error) {
	var errs check.Errors
	s := &settings{}
	if props != nil {
		s.OrderAPIProps = *props
	}
	if s.Pipeline == nil {
		errs.Addf("Pipeline", check.Verbatim("nil"), "needs the pipeline that the orders go to")
	}
	if s.Auth == nil {
		s.Auth = AuthIAM()
	}
	s.Auth.validate(&errs)
	s.CORS.validate(&errs)
	if s.AccessLogs != nil {
		s.AccessLogs.validate(&errs)
	}
	s.validateMount(&errs, scope)
	if s.StageName == "" {
		s.StageName = "v1"
	}
	if !stageName.MatchString(s.StageName) {
		errs.Addf("StageName", s.StageName, "needs letters, digits, _ and -, at most 128, as API Gateway does")
	}
	t := &s.Throttle
	if t.RateLimit < 0 {
		errs.Addf("Throttle.RateLimit", t.RateLimit, "needs calls a second, or 0 for the account's limit")
	}
	if t.BurstLimit < 0 {
		errs.Addf("Throttle.BurstLimit", t.BurstLimit, "needs a number of calls, or 0 for as many as RateLimit")
	} else if t.BurstLimit > 0 && t.RateLimit == 0 {
		errs.Addf("Throttle.BurstLimit", t.BurstLimit, "needs a Throttle.RateLimit: a bucket is filled at a rate")
	}
	if t.RateLimit > 0 && t.BurstLimit == 0 {
		t.BurstLimit = max(1, int(t.RateLimit))
	}
	s.timeout = errs.Seconds("IntegrationTimeout", s.IntegrationTimeout, 10, 0.05, 29, "these are API Gateway's bounds")
	s.statusTimeout = function.Check(&errs, "Status", function.Props(s.Status), 10, contract.EnvTableName, contract.EnvCORSAllowOrigin)
	return s, errs.Err("orderapi.OrderAPIProps")
}
