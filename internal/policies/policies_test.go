package policies

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEnvironments: no environment allows anything with a wildcard.
func TestEnvironments(t *testing.T) {
	files, err := filepath.Glob("../../test/snapshot/testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("templates: %q, %v", files, err)
	}
	for _, file := range files {
		template, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		statements, _, err := Read(template)
		if err != nil {
			t.Fatal(err)
		}
		if len(statements) < 4 {
			t.Errorf("%s: %d statements only: does the test see them?", filepath.Base(file), len(statements))
		}
		findings, err := Wildcards(template)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			t.Errorf("%s: %s: %s", filepath.Base(file), f.At, f.What)
		}
	}
}

// TestWildcards: each way to allow too much is found, wherever the policy is.
func TestWildcards(t *testing.T) {
	const queue, role = `"Q":{"Type":"AWS::SQS::Queue"}`, `"Type":"AWS::IAM::Role","Properties":`
	statement := func(s string) string {
		return queue + `,"P":{"Type":"AWS::IAM::Policy","Properties":{"PolicyDocument":{"Statement":[` + s + `]}}}`
	}
	for _, test := range []struct{ name, resources, want string }{
		{"one queue", statement(`{"Effect":"Allow","Action":"sqs:SendMessage","Resource":{"Fn::GetAtt":["Q","Arn"]}}`), ""},
		{"a denial", statement(`{"Effect":"Deny","Action":"sqs:*","Resource":"*"}`), ""},
		{"actions", statement(`{"Effect":"Allow","Action":["sqs:SendMessage","sqs:Get*"],"Resource":{"Fn::GetAtt":["Q","Arn"]}}`),
			"sqs:Get* on <AWS::SQS::Queue>"},
		{"one character", statement(`{"Effect":"Allow","Action":"sqs:SendMessag?","Resource":{"Fn::GetAtt":["Q","Arn"]}}`),
			"sqs:SendMessag? on <AWS::SQS::Queue>"},
		{"resources", statement(`{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}`), "sqs:SendMessage on *"},
		{"joined", statement(`{"Effect":"Allow","Action":"sqs:SendMessage","Resource":[{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":sqs:",{"Ref":"Other"},":*"]]}]}`),
			"sqs:SendMessage on arn:<AWS::Partition>:sqs:<parameter>:*"},
		{"substituted", statement(`{"Effect":"Allow","Action":"sqs:SendMessage","Resource":{"Fn::Sub":["${A}*",{}]}}`), "sqs:SendMessage on ${A}*"},
		{"unknown function", statement(`{"Effect":"Allow","Action":"sqs:SendMessage","Resource":{"Fn::Select":[0,["*"]]}}`),
			`sqs:SendMessage on {"Fn::Select":[0,["*"]]}`},
		{"exceptions", statement(`{"Effect":"Allow","NotAction":"iam:CreateUser","NotResource":"arn:a"}`),
			"everything but iam:CreateUser; everything but arn:a"},
		{"inline", `"R":{` + role + `{"Policies":[{"PolicyDocument":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}}]}}`, "* on *"},
		{"anybody's role", `"R":{` + role + `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}]}}}`,
			"sts:AssumeRole to * on itself"},
		{"a service's role", `"R":{` + role + `{"AssumeRolePolicyDocument":{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}}}`, ""},
		{"managed", `"R":{` + role + `{"ManagedPolicyArns":["arn:aws:iam::aws:policy/AdministratorAccess"]}}`,
			"managed policy arn:aws:iam::aws:policy/AdministratorAccess"},
		{"a key's own policy", `"K":{"Type":"AWS::KMS::Key","Properties":{"KeyPolicy":{"Statement":[{"Effect":"Allow","Action":["kms:Decrypt","kms:Get*"],"Principal":{"Service":"sns.amazonaws.com"},"Resource":"*"}]}}}`,
			"kms:Get* to sns.amazonaws.com on itself"},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings, err := Wildcards([]byte(`{"Resources":{` + test.resources + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range findings {
				got = append(got, f.What)
			}
			if text := strings.Join(got, "; "); text != test.want {
				t.Errorf("found %q, want %q", text, test.want)
			}
		})
	}
}

// TestUnreadable: what cannot be read is an error, never a policy without wildcards.
func TestUnreadable(t *testing.T) {
	for _, resource := range []string{
		`{"Type":"AWS::SNS::TopicPolicy","Properties":{"PolicyDocument":{"Statement":[{"Action":"sns:Publish"}]}}}`,
		`{"Type":"AWS::S3::BucketPolicy","Properties":{"PolicyDocument":"{\"Statement\":[{\"Effect\":\"Allow\"}]}"}}`,
		`[]`,
	} {
		if findings, err := Check([]byte(`{"Resources":{"P":` + resource + `}}`)); err == nil {
			t.Errorf("%s: no error, findings %v", resource, findings)
		}
	}
}

// TestAccepted: what is accepted is no wider than what it was accepted for.
func TestAccepted(t *testing.T) {
	const account = "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"
	for what, want := range map[string]bool{
		"kms:GenerateDataKey* on <AWS::KMS::Key>":                             true,
		"kms:GenerateDataKey* to sns.amazonaws.com on itself":                 true,
		"kms:GenerateDataKey* to * on itself":                                 false,
		"kms:GenerateDataKey* on *":                                           false,
		"kms:* to " + account + " on itself":                                  true,
		"kms:* to sns.amazonaws.com on itself":                                false,
		"dynamodb:Query on <AWS::DynamoDB::GlobalTable>/index/*":              true,
		"dynamodb:* on <AWS::DynamoDB::GlobalTable>/index/*":                  false,
		"dynamodb:Query on <AWS::DynamoDB::GlobalTable>*":                     false,
		"execute-api:Invoke on arn:a:execute-api:b:c:d/v1/GET/orders/*":       true,
		"execute-api:Invoke on arn:a:execute-api:b:c:d/*/GET/orders/*":        false,
		"execute-api:Invoke on arn:a:execute-api:b:c:d/v1/*/orders/*":         false,
		"ec2:DescribeSubnets on *":                                            true,
		"ec2:RunInstances on *":                                               false,
		"managed policy arn:<AWS::Partition>:iam::aws:policy/PowerUserAccess": false,
	} {
		got := slices.ContainsFunc(accepted, func(a struct {
			what   *regexp.Regexp
			reason string
		}) bool {
			return a.what.MatchString(what)
		})
		if got != want {
			t.Errorf("%s: accepted is %t, want %t", what, got, want)
		}
	}
	for _, a := range accepted {
		if a.reason == "" {
			t.Errorf("%s: no reason", a.what)
		}
	}
}
