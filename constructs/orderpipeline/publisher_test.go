package orderpipeline_test

import (
	"strings"
	"testing"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
)

func TestInvalidPublisherProps(t *testing.T) {
	closed := closedSchema(t)
	attributes := func(names string) func(*props) {
		return func(p *props) { p.Publisher.EventAttributes = strings.Split(names, " ") }
	}
	checkProps(t, synthtest.NewStack(t), []propsTest{
		{"batch size", func(p *props) { p.Publisher.BatchSize = -1 },
			`Publisher.BatchSize: -1 is out of range 1 to 10000 (Lambda's limits for a stream)`},
		{"parallelization factor", func(p *props) { p.Publisher.ParallelizationFactor = 11 },
			`Publisher.ParallelizationFactor: 11 is out of range 1 to 10 (Lambda's limits)`},
		{"window", func(p *props) { p.Publisher.BatchingWindow = seconds(301) },
			`Publisher.BatchingWindow: 301 s is out of range 0 s to 300 s (Lambda's limits)`},
		{"event source", func(p *props) { p.Publisher.Event.Source = "a b" },
			`Publisher.Event.Source: "a b" is not valid in CloudEvents (`},
		{"event type", func(p *props) { p.Publisher.Event.Type = "ä" },
			`Publisher.Event.Type: "ä" is not valid in CloudEvents (`},
		{"too many attributes", attributes("a b c d e f g h i j"),
			`Publisher.EventAttributes: 10 names are too many (at most 9: SNS delivers 10 attributes to a queue, and the event type is one of them)`},
		{"attribute twice", attributes("a a"), `Publisher.EventAttributes: "a" is listed twice`},
		{"attribute type", attributes("type"),
			`Publisher.EventAttributes: "type" is reserved (the attribute holds the event type)`},
		{"attribute name", attributes("a,b"),
			`Publisher.EventAttributes: "a,b" is not a valid attribute name (at most 256 letters, digits, _, - and single dots, without the prefix AWS. or Amazon.)`},
		{"attribute of AWS", attributes("aws.x"),
			`Publisher.EventAttributes: "aws.x" is not a valid attribute name`},
		{"attribute that no document has", func(p *props) {
			p.Schema, p.Publisher.EventAttributes = closed, []string{"chanel"}
		}, `Publisher.EventAttributes: "chanel" is not a top-level string of the document (`},
		{"attribute that the schema does not name", attributes("chanel"), ""},
	})
}
