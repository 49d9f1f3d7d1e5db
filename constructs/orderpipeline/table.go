package orderpipeline

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"
	"github.com/orderpipeline/orderpipeline/order"
)

// newTable makes the table of the orders and the refusals, which is also the log that lost events are replayed from.
func (p *OrderPipeline) newTable() {
	s := p.settings
	p.table = awsdynamodb.NewTableV2(p, jsii.String("Table"), &awsdynamodb.TablePropsV2{
		PartitionKey: &awsdynamodb.Attribute{Name: jsii.String(order.AttrOrderID), Type: awsdynamodb.AttributeType_STRING},
		SortKey:      &awsdynamodb.Attribute{Name: jsii.String(order.AttrItem), Type: awsdynamodb.AttributeType_STRING},
		Billing:      awsdynamodb.Billing_OnDemand(nil),
		// The old image serves whoever else reads the stream; a change of the view would replace the stream.
		DynamoStream: awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES,
		// Refusals expire, orders do not.
		TimeToLiveAttribute: jsii.String(order.AttrExpiresAt),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(!s.Table.DisablePointInTimeRecovery),
		},
		DeletionProtection: s.Table.DeletionProtection,
		RemovalPolicy:      s.RemovalPolicy,
	})
}
