package orderpipeline

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/order"
)

const (
	// maxIndexedFields fields of at most 256 bytes each, and their names, take a quarter of order.EnvelopeReserve, so that what the
	// queue takes in still fits an item.
	maxIndexedFields = 8
	maxIndexes       = 20
	// longestOrderTTL is 100 years, in seconds.
	longestOrderTTL = 36_500 * 24 * 60 * 60
)

// maxIndexedName is what DynamoDB leaves of 255 bytes for the name of a key.
var maxIndexedName = 255 - len(order.IndexedAttribute(""))

var (
	indexName  = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)
	regionName = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-\d+$`)
)

func (s *settings) resolveTable(errs *check.Errors, scope constructs.Construct) {
	t := &s.Table
	if t.Existing != nil {
		s.checkExistingTable(errs)
	}
	if t.DeletionProtection == nil {
		t.DeletionProtection = jsii.Bool(s.RemovalPolicy != awscdk.RemovalPolicy_DESTROY)
	}
	s.orderTTL = errs.Seconds("Table.OrderTTL", t.OrderTTL, 0, order.MinLifetime.Seconds(), longestOrderTTL,
		"a message may stay 14 days in the queue and 14 in the dead-letter queue, and would be a new order when it comes after its order is gone")
	s.resolveIndexes(errs)
	s.resolveReplicas(errs, scope)
}

func (s *settings) resolveIndexes(errs *check.Errors) {
	t := &s.Table
	for _, name := range t.IndexedFields {
		s.lift(errs, "Table.IndexedFields", name)
	}
	t.Indexes = slices.Clone(t.Indexes)
	if n := len(t.Indexes); n > maxIndexes {
		errs.Addf("Table.Indexes", check.Verbatim("too long"), "needs at most %d indexes, not %d, as DynamoDB does", maxIndexes, n)
	}
	for i := range t.Indexes {
		index := &t.Indexes[i]
		if index.Name == "" {
			index.Name = order.IndexedAttribute(index.Field)
		}
		if !indexName.MatchString(index.Name) {
			errs.Addf("Table.Indexes.Name", bounded(index.Name), "needs 3 to 255 letters, digits, _, - and dots, as DynamoDB does")
		}
		if slices.ContainsFunc(t.Indexes[:i], func(other IndexProps) bool { return other.Name == index.Name }) {
			errs.Addf("Table.Indexes.Name", bounded(index.Name), "needs a name that no other index has")
		}
		switch index.Projection {
		case "":
			index.Projection = awsdynamodb.ProjectionType_KEYS_ONLY
		case awsdynamodb.ProjectionType_KEYS_ONLY, awsdynamodb.ProjectionType_ALL:
		default:
			errs.Addf("Table.Indexes.Projection", string(index.Projection), "needs KEYS_ONLY or ALL: there is no list of what else to include")
		}
		if index.Field != "" && index.Field == index.SortField {
			errs.Addf("Table.Indexes.SortField", bounded(index.SortField), "needs another field than Field: it would sort orders that are all equal")
		}
		s.lift(errs, "Table.Indexes.Field", index.Field)
		if index.SortField != "" && index.SortField != index.Field {
			s.lift(errs, "Table.Indexes.SortField", index.SortField)
		}
	}
	slices.Sort(s.indexedFields)
	s.indexedFields = slices.Compact(s.indexedFields)
	if n := len(s.indexedFields); n > maxIndexedFields {
		errs.Addf("Table.IndexedFields", bounded(strings.Join(s.indexedFields, ",")), "needs at most %d fields, those of Table.Indexes included, not %d: an item has no room for more beside the largest order", maxIndexedFields, n)
	}
}

// lift checks a field of the document that becomes an attribute of the order's item.
func (s *settings) lift(errs *check.Errors, field, name string) {
	// A comma would come out of the processor's environment as two fields.
	if name == "" || len(name) > maxIndexedName || strings.Contains(name, ",") || !utf8.ValidString(name) {
		errs.Addf(field, bounded(name), "needs a name of 1 to %d bytes without commas: it becomes that of an attribute", maxIndexedName)
	} else {
		s.checkTextField(errs, field, name)
	}
	s.indexedFields = append(s.indexedFields, name)
}

// checkTextField reports a field that no document has as a text: nothing would ever be found by it.
func (s *settings) checkTextField(errs *check.Errors, field, name string) {
	if s.Schema.IDField() == "" { // not made by NewSchema, which is reported
		return
	}
	if err := s.Schema.CheckTextField(name); err != nil {
		errs.Addf(field, bounded(name), "needs a text on the document's top level: %v", err)
	}
}

func (s *settings) resolveReplicas(errs *check.Errors, scope constructs.Construct) {
	replicas := s.Table.Replicas
	if s.Table.Existing != nil || len(replicas) == 0 && s.EncryptionKey == nil {
		return
	}
	home := *awscdk.Stack_Of(scope).Region()
	unknown := *awscdk.Token_IsUnresolved(home)
	if unknown && s.EncryptionKey != nil {
		errs.Addf("EncryptionKey", *s.EncryptionKey.Node().Path(), "needs a stack that names its region (StackProps.Env): the key of a table is one a region; or bring the table along (Table.Existing)")
	}
	if unknown && len(replicas) > 0 {
		errs.Addf("Table.Replicas", replicas[0].Region, "needs a stack that names its region (StackProps.Env): nobody knows otherwise whether this is another")
	}
	for i, replica := range replicas {
		switch {
		case !regionName.MatchString(replica.Region):
			errs.Addf("Table.Replicas.Region", bounded(replica.Region), "needs the name of a region, such as eu-west-1")
		case replica.Region == home:
			errs.Addf("Table.Replicas.Region", replica.Region, "needs another region than the stack's: the table itself is there")
		case slices.ContainsFunc(replicas[:i], func(other ReplicaProps) bool { return other.Region == replica.Region }):
			errs.Addf("Table.Replicas.Region", replica.Region, "needs each region once")
		}
		if (s.EncryptionKey != nil) != (replica.EncryptionKeyARN != "") {
			errs.Addf("Table.Replicas.EncryptionKeyARN", replica.EncryptionKeyARN, "needs a key of %s when there is an EncryptionKey, and only then: all replicas are encrypted alike", replica.Region)
		}
	}
}

// checkExistingTable reports what a table that is brought along has not.
func (s *settings) checkExistingTable(errs *check.Errors) {
	t := &s.Table
	path := *t.Existing.Node().Path()
	for _, prop := range []struct {
		name string
		set  bool
	}{
		{"DisablePointInTimeRecovery", t.DisablePointInTimeRecovery},
		{"DeletionProtection", t.DeletionProtection != nil},
		{"Indexes", len(t.Indexes) > 0},
		{"Replicas", len(t.Replicas) > 0},
	} {
		if prop.set {
			errs.Addf("Table."+prop.name, check.Verbatim("set"), "needs to be left out with Table.Existing: say it where that table is made")
		}
	}
	const noStream = "needs a stream, which the publisher reads: TablePropsV2.DynamoStream, or TableAttributesV2.TableStreamArn when it is imported"
	table, ok := t.Existing.Node().DefaultChild().(awsdynamodb.CfnGlobalTable)
	if !ok { // imported
		if t.Existing.TableStreamArn() == nil {
			errs.Addf("Table.Existing", path, noStream)
		}
		return
	}
	stream, _ := resolved(table, table.StreamSpecification()).(map[string]any)
	switch view := text(stream["streamViewType"]); view {
	case "NEW_IMAGE", "NEW_AND_OLD_IMAGES":
	case "":
		errs.Addf("Table.Existing", path, noStream)
	default:
		errs.Addf("Table.Existing", path, "needs a stream of NEW_IMAGE or NEW_AND_OLD_IMAGES, not %s: the publisher reads the order from it", view)
	}
	keys := map[string]string{}
	list, _ := resolved(table, table.KeySchema()).([]any)
	for _, k := range list {
		key, _ := k.(map[string]any)
		keys[text(key["keyType"])] = text(key["attributeName"])
	}
	if len(keys) != 2 || keys["HASH"] != order.AttrOrderID || keys["RANGE"] != order.AttrItem {
		errs.Addf("Table.Existing", path, "needs the partition key %s and the sort key %s, not %s and %s: an order and its refusals lie side by side",
			order.AttrOrderID, order.AttrItem, orNone(keys["HASH"]), orNone(keys["RANGE"]))
	}
	list, _ = resolved(table, table.AttributeDefinitions()).([]any)
	for _, a := range list {
		attribute, _ := a.(map[string]any)
		if name := text(attribute["attributeName"]); (name == order.AttrOrderID || name == order.AttrItem) && text(attribute["attributeType"]) != "S" {
			errs.Addf("Table.Existing", path, "needs %s to be a string, not %v", name, attribute["attributeType"])
		}
	}
	if ttl, _ := timeToLive(table); ttl != "" && ttl != order.AttrExpiresAt {
		errs.Addf("Table.Existing", path, "needs the TTL attribute %s, not %s: refusals expire by it; or leave it out there, to have it set", order.AttrExpiresAt, ttl)
	}
}

// timeToLive is a table's TTL attribute, and whether there is a setting at all.
func timeToLive(table awsdynamodb.CfnGlobalTable) (string, bool) {
	spec, set := resolved(table, table.TimeToLiveSpecification()).(map[string]any)
	return text(spec["attributeName"]), set
}

// resolved is the value of a property, nil when it is not set.
func resolved(table awsdynamodb.CfnGlobalTable, property any) any {
	if property == nil {
		return nil
	}
	return awscdk.Stack_Of(table).Resolve(property)
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
