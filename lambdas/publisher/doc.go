// Package publisher is the Lambda function between the table's stream and the topic. It publishes
// the event of every stored order at least once, with the same bytes each time.
//
// It publishes a batch of the stream in order and answers with the first record that it could not
// publish; Lambda delivers everything from there again. A record goes to the on-failure queue only
// when its event can never be published (it is too large, or SNS calls the entry itself invalid),
// never because of throttling, outages, permissions or keys. The table keeps the order either way,
// so that the event can be published again from there.
//
//	func main() {
//		lambda.Start(publisher.Must(publisher.FromEnvironment(context.Background())).Handle)
//	}
package publisher
