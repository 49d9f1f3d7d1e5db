package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"

	"github.com/orderpipeline/orderpipeline/constructs/internal/grant"
)

// GrantEnqueue lets the grantee send orders to Queue.
func (p *OrderPipeline) GrantEnqueue(grantee awsiam.IGrantable) awsiam.Grant {
	return grant.Send(p.queue, grantee)
}

// GrantRead lets the grantee read orders and refusals: get and query items of Table, and query its
// indexes.
func (p *OrderPipeline) GrantRead(grantee awsiam.IGrantable) awsiam.Grant {
	return grant.Read(p.table, grantee, "dynamodb:GetItem", "dynamodb:Query")
}

// GrantSubscribe lets the grantee subscribe to Topic. It is for teams that subscribe from their own
// stacks.
func (p *OrderPipeline) GrantSubscribe(grantee awsiam.IGrantable) awsiam.Grant {
	return p.topic.GrantSubscribe(grantee)
}

// GrantRedrive lets the grantee redrive DeadLetterQueue, RejectedQueue and OnFailureQueue: receive
// their messages, send them to Queue, and delete them.
func (p *OrderPipeline) GrantRedrive(grantee awsiam.IGrantable) awsiam.Grant {
	granted := grant.Send(p.queue, grantee)
	for _, queue := range []awssqs.IQueue{p.deadLetterQueue, p.rejectedQueue, p.onFailureQueue} {
		granted = granted.Combine(grant.Receive(queue, grantee, "sqs:ReceiveMessage",
			"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes"))
	}
	return granted
}
