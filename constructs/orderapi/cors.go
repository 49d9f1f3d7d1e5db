package orderapi

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// CORSProps lets pages of other origins use the API from a browser.
type CORSProps struct {
	// AllowOrigins are the origins whose pages may use the API, such as "https://shop.example", or
	// one "*" for every origin. Default: none, no CORS.
	//
	// A response can name only one origin. With several, responses name the caller's, or the first
	// one if the caller's is not in the list. API Gateway's own responses (to requests that it
	// rejects itself) name the caller's origin without looking it up, because it has no templates
	// for them: any page can read that a request of it was rejected and why, but nothing of an order.
	AllowOrigins []string
	// AllowHeaders are the headers that a page may send. Default: those that Auth and a JSON body
	// need, and those that an AWS SDK signs (awsapigateway.Cors_DEFAULT_HEADERS and
	// X-Amz-Content-Sha256).
	AllowHeaders []string
	// MaxAge is how long a browser may cache the preflight response, in whole seconds, 0 to
	// 86400 s. Default: the browser's own default, a few seconds.
	MaxAge awscdk.Duration
}

var origin = regexp.MustCompile(`^(\*|https?://[A-Za-z0-9.-]+(:\d+)?)$`)

// resolve fills in the defaults, and reports everything that is wrong.
func (c *CORSProps) resolve(errs *check.Errors, auth Auth) {
	c.AllowOrigins = slices.Clone(c.AllowOrigins)
	if len(c.AllowOrigins) == 0 {
		if len(c.AllowHeaders) > 0 || c.MaxAge != nil {
			errs.Addf("CORS.AllowOrigins",
				"empty, but AllowHeaders or MaxAge is set (they have no effect without an origin)")
		}
		return
	}
	for i, o := range c.AllowOrigins {
		switch {
		case !origin.MatchString(o):
			errs.Addf("CORS.AllowOrigins", "%s is not an origin (a scheme and a host without a path, "+
				"such as https://shop.example, or *)", check.Quote(o))
		case o == "*" && len(c.AllowOrigins) > 1:
			errs.Addf("CORS.AllowOrigins", "* is not the only one (it allows every origin)")
		case slices.Contains(c.AllowOrigins[:i], o):
			errs.Addf("CORS.AllowOrigins", "%s is in the list twice", check.Quote(o))
		}
	}
	for _, name := range c.AllowHeaders {
		if !headerName.MatchString(name) {
			errs.Addf("CORS.AllowHeaders", "%s is not a header name", check.Quote(name))
		}
	}
	if len(c.AllowHeaders) == 0 {
		for _, name := range *awsapigateway.Cors_DEFAULT_HEADERS() {
			c.AllowHeaders = append(c.AllowHeaders, *name)
		}
		c.AllowHeaders = append(c.AllowHeaders, "X-Amz-Content-Sha256")
		if a, ok := auth.(authLambda); ok && !slices.ContainsFunc(c.AllowHeaders, func(h string) bool {
			return strings.EqualFold(h, a.props.Header)
		}) {
			c.AllowHeaders = append(c.AllowHeaders, a.props.Header)
		}
	}
	errs.Seconds("CORS.MaxAge", c.MaxAge, 0, 0, 86_400, "browsers cache it no longer")
}

// headers adds the headers of CORS to those of a response: a page may read the response and its
// Retry-After. With several origins, the response names the first one, unless reflectOrigin
// replaces it.
func (c CORSProps) headers(others map[string]*string) *map[string]*string {
	if len(c.AllowOrigins) == 0 {
		if others == nil {
			return nil
		}
		return &others
	}
	all := map[string]*string{
		"Access-Control-Allow-Origin":   jsii.String("'" + c.AllowOrigins[0] + "'"),
		"Access-Control-Expose-Headers": jsii.String("'Retry-After'"),
	}
	if c.AllowOrigins[0] != "*" {
		all["Vary"] = jsii.String("'Origin'") // caches must keep one copy per origin
	}
	maps.Copy(all, others)
	return &all
}

// gatewayHeaders is headers for a response of API Gateway's own.
func (c CORSProps) gatewayHeaders(others map[string]*string) *map[string]*string {
	all := c.headers(others)
	if len(c.AllowOrigins) > 1 {
		(*all)["Access-Control-Allow-Origin"] = jsii.String("method.request.header.Origin")
	}
	return all
}

// preflight lets a resource answer the preflight requests of browsers.
func (c CORSProps) preflight(resource awsapigateway.Resource, methods ...string) {
	// With default options, an existing API answers preflight requests itself.
	if len(c.AllowOrigins) == 0 || resource.DefaultCorsPreflightOptions() != nil {
		return
	}
	resource.AddCorsPreflight(&awsapigateway.CorsOptions{
		AllowOrigins: jsii.Strings(c.AllowOrigins...),
		AllowHeaders: jsii.Strings(c.AllowHeaders...),
		AllowMethods: jsii.Strings(methods...),
		MaxAge:       c.MaxAge,
	})
}
