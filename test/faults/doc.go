// Package faults is a deterministic simulation of the pipeline. It runs the real processor and
// publisher, and the real recovery code, on virtual time against models of SQS, DynamoDB, its
// stream, SNS and Lambda. The models fail in every way in which the services can fail. Each run
// checks the promise at its end.
//
// A run depends only on its Schedule. Handlers run as coroutines: each AWS call hands the baton
// back to the scheduler, which decides what happens next. Two copies of a function interleave call
// by call, and yet the same schedule always gives the same run.
//
//   - schedule.go: what is drawn: the clients' orders, the faults
//   - world.go: the clock, the scheduler, the timeline
//   - lambda.go: invocations, how a call fails, how a function is killed
//   - sqs.go, dynamodb.go, sns.go: the services
//   - source.go: the event source mappings
//   - step.go: the business step of an embedding application
//   - client.go: the posts and their answers
//   - recovery.go: the operator: redrive and replay
//   - invariants.go: the promise
//   - matrix.go: which faults fired where
package faults
