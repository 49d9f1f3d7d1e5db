// Package faults is a deterministic simulation of the pipeline. It runs the real processor and publisher handlers, and the
// real recovery code, on virtual time against models of SQS, DynamoDB, its stream, SNS and Lambda that fail in every way
// the services can, and checks the promise at the end of each run.
//
// A run depends on its Schedule alone. Handlers run as coroutines: each AWS call gives the baton back to the scheduler,
// which decides what happens next; so two copies of a function interleave call by call, and yet the same schedule always
// gives the same run.
//
//   - schedule.go: what is drawn: the clients' orders, the faults
//   - world.go: the clock, the scheduler, the timeline
//   - lambda.go: invocations, how a call fails, how a function is killed
//   - sqs.go, dynamodb.go, sns.go: the services
//   - source.go: the event source mappings
//   - step.go: an embedding application's business step
//   - client.go: what is posted, and the answers
//   - recovery.go: the operator: redrive and replay
//   - invariants.go: the promise
//   - matrix.go: which faults fired where
package faults
