// Package operate tests the operator's commands where something is stuck: `orders redrive`, `orders
// replay`, `orders doctor`. It starts an emulator of its own, deploys environment local, breaks
// things, and mends them with the commands alone.
//
//	go test -tags emulator ./test/operate
//
// The tests share one deployment and run one after the other: each breaks it for all.
package operate
