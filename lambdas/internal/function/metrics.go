package function

import (
	"log/slog"
	"os"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Count is the value of a custom metric: how often something happened in a batch.
type Count struct {
	// Name is the name of the metric.
	Name string
	// Value is how often it happened.
	Value int
}

// Metrics returns the log fields from which CloudWatch Logs extracts custom metrics, with no call,
// agent or permission (Amazon CloudWatch, "Specification: Embedded metric format"). Their one
// dimension is the function's name, which is unique in the account and region. Metrics returns
// nothing outside of Lambda, and nothing when the variable contract.EnvMetrics is off.
func Metrics(now time.Time, counts ...Count) []any {
	name := os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
	if name == "" || os.Getenv(contract.EnvMetrics) == contract.MetricsOff {
		return nil
	}
	type definition struct {
		Name string
		Unit string
	}
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	d := directive{
		Namespace:  contract.MetricNamespace,
		Dimensions: [][]string{{contract.DimensionFunctionName}},
	}
	fields := []any{contract.DimensionFunctionName, name}
	for _, c := range counts {
		d.Metrics = append(d.Metrics, definition{c.Name, "Count"})
		fields = append(fields, c.Name, c.Value)
	}
	return append(fields, slog.Any("_aws", struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	}{now.UnixMilli(), []directive{d}}))
}
