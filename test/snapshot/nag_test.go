package snapshot

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// accepted are the findings of cdk-nag (AwsSolutions) that are meant to be so, each with the reason. They are here, not in
// the stacks or the constructs: who embeds those decides for themselves.
var accepted = map[string]string{
	"AwsSolutions-SQS3 Orders/Pipeline/RejectedQueue/Resource":  "an end by itself: an operator reads it, no function that could fail",
	"AwsSolutions-SQS3 Orders/Pipeline/OnFailureQueue/Resource": "an end by itself: an operator reads it, no function that could fail",

	"AwsSolutions-APIG1 Orders/API/RestApi/DeploymentStage.v1/Resource": "access logs need a role that is one an account, and fail the deployment without it: a choice of the account's owner",
	"AwsSolutions-APIG6 Orders/API/RestApi/DeploymentStage.v1/Resource": "execution logs need the same role, and would hold orders",
	"AwsSolutions-APIG3 Orders/API/RestApi/DeploymentStage.v1/Resource": "callers are signed by IAM; a web ACL costs 5 USD a month and takes one line (Stage)",
	"AwsSolutions-APIG2 Orders/API/RestApi/Resource":                    "both POST methods have a validator; the rule wants parameters validated too, and there are none",

	"AwsSolutions-COG4 Orders/API/RestApi/Default/orders/POST/Resource":          "signed by IAM: the callers are services, not people",
	"AwsSolutions-COG4 Orders/API/RestApi/Default/orders/batch/POST/Resource":    "signed by IAM: the callers are services, not people",
	"AwsSolutions-COG4 Orders/API/RestApi/Default/orders/batch/GET/Resource":     "signed by IAM: the callers are services, not people",
	"AwsSolutions-COG4 Orders/API/RestApi/Default/orders/{orderId}/GET/Resource": "signed by IAM: the callers are services, not people",
}

var finding = regexp.MustCompile(`AwsSolutions-[A-Z0-9]+`)

func TestNag(t *testing.T) {
	for _, env := range []string{"dev", "prod"} { // staging is like prod, local like dev
		t.Run(env, func(t *testing.T) {
			_, orders, monitoring := synth(t, env)
			// Not as an aspect: a finding would fail the synthesis before it could be compared.
			pack := cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{LogIgnores: jsii.Bool(true)})
			found := map[string]string{}
			for _, node := range append(*orders.Node().FindAll(constructs.ConstructOrder_PREORDER), *monitoring.Node().FindAll(constructs.ConstructOrder_PREORDER)...) {
				if *awscdk.CfnResource_IsCfnResource(node) {
					pack.Visit(node)
				}
				for _, entry := range *node.Node().Metadata() {
					if *entry.Type == "aws:cdk:error" || *entry.Type == "aws:cdk:warning" {
						said := fmt.Sprint(entry.Data)
						found[finding.FindString(said)+" "+*node.Node().Path()] = said
					}
				}
			}
			for at, said := range found {
				if accepted[at] == "" {
					t.Errorf("%s\n%s", at, strings.TrimSpace(said))
				}
			}
			for at := range accepted {
				if found[at] == "" {
					t.Errorf("no longer found, take it off the list: %s", at)
				}
			}
		})
	}
}
