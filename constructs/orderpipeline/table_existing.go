package orderpipeline

import (
	"cmp"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/order"
)

// checkExisting reports what an existing table lacks.
func (s *tableSettings) checkExisting(errs *check.Errors) {
	for _, prop := range []struct {
		name string
		set  bool
	}{
		{"DisablePointInTimeRecovery", s.DisablePointInTimeRecovery},
		{"DeletionProtection", s.DeletionProtection != nil},
		{"Indexes", len(s.Indexes) > 0},
		{"Replicas", len(s.Replicas) > 0},
	} {
		if prop.set {
			errs.Addf("Table."+prop.name, "set with Table.Existing (configure it on that table)")
		}
	}
	path := *s.Existing.Node().Path()
	add := func(format string, args ...any) {
		errs.Addf("Table.Existing", "%s %s", path, fmt.Sprintf(format, args...))
	}
	const noStream = "has no stream (the publisher reads it; set TablePropsV2.DynamoStream, " +
		"or TableAttributesV2.TableStreamArn for an imported table)"
	table, ok := s.Existing.Node().DefaultChild().(awsdynamodb.CfnGlobalTable)
	if !ok { // imported
		if s.Existing.TableStreamArn() == nil {
			add(noStream)
		}
		return
	}
	stream, _ := resolved(table, table.StreamSpecification()).(map[string]any)
	switch view := text(stream["streamViewType"]); view {
	case "NEW_IMAGE", "NEW_AND_OLD_IMAGES":
	case "":
		add(noStream)
	default:
		add("has a stream of %s (the publisher needs NEW_IMAGE or NEW_AND_OLD_IMAGES)", view)
	}
	keys := map[string]string{}
	list, _ := resolved(table, table.KeySchema()).([]any)
	for _, k := range list {
		key, _ := k.(map[string]any)
		keys[text(key["keyType"])] = text(key["attributeName"])
	}
	if len(keys) != 2 || keys["HASH"] != order.AttrOrderID || keys["RANGE"] != order.AttrItem {
		add("has the partition key %s and the sort key %s (set %s and %s, which keep an order and "+
			"its refusals together)", cmp.Or(keys["HASH"], "none"), cmp.Or(keys["RANGE"], "none"),
			order.AttrOrderID, order.AttrItem)
	}
	list, _ = resolved(table, table.AttributeDefinitions()).([]any)
	for _, a := range list {
		attribute, _ := a.(map[string]any)
		name, kind := text(attribute["attributeName"]), text(attribute["attributeType"])
		if (name == order.AttrOrderID || name == order.AttrItem) && kind != "S" {
			add("has the key %s of type %s (set STRING)", name, kind)
		}
	}
	if ttl, _ := timeToLive(table); ttl != "" && ttl != order.AttrExpiresAt {
		add("has the TTL attribute %s (set %s, by which refusals expire, or leave it unset)",
			ttl, order.AttrExpiresAt)
	}
}

// completeTable sets what is unset on an existing table, or warns about what it needs.
func (p *OrderPipeline) completeTable() {
	table, ok := p.table.Node().DefaultChild().(awsdynamodb.CfnGlobalTable)
	if !ok {
		p.warn("existingTable", fmt.Sprintf("Table.Existing is imported, so the construct can "+
			"neither check nor change it. It needs the partition key %s and the sort key %s, both "+
			"strings; a stream of NEW_IMAGE or NEW_AND_OLD_IMAGES; and the TTL attribute %s. If it "+
			"is encrypted with a customer managed key, import it with its EncryptionKey, and let "+
			"the key's policy delegate access to IAM.",
			order.AttrOrderID, order.AttrItem, order.AttrExpiresAt))
		return
	}
	if _, set := timeToLive(table); !set {
		ttl := &awsdynamodb.CfnGlobalTable_TimeToLiveSpecificationProperty{
			AttributeName: jsii.String(order.AttrExpiresAt),
			Enabled:       jsii.Bool(true),
		}
		table.SetTimeToLiveSpecification(ttl)
	}
}

// timeToLive returns a table's TTL attribute, and whether TTL is configured at all.
func timeToLive(table awsdynamodb.CfnGlobalTable) (attribute string, set bool) {
	spec, set := resolved(table, table.TimeToLiveSpecification()).(map[string]any)
	return text(spec["attributeName"]), set
}

// resolved is the value of a property, nil when it is unset.
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
