package orderpipeline_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
)

func TestInvalidTopicProps(t *testing.T) {
	stack := synthtest.NewStack(t)
	fifo := awssns.NewTopic(stack, jsii.String("FifoTopic"), &awssns.TopicProps{Fifo: jsii.Bool(true)})
	checkProps(t, stack, []propsTest{
		{"FIFO topic", func(p *props) { p.Topic.Existing = fifo },
			`Topic.Existing: Test/FifoTopic is a FIFO topic (it delivers to SQS only, and the pipeline keeps no order between orders; use a standard topic)`},
		{"message size", func(p *props) { p.Topic.MaxMessageSizeBytes = 1_048_577 },
			`Topic.MaxMessageSizeBytes: 1048577 is out of range 32768 to 1048576 (SNS allows no more, and less leaves no room for an order beside the event envelope)`},
	})
}
