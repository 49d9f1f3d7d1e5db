// Package status is the Lambda function behind GET /orders/{orderId}: it tells what became of an order. It only reads the
// table, the whole item collection of one order id in one consistent query.
package status
