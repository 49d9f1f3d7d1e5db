package jobs

import (
	"context"
	"testing"

	"github.com/orderpipeline/orderpipeline/order"
)

func TestPrice(t *testing.T) {
	for name, test := range map[string]struct {
		document, output string
		refuse           order.Code
	}{
		"priced":          {`{"jobId":"j-1","product":"flyer","copies":500}`, `{"currency":"EUR","total":4500}`, ""},
		"a copy":          {`{"jobId":"j-2","product":"poster","copies":1}`, `{"currency":"EUR","total":249}`, ""},
		"unknown product": {`{"jobId":"j-3","product":"book","copies":1}`, ``, UnknownProduct},
	} {
		t.Run(name, func(t *testing.T) {
			o, refusal := Schema().Parse([]byte(test.document))
			if refusal != nil {
				t.Fatal(refusal)
			}
			got, err := Price(context.Background(), o)
			if err != nil || string(got.Output) != test.output || got.Refuse != test.refuse {
				t.Errorf("got %s %q (%v), want %s %q", got.Output, got.Refuse, err, test.output, test.refuse)
			}
		})
	}
}

func TestSchema(t *testing.T) {
	for document, want := range map[string]order.Code{
		`{"jobId":"j-1","product":"flyer","copies":0}`:   order.Invalid,
		`{"orderId":"j-1","product":"flyer","copies":1}`: order.Invalid, // the id field is jobId
	} {
		if _, refusal := Schema().Parse([]byte(document)); refusal == nil || refusal.Code != want {
			t.Errorf("%s: got %v, want %s", document, refusal, want)
		}
	}
}
