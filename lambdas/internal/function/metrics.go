package function

import (
	"log/slog"
	"os"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Count is a metric of our own: how often something happened in a batch.
type Count struct {
	// Name of the metric.
	Name string
	// Value is how often.
	Value int
}

// Metrics gives the fields that make a log line a carrier of metrics, for CloudWatch Logs to extract: no call, no agent, no
// permission (Amazon CloudWatch, "Specification: Embedded metric format"). They bear the function's name as their one
// dimension: it is unique in the account, and there for nothing. There are none outside of Lambda, and none when the variable
// METRICS is off.
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
	d := directive{Namespace: contract.MetricNamespace, Dimensions: [][]string{{contract.DimensionFunctionName}}}
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
