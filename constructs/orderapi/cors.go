package orderapi

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// CORSProps lets pages of another origin use the API from a browser.
type CORSProps struct {
	// AllowOrigin is the origin whose pages may use the API, such as "https://shop.example", or "*"
	// for every origin. A response can name only one. Default: "", no CORS.
	AllowOrigin string
	// AllowHeaders are the headers that a page may send. Default: those that Auth and a JSON body
	// need (awsapigateway.Cors_DEFAULT_HEADERS).
	AllowHeaders []string
	// MaxAge is how long a browser may cache the preflight response, in whole seconds, 0 to
	// 86400 s. Default: the browser's own default, a few seconds.
	MaxAge awscdk.Duration
}

var origin = regexp.MustCompile(`^(\*|https?://[A-Za-z0-9.-]+(:\d+)?)$`)

func (c CORSProps) validate(errs *check.Errors) {
	if c.AllowOrigin == "" {
		if len(c.AllowHeaders) > 0 || c.MaxAge != nil {
			errs.Addf("CORS.AllowOrigin",
				"empty, but AllowHeaders or MaxAge is set (they have no effect without an origin)")
		}
		return
	}
	if !origin.MatchString(c.AllowOrigin) {
		errs.Addf("CORS.AllowOrigin", "%s is not an origin (a scheme and a host without a path, "+
			"such as https://shop.example, or *)", check.Quote(c.AllowOrigin))
	}
	for _, name := range c.AllowHeaders {
		if !headerName.MatchString(name) {
			errs.Addf("CORS.AllowHeaders", "%s is not a header name", check.Quote(name))
		}
	}
	errs.Seconds("CORS.MaxAge", c.MaxAge, 0, 0, 86_400, "browsers cache it no longer")
}

// headers adds the headers of CORS to those of a response: a page may read the response and its
// Retry-After.
func (c CORSProps) headers(others map[string]*string) *map[string]*string {
	if c.AllowOrigin == "" {
		if others == nil {
			return nil
		}
		return &others
	}
	all := map[string]*string{
		"Access-Control-Allow-Origin":   jsii.String("'" + c.AllowOrigin + "'"),
		"Access-Control-Expose-Headers": jsii.String("'Retry-After'"),
	}
	for name, value := range others {
		all[name] = value
	}
	return &all
}

// preflight lets a resource answer the preflight requests of browsers.
func (c CORSProps) preflight(resource awsapigateway.Resource, methods ...string) {
	// With default options, an existing API answers preflight requests itself.
	if c.AllowOrigin == "" || resource.DefaultCorsPreflightOptions() != nil {
		return
	}
	options := &awsapigateway.CorsOptions{
		AllowOrigins: jsii.Strings(c.AllowOrigin),
		AllowMethods: jsii.Strings(methods...),
		MaxAge:       c.MaxAge,
	}
	if len(c.AllowHeaders) > 0 {
		options.AllowHeaders = jsii.Strings(c.AllowHeaders...)
	}
	resource.AddCorsPreflight(options)
}
