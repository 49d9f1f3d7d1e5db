package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
)

// newTopic makes the topic of the events.
func (p *OrderPipeline) newTopic() {
	p.topic = awssns.NewTopic(p, jsii.String("Topic"), &awssns.TopicProps{EnforceSSL: jsii.Bool(true)})
	if size := p.settings.Topic.MaxMessageSizeBytes; size != 256*1024 {
		// Younger than CDK's types and than its validation, which is strict with the flag validateAgainstDefaultRules.
		awscdk.Validations_Of(p.topic).Acknowledge(&awscdk.Acknowledgment{
			Id:     jsii.String("CloudFormation-Validate::F3002"),
			Reason: jsii.String("MaximumMessageSize is a property since September 2026 (Amazon SNS, Publishing large messages)"),
		})
		p.topic.Node().DefaultChild().(awssns.CfnTopic).AddPropertyOverride(jsii.String("MaximumMessageSize"), size)
	}
}
