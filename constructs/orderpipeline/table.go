package orderpipeline

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/order"
)

// newTable makes the table of the orders and the refusals, which is also the log that lost events are replayed from.
func (p *OrderPipeline) newTable() {
	s := p.settings
	if s.Table.Existing != nil {
		p.table = s.Table.Existing
		p.completeTable()
		return
	}
	props := &awsdynamodb.TablePropsV2{
		PartitionKey: attribute(order.AttrOrderID),
		SortKey:      attribute(order.AttrItem),
		Billing:      awsdynamodb.Billing_OnDemand(nil),
		// The old image serves whoever else reads the stream; a change of the view would replace the stream.
		DynamoStream: awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES,
		// Refusals expire; orders do with an OrderTTL.
		TimeToLiveAttribute: jsii.String(order.AttrExpiresAt),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(!s.Table.DisablePointInTimeRecovery),
		},
		DeletionProtection: s.Table.DeletionProtection,
		RemovalPolicy:      s.RemovalPolicy,
	}
	var indexes []*awsdynamodb.GlobalSecondaryIndexPropsV2
	for _, index := range s.Table.Indexes {
		sortKey := order.AttrStoredAt
		if index.SortField != "" {
			sortKey = order.IndexedAttribute(index.SortField)
		}
		indexes = append(indexes, &awsdynamodb.GlobalSecondaryIndexPropsV2{
			IndexName:      &index.Name,
			PartitionKey:   attribute(order.IndexedAttribute(index.Field)),
			SortKey:        attribute(sortKey),
			ProjectionType: index.Projection,
		})
	}
	if len(indexes) > 0 {
		props.GlobalSecondaryIndexes = &indexes
	}
	var replicas []*awsdynamodb.ReplicaTableProps
	replicaKeys := map[string]*string{}
	for _, replica := range s.Table.Replicas {
		replicas = append(replicas, &awsdynamodb.ReplicaTableProps{Region: &replica.Region})
		replicaKeys[replica.Region] = &replica.EncryptionKeyARN
	}
	if len(replicas) > 0 {
		props.Replicas = &replicas
	}
	if s.EncryptionKey != nil {
		props.Encryption = awsdynamodb.TableEncryptionV2_CustomerManagedKey(s.EncryptionKey, &replicaKeys)
	}
	p.table = awsdynamodb.NewTableV2(p, jsii.String("Table"), props)
}

func attribute(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
}

// completeTable sets on a table that is brought along what its maker left open, or says what must hold.
func (p *OrderPipeline) completeTable() {
	table, ok := p.table.Node().DefaultChild().(awsdynamodb.CfnGlobalTable)
	if !ok {
		p.warn("existingTable", fmt.Sprintf("Table.Existing is imported, so it can neither be checked nor changed from here. It needs: the partition key %s and the sort key %s, both strings; "+
			"a stream of NEW_IMAGE or NEW_AND_OLD_IMAGES; the TTL attribute %s. If it is encrypted with a key of the customer's, import it with its EncryptionKey, "+
			"and let the key's policy leave access to IAM.", order.AttrOrderID, order.AttrItem, order.AttrExpiresAt))
		return
	}
	if _, set := timeToLive(table); !set {
		table.SetTimeToLiveSpecification(&awsdynamodb.CfnGlobalTable_TimeToLiveSpecificationProperty{
			AttributeName: jsii.String(order.AttrExpiresAt),
			Enabled:       jsii.Bool(true),
		})
	}
}
