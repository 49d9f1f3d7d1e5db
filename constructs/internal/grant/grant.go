// Package grant gives what a task takes, and no more; CDK's own grants of queues and tables give more. Where a resource is
// encrypted with a key of the customer's, the use of the key goes with it.
package grant

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// Send lets the grantee send to a queue.
func Send(queue awssqs.IQueue, grantee awsiam.IGrantable) awsiam.Grant {
	return withKey(queue.EncryptionMasterKey(), grantee, queue.Grant(grantee, jsii.String("sqs:SendMessage")),
		"kms:Decrypt", "kms:GenerateDataKey*") // Amazon SQS, "Key management"
}

// Receive lets the grantee do with a queue what the actions say: receiving, at least.
func Receive(queue awssqs.IQueue, grantee awsiam.IGrantable, actions ...string) awsiam.Grant {
	return withKey(queue.EncryptionMasterKey(), grantee, queue.Grant(grantee, *jsii.Strings(actions...)...), "kms:Decrypt")
}

// Read lets the grantee do with a table, and with its indexes, what the actions say: reading.
func Read(table awsdynamodb.ITableV2, grantee awsiam.IGrantable, actions ...string) awsiam.Grant {
	return withKey(table.EncryptionKey(), grantee, table.Grant(grantee, *jsii.Strings(actions...)...), "kms:Decrypt", "kms:DescribeKey")
}

// Write lets the grantee do with a table what the actions say: putting items, and being told what was there.
func Write(table awsdynamodb.ITableV2, grantee awsiam.IGrantable, actions ...string) awsiam.Grant {
	return withKey(table.EncryptionKey(), grantee, table.Grant(grantee, *jsii.Strings(actions...)...),
		"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
}

// Stream lets the grantee read a table's stream. CDK's GrantStreamRead allows to list the streams of all tables.
func Stream(table awsdynamodb.ITableV2, grantee awsiam.IGrantable) awsiam.Grant {
	return withKey(table.EncryptionKey(), grantee, awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
		ResourceArns: &[]*string{table.TableStreamArn()},
	}), "kms:Decrypt")
}

func withKey(key awskms.IKey, grantee awsiam.IGrantable, granted awsiam.Grant, actions ...string) awsiam.Grant {
	if key == nil {
		return granted
	}
	return granted.Combine(key.Grant(grantee, *jsii.Strings(actions...)...))
}
