// Package jobs knows what a print job is, and what it costs.
package jobs

import (
	"context"
	_ "embed"
	"encoding/json"

	"github.com/orderpipeline/orderpipeline/lambdas/processor"
	"github.com/orderpipeline/orderpipeline/order"
)

//go:embed job.schema.json
var document []byte

// Schema of a job. Its id field is jobId.
func Schema() *order.Schema {
	schema, err := order.NewSchema(document, "jobId")
	if err != nil {
		panic(err)
	}
	return schema
}

// UnknownProduct is the reason to refuse a job for something that is not printed here.
const UnknownProduct order.Code = "unknown-product"

// prices of one copy, in cents.
var prices = map[string]int64{"flyer": 9, "poster": 249}

// Price is the processor's step: it stores each job's price beside it, or refuses the job. It must not remember what it was
// asked before: a job may come more than once.
func Price(_ context.Context, o order.Order) (processor.Result, error) {
	var job struct {
		Product string
		Copies  int64
	}
	// The schema has been checked; what does not decode is an error of this program, and is tried again.
	if err := json.Unmarshal(o.Document, &job); err != nil {
		return processor.Result{}, err
	}
	price, known := prices[job.Product]
	if !known {
		return processor.Result{Refuse: UnknownProduct}, nil
	}
	output, err := json.Marshal(map[string]any{"currency": "EUR", "total": price * job.Copies})
	return processor.Result{Output: output}, err
}
