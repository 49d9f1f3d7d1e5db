// Package prices is what AWS charges, as of a date. It is for estimates: a bill has discounts, a free tier and taxes.
package prices

import (
	_ "embed"
	"encoding/json"
)

//go:embed prices.json
var file []byte

// List of prices, each for a million.
type List struct {
	// Date of the list, year and month.
	Date string
	// Region whose prices they are.
	Region string
	// Currency of the prices.
	Currency string
	// Source says where they are from, and what they leave out.
	Source string

	APIGatewayRequests float64 // of a REST API
	SQSRequests        float64 // of a standard queue, up to 64 KB each
	LambdaRequests     float64
	LambdaGBSecondsARM float64
	LambdaGBSecondsX86 float64
	DynamoDBWrites     float64 // write units on demand
	DynamoDBReads      float64 // read units on demand
	SNSPublishes       float64 // requests, up to 64 KB each
}

// Current gives the list. It is a file beside this one; new prices are a new date there.
func Current() List {
	var list List
	if err := json.Unmarshal(file, &list); err != nil {
		panic(err) // a test reads it
	}
	return list
}
