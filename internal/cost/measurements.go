package cost

import (
	_ "embed"
	"encoding/json"
)

//go:embed measurements.json
var measurementsFile []byte

// Measurements are what the functions do for a number of orders. The file beside this one holds
// them, with its date; `go test ./internal/cost -run TestMeasurements -measure` measures again.
type Measurements struct {
	// Date is when it was measured, and Machine where.
	Date, Machine string
	// Command measures again.
	Command string
	// DocumentBytes is the size of the orders that it was measured with.
	DocumentBytes int
	// Processor, Publisher and Status are invocations with ascending numbers of orders.
	Processor, Publisher, Status []Invocation
	// ItemBytes is what an item holds beside the order document.
	ItemBytes int
	// EventBytes is what an event holds beside the order document, attributes included.
	EventBytes int
	// AnswerBytes is what the body of GET holds beside the order document.
	AnswerBytes int
	// CustomMetrics are how many custom metrics the processor and the publisher write.
	CustomMetrics struct{ Processor, Publisher int }
	// Latency is how long one call to a service takes, in milliseconds. It is not measured but what
	// AWS says, since this repository has no account.
	Latency map[string]Latency
}

// Invocation is one invocation of a function.
type Invocation struct {
	// Orders is how many orders it got.
	Orders float64
	// CPUMilliseconds is the processor time, on a whole CPU of the machine.
	CPUMilliseconds float64
	// Calls are the requests to each service.
	Calls map[string]float64
	// LogBytes is the size of the application's log lines.
	LogBytes float64
	// LogLines is how many there are.
	LogLines float64
}

// Latency is how long a call takes.
type Latency struct {
	// Milliseconds of one call.
	Milliseconds float64
	// Source is where AWS says so.
	Source string
}

// CurrentMeasurements returns the measurements of the file.
func CurrentMeasurements() Measurements {
	var m Measurements
	if err := json.Unmarshal(measurementsFile, &m); err != nil {
		panic(err) // a test reads it
	}
	return m
}

// at returns the invocation with n orders, between those that were measured.
func at(measured []Invocation, n float64) Invocation {
	low, high := measured[0], measured[0]
	for _, next := range measured[1:] {
		low, high = high, next
		if n <= next.Orders {
			break
		}
	}
	share := 0.0
	if high.Orders > low.Orders {
		share = max(0, (n-low.Orders)/(high.Orders-low.Orders))
	}
	between := func(a, b float64) float64 { return a + (b-a)*share }
	result := Invocation{
		Orders: n, Calls: map[string]float64{},
		CPUMilliseconds: between(low.CPUMilliseconds, high.CPUMilliseconds),
		LogBytes:        between(low.LogBytes, high.LogBytes),
		LogLines:        between(low.LogLines, high.LogLines),
	}
	for service, calls := range high.Calls {
		result.Calls[service] = between(low.Calls[service], calls)
	}
	return result
}

// Lambda gives a function a CPU share by its memory (AWS Lambda, "Configure Lambda function
// memory": 1,769 MB are one vCPU).
const wholeCPUMiB = 1769

// milliseconds returns how long an invocation is billed.
func (m Measurements) milliseconds(i Invocation, memoryMiB, documentBytes float64) float64 {
	cpu := i.CPUMilliseconds * max(1, wholeCPUMiB/memoryMiB) *
		max(1, documentBytes/float64(m.DocumentBytes))
	for service, calls := range i.Calls {
		cpu += calls * m.Latency[service].Milliseconds
	}
	return cpu + 1 // rounded up to whole milliseconds
}
