package orderpipeline

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/order"
)

// TopicProps configures the topic of the events.
type TopicProps struct {
	// Existing is an existing standard topic. The construct lets the publisher publish to it and
	// leaves it otherwise unchanged. Default: a topic is made.
	Existing awssns.ITopic
	// MaxMessageSizeBytes is the size limit of an event, 32768 to 1048576 bytes. Above 262144, SNS
	// allows 100 subscribers, of SQS, Lambda and Firehose only. It also limits what the queue accepts,
	// so that an order which could not be published is rejected at the API. For an Existing topic,
	// set it to that topic's limit. Default: 262144, the default of SNS.
	MaxMessageSizeBytes int
}

// topicSettings are TopicProps with the defaults filled in.
type topicSettings struct{ TopicProps }

func (p TopicProps) resolve(errs *check.Errors) topicSettings {
	if p.Existing != nil && *p.Existing.Fifo() {
		errs.Addf("Topic.Existing", "%s is a FIFO topic (it delivers to SQS only, and the pipeline "+
			"keeps no order between orders; use a standard topic)", *p.Existing.Node().Path())
	}
	if p.MaxMessageSizeBytes == 0 {
		p.MaxMessageSizeBytes = contract.DefaultTopicBytes
	}
	errs.Range("Topic.MaxMessageSizeBytes", p.MaxMessageSizeBytes,
		2*order.EnvelopeReserve, contract.MaxMessageBytes,
		"SNS allows no more, and less leaves no room for an order beside the event envelope")
	return topicSettings{p}
}

// maxLargeSubscribers is the most subscribers of a topic with messages above the default limit
// (Amazon SNS, "Publishing large messages").
const maxLargeSubscribers = 100

// large is whether the topic carries messages that SNS delivers to some subscribers only.
func (s topicSettings) large() bool { return s.MaxMessageSizeBytes > contract.DefaultTopicBytes }

// maxMessage is the size limit of the queue, in bytes: it rejects what the topic could not carry
// before the order is accepted.
func (s topicSettings) maxMessage() int { return s.MaxMessageSizeBytes - order.EnvelopeReserve }

// maxDocument is the size limit of an order document, in bytes. A topic of 1 MiB does not make the
// table's items any larger.
func (s topicSettings) maxDocument() int {
	return min(s.MaxMessageSizeBytes, contract.MaxItemBytes) - order.EnvelopeReserve
}

// newTopic makes the topic of the events.
func (p *OrderPipeline) newTopic() {
	s := p.settings.topic
	if s.Existing != nil {
		p.topic = s.Existing
		if s.Existing.Node().DefaultChild() == nil {
			p.warn("existingTopic", fmt.Sprintf("Topic.Existing is imported, so the construct can "+
				"neither check nor change it. It needs a maximum message size of at least %d bytes "+
				"and, in another account, a policy that lets %s publish. If it is encrypted with a "+
				"customer managed key, import it with its KeyArn (Topic_FromTopicAttributes), and "+
				"let the key's policy delegate access to IAM.",
				s.MaxMessageSizeBytes, *p.Node().Path()+"/Publisher"))
		}
		return
	}
	p.topic = awssns.NewTopic(p, jsii.String("Topic"), &awssns.TopicProps{
		EnforceSSL: jsii.Bool(true), MasterKey: p.settings.encryptionKey,
	})
	if s.MaxMessageSizeBytes == contract.DefaultTopicBytes {
		return
	}
	// The property is newer than CDK's types and than its validation, which is strict with the flag
	// validateAgainstDefaultRules.
	awscdk.Validations_Of(p.topic).Acknowledge(&awscdk.Acknowledgment{
		Id: jsii.String("CloudFormation-Validate::F3002"),
		Reason: jsii.String("MaximumMessageSize is a property since September 2026 " +
			"(Amazon SNS, Publishing large messages)"),
	})
	p.topic.Node().DefaultChild().(awssns.CfnTopic).AddPropertyOverride(
		jsii.String("MaximumMessageSize"), s.MaxMessageSizeBytes)
}
