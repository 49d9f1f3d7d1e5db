package status

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/orderpipeline/orderpipeline/order"
)

// Handle answers one request. It never returns an error, because API Gateway would answer with a
// 502 that says nothing to the client. When the table cannot be read, the answer is 503 with
// Retry-After.
func (h *Handler) Handle(
	ctx context.Context, request events.APIGatewayProxyRequest,
) (events.APIGatewayProxyResponse, error) {
	response := h.look(ctx, request)
	if len(h.AllowOrigins) > 0 {
		h.allow(response.Headers, request.Headers)
	}
	return response, nil
}

// allow adds the headers of CORS. A response can name only one origin: the caller's if it is in the
// list, otherwise the first.
func (h *Handler) allow(response, request map[string]string) {
	origin := h.AllowOrigins[0]
	for name, value := range request {
		if strings.EqualFold(name, "Origin") && slices.Contains(h.AllowOrigins, value) {
			origin = value
		}
	}
	response["Access-Control-Allow-Origin"] = origin
	response["Access-Control-Expose-Headers"] = "Retry-After"
	if origin != "*" {
		response["Vary"] = "Origin"
	}
}

// look looks up the order that the request asks for.
func (h *Handler) look(
	ctx context.Context, request events.APIGatewayProxyRequest,
) events.APIGatewayProxyResponse {
	orderID, ok := request.PathParameters["orderId"]
	if !ok {
		// An order with the id "batch" has no path parameter: /orders/batch is a resource of its own.
		orderID = path.Base(request.Path)
	}
	if !order.ValidID(orderID) {
		return message(http.StatusBadRequest, "INVALID",
			fmt.Sprintf("An order id is 1 to %d characters of A-Z a-z 0-9 . _ ~ -", order.MaxIDLength))
	}
	out, err := h.Table.Query(ctx, &dynamodb.QueryInput{
		TableName:                 aws.String(h.TableName),
		KeyConditionExpression:    aws.String(order.AttrOrderID + " = :id"),
		ExpressionAttributeValues: item{":id": &types.AttributeValueMemberS{Value: orderID}},
		ConsistentRead:            aws.Bool(true), // a client may ask right after its 202
		// The order comes first: its sort key sorts before those of the refusals. One refusal more
		// than the answer holds shows that there are more.
		Limit: aws.Int32(1 + MaxRefusals + 1),
	})
	if err != nil {
		h.Logger.ErrorContext(ctx, "the table cannot be read", "error", err.Error())
		return retryLater(http.StatusServiceUnavailable, "UNAVAILABLE",
			"The order cannot be looked up now. Try again.", 5)
	}
	return h.answer(orderID, out.Items, len(out.LastEvaluatedKey) > 0)
}
