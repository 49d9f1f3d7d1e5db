package ordermonitoring

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
)

// newTopic makes or completes the topic of a severity: CloudWatch may publish to it.
func (m *OrderMonitoring) newTopic(id string, p TopicProps) awssns.ITopic {
	topic := p.Existing
	if topic == nil {
		// No key: alarms hold no order content, and AWS's own key would keep CloudWatch out.
		topic = awssns.NewTopic(m, jsii.String(id), &awssns.TopicProps{EnforceSSL: jsii.Bool(true)})
	}
	for _, address := range p.Emails {
		awssns.NewSubscription(m, jsii.String(id+" "+address), &awssns.SubscriptionProps{
			Topic: topic, Protocol: awssns.SubscriptionProtocol_EMAIL, Endpoint: jsii.String(address),
		})
	}
	m.letPublish(topic, id, "cloudwatch.amazonaws.com", map[string]any{
		"ArnLike": map[string]any{"aws:SourceArn": awscdk.Stack_Of(m).FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("cloudwatch"), Resource: jsii.String("alarm"), ResourceName: jsii.String("*"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		})},
	})
	return topic
}

// letPublish lets a service publish to a topic, by the topic's policy and by that of its key. As soon as a topic has a
// policy of its own, the one that lets the whole account in is gone (Amazon SNS, "Example cases for Amazon SNS access control").
func (m *OrderMonitoring) letPublish(topic awssns.ITopic, id, service string, conditions map[string]any) {
	all := map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(m).Account()}}
	for operator, condition := range conditions {
		all[operator] = condition
	}
	principals := &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(&service, nil)}
	added := topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{topic.TopicArn()}, Principals: principals, Conditions: &all,
	}))
	if !*added.StatementAdded {
		m.warn(id+" "+service, fmt.Sprintf("The topic %s is imported, so its policy cannot be changed from here. Let the service %s do sns:Publish in it, with aws:SourceAccount as condition. "+
			"If it is encrypted, it needs a key of the customer's whose policy lets the service use kms:Decrypt and kms:GenerateDataKey*: else every message is dropped.", *topic.Node().Path(), service))
	}
	key := topic.MasterKey()
	if key == nil {
		return
	}
	added = key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("kms:Decrypt", "kms:GenerateDataKey*"), Resources: jsii.Strings("*"), Principals: principals,
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(m).Account()}},
	}), jsii.Bool(true))
	if !*added.StatementAdded {
		m.warn(id+" key "+service, fmt.Sprintf("The key %s of the topic %s is imported, so its policy cannot be changed from here. Let the service %s use kms:Decrypt and kms:GenerateDataKey* in it, "+
			"with aws:SourceAccount as condition: else every message is dropped.", *key.Node().Path(), *topic.Node().Path(), service))
	}
}

// warn says at synth what cannot be done from here.
func (m *OrderMonitoring) warn(id, text string) {
	awscdk.Annotations_Of(m).AddWarningV2(jsii.String("ordermonitoring:"+id), &text)
}
