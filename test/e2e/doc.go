// Package e2e tests the whole system from outside: it starts an emulator of its own, deploys
// environment local with the CDK's command line, posts orders over HTTP, and looks with the AWS SDK
// at what became of them.
//
//	go test -tags emulator ./test/e2e
//
// There is one deployment for all tests, which [world] describes. Each test has order ids of its
// own, so that most run in parallel. The few that change the deployment for a moment do not: Go
// runs those first, one after the other.
//
// A tool that is missing, or a step of the set-up that fails, is a failure, never a skip. The logs
// of a failure are kept in .local/log.
package e2e
