// Package processor is the Lambda function between the queue and the table: it stores every order of an SQS batch once.
//
// For each order document the verdict is one of
//
//   - stored: a conditional write, so that the first document under an order id wins and never changes;
//   - duplicate: the same document is stored already, nothing to do;
//   - refused: the document is bad, too large, or another one is stored under its id. The refusal is written to the table
//     (where GET finds it), then the document goes to the rejected queue, then the message is acknowledged;
//   - failed: an AWS call failed or the time ran out. The message stays on the queue and is delivered again.
//
// Its main is a line, and an embedding application writes its own to add a [Step] (price, enrich, or refuse an order):
//
//	func main() {
//		lambda.Start(processor.Must(processor.FromEnvironment(context.Background(), price)).Handle)
//	}
package processor
