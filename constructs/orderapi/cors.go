package orderapi

import (
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// CORSProps lets pages of another origin call the API from a browser.
type CORSProps struct {
	// AllowOrigin is the origin whose pages may call, such as "https://shop.example", or "*" for every one. An answer can name
	// one only. Default: "", no CORS.
	AllowOrigin string
	// AllowHeaders are the headers that a page may send. Default: those that the kinds of Auth and a JSON body take
	// (awsapigateway.Cors_DEFAULT_HEADERS).
	AllowHeaders []string
	// MaxAge is how long a browser may keep the answer to its asking, whole seconds, 0 to 86400 s. Default: the browser's own,
	// a few seconds.
	MaxAge awscdk.Duration
}

var origin = regexp.MustCompile(`^(\*|https?://[A-Za-z0-9.-]+(:\d+)?)$`)

func (c CORSProps) validate(errs *check.Errors) {
	if c.AllowOrigin == "" {
		if len(c.AllowHeaders) > 0 || c.MaxAge != nil {
			errs.Addf("CORS.AllowOrigin", c.AllowOrigin, "needs an origin: without one there is no CORS")
		}
		return
	}
	if !origin.MatchString(c.AllowOrigin) {
		errs.Addf("CORS.AllowOrigin", c.AllowOrigin, "needs an origin, which is a scheme and a host without a path, such as https://shop.example, or *")
	}
	for _, name := range c.AllowHeaders {
		if !headerName.MatchString(name) {
			errs.Addf("CORS.AllowHeaders", name, "needs the name of a header")
		}
	}
	errs.Seconds("CORS.MaxAge", c.MaxAge, 0, 0, 86_400, "browsers take no more")
}

// headers that go with every answer, besides what it has already: a page may read the answer, and when to try again.
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

// preflight lets a resource answer what browsers ask before they call its methods.
func (c CORSProps) preflight(resource awsapigateway.Resource, methods ...string) {
	if c.AllowOrigin == "" || resource.DefaultCorsPreflightOptions() != nil { // an API that is brought along answers itself
		return
	}
	options := &awsapigateway.CorsOptions{AllowOrigins: jsii.Strings(c.AllowOrigin), AllowMethods: jsii.Strings(methods...), MaxAge: c.MaxAge}
	if len(c.AllowHeaders) > 0 {
		options.AllowHeaders = jsii.Strings(c.AllowHeaders...)
	}
	resource.AddCorsPreflight(options)
}
