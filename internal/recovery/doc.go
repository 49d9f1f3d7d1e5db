// Package recovery brings stuck orders back on their way: Redrive moves messages from one queue to
// another, and Replay publishes the events of stored orders again. The operator's commands and the
// fault simulation run this code.
package recovery
