package snapshot

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

const (
	readByOperators = "operators read it, so no consumer could dead-letter its messages"
	signed          = "requests are signed for IAM: the callers are services, not people"
)

// accepted are the accepted findings of cdk-nag (AwsSolutions), each with the reason. They are here
// and not in the stacks or constructs, so that an embedding app decides for itself.
var accepted = map[string]string{
	"AwsSolutions-SQS3 Orders/Pipeline/RejectedQueue/Resource":  readByOperators,
	"AwsSolutions-SQS3 Orders/Pipeline/OnFailureQueue/Resource": readByOperators,

	"AwsSolutions-APIG1 Orders/API/RestApi/DeploymentStage.v1/Resource": "access logs need a role " +
		"per account and region, without which the deployment fails: the account's owner decides",
	"AwsSolutions-APIG6 Orders/API/RestApi/DeploymentStage.v1/Resource": "execution logs need the " +
		"same role, and would contain orders",
	"AwsSolutions-APIG3 Orders/API/RestApi/DeploymentStage.v1/Resource": "requests are signed for " +
		"IAM; a web ACL is charged monthly and takes one line (Stage)",
	"AwsSolutions-APIG2 Orders/API/RestApi/Resource": "both POST methods have a validator; the rule " +
		"also wants validated parameters, and there are none",

	"AwsSolutions-COG4 Orders/API/RestApi/Default/orders/POST/Resource":          signed,
	"AwsSolutions-COG4 Orders/API/RestApi/Default/orders/batch/POST/Resource":    signed,
	"AwsSolutions-COG4 Orders/API/RestApi/Default/orders/batch/GET/Resource":     signed,
	"AwsSolutions-COG4 Orders/API/RestApi/Default/orders/{orderId}/GET/Resource": signed,
}

var finding = regexp.MustCompile(`AwsSolutions-[A-Z0-9]+`)

func TestNag(t *testing.T) {
	for _, env := range []string{"dev", "prod"} { // staging is like prod, local like dev
		t.Run(env, func(t *testing.T) {
			_, orders, monitoring := synth(t, env)
			// As an aspect, a finding would fail the synthesis before the test could compare it.
			pack := cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{LogIgnores: jsii.Bool(true)})
			found := map[string]string{}
			for _, node := range slices.Concat(
				*orders.Node().FindAll(constructs.ConstructOrder_PREORDER),
				*monitoring.Node().FindAll(constructs.ConstructOrder_PREORDER),
			) {
				if *awscdk.CfnResource_IsCfnResource(node) {
					pack.Visit(node)
				}
				for _, entry := range *node.Node().Metadata() {
					if *entry.Type == "aws:cdk:error" || *entry.Type == "aws:cdk:warning" {
						message := fmt.Sprint(entry.Data)
						found[finding.FindString(message)+" "+*node.Node().Path()] = message
					}
				}
			}
			for at, message := range found {
				if accepted[at] == "" {
					t.Errorf("%s\n%s", at, strings.TrimSpace(message))
				}
			}
			for at := range accepted {
				if found[at] == "" {
					t.Errorf("no longer found, so remove it from the list: %s", at)
				}
			}
		})
	}
}
