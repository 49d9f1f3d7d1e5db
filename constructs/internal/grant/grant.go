// Package grant gives the permissions that a task needs and no others, where CDK's own grants for
// queues and tables give more. For a resource that is encrypted with a customer managed key, each
// grant includes the use of the key.
package grant

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// Send lets the grantee send to a queue.
func Send(queue awssqs.IQueue, grantee awsiam.IGrantable) awsiam.Grant {
	return withKey(queue.EncryptionMasterKey(), grantee,
		queue.Grant(grantee, jsii.String("sqs:SendMessage")),
		"kms:Decrypt", "kms:GenerateDataKey*") // Amazon SQS, "Key management"
}

// Receive allows the actions on a queue, which include receiving.
func Receive(queue awssqs.IQueue, grantee awsiam.IGrantable, actions ...string) awsiam.Grant {
	return withKey(queue.EncryptionMasterKey(), grantee,
		queue.Grant(grantee, *jsii.Strings(actions...)...), "kms:Decrypt")
}

// Read allows the reading actions on a table and its indexes.
func Read(table awsdynamodb.ITableV2, grantee awsiam.IGrantable, actions ...string) awsiam.Grant {
	return withKey(table.EncryptionKey(), grantee,
		onTable(table, grantee, actions), "kms:Decrypt", "kms:DescribeKey")
}

// Write allows the writing actions on a table.
func Write(table awsdynamodb.ITableV2, grantee awsiam.IGrantable, actions ...string) awsiam.Grant {
	return withKey(table.EncryptionKey(), grantee,
		onTable(table, grantee, actions),
		"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
}

// onTable allows actions on a table and its indexes. For a principal of a known account, such as a
// role that is imported by its ARN, in a stack without one, CDK's own grant adds a policy to the
// table that names the table, which CloudFormation cannot create.
func onTable(
	table awsdynamodb.ITableV2, grantee awsiam.IGrantable, actions []string,
) awsiam.Grant {
	theirs, ours := grantee.GrantPrincipal().PrincipalAccount(), awscdk.Stack_Of(table).Account()
	if theirs == nil || *awscdk.Token_IsUnresolved(theirs) || !*awscdk.Token_IsUnresolved(ours) {
		return table.Grant(grantee, *jsii.Strings(actions...)...)
	}
	return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: grantee,
		Actions: jsii.Strings(actions...),
		ResourceArns: &[]*string{
			table.TableArn(), jsii.String(*table.TableArn() + "/index/*"),
		},
	})
}

// Stream lets the grantee read a table's stream. CDK's GrantStreamRead also allows listing the
// streams of all tables.
func Stream(table awsdynamodb.ITableV2, grantee awsiam.IGrantable) awsiam.Grant {
	granted := awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: grantee,
		Actions: jsii.Strings("dynamodb:DescribeStream", "dynamodb:GetRecords",
			"dynamodb:GetShardIterator", "dynamodb:ListStreams"),
		ResourceArns: &[]*string{table.TableStreamArn()},
	})
	return withKey(table.EncryptionKey(), grantee, granted, "kms:Decrypt")
}

func withKey(
	key awskms.IKey, grantee awsiam.IGrantable, granted awsiam.Grant, actions ...string,
) awsiam.Grant {
	if key == nil {
		return granted
	}
	return granted.Combine(key.Grant(grantee, *jsii.Strings(actions...)...))
}
