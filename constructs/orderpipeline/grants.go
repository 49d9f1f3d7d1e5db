package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"

	"github.com/orderpipeline/orderpipeline/constructs/internal/grant"
)

// GrantEnqueue lets the grantee send orders to Queue, and nothing else.
func (p *OrderPipeline) GrantEnqueue(grantee awsiam.IGrantable) awsiam.Grant {
	return grant.Send(p.queue, grantee)
}

// GrantRead lets the grantee read what became of orders: get and query items of Table, and query its indexes.
func (p *OrderPipeline) GrantRead(grantee awsiam.IGrantable) awsiam.Grant {
	return grant.Read(p.table, grantee, "dynamodb:GetItem", "dynamodb:Query")
}

// GrantSubscribe lets the grantee subscribe to Topic: teams that bring their subscribers along in stacks of their own.
func (p *OrderPipeline) GrantSubscribe(grantee awsiam.IGrantable) awsiam.Grant {
	return p.topic.GrantSubscribe(grantee)
}

// GrantRedrive lets the grantee look at what was put aside, send it to Queue again, and delete it then: in
// DeadLetterQueue, RejectedQueue and OnFailureQueue.
func (p *OrderPipeline) GrantRedrive(grantee awsiam.IGrantable) awsiam.Grant {
	granted := grant.Send(p.queue, grantee)
	aside := []awssqs.IQueue{p.deadLetterQueue, p.rejectedQueue, p.onFailedQueue}
	for _, queue := range aside {
		granted = granted.Combine(grant.Receive(queue, grantee,
			"sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes"))
	}
	return granted
}
