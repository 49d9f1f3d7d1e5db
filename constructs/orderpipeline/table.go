package orderpipeline

import (
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/order"
)

// TableProps configures the table of orders and refusals: on-demand capacity, a stream, and the
// keys and TTL attribute of package order.
type TableProps struct {
	// Existing is an existing table. It needs the keys orderId and item, both strings, a stream
	// with new images, and the TTL attribute expiresAt, which is set where it is missing. An
	// imported table needs its TableStreamArn (TableV2_FromTableAttributes) and cannot be checked:
	// a warning at synth says what it needs. Of the other props, only IndexedFields and OrderTTL
	// are allowed with it. Default: a table is made.
	Existing awsdynamodb.ITableV2
	// Indexes are global secondary indexes by fields of the document. An order whose document lacks
	// the field, or holds no string in it, is not in the index. DynamoDB adds or removes one index
	// per deployment once the table exists. At most 20. Default: none.
	Indexes []IndexProps
	// IndexedFields names further top-level string fields of the document that become attributes of
	// the order's item, for indexes of an Existing table or for readers of the stream: channel
	// becomes index_channel. Values that an event attribute could not carry (empty, above 256
	// bytes, with control characters) are left out. At most 8 fields, those of Indexes included.
	// Orders that are stored already do not change. Default: none.
	IndexedFields []string
	// Replicas are replicas of the table in other regions, for reading. Orders are stored only in
	// the stack's region. The stack must name its region. Default: none.
	Replicas []ReplicaProps
	// OrderTTL is how long an order is kept after it was stored, in whole seconds, 28 days to 100
	// years. With the order its identity expires: the same document is a new order then. The
	// minimum is the longest time that a message can spend in the queue and the dead-letter queue.
	// Default: nil, orders do not expire.
	OrderTTL awscdk.Duration
	// DisablePointInTimeRecovery turns the continuous backups of the last 35 days off. Default:
	// false.
	DisablePointInTimeRecovery bool
	// DeletionProtection makes DynamoDB refuse to delete the table. Default: true, or false when
	// RemovalPolicy is DESTROY.
	DeletionProtection *bool
}

// IndexProps configures a global secondary index of the stored orders.
type IndexProps struct {
	// Field is the top-level string field of the document that is the partition key. Required.
	Field string
	// SortField is another such field, which sorts the orders with the same Field. Default: the
	// time at which they were stored (storedAt).
	SortField string
	// Name is the name of the index; a new name is a new index. Default: "index_" + Field.
	Name string
	// Projection is what the index holds besides keys: KEYS_ONLY, or ALL, which doubles storage and
	// writes. Default: KEYS_ONLY; read the orders from the table.
	Projection awsdynamodb.ProjectionType
}

// ReplicaProps configures a replica of the table.
type ReplicaProps struct {
	// Region is the region of the replica, which is not the stack's. Required.
	Region string
	// EncryptionKeyARN is a customer managed key in that region. Required with
	// OrderPipelineProps.EncryptionKey, and otherwise not allowed.
	EncryptionKeyARN string
}

const (
	// maxIndexedFields keeps the indexed fields, of at most 256 bytes each and their names, within a
	// quarter of order.EnvelopeReserve, so that whatever the queue accepts fits into an item.
	maxIndexedFields = 8
	// maxIndexes is the limit of DynamoDB per table.
	maxIndexes = 20
	// maxOrderTTL is 100 years, in seconds.
	maxOrderTTL = 36_500 * 24 * 60 * 60
)

// tableSettings are TableProps with the defaults filled in.
type tableSettings struct {
	TableProps
	orderTTL      float64  // seconds, 0 for none
	indexedFields []string // sorted, those of Indexes included
}

func (p TableProps) resolve(
	errs *check.Errors, all *settings, scope constructs.Construct,
) tableSettings {
	s := tableSettings{TableProps: p}
	if s.Existing != nil {
		s.checkExisting(errs)
	}
	if s.DeletionProtection == nil {
		s.DeletionProtection = jsii.Bool(all.removalPolicy != awscdk.RemovalPolicy_DESTROY)
	}
	s.orderTTL = errs.Seconds("Table.OrderTTL", p.OrderTTL, 0,
		order.MinLifetime.Seconds(), maxOrderTTL,
		"a message can spend 14 days in the queue and 14 in the dead-letter queue; "+
			"if its order has expired by then, it is stored again")
	s.resolveIndexes(errs, all)
	s.checkReplicas(errs, all, scope)
	return s
}

var regionName = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-\d+$`)

func (s *tableSettings) checkReplicas(
	errs *check.Errors, all *settings, scope constructs.Construct,
) {
	encrypted := all.encryptionKey != nil
	if s.Existing != nil || len(s.Replicas) == 0 && !encrypted {
		return
	}
	home := *awscdk.Stack_Of(scope).Region()
	unknown := *awscdk.Token_IsUnresolved(home)
	if unknown && encrypted {
		errs.Addf("EncryptionKey", "the stack has no region (a table needs one key per region; set "+
			"StackProps.Env, or use Table.Existing)")
	}
	if unknown && len(s.Replicas) > 0 {
		errs.Addf("Table.Replicas", "the stack has no region (set StackProps.Env: "+
			"a replica must be in another region than the stack)")
	}
	const prop = "Table.Replicas.Region"
	for i, replica := range s.Replicas {
		region := replica.Region
		switch {
		case !regionName.MatchString(region):
			errs.Addf(prop, "%s is not a region name (such as eu-west-1)", check.Quote(region))
		case region == home:
			errs.Addf(prop, "%s is the stack's region (the table itself is there)", region)
		case slices.ContainsFunc(s.Replicas[:i], func(other ReplicaProps) bool {
			return other.Region == region
		}):
			errs.Addf(prop, "%s is listed twice", region)
		}
		if encrypted && replica.EncryptionKeyARN == "" {
			errs.Addf("Table.Replicas.EncryptionKeyARN", "unset for %s, but EncryptionKey is set "+
				"(every replica needs a customer managed key in its region)", region)
		}
		if !encrypted && replica.EncryptionKeyARN != "" {
			errs.Addf("Table.Replicas.EncryptionKeyARN", "set for %s without EncryptionKey "+
				"(DynamoDB encrypts all replicas with the same kind of key)", region)
		}
	}
}

// newTable makes the table of orders and refusals. It is also the log from which lost events are
// replayed.
func (p *OrderPipeline) newTable() {
	s := p.settings.table
	if s.Existing != nil {
		p.table = s.Existing
		p.completeTable()
		return
	}
	removalPolicy := p.settings.removalPolicy
	if *s.DeletionProtection && removalPolicy == awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE {
		// The rollback of a failed first deployment could not delete the table, and would fail too.
		removalPolicy = awscdk.RemovalPolicy_RETAIN
	}
	props := &awsdynamodb.TablePropsV2{
		PartitionKey: attribute(order.AttrOrderID),
		SortKey:      attribute(order.AttrItem),
		Billing:      awsdynamodb.Billing_OnDemand(nil),
		// Old images are for other readers of the stream. A later change of the view would replace
		// the stream.
		DynamoStream: awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES,
		// Refusals expire. Orders expire with an OrderTTL.
		TimeToLiveAttribute: jsii.String(order.AttrExpiresAt),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(!s.DisablePointInTimeRecovery),
		},
		DeletionProtection: s.DeletionProtection,
		RemovalPolicy:      removalPolicy,
	}
	if indexes := s.indexes(); len(indexes) > 0 {
		props.GlobalSecondaryIndexes = &indexes
	}
	var replicas []*awsdynamodb.ReplicaTableProps
	replicaKeys := map[string]*string{}
	for _, replica := range s.Replicas {
		replicas = append(replicas, &awsdynamodb.ReplicaTableProps{Region: &replica.Region})
		replicaKeys[replica.Region] = &replica.EncryptionKeyARN
	}
	if len(replicas) > 0 {
		props.Replicas = &replicas
	}
	if key := p.settings.encryptionKey; key != nil {
		props.Encryption = awsdynamodb.TableEncryptionV2_CustomerManagedKey(key, &replicaKeys)
	}
	p.table = awsdynamodb.NewTableV2(p, jsii.String("Table"), props)
}

func attribute(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
}
