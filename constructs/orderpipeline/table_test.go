package orderpipeline_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
)

// newTable makes a table that a pipeline accepts, unless mutate changes it.
func newTable(
	stack awscdk.Stack, id string, mutate func(*awsdynamodb.TablePropsV2),
) awsdynamodb.TableV2 {
	props := &awsdynamodb.TablePropsV2{
		PartitionKey: &awsdynamodb.Attribute{Name: jsii.String("orderId"), Type: awsdynamodb.AttributeType_STRING},
		SortKey:      &awsdynamodb.Attribute{Name: jsii.String("item"), Type: awsdynamodb.AttributeType_STRING},
		DynamoStream: awsdynamodb.StreamViewType_NEW_IMAGE,
	}
	if mutate != nil {
		mutate(props)
	}
	return awsdynamodb.NewTableV2(stack, &id, props)
}

func TestInvalidExistingTables(t *testing.T) {
	stack := synthtest.NewStack(t)
	good := newTable(stack, "Good", nil)
	other := newTable(stack, "Other", func(p *awsdynamodb.TablePropsV2) {
		p.PartitionKey.Type, p.SortKey = awsdynamodb.AttributeType_NUMBER, nil
		p.DynamoStream = awsdynamodb.StreamViewType_KEYS_ONLY
		p.TimeToLiveAttribute = jsii.String("ttl")
	})
	streamless := newTable(stack, "Streamless", func(p *awsdynamodb.TablePropsV2) { p.DynamoStream = "" })
	imported := awsdynamodb.TableV2_FromTableName(stack, jsii.String("Imported"), jsii.String("orders"))
	checkProps(t, stack, []propsTest{
		{"props of the table", func(p *props) {
			p.Table = orderpipeline.TableProps{
				Existing: good, DisablePointInTimeRecovery: true, DeletionProtection: jsii.Bool(true),
				Indexes: []orderpipeline.IndexProps{{Field: "channel"}},
			}
		}, "3 problems:\n  - Table.DisablePointInTimeRecovery: set with Table.Existing (configure it on that table)\n  - Table.DeletionProtection: set "},
		{"without a stream", func(p *props) { p.Table.Existing = streamless },
			`Table.Existing: Test/Streamless has no stream (the publisher reads it; set TablePropsV2.DynamoStream, or TableAttributesV2.TableStreamArn for an imported table)`},
		{"imported without a stream", func(p *props) { p.Table.Existing = imported },
			`Table.Existing: Test/Imported has no stream (`},
		{"another table", func(p *props) { p.Table.Existing = other },
			"4 problems:\n  - Table.Existing: Test/Other has a stream of KEYS_ONLY (the publisher needs NEW_IMAGE or NEW_AND_OLD_IMAGES)" +
				"\n  - Table.Existing: Test/Other has the partition key orderId and the sort key none (set orderId and item, which keep an order and its refusals together)" +
				"\n  - Table.Existing: Test/Other has the key orderId of type N (set STRING)" +
				"\n  - Table.Existing: Test/Other has the TTL attribute ttl (set expiresAt, by which refusals expire, or leave it unset)"},
	})
}

func TestInvalidTableProps(t *testing.T) {
	closed := closedSchema(t)
	indexes := func(list ...orderpipeline.IndexProps) func(*props) {
		return func(p *props) { p.Table.Indexes = list }
	}
	fields := func(names ...string) func(*props) {
		return func(p *props) { p.Table.IndexedFields = names }
	}
	const noField = `Table.Indexes.Field: "" is not a valid field name (1 to 249 bytes without commas, because it becomes an attribute's name)`
	checkProps(t, synthtest.NewStack(t), []propsTest{
		{"order TTL", func(p *props) { p.Table.OrderTTL = awscdk.Duration_Days(jsii.Number(27)) },
			`Table.OrderTTL: 27 days is out of range 28 days to 36500 days (a message can spend 14 days in the queue and 14 in the dead-letter queue; if its order has expired by then, it is stored again)`},
		{"index without a field", indexes(orderpipeline.IndexProps{SortField: "channel"}), noField},
		{"empty index", indexes(orderpipeline.IndexProps{}), noField},
		{"index name", indexes(orderpipeline.IndexProps{Field: "Kanal für"}),
			`Table.Indexes.Name: "index_Kanal für" is not a valid index name (3 to 255 letters, digits, _, - and dots)`},
		{"index twice", indexes(
			orderpipeline.IndexProps{Field: "channel"},
			orderpipeline.IndexProps{Field: "channel", SortField: "customerId"},
		), `Table.Indexes.Name: "index_channel" is used by two indexes`},
		{"index projection", indexes(
			orderpipeline.IndexProps{Field: "channel", Projection: awsdynamodb.ProjectionType_INCLUDE},
		), `Table.Indexes.Projection: INCLUDE is not supported (KEYS_ONLY or ALL)`},
		{"index sorted by its field", indexes(orderpipeline.IndexProps{Field: "channel", SortField: "channel"}),
			`Table.Indexes.SortField: "channel" is Field as well (it would sort orders that are all equal)`},
		{"too many indexes", func(p *props) {
			for i := range 21 {
				index := orderpipeline.IndexProps{Field: "channel", Name: "by_" + strconv.Itoa(i)}
				p.Table.Indexes = append(p.Table.Indexes, index)
			}
		}, `Table.Indexes: 21 indexes are too many (DynamoDB allows 20 per table)`},
		{"indexed field with a comma", fields("a,b"),
			`Table.IndexedFields: "a,b" is not a valid field name (1 to 249 bytes without commas, because it becomes an attribute's name)`},
		{"indexed field that is an array", fields("items"),
			`Table.IndexedFields: "items" is not a top-level string of the document (`},
		{"too many indexed fields", fields(strings.Split("a,b,c,d,e,f,g,h,i", ",")...),
			`Table.IndexedFields: 9 fields are too many (at most 8, those of Table.Indexes included, fit into an item beside the largest order)`},
		{"index by a field that no document has", func(p *props) {
			p.Schema = closed
			p.Table.Indexes = []orderpipeline.IndexProps{{Field: "channel", SortField: "chanel"}}
		}, `Table.Indexes.SortField: "chanel" is not a top-level string of the document (`},
		{"replica of a stack without a region", func(p *props) {
			p.Table.Replicas = []orderpipeline.ReplicaProps{{Region: "eu-west-1"}}
		}, `Table.Replicas: the stack has no region (set StackProps.Env: a replica must be in another region than the stack)`},
	})
}

func TestInvalidReplicas(t *testing.T) {
	stack := synthtest.NewStackIn(t, "us-east-1")
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	replicas := func(list ...orderpipeline.ReplicaProps) func(*props) {
		return func(p *props) { p.Table.Replicas = list }
	}
	ireland := orderpipeline.ReplicaProps{Region: "eu-west-1"}
	checkProps(t, stack, []propsTest{
		{"region name", replicas(orderpipeline.ReplicaProps{Region: "Ireland"}),
			`Table.Replicas.Region: "Ireland" is not a region name (such as eu-west-1)`},
		{"the stack's region", replicas(orderpipeline.ReplicaProps{Region: "us-east-1"}),
			`Table.Replicas.Region: us-east-1 is the stack's region (the table itself is there)`},
		{"region twice", replicas(ireland, ireland),
			`Table.Replicas.Region: eu-west-1 is listed twice`},
		{"without a key", func(p *props) {
			p.EncryptionKey = key
			replicas(ireland)(p)
		}, `Table.Replicas.EncryptionKeyARN: unset for eu-west-1, but EncryptionKey is set (every replica needs a customer managed key in its region)`},
		{"with a key", replicas(orderpipeline.ReplicaProps{Region: "eu-west-1", EncryptionKeyARN: "arn:x"}),
			`Table.Replicas.EncryptionKeyARN: set for eu-west-1 without EncryptionKey (DynamoDB encrypts all replicas with the same kind of key)`},
	})
}
