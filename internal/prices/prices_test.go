package prices

import (
	"math"
	"reflect"
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
