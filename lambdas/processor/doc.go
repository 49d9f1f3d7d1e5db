// Package processor is the Lambda function between the queue and the table. It stores every order
// of an SQS batch exactly once.
//
// Each order document gets one verdict:
//
//   - stored: a conditional write, so that the first document under an order id wins and never
//     changes.
//   - duplicate: the same document is stored already; nothing is written.
//   - refused: the document is invalid, too large, or another one is stored under its id. The
//     refusal is written to the table (where GET finds it), then the document is sent to the
//     rejected queue, then the message is acknowledged.
//   - failed: an AWS call failed or the time ran out. The message stays on the queue and is
//     delivered again.
//
// The function's main is one line. An embedding application writes its own to add a [Step], which
// prices, enriches or refuses an order:
//
//	func main() {
//		lambda.Start(processor.Must(processor.FromEnvironment(context.Background(), price)).Handle)
//	}
package processor
