// Package failure is the error for the person at the terminal: what is wrong, and what to do next.
package failure

import (
	"errors"
	"fmt"
	"io"
)

// Exit statuses of the operator's command that more than one subcommand has.
const (
	// StatusFailed is the exit status of an error that does not name one.
	StatusFailed = 1
	// StatusUsage is the exit status of a wrong command line.
	StatusUsage = 2
	// StatusInterrupted is the exit status after Ctrl-C.
	StatusInterrupted = 130
)

// Error is an error that a person can do something about.
type Error struct {
	// What is wrong: one line without a full stop. Empty when the exit status says it all.
	What string
	// Next is what to do: one line. Empty when nothing is to be done.
	Next string
	// Commands are command lines to run before what Next says, in this order. Optional.
	Commands []string
	// Status is the exit status. Default: [StatusFailed].
	Status int
	// Err is the cause. Optional.
	Err error
}

// Error returns What, with Next in brackets.
func (e *Error) Error() string {
	if e.Next == "" {
		return e.What
	}
	return e.What + " (" + e.Next + ")"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Usage is the error of a wrong command line.
func Usage(what, next string) error { return &Error{What: what, Next: next, Status: StatusUsage} }

// Report prints every error in err, two lines each, and returns the exit status, 0 for nil.
func Report(to io.Writer, err error) int {
	if err == nil {
		return 0
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		status := 0
		for _, err := range joined.Unwrap() {
			status = max(status, Report(to, err))
		}
		return status
	}
	e := &Error{}
	if !errors.As(err, &e) {
		e = &Error{What: err.Error()}
	}
	if e.What != "" {
		fmt.Fprintf(to, "orders: %s\n", e.What)
	}
	for _, command := range e.Commands {
		fmt.Fprintf(to, "   run  %s\n", command)
	}
	if e.Next != "" {
		fmt.Fprintf(to, "   ->   %s\n", e.Next)
	}
	if e.Status == 0 {
		return StatusFailed
	}
	return e.Status
}
