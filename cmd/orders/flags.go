package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/orderpipeline/orderpipeline/internal/failure"
	"github.com/orderpipeline/orderpipeline/order"
)

// rateFlag is a limit per second: "10", "10/s", "600/m", "0.5/s". 0 is no limit.
type rateFlag float64

// minRate keeps a message that waits for its turn from becoming visible again.
const minRate = 0.1

// UnmarshalText reads the flag.
func (r *rateFlag) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), "/")
	per, known := map[string]float64{"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}[unit]
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(value/per >= minRate && value/per <= 1e6) {
		return fmt.Errorf("%q is not a rate (write 10/s or 600/m; at least %g/s)", text, minRate)
	}
	*r = rateFlag(value / per)
	return nil
}

// limiter allows bursts of n. It is nil without a limit.
func (r rateFlag) limiter(n int) *rate.Limiter {
	if r == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(r), n)
}

// within returns how many fit into d, from 1 to limit.
func (r rateFlag) within(d time.Duration, limit int) int {
	if r == 0 {
		return limit
	}
	return max(1, min(limit, int(float64(r)*d.Seconds())))
}

// timeFlag is a point in time: RFC 3339, a date, or an age.
type timeFlag struct {
	text string
	at   func(now time.Time) time.Time
}

// UnmarshalText reads the flag.
func (f *timeFlag) UnmarshalText(text []byte) error {
	f.text = string(text)
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, f.text); err == nil {
			f.at = func(time.Time) time.Time { return at }
			return nil
		}
	}
	if age, err := time.ParseDuration(f.text); err == nil && age > 0 {
		f.at = func(now time.Time) time.Time { return now.Add(-age) }
		return nil
	}
	return fmt.Errorf(
		"%q is not a time (write 2026-11-14T08:00:00Z, 2026-11-14, or an age such as 36h)", text)
}

// checkOrderID returns an error for what cannot be an order id.
func checkOrderID(id string) error {
	if order.ValidID(id) {
		return nil
	}
	return failure.Usage(fmt.Sprintf("%q cannot be an order id", id),
		fmt.Sprintf("an id has 1 to %d of the characters A-Z a-z 0-9 . _ ~ -", order.MaxIDLength))
}
