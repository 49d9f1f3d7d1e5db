// Package check gathers what is wrong with a construct's props, so that all of it is reported at once.
package check

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// Errors gathers problems. Its zero value is ready.
type Errors struct{ list []string }

// Addf adds a problem with a field: its value, and what it needs and why.
func (e *Errors) Addf(field string, value any, format string, args ...any) {
	if s, ok := value.(string); ok {
		value = fmt.Sprintf("%q", s)
	}
	e.list = append(e.list, fmt.Sprintf("%s is %v: %s", field, value, fmt.Sprintf(format, args...)))
}

// Range adds a problem unless value is within bounds. why ends the sentence.
func (e *Errors) Range(field string, value, low, high int, why string) {
	if value < low || value > high {
		e.Addf(field, value, "needs %d to %d: %s", low, high, why)
	}
}

// Seconds gives a duration in seconds, and adds a problem unless it is within bounds, and whole where
// the lower bound is whole. A nil duration is fallback.
func (e *Errors) Seconds(field string, d awscdk.Duration, fallback, low, high float64, why string) float64 {
	if d == nil {
		return fallback
	}
	if *d.IsUnresolved() {
		e.Addf(field, Verbatim("a token"), "needs a duration that is known at synth: %s", why)
		return fallback
	}
	s := *d.ToSeconds(&awscdk.TimeConversionOptions{Integral: jsii.Bool(false)})
	if s < low || s > high {
		e.Addf(field, inSeconds(s), "needs %s to %s s: %s", decimal(low), decimal(high), why)
	} else if low == float64(int(low)) && s != float64(int(s)) {
		e.Addf(field, inSeconds(s), "needs whole seconds")
	}
	return s
}

// Err is nil, or an error with a line a problem; what names the construct.
func (e *Errors) Err(what string) error {
	switch len(e.list) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s: %s", what, e.list[0])
	}
	return fmt.Errorf("%s: %d problems:\n  - %s", what, len(e.list), strings.Join(e.list, "\n  - "))
}

// Verbatim is a value that is printed without quotes.
type Verbatim string

func inSeconds(s float64) Verbatim { return Verbatim(decimal(s) + " s") }

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
