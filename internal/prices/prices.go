// Package prices is what AWS charges, as of a date: one file, prices.json, with several regions. It
// is for estimates, because a bill also has discounts and taxes.
package prices

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

//go:embed prices.json
var file []byte

// DefaultRegion is the region of [Current].
const DefaultRegion = "us-east-1"

// List is the prices of one region.
type List struct {
	// Date is when the prices held, year and month.
	Date string
	// Region is the AWS region of the prices.
	Region string
	// Currency is the currency of the prices.
	Currency string
	// Source says where the prices are from, and what they leave out.
	Source string

	// The following are per million.
	APIGatewayRequests float64 // of a REST API
	SQSRequests        float64 // of a standard queue, up to 64 KB each
	LambdaRequests     float64
	LambdaGBSecondsARM float64
	LambdaGBSecondsX86 float64
	DynamoDBWrites     float64 // on-demand write units
	DynamoDBReads      float64 // on-demand read units
	SNSPublishes       float64 // requests, up to 64 KB each

	// The following are per GB.
	DynamoDBStorage  float64 // per month
	DynamoDBRecovery float64 // per month, of point-in-time recovery
	Logs             float64 // ingested

	// The following are per month.
	Alarms     float64 // per metric of an alarm
	Dashboards float64
	Metrics    float64 // custom metrics

	// Free is what AWS gives each month for nothing, forever, by [Item.Pool].
	Free map[string]float64 `json:"-"`
	// Alternatives are prices in us-east-1 of services that the pipeline does not use.
	Alternatives map[string]float64 `json:"-"`

	items map[string]Item
}

// Item is one price.
type Item struct {
	// Price is for Per units, up to the first of Tiers.
	Price float64 `json:"-"`
	// Per is how many units the price is for.
	Per float64
	// Unit is what is counted.
	Unit string
	// Pool names the free amount that the item uses. Default: the item's name.
	Pool string
	// Page is where AWS publishes the price.
	Page string
	// Tiers are the prices of large quantities, ascending.
	Tiers []Tier `json:"-"`
	// Unverified says that no source for the price could be read again at the date of the list.
	Unverified bool `json:"-"`
}

// Tier is the price of the units above a quantity.
type Tier struct{ Above, Price float64 }

// Item returns a price by its name in the file. It panics for a name that the file does not have.
func (l List) Item(name string) Item {
	item, ok := l.items[name]
	if !ok {
		panic("prices: no item " + name)
	}
	return item
}

// Names returns the names of all items, sorted.
func (l List) Names() []string { return slices.Sorted(maps.Keys(l.items)) }

// Current returns the list of [DefaultRegion]. It is a file beside this one; new prices are a new
// date there.
func Current() List {
	list, err := In(DefaultRegion)
	if err != nil {
		panic(err) // a test reads it
	}
	return list
}

// In returns the list of a region.
func In(region string) (List, error) { return Parse(file, region) }

// Parse returns the list of a region from a file in the format of prices.json. The file must have a
// price for each item of prices.json.
func Parse(text []byte, region string) (List, error) {
	type regional struct {
		Prices     map[string]float64
		Tiers      map[string][]Tier
		Unverified []string
	}
	var all struct {
		Date, Currency, Source string
		Items                  map[string]Item
		Free, Alternatives     map[string]float64
		Regions                map[string]regional
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return List{}, fmt.Errorf("not a price file: %w", err)
	}
	here, ok := all.Regions[region]
	if !ok {
		return List{}, fmt.Errorf("no prices for region %q (the file has %s)", region,
			strings.Join(slices.Sorted(maps.Keys(all.Regions)), ", "))
	}
	list := List{
		Free: all.Free, Alternatives: all.Alternatives, items: map[string]Item{},
		Date: all.Date, Currency: all.Currency, Source: all.Source, Region: region,
	}
	for _, name := range itemNames() {
		item, price := all.Items[name], here.Prices[name]
		if item.Per <= 0 || price <= 0 {
			return List{}, fmt.Errorf("regions.%s.prices.%s: no price, or no entry in items", region, name)
		}
		if item.Pool == "" {
			item.Pool = name
		}
		item.Price, item.Tiers = price, here.Tiers[name]
		item.Unverified = slices.Contains(here.Unverified, name)
		list.items[name] = item
	}
	byName, err := json.Marshal(here.Prices) // the fields of List have the names of the items
	if err == nil {
		err = json.Unmarshal(byName, &list)
	}
	return list, err
}

// itemNames are the items of the embedded file.
func itemNames() []string {
	var embedded struct{ Items map[string]struct{} }
	if err := json.Unmarshal(file, &embedded); err != nil {
		panic(err) // a test reads it
	}
	return slices.Sorted(maps.Keys(embedded.Items))
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
