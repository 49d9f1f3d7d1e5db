// Package prices holds list prices of AWS with their date. They are for estimates: a bill also has
// discounts, a free tier and taxes.
package prices

import (
	_ "embed"
	"encoding/json"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

//go:embed prices.json
var file []byte

// List is a price list.
type List struct {
	// Date is that of the list, year and month.
	Date string
	// Region is the region of the prices.
	Region string
	// Currency is the currency of the prices.
	Currency string
	// Source says where the prices are from, and what they leave out.
	Source string

	// Per million.
	APIGatewayRequests float64 // of a REST API
	SQSRequests        float64 // of a standard queue, up to 64 KB each
	LambdaRequests     float64
	LambdaGBSecondsARM float64
	LambdaGBSecondsX86 float64
	DynamoDBWrites     float64 // write units on demand
	DynamoDBReads      float64 // read units on demand
	SNSPublishes       float64 // requests, up to 64 KB each

	// Per GB.
	DynamoDBStorage  float64 // per month
	DynamoDBRecovery float64 // per month, point-in-time recovery
	Logs             float64 // ingested

	// Per month.
	Alarms     float64 // per metric
	Dashboards float64
	Metrics    float64 // per custom metric
}

// Current returns the list in prices.json. Change its date with its prices.
func Current() List {
	var list List
	if err := json.Unmarshal(file, &list); err != nil {
		panic(err) // a test reads it
	}
	return list
}

const million, kilobyte = 1e6, 1e-6 // the latter in GB

// Pipeline returns the cost of a pipeline with its API in a month in which this many orders of up
// to 1 KB are posted one by one, with the orders of a year in the table. Subscribers' queues are
// not included.
func (l List) Pipeline(orders float64) float64 {
	const (
		// Lambda polls a queue with 5 pollers of 20 s each, even when it is empty (AWS Lambda, "Using
		// Lambda with Amazon SQS").
		idlePolls = 5 * 30.4 * 24 * 3600 / 20
		// processor and publisher, 50 ms of 256 MiB each
		runs, gbSeconds, logKB = 2, 2 * 0.05 / 4, 2
	)
	// A message is sent, received and deleted.
	perOrder := l.APIGatewayRequests + 3*l.SQSRequests + runs*l.LambdaRequests +
		gbSeconds*l.LambdaGBSecondsARM + l.DynamoDBWrites + l.SNSPublishes
	stored := 12 * orders * kilobyte * (l.DynamoDBStorage + l.DynamoDBRecovery)
	return (orders*perOrder+idlePolls*l.SQSRequests)/million + stored + orders*logKB*kilobyte*l.Logs
}

// Monitoring returns the cost per month of this many alarms, a dashboard and the custom metrics,
// once the organization has used up what is free.
func (l List) Monitoring(alarms int) float64 {
	return float64(alarms)*l.Alarms + l.Dashboards + float64(len(contract.CustomMetrics()))*l.Metrics
}
