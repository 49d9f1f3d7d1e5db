package orderpipeline

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// newTopic makes the topic of the events.
func (p *OrderPipeline) newTopic() {
	if topic := p.settings.Topic.Existing; topic != nil {
		p.topic = topic
		if topic.Node().DefaultChild() == nil {
			p.warn("existingTopic", fmt.Sprintf("Topic.Existing is imported, so it can neither be checked nor changed from here. It needs: a maximum message size of at least %d bytes; "+
				"in another account, a policy that lets %s publish. If it is encrypted with a key of the customer's, import it with its KeyArn (Topic_FromTopicAttributes), "+
				"and let the key's policy leave access to IAM.", p.settings.Topic.MaxMessageSizeBytes, *p.Node().Path()+"/Publisher"))
		}
		return
	}
	p.topic = awssns.NewTopic(p, jsii.String("Topic"), &awssns.TopicProps{EnforceSSL: jsii.Bool(true), MasterKey: p.settings.EncryptionKey})
	if size := p.settings.Topic.MaxMessageSizeBytes; size != contract.DefaultTopicBytes {
		// Younger than CDK's types and than its validation, which is strict with the flag validateAgainstDefaultRules.
		awscdk.Validations_Of(p.topic).Acknowledge(&awscdk.Acknowledgment{
			Id:     jsii.String("CloudFormation-Validate::F3002"),
			Reason: jsii.String("MaximumMessageSize is a property since September 2026 (Amazon SNS, Publishing large messages)"),
		})
		p.topic.Node().DefaultChild().(awssns.CfnTopic).AddPropertyOverride(jsii.String("MaximumMessageSize"), size)
	}
}
