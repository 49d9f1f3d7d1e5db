package awsmetrics

import (
	"slices"
	"strings"
	"testing"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	custom := 0
	for _, row := range Table() {
		name := row.Namespace + " " + row.Name
		if seen[name] {
			t.Errorf("%s is listed twice", name)
		}
		seen[name] = true
		if len(row.Dimensions) == 0 || len(row.Statistics) == 0 || row.Unit == "" ||
			row.Emitted == "" || !strings.Contains(row.Page, ": ") {
			t.Errorf("%s: incomplete row %+v", name, row)
		}
		for _, set := range row.Dimensions {
			if !slices.IsSorted(set) {
				t.Errorf("%s: dimensions %s are not sorted", name, set)
			}
		}
		if row.Namespace == contract.MetricNamespace {
			custom++
		}
	}
	if custom > 7 {
		t.Errorf("%d custom metrics, want at most 7, because each is charged", custom)
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		metric Metric
		want   string // "" for no error

	}{
		{Metric{"AWS/Lambda", "Errors", []string{"FunctionName"}, "Sum"}, ""},
		{Metric{"AWS/DynamoDB", "SystemErrors", []string{"TableName", "Operation"}, "Sum"}, ""},
		{Metric{"AWS/ApiGateway", "Latency", []string{"ApiName", "Stage"}, "p99.9"}, ""},
		{Metric{"AWS/Lambda", "Error", []string{"FunctionName"}, "Sum"}, "not in the table"},
		{Metric{"AWS/SQS", "Errors", []string{"FunctionName"}, "Sum"}, "not in the table"},
		{Metric{"AWS/DynamoDB", "SystemErrors", []string{"TableName"}, "Sum"}, "needs exactly [[Operation TableName]]"},
		{Metric{"AWS/ApiGateway", "5XXError", []string{"ApiId"}, "Average"}, "needs exactly [[ApiName Stage]]"},
		{Metric{"AWS/Lambda", "Errors", nil, "Sum"}, "needs exactly"},
		{Metric{"AWS/Lambda", "Errors", []string{"FunctionName"}, "Maximum"}, "meaningless"},
		{Metric{"AWS/Lambda", "Errors", []string{"FunctionName"}, "p99"}, "meaningless"},
		{Metric{"AWS/ApiGateway", "Latency", []string{"ApiName", "Stage"}, "percentile"}, "meaningless"},
	} {
		err := Check(test.metric)
		if test.want == "" && err != nil {
			t.Errorf("%v: %v", test.metric, err)
		}
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%v: %v, want %s", test.metric, err, test.want)
		}
	}
}
