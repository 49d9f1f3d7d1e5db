// The pipeline of a print shop has a custom schema with its own id field, a processor that prices
// or refuses each job, and an existing table.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"example.com/own-step/jobs"

	"github.com/orderpipeline/orderpipeline/constructs/golambda"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/order"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newPrintShop(app, "PrintShop")
	app.Synth(nil)
}

func newPrintShop(scope constructs.Construct, id string) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, nil)
	schema := jobs.Schema()
	pipeline := orderpipeline.NewOrderPipeline(stack, "Jobs", &orderpipeline.OrderPipelineProps{
		Schema: schema,
		Processor: orderpipeline.ProcessorProps{Function: orderpipeline.FunctionProps{
			Code: golambda.NewCode(&golambda.CodeProps{
				Package: "./lambdas/processor",
				Files:   map[string][]byte{orderpipeline.SchemaFile: schema.JSON()},
			}),
		}},
		Table: orderpipeline.TableProps{
			Existing:      newTable(stack),
			IndexedFields: []string{"customer"}, // for the table's index
		},
	})
	pipeline.AddSubscriber("Press", nil)
	orderapi.NewOrderAPI(stack, "API", &orderapi.OrderAPIProps{Pipeline: pipeline})
	return stack
}

// newTable makes a table with what the pipeline needs: the two keys and a stream. A table of
// another stack works in the same way.
func newTable(stack awscdk.Stack) awsdynamodb.ITableV2 {
	text := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
	}
	return awsdynamodb.NewTableV2(stack, jsii.String("Table"), &awsdynamodb.TablePropsV2{
		PartitionKey:       text(order.AttrOrderID),
		SortKey:            text(order.AttrItem),
		DynamoStream:       awsdynamodb.StreamViewType_NEW_IMAGE,
		DeletionProtection: jsii.Bool(true),
		GlobalSecondaryIndexes: &[]*awsdynamodb.GlobalSecondaryIndexPropsV2{{
			IndexName:    jsii.String("by-customer"),
			PartitionKey: text(order.IndexedAttribute("customer")),
			SortKey:      text(order.AttrStoredAt),
		}},
	})
}
