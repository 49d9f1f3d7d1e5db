package orderpipeline

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
	"github.com/orderpipeline/orderpipeline/order"
)

// maxIndexedName is the longest name of an indexed field: DynamoDB allows 255 bytes for the name of
// a key.
var maxIndexedName = 255 - len(order.IndexedAttribute(""))

var indexName = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)

func (s *tableSettings) resolveIndexes(errs *check.Errors, all *settings) {
	for _, name := range s.IndexedFields {
		s.addField(errs, all, "Table.IndexedFields", name)
	}
	s.Indexes = slices.Clone(s.Indexes)
	if n := len(s.Indexes); n > maxIndexes {
		errs.Addf("Table.Indexes", "%d indexes are too many (DynamoDB allows %d per table)",
			n, maxIndexes)
	}
	for i := range s.Indexes {
		index := &s.Indexes[i]
		if index.Name == "" {
			index.Name = order.IndexedAttribute(index.Field)
		}
		if !indexName.MatchString(index.Name) {
			errs.Addf("Table.Indexes.Name", "%s is not a valid index name "+
				"(3 to 255 letters, digits, _, - and dots)", check.Quote(index.Name))
		}
		if slices.ContainsFunc(s.Indexes[:i], func(other IndexProps) bool {
			return other.Name == index.Name
		}) {
			errs.Addf("Table.Indexes.Name", "%s is used by two indexes", check.Quote(index.Name))
		}
		switch index.Projection {
		case "":
			index.Projection = awsdynamodb.ProjectionType_KEYS_ONLY
		case awsdynamodb.ProjectionType_KEYS_ONLY, awsdynamodb.ProjectionType_ALL:
		default:
			errs.Addf("Table.Indexes.Projection", "%s is not supported (KEYS_ONLY or ALL)",
				index.Projection)
		}
		if index.Field != "" && index.Field == index.SortField {
			errs.Addf("Table.Indexes.SortField", "%s is Field as well "+
				"(it would sort orders that are all equal)", check.Quote(index.SortField))
		}
		s.addField(errs, all, "Table.Indexes.Field", index.Field)
		if index.SortField != "" && index.SortField != index.Field {
			s.addField(errs, all, "Table.Indexes.SortField", index.SortField)
		}
	}
	slices.Sort(s.indexedFields)
	s.indexedFields = slices.Compact(s.indexedFields)
	if n := len(s.indexedFields); n > maxIndexedFields {
		errs.Addf("Table.IndexedFields", "%d fields are too many (at most %d, those of "+
			"Table.Indexes included, fit into an item beside the largest order)",
			n, maxIndexedFields)
	}
}

// addField checks a field of the document that becomes an attribute of the order's item, and adds
// it to the indexed fields.
func (s *tableSettings) addField(errs *check.Errors, all *settings, prop, name string) {
	// The processor's environment lists the fields separated by commas.
	if name == "" || len(name) > maxIndexedName ||
		strings.Contains(name, ",") || !utf8.ValidString(name) {
		errs.Addf(prop, "%s is not a valid field name (1 to %d bytes without commas, "+
			"because it becomes an attribute's name)", check.Quote(name), maxIndexedName)
	} else {
		all.checkTextField(errs, prop, name)
	}
	s.indexedFields = append(s.indexedFields, name)
}

// indexes returns the indexes in CDK's form.
func (s *tableSettings) indexes() (indexes []*awsdynamodb.GlobalSecondaryIndexPropsV2) {
	for _, index := range s.Indexes {
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
	return indexes
}
