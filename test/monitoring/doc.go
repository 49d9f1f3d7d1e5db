// Package monitoring proves the alarms: for each core alarm, what it is there for is made to happen
// on the emulator, the alarm goes off, and its notification comes out of the right topic.
//
//	go test -tags emulator ./test/monitoring
//
// The metrics of Lambda are real: functions are made to fail, or do not run. The emulator counts
// the runs that somebody asks for, not those of its mappings, so they are invoked here, with what a
// mapping would give them. The metrics of API Gateway, SQS and SNS, which the emulator has not, are
// pushed, with the dimensions of the deployed alarm; these are compared with what is deployed.
//
// The emulator evaluates alarms roughly: by namespace and name of the metric, whatever the
// dimensions, and never where data is missing. So a scenario has three steps: make it happen; wait
// until CloudWatch, as documented, would call it an alarm (evaluate); only then let the emulator do
// so, from another state, and receive what it sends.
//
// Two alarms it cannot find out about by itself, and for these the state is set (SetAlarmState)
// once what really happened says so:
//   - PublisherAge: it has no IteratorAge. The ages are taken from the publisher's log: one line a
//     run, and there is one record.
//   - PublisherHeartbeat: it returns without a word where there are no datapoints, whatever
//     TreatMissingData says, and never counts a run as 0. That there are no runs is what its real
//     metric says. The end of the alarm it finds by itself.
//
// Alarms that need minutes to pass have minutes of ten seconds here (quick): the same counts of
// periods, in less time.
package monitoring
