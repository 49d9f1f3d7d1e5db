package function

import (
	"log/slog"
	"os"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Metric is the value of a custom metric for a batch.
type Metric struct {
	// Name is the name of the metric.
	Name string
	// Value is how often something happened, or a duration in seconds.
	Value int
}

func (m Metric) unit() string {
	if m.Name == contract.MetricOldestFailureAge {
		return "Seconds"
	}
	return "Count"
}

// Metrics returns the log fields from which CloudWatch Logs extracts custom metrics, with no call,
// agent or permission (Amazon CloudWatch, "Specification: Embedded metric format"). Their one
// dimension is the function's name, which is unique in the account and region. Metrics returns
// nothing outside of Lambda, and nothing when the variable contract.EnvMetrics is off.
func Metrics(now time.Time, metrics ...Metric) []any {
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
	for _, m := range metrics {
		d.Metrics = append(d.Metrics, definition{m.Name, m.unit()})
		fields = append(fields, m.Name, m.Value)
	}
	return append(fields, slog.Any("_aws", struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	}{now.UnixMilli(), []directive{d}}))
}
