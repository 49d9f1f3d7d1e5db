// Package check collects everything that is wrong with a construct's props, so that one error
// reports all of it.
package check

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// Errors collects problems. The zero value is ready to use.
type Errors struct{ list []string }

// Addf adds a problem of a prop. The text says what is wrong, with the reason or the remedy in
// brackets: "set without API (the construct's own API always has them)".
func (e *Errors) Addf(prop, format string, args ...any) {
	e.list = append(e.list, prop+": "+fmt.Sprintf(format, args...))
}

// ASCII adds a problem when text has other characters than those of ASCII.
func (e *Errors) ASCII(prop, text string) {
	if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
		e.Addf(prop, "%s is not ASCII (CloudFormation returns other characters as ?, so every cdk "+
			"diff would report a change)", Quote(text))
	}
}

// Range adds a problem unless value is within the limits. why is the reason for the limits.
func (e *Errors) Range(prop string, value, low, high int, why string) {
	e.RangeFloat(prop, float64(value), float64(low), float64(high), why)
}

// RangeFloat is Range for numbers with decimals. NaN is within no limits.
func (e *Errors) RangeFloat(prop string, value, low, high float64, why string) {
	if !(value >= low && value <= high) {
		e.outOfRange(prop, Number(value), Number(low), Number(high), why)
	}
}

// Seconds returns a duration in seconds, or fallback for a nil duration. It adds a problem unless
// the duration is within the limits (in seconds), and a whole number of seconds where the lower
// limit is one.
func (e *Errors) Seconds(
	prop string, d awscdk.Duration, fallback, low, high float64, why string,
) float64 {
	if d == nil {
		return fallback
	}
	if *d.IsUnresolved() {
		e.Addf(prop, "a token (the duration must be known at synth)")
		return fallback
	}
	s := *d.ToSeconds(&awscdk.TimeConversionOptions{Integral: jsii.Bool(false)})
	if s < low || s > high {
		e.outOfRange(prop, Duration(s), Duration(low), Duration(high), why)
	} else if low == math.Trunc(low) && s != math.Trunc(s) {
		e.Addf(prop, "%s is not a whole number of seconds", Duration(s))
	}
	return s
}

func (e *Errors) outOfRange(prop, value, low, high, why string) {
	e.Addf(prop, "%s is out of range %s to %s (%s)", value, low, high, why)
}

// Err returns nil without problems, and otherwise an error with one line for each of them. what
// names the props.
func (e *Errors) Err(what string) error {
	switch len(e.list) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s: %s", what, e.list[0])
	}
	return fmt.Errorf("%s: %d problems:\n  - %s",
		what, len(e.list), strings.Join(e.list, "\n  - "))
}

// Quote returns a value for a message: in quotes, and cut to a readable length.
func Quote(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strconv.Quote(s)
}

// Duration returns seconds as text: in days where they are whole days, otherwise in seconds.
func Duration(seconds float64) string {
	const day = 24 * 60 * 60
	switch days := seconds / day; {
	case days < 1 || days != math.Trunc(days):
		return Number(seconds) + " s"
	case days == 1:
		return "1 day"
	default:
		return Number(days) + " days"
	}
}

// Number returns a number as text, without an exponent.
func Number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
