package cost

import "github.com/orderpipeline/orderpipeline/internal/prices"

// ReferenceClaim is what the reference design claims for 100,000 orders a month, in US dollars.
const ReferenceClaim = 3.32

// Reference is the bill of the reference design: the same chain in Python (AWS SAM), one order per
// call, one e-mail per order, without a dashboard. Requests and e-mails follow from its
// description, which says nothing about durations and logs: they are chosen so that 100,000 orders
// come to the 3.06 US dollars that it has at list price.
func Reference(orders Count, list prices.List) *Bill {
	w := DefaultWorkload()
	w.Orders, w.StatusChecks = orders, 0
	b, n := newBill("reference design", w, list), float64(orders)
	const assumed = "assumed"
	b.add(DataPath, "API Gateway: POST", "apiGatewayRequests", n, "")
	b.add(DataPath, "SQS: send, receive, delete", "sqsRequests", 3*n, "one by one")
	b.add(DataPath, "Lambda: requests", "lambdaRequests", 2*n, "one per order and function")
	b.add(DataPath, "Lambda: duration", "lambdaGBSecondsX86", 2*n*0.1*256/1024,
		assumed+": 100 ms at 256 MB, x86")
	b.add(DataPath, "Lambda: log", "logs", 2*n*0.92/1e6, assumed+": 0.92 KB an invocation")
	b.add(DataPath, "DynamoDB: writes", "dynamoDBWrites", n, "")
	b.add(DataPath, "SNS: publishes", "snsPublishes", n, "one per order")
	b.add(DataPath, "SNS: e-mail", "snsEmail", n, "one per order")
	b.add(Standing, "SQS: empty receives", "sqsRequests", startPolls*month/pollWait,
		"5 pollers, 20 s each")
	return b
}

// Floor is the least that the chain can cost: full batches everywhere, items of one write unit, no
// duration, logs, polls, storage or status checks.
func Floor(w Workload, list prices.List) *Bill {
	b := newBill("floor", w, list)
	n := float64(w.Orders)
	messages := n / float64(w.Batch)
	const full = 10 // of SQS's and SNS's batch calls
	b.add(DataPath, "API Gateway: POST", "apiGatewayRequests", messages, "")
	b.add(DataPath, "SQS: send, receive, delete", "sqsRequests", messages*(1+2./full), "")
	b.add(DataPath, "Lambda: requests", "lambdaRequests", messages/full+n/full, "")
	b.add(DataPath, "DynamoDB: writes", "dynamoDBWrites", n, "")
	b.add(DataPath, "SNS: publishes", "snsPublishes", n/full, "")
	return b
}
