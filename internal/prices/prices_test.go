package prices

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestCurrent(t *testing.T) {
	list := Current()
	if _, err := time.Parse("2006-01", list.Date); err != nil {
		t.Error(err)
	}
	v := reflect.ValueOf(list)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is missing in the file", v.Type().Field(i).Name)
		}
	}
}

// TestRegions: each region has each price, each item its page, and us-east-1 nothing unverified.
func TestRegions(t *testing.T) {
	for _, region := range []string{"us-east-1", "eu-central-1", "eu-west-1", "sa-east-1"} {
		list, err := In(region)
		if err != nil {
			t.Error(err)
		}
		for _, name := range list.Names() {
			item := list.Item(name)
			if !strings.HasPrefix(item.Page, "https://aws.amazon.com/") || item.Unit == "" {
				t.Errorf("%s: %s has no page or no unit", region, name)
			}
			if item.Unverified && region == DefaultRegion {
				t.Errorf("%s: %s is unverified", region, name)
			}
		}
		if region == "eu-central-1" && (list.DynamoDBWrites != 0.7625 || list.Item("logs").Price != 0.63 || !list.Item("keys").Unverified) {
			t.Errorf("%s has the prices of another region: %+v", region, list)
		}
	}
}

func TestParseReportsWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct{ text, region, want string }{
		"not JSON":  {"{", "us-east-1", "not a price file"},
		"no region": {string(file), "us-east-9", `no prices for region "us-east-9" (the file has eu-central-1, eu-west-1, sa-east-1, us-east-1)`},
		"no price":  {strings.ReplaceAll(string(file), `"snsEmail": 20.00`, `"snsEmail": 0`), "us-east-1", "regions.us-east-1.prices.snsEmail: no price"},
	} {
		if _, err := Parse([]byte(test.text), test.region); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want %s", name, err, test.want)
		}
	}
}

// Calculated by hand from AWS's pages: 100,000 orders cost 0.35 for API Gateway, 0.12 + 0.2627 for
// SQS, 0.04 + 0.0333 for Lambda, 0.0625 + 0.54 for DynamoDB, 0.05 for SNS, and 0.10 for logs.
func TestEstimates(t *testing.T) {
	list := Current()
	for what, test := range map[string]struct{ got, want float64 }{
		"idle":           {list.Pipeline(0), 0.2627},
		"100,000 orders": {list.Pipeline(100_000), 1.5585},
		"no alarms":      {list.Monitoring(0), 3 + 1.80},
		"ten alarms":     {list.Monitoring(10), 1 + 3 + 1.80},
	} {
		if math.Abs(test.got-test.want) > 0.0005 {
			t.Errorf("%s: %.4f, want %.4f", what, test.got, test.want)
		}
	}
}
