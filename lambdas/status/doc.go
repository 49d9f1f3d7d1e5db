// Package status is the Lambda function behind GET /orders/{orderId}: it answers what happened to
// an order. It only reads the table, with one consistent query for all items of the order id.
package status
