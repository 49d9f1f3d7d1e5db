package orderpipeline_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
)

func TestInvalidProcessorProps(t *testing.T) {
	checkProps(t, synthtest.NewStack(t), []propsTest{
		{"batch size", func(p *props) {
			p.Processor.BatchSize, p.Processor.BatchingWindow = 10_001, seconds(1)
		}, `Processor.BatchSize: 10001 is out of range 1 to 10000 (Lambda's limits for a standard queue)`},
		{"batch size without window", func(p *props) { p.Processor.BatchSize = 11 },
			`Processor.BatchSize: 11 needs a Processor.BatchingWindow of at least 1 s (Lambda refuses batches above 10 without one)`},
		{"window", func(p *props) { p.Processor.BatchingWindow = seconds(301) },
			`Processor.BatchingWindow: 301 s is out of range 0 s to 300 s (Lambda's limits)`},
		{"window with a fraction of a second", func(p *props) {
			p.Processor.BatchingWindow = awscdk.Duration_Millis(jsii.Number(1500))
		}, `Processor.BatchingWindow: 1.5 s is not a whole number of seconds`},
		{"window below a second", func(p *props) {
			p.Processor.BatchingWindow = awscdk.Duration_Millis(jsii.Number(500))
		}, `Processor.BatchingWindow: 0.5 s is not a whole number of seconds`},
		{"window that is a token", func(p *props) {
			p.Processor.BatchingWindow = awscdk.Duration_Seconds(awscdk.Token_AsNumber("x"))
		}, `Processor.BatchingWindow: a token (the duration must be known at synth)`},
		{"concurrency", func(p *props) { p.Processor.MaxConcurrency = 1 },
			`Processor.MaxConcurrency: 1 is out of range 2 to 1000 (Lambda's limits)`},
		{"reserved concurrency without a limit", func(p *props) {
			p.Processor.Function.ReservedConcurrency = 5
		}, `Processor.Function.ReservedConcurrency: set without Processor.MaxConcurrency (throttled messages count as received; set that to at most 5)`},
		{"concurrency above the reserved one", func(p *props) {
			p.Processor.MaxConcurrency, p.Processor.Function.ReservedConcurrency = 6, 5
		}, `Processor.MaxConcurrency: 6 exceeds Processor.Function.ReservedConcurrency, 5 (throttled messages count as received)`},
	})
}
