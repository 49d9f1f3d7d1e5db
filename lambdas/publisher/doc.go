// Package publisher is the Lambda function between the table's stream and the topic: it publishes every stored order's
// event at least once, with the same bytes each time.
//
// It works through a batch of the stream in order and answers with the first record that it could not publish; Lambda
// delivers everything from there again. A record is put aside on the on-failure queue only when it can never be published
// (it is too large, or SNS calls the entry itself invalid): never for throttling, outages, permissions or keys. The table
// keeps the order either way, so that whatever was put aside can be published again from there.
//
//	func main() { lambda.Start(publisher.Must(publisher.FromEnvironment(context.Background())).Handle) }
package publisher
