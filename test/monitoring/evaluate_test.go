package monitoring

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// evaluate is what CloudWatch makes of an alarm's datapoints (Amazon CloudWatch, "Using Amazon
// CloudWatch alarms", "Configuring how CloudWatch alarms treat missing data"). The emulator leaves
// out dimensions, missing data, and that M of N periods must breach.
//
// points are values by the start of their period; end is that of the last period looked at.
func evaluate(alarm types.MetricAlarm, points map[time.Time]float64, end time.Time) (types.StateValue, error) {
	period := time.Duration(*alarm.Period) * time.Second
	periods := int(*alarm.EvaluationPeriods)
	need := periods
	if alarm.DatapointsToAlarm != nil {
		need = int(*alarm.DatapointsToAlarm)
	}
	breaching, present := 0, 0
	for i := range periods {
		value, found := points[end.Add(-time.Duration(i+1)*period)]
		if !found {
			if aws.ToString(alarm.TreatMissingData) == "breaching" {
				breaching++
			}
			continue
		}
		present++
		crossed := false
		switch alarm.ComparisonOperator {
		case types.ComparisonOperatorGreaterThanOrEqualToThreshold:
			crossed = value >= *alarm.Threshold
		case types.ComparisonOperatorGreaterThanThreshold:
			crossed = value > *alarm.Threshold
		case types.ComparisonOperatorLessThanThreshold:
			crossed = value < *alarm.Threshold
		default:
			return "", fmt.Errorf("cannot evaluate %s", alarm.ComparisonOperator)
		}
		if crossed {
			breaching++
		}
	}
	switch treat := aws.ToString(alarm.TreatMissingData); {
	case breaching >= need:
		return types.StateValueAlarm, nil
	case present == 0 && treat != "breaching" && treat != "notBreaching":
		return types.StateValueInsufficientData, nil
	}
	return types.StateValueOk, nil
}

func TestEvaluate(t *testing.T) {
	end := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	minutes := func(values ...float64) map[time.Time]float64 { // the last one is the latest; below 0: missing
		points := map[time.Time]float64{}
		for i, v := range values {
			if v >= 0 {
				points[end.Add(time.Duration(i-len(values))*time.Minute)] = v
			}
		}
		return points
	}
	alarm := func(need, periods int32, treat string) types.MetricAlarm {
		return types.MetricAlarm{Period: aws.Int32(60), EvaluationPeriods: &periods, DatapointsToAlarm: &need, Threshold: aws.Float64(1),
			ComparisonOperator: types.ComparisonOperatorGreaterThanOrEqualToThreshold, TreatMissingData: &treat}
	}
	silent := alarm(2, 2, "breaching")
	silent.ComparisonOperator = types.ComparisonOperatorLessThanThreshold
	for _, test := range []struct {
		name   string
		alarm  types.MetricAlarm
		points map[time.Time]float64
		want   types.StateValue
	}{
		{"one", alarm(1, 1, "notBreaching"), minutes(1), types.StateValueAlarm},
		{"one below", alarm(1, 1, "notBreaching"), minutes(0.5), types.StateValueOk},
		{"too long ago", alarm(1, 1, "notBreaching"), minutes(1, 0), types.StateValueOk},
		{"three of five", alarm(3, 5, "notBreaching"), minutes(1, -1, 1, 0, 1), types.StateValueAlarm},
		{"two of five", alarm(3, 5, "notBreaching"), minutes(1, -1, -1, 0, 1), types.StateValueOk},
		{"nothing", alarm(3, 5, "notBreaching"), nil, types.StateValueOk},
		{"nothing, and that matters", alarm(3, 5, "missing"), nil, types.StateValueInsufficientData},
		{"silence", silent, nil, types.StateValueAlarm},
		{"a sound", silent, minutes(-1, 1), types.StateValueOk},
	} {
		if got, err := evaluate(test.alarm, test.points, end); got != test.want || err != nil {
			t.Errorf("%s: %s, %v; want %s", test.name, got, err, test.want)
		}
	}
}
