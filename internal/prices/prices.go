// Package prices is what AWS charges, as of a date. It is for estimates: a bill has discounts, a free tier and taxes.
package prices

import (
	_ "embed"
	"encoding/json"
)

//go:embed prices.json
var file []byte

// List of prices.
type List struct {
	// Date of the list, year and month.
	Date string
	// Region whose prices they are.
	Region string
	// Currency of the prices.
	Currency string
	// Source says where they are from, and what they leave out.
	Source string

	// For a million.
	APIGatewayRequests float64 // of a REST API
	SQSRequests        float64 // of a standard queue, up to 64 KB each
	LambdaRequests     float64
	LambdaGBSecondsARM float64
	LambdaGBSecondsX86 float64
	DynamoDBWrites     float64 // write units on demand
	DynamoDBReads      float64 // read units on demand
	SNSPublishes       float64 // requests, up to 64 KB each

	// For a GB.
	DynamoDBStorage  float64 // a month
	DynamoDBRecovery float64 // a month, of point-in-time recovery
	Logs             float64 // taken in

	// For one, a month.
	Alarms     float64 // of one metric
	Dashboards float64
	Metrics    float64 // of our own
}

// Current gives the list. It is a file beside this one; new prices are a new date there.
func Current() List {
	var list List
	if err := json.Unmarshal(file, &list); err != nil {
		panic(err) // a test reads it
	}
	return list
}

const million, kilobyte = 1e6, 1e-6 // the latter in GB

// Pipeline is what a pipeline with its API costs in a month in which so many orders of up to 1 KB are posted one by one, and a year
// of such months is kept in the table. Subscribers' queues are not in it.
func (l List) Pipeline(orders float64) float64 {
	const (
		// Lambda polls a queue with 5 pollers of 20 s each, also when there is nothing in it (AWS Lambda, "Using Lambda with Amazon SQS").
		idlePolls = 5 * 30.4 * 24 * 3600 / 20
		// processor and publisher, 50 ms of 256 MiB each
		runs, gbSeconds, logKB = 2, 2 * 0.05 / 4, 2
	)
	an := l.APIGatewayRequests + 3*l.SQSRequests + runs*l.LambdaRequests + gbSeconds*l.LambdaGBSecondsARM + l.DynamoDBWrites + l.SNSPublishes // sent, received, deleted
	stored := 12 * orders * kilobyte * (l.DynamoDBStorage + l.DynamoDBRecovery)
	return (orders*an+idlePolls*l.SQSRequests)/million + stored + orders*logKB*kilobyte*l.Logs
}

// Monitoring is what so many alarms, a dashboard and the six metrics of our own cost in a month, when the organisation has used up
// what it has of these for free.
func (l List) Monitoring(alarms int) float64 {
	return float64(alarms)*l.Alarms + l.Dashboards + 6*l.Metrics
}
