// Package jobs defines print jobs and their prices.
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

// Schema returns the schema of a job. Its id field is jobId.
func Schema() *order.Schema {
	schema, err := order.NewSchema(document, "jobId")
	if err != nil {
		panic(err)
	}
	return schema
}

// UnknownProduct is the reason of a refused job whose product is not in the price list.
const UnknownProduct order.Code = "unknown-product"

// prices are the prices of one copy, in cents.
var prices = map[string]int64{"flyer": 9, "poster": 249}

// Price is the processor's business step: it stores the price beside each job, or refuses the job.
// It keeps no state, because a job can arrive more than once.
func Price(_ context.Context, o order.Order) (processor.Result, error) {
	var job struct {
		Product string
		Copies  int64
	}
	// The document is valid, so a decoding error is a bug of this program. The job is retried.
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
