package policies

import (
	"regexp"
	"slices"
)

// accepted are the wildcards that the constructs need for some props, each with the reason. The
// templates of this app have none: see TestEnvironments. A pattern matches a whole Finding.What.
var accepted = []struct {
	what   *regexp.Regexp
	reason string
}{
	{whole(`kms:(GenerateDataKey|ReEncrypt)\*( to [^*]+)? on (itself|<AWS::KMS::Key>)`),
		"the CDK's grants of a key: GenerateDataKey and ReEncrypt have two variants each"},
	{whole(`kms:\* to arn:<AWS::Partition>:iam::<AWS::AccountId>:root on itself`),
		"the CDK's key policy leaves a key to the IAM policies of its account, as AWS recommends"},
	{whole(`dynamodb:\w+ on <AWS::DynamoDB::GlobalTable>/index/\*`),
		"the CDK's grants of a table with indexes name all indexes of this table"},
	{whole(`execute-api:Invoke on arn:[^*]+/GET/[^*]*orders/\*`),
		"the last part of the path is the order id"},
	{whole(`execute-api:Invoke on arn:[^*]+:abc/\*/(POST/orders(/batch)?|GET/orders/\*)`),
		"an imported API does not say its stage"},
	{whole(`ec2:((Create|Delete)NetworkInterface|DescribeNetworkInterfaces|DescribeSubnets|` +
		`(Una|A)ssignPrivateIpAddresses) on \*`),
		"Lambda's network interfaces in a VPC: the CDK's list, for which AWS names no resources"},
	{whole(`xray:Put(TraceSegments|TelemetryRecords) on \*`), "these actions have no resource"},
	{whole(`managed policy arn:<AWS::Partition>:iam::aws:policy/` +
		`service-role/AWSLambdaBasicExecutionRole`),
		"the CDK's default role of a function that a consumer brings, such as an authorizer"},
}

func whole(pattern string) *regexp.Regexp { return regexp.MustCompile("^(?:" + pattern + ")$") }

// Check finds the wildcards of a template that are not accepted.
func Check(template []byte) ([]Finding, error) {
	findings, err := Wildcards(template)
	return slices.DeleteFunc(findings, func(f Finding) bool {
		for _, a := range accepted {
			if a.what.MatchString(f.What) {
				return true
			}
		}
		return false
	}), err
}
