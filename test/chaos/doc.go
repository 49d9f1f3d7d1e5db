// Package chaos runs the deployed pipeline on the emulator while its Lambda processes are killed
// and the AWS calls they make are throttled, refused, cut off and answered late, by a proxy between
// them and the emulator. Then it checks the promise from the outside: the API's answers, the table,
// the queues.
//
//	go test -tags emulator ./test/chaos
//
// Two faults are left to the simulation in test/faults, since the emulator does not behave as AWS
// there: it takes a partial answer to a batch of the stream for success (so that an entry of a
// PublishBatch fails here only once, and the publisher's own retry ends it), and it ignores
// bisecting and the retry settings of the stream's mapping.
package chaos
