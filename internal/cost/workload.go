package cost

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/orderpipeline/orderpipeline/order"
)

// Workload is a month of orders for each pipeline.
type Workload struct {
	// Orders is how many order documents clients post.
	Orders Count `json:"orders"`
	// Size is the size of an order document, in bytes.
	Size Size `json:"sizeBytes"`
	// Batch is how many orders one call carries.
	Batch int `json:"batch"`
	// Subscribers is how many subscriptions there are: those of the template first, then SQS queues of
	// others.
	Subscribers int `json:"subscribers"`
	// StatusChecks is how many GET requests there are for an order.
	StatusChecks float64 `json:"statusChecks"`
	// Duplicates is the share of the orders that were posted before.
	Duplicates Share `json:"duplicates"`
	// Refused is the share of the orders that the processor refuses.
	Refused Share `json:"refused"`
	// Peak is the rate of the busiest hour of each day, as a multiple of the average rate.
	Peak Factor `json:"peak"`
	// Months is how many months of such orders the table holds.
	Months float64 `json:"months"`
}

// DefaultWorkload is a month of 100,000 orders.
func DefaultWorkload() Workload {
	return Workload{
		Orders: 100_000, Size: 1024, Batch: 1, Subscribers: 2, StatusChecks: 1,
		Duplicates: 0.01, Refused: 0.001, Peak: 10, Months: 1,
	}
}

// maxPeak: then all orders of a day come in one hour.
const maxPeak = 24

// Validate returns an error for a workload that cannot be. maxMessage is the queue's message size
// limit in bytes.
func (w Workload) Validate(maxMessage float64) error {
	switch message := float64(w.Batch) * float64(w.Size); {
	case w.Batch < 1 || w.Batch > order.MaxBatchOrders:
		return fmt.Errorf("--batch: %d (a call has 1 to %d orders)", w.Batch, order.MaxBatchOrders)
	case w.Subscribers < 0 || w.Subscribers > 1000:
		return fmt.Errorf("--subscribers: %d (must be from 0 to 1000)", w.Subscribers)
	case !(w.StatusChecks >= 0 && w.StatusChecks <= 1000):
		return fmt.Errorf("--status-checks: %g (must be from 0 to 1000)", w.StatusChecks)
	case !(w.Months > 0 && w.Months <= 1200):
		return fmt.Errorf("--months: %g (must be above 0 and at most 1200)", w.Months)
	case w.Duplicates+w.Refused > 1:
		return fmt.Errorf("--duplicates, --refused: together %.4g %% (at most 100 %%)",
			100*float64(w.Duplicates+w.Refused))
	case message > maxMessage:
		return fmt.Errorf("--size, --batch: one call has %.0f bytes (the queue takes at most %.0f)",
			message, maxMessage)
	}
	return nil
}

// Count is a number of orders: "100000", "100k", "10M", "1B".
type Count float64

// UnmarshalText reads the flag.
func (c *Count) UnmarshalText(text []byte) error {
	value, ok := scaled(string(text), map[string]float64{"": 1, "k": 1e3, "M": 1e6, "B": 1e9})
	if !ok || value < 1 || value > 1e12 || value != math.Trunc(value) {
		return fmt.Errorf("%q is not a number of orders (write 100000, 100k, 10M or 1B)", text)
	}
	*c = Count(value)
	return nil
}

// Size is a number of bytes: "700B", "1KB", "1.5KB". A KB has 1,024.
type Size float64

// UnmarshalText reads the flag.
func (s *Size) UnmarshalText(text []byte) error {
	value, ok := scaled(string(text), map[string]float64{"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20})
	if !ok || value < 1 {
		return fmt.Errorf("%q is not a size (write 700B or 1KB)", text)
	}
	*s = Size(math.Ceil(value))
	return nil
}

// Share is a part of the whole: "1%", "0.1%", "0.01".
type Share float64

// UnmarshalText reads the flag.
func (s *Share) UnmarshalText(text []byte) error {
	value, ok := scaled(string(text), map[string]float64{"": 1, "%": 0.01})
	if !ok || value < 0 || value > 1 {
		return fmt.Errorf("%q is not a share (write 1%% or 0.01, at most 100%%)", text)
	}
	*s = Share(value)
	return nil
}

// Factor is a multiple: "10x", "10".
type Factor float64

// UnmarshalText reads the flag.
func (f *Factor) UnmarshalText(text []byte) error {
	value, ok := scaled(string(text), map[string]float64{"": 1, "x": 1})
	if !ok || value < 1 || value > maxPeak {
		return fmt.Errorf(
			"%q is not a peak (write 10x; 1x is an even rate, 24x puts a day into one hour)", text)
	}
	*f = Factor(value)
	return nil
}

// scaled reads a number with a unit.
func scaled(text string, units map[string]float64) (float64, bool) {
	number := strings.TrimRight(text, "kMBKx%")
	unit, known := units[text[len(number):]]
	value, err := strconv.ParseFloat(number, 64)
	return value * unit, known && err == nil && !math.IsNaN(value) && !math.IsInf(value, 0)
}
