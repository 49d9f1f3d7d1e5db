package pipeline

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/orderpipeline/orderpipeline/order"
)

// Item is one of the table: its strings and numbers by name.
type Item map[string]string

func readItem(t testing.TB, from map[string]types.AttributeValue) Item {
	t.Helper()
	item := Item{}
	for name, value := range from {
		switch value := value.(type) {
		case *types.AttributeValueMemberS:
			item[name] = value.Value
		case *types.AttributeValueMemberN:
			item[name] = value.Value
		default:
			t.Fatalf("attribute %s of %v is a %T", name, from, value)
		}
	}
	return item
}

// Items gives what the table has under an order id, by sort key.
func (s *System) Items(t testing.TB, id string) map[string]Item {
	t.Helper()
	out, err := s.Tables.Query(t.Context(), &dynamodb.QueryInput{
		TableName:              &s.TableName,
		ConsistentRead:         aws.Bool(true),
		KeyConditionExpression: aws.String(order.AttrOrderID + " = :id"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":id": &types.AttributeValueMemberS{Value: id},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Item{}
	for _, i := range out.Items {
		item := readItem(t, i)
		found[item[order.AttrItem]] = item
	}
	return found
}

// Stored reads every stored order, by id, and counts the refusals under each id.
func (s *System) Stored(t testing.TB) (stored map[string]Item, refusals map[string]int) {
	t.Helper()
	stored, refusals = map[string]Item{}, map[string]int{}
	pages := dynamodb.NewScanPaginator(
		s.Tables,
		&dynamodb.ScanInput{TableName: &s.TableName, ConsistentRead: aws.Bool(true)},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			if item := readItem(t, i); item[order.AttrKind] == order.KindOrder {
				stored[item[order.AttrOrderID]] = item
			} else {
				refusals[item[order.AttrOrderID]]++
			}
		}
	}
	return stored, refusals
}
