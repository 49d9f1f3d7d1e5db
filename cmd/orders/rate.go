package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// rateFlag is a limit a second: "10", "10/s", "600/m", "0.5/s". 0: none.
type rateFlag float64

// slowest keeps a message that waits for its turn from becoming visible again meanwhile.
const slowest = 0.1

// UnmarshalText reads the flag.
func (r *rateFlag) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), "/")
	per, known := map[string]float64{"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}[unit]
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(value/per >= slowest && value/per <= 1e6) {
		return fmt.Errorf("%q is no rate: write 10/s, or 600/m; at least %g/s", text, slowest)
	}
	*r = rateFlag(value / per)
	return nil
}

// limiter lets bursts of up to n pass; nil when there is no limit.
func (r rateFlag) limiter(n int) *rate.Limiter {
	if r == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(r), n)
}

// within is how many go through in a time, 1 to most.
func (r rateFlag) within(d time.Duration, most int) int {
	if r == 0 {
		return most
	}
	return max(1, min(most, int(float64(r)*d.Seconds())))
}
