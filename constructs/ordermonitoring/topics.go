package ordermonitoring

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// TopicProps configures the topic of one severity of alarms.
type TopicProps struct {
	// Existing is an existing standard topic in the same region. The construct lets CloudWatch
	// publish in the policies of the topic and its key; where these are imported, a warning at
	// synth says what they need. A topic with the AWS managed key (alias/aws/sns) is refused,
	// because its policy does not let CloudWatch use the key. Default: a topic is made.
	Existing awssns.ITopic
	// Emails are subscribed to the topic. AWS first sends each address a message to confirm.
	// Default: none.
	Emails []string
}

const awsKey = "alias/aws/sns"

func (p TopicProps) check(errs *check.Errors, prop string) {
	if topic := p.Existing; topic != nil {
		path := *topic.Node().Path()
		if *topic.Fifo() {
			errs.Addf(prop+".Existing", "%s is a FIFO topic (CloudWatch and AWS Budgets publish to "+
				"standard topics only)", path)
		}
		if usesAWSKey(topic) {
			errs.Addf(prop+".Existing", "%s is encrypted with %s, an AWS managed key (its policy "+
				"does not let CloudWatch use the key; use a customer managed key, or none)",
				path, awsKey)
		}
	}
	checkEmails(errs, prop+".Emails", p.Emails)
}

func checkEmails(errs *check.Errors, prop string, emails []string) {
	for i, address := range emails {
		if a, err := mail.ParseAddress(address); err != nil || a.Address != address {
			errs.Addf(prop, "%s is not a bare e-mail address", check.Quote(address))
		} else if slices.Contains(emails[:i], address) {
			errs.Addf(prop, "%s is listed twice", check.Quote(address))
		}
	}
}

func usesAWSKey(topic awssns.ITopic) bool {
	alias, ok := topic.MasterKey().(awskms.IAlias)
	if ok && strings.HasSuffix(*alias.AliasName(), awsKey) {
		return true
	}
	cfn, _ := topic.Node().DefaultChild().(awssns.CfnTopic)
	if cfn == nil {
		return false
	}
	id := cfn.KmsMasterKeyId()
	return id != nil && strings.HasSuffix(*id, awsKey)
}

// newTopic makes or completes the topic of a severity: CloudWatch may publish to it.
func (m *OrderMonitoring) newTopic(id string, p TopicProps) awssns.ITopic {
	topic := newTopic(m, id, p)
	alarms := awscdk.Stack_Of(m).FormatArn(&awscdk.ArnComponents{
		Service:      jsii.String("cloudwatch"),
		Resource:     jsii.String("alarm"),
		ResourceName: jsii.String("*"),
		ArnFormat:    awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	allowPublish(m, topic, id, "cloudwatch.amazonaws.com", map[string]any{
		"ArnLike": map[string]any{"aws:SourceArn": alarms},
	})
	return topic
}

// newTopic makes a topic, unless there is an existing one, and subscribes the addresses.
func newTopic(scope constructs.Construct, id string, p TopicProps) awssns.ITopic {
	topic := p.Existing
	if topic == nil {
		// No key: messages hold no order content, and the AWS managed key would keep CloudWatch out.
		topic = awssns.NewTopic(scope, &id, &awssns.TopicProps{EnforceSSL: jsii.Bool(true)})
	}
	for _, address := range p.Emails {
		awssns.NewSubscription(scope, jsii.String(id+" "+address), &awssns.SubscriptionProps{
			Topic: topic, Protocol: awssns.SubscriptionProtocol_EMAIL, Endpoint: jsii.String(address),
		})
	}
	return topic
}

// allowPublish lets a service publish to a topic, in the policies of the topic and its key. With a
// policy of its own, a topic loses the default one that allows the whole account (Amazon SNS,
// "Example cases for Amazon SNS access control").
func allowPublish(
	scope constructs.Construct, topic awssns.ITopic, id, service string, conditions map[string]any,
) {
	account := map[string]any{
		"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()},
	}
	all := maps.Clone(account)
	maps.Copy(all, conditions)
	principals := &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(&service, nil)}
	added := topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Principals: principals,
		Conditions: &all,
	}))
	if !*added.StatementAdded {
		warn(scope, id+" "+service, fmt.Sprintf(
			"The topic %s is imported, so the construct cannot change "+
				"its policy. The policy must allow %s to use sns:Publish, with aws:SourceAccount as "+
				"condition. If the topic is encrypted, it needs a customer managed key whose policy "+
				"allows the service kms:Decrypt and kms:GenerateDataKey*. "+
				"Otherwise every message is dropped.", *topic.Node().Path(), service))
	}
	key := topic.MasterKey()
	if key == nil {
		return
	}
	added = key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey*"),
		Resources:  jsii.Strings("*"),
		Principals: principals,
		Conditions: &account,
	}), jsii.Bool(true))
	if !*added.StatementAdded {
		warn(scope, id+" key "+service, fmt.Sprintf("The key %s of the topic %s is imported, so the "+
			"construct cannot change its policy. The policy must allow %s to use kms:Decrypt and "+
			"kms:GenerateDataKey*, with aws:SourceAccount as condition. "+
			"Otherwise every message is dropped.",
			*key.Node().Path(), *topic.Node().Path(), service))
	}
}

// warn adds a warning at synth about what the construct cannot do itself.
func warn(scope constructs.Construct, id, text string) {
	awscdk.Annotations_Of(scope).AddWarningV2(jsii.String("ordermonitoring:"+id), &text)
}
