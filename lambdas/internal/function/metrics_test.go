package function

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

func TestMetrics(t *testing.T) {
	line := func() string {
		var b bytes.Buffer
		fields := append([]any{"stored", 2}, Metrics(time.UnixMilli(1700000000123),
			Metric{contract.MetricOrdersStored, 2}, Metric{contract.MetricOldestFailureAge, 300})...)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("batch processed", fields...)
		_, after, _ := strings.Cut(b.String(), `"msg":"batch processed",`)
		return strings.TrimSpace(after)
	}
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "")
	if got, want := line(), `"stored":2}`; got != want {
		t.Errorf("outside of Lambda: %s", got)
	}
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
	want := `"stored":2,"FunctionName":"f","OrdersStored":2,"OldestFailureAge":300,` +
		`"_aws":{"Timestamp":1700000000123,"CloudWatchMetrics":[` +
		`{"Namespace":"OrderPipeline","Dimensions":[["FunctionName"]],` +
		`"Metrics":[{"Name":"OrdersStored","Unit":"Count"},{"Name":"OldestFailureAge","Unit":"Seconds"}]}]}}`
	if got := line(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	t.Setenv(contract.EnvMetrics, contract.MetricsOff)
	if got, want := line(), `"stored":2}`; got != want {
		t.Errorf("switched off: %s", got)
	}
}
