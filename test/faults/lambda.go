package faults

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/aws/smithy-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// invocation is one run of a handler. It is a coroutine: it runs only while it has the baton.
type invocation struct {
	name     string
	deadline time.Time
	wake     time.Time // when its pending call goes on
	resume   chan bool // false: it is killed
	hung     bool      // one of its calls does not return
	ended    bool
	answered bool            // it ended by itself
	failed   map[string]bool // keys of the calls that failed, for checkNeighbors
	done     func()
}

type invocationKey struct{}

// deadlineContext is the context of an invocation. It is on virtual time and is never canceled:
// only a kill ends the invocation.
type deadlineContext struct {
	context.Context
	deadline time.Time
}

func (c deadlineContext) Deadline() (time.Time, bool) { return c.deadline, true }
func (deadlineContext) Done() <-chan struct{}         { return nil }
func (deadlineContext) Err() error                    { return nil }

// invoke starts a coroutine. done is called once the coroutine has ended, in any way.
func (w *World) invoke(
	name string, timeout time.Duration, body func(context.Context), done func(*invocation),
) {
	i := &invocation{
		name: name, deadline: w.clock.Add(timeout), wake: w.clock,
		resume: make(chan bool), failed: map[string]bool{},
	}
	i.done = func() { done(i) }
	ctx := deadlineContext{context.WithValue(context.Background(), invocationKey{}, i), i.deadline}
	w.running = append(w.running, i)
	go func() {
		defer func() {
			p := recover()
			if err, ok := p.(error); p != nil && (!ok || !errors.Is(err, errPanic)) {
				panic(p)
			}
			i.ended = true
			w.baton <- struct{}{}
		}()
		i.wait()
		body(ctx)
		i.answered = true
	}()
}

// wait is called by the coroutine. It returns when the scheduler resumes the coroutine, or ends the
// coroutine. Goexit is not a panic: a handler's recover does not see it, as it would not see the
// kill of a process.
func (i *invocation) wait() {
	if !<-i.resume {
		runtime.Goexit()
	}
}

// pause hands the baton back until at.
func (w *World) pause(i *invocation, at time.Time) {
	i.wake = at
	w.baton <- struct{}{}
	i.wait()
}

func (w *World) resume(i *invocation) { w.handBaton(i, true) }

func (w *World) handBaton(i *invocation, alive bool) {
	i.resume <- alive
	<-w.baton
	if i.ended {
		for n, other := range w.running {
			if other == i {
				w.running = append(w.running[:n], w.running[n+1:]...)
				break
			}
		}
		if !i.answered {
			w.note("%s ends without an answer", i.name)
		}
		i.done()
	}
}

// timeOut kills an invocation at its deadline. A handler must end before its deadline, unless a
// call hangs.
func (w *World) timeOut(i *invocation) {
	if !i.hung {
		w.violated("deadline", "%s ran into its timeout though no call hung", i.name)
	}
	w.handBaton(i, false)
}

// mayDie may kill the invocation before it begins, or after its work but before its answer.
func (w *World) mayDie(site Site) {
	if kind, _ := w.fault(site); kind == KillBefore {
		runtime.Goexit()
	}
}

func (w *World) sleep(ctx context.Context, d time.Duration) error {
	i := ctx.Value(invocationKey{}).(*invocation)
	if w.clock.Add(d).After(i.deadline) {
		return context.DeadlineExceeded
	}
	w.pause(i, w.clock.Add(d))
	return nil
}

var (
	errPanic   = errors.New("panic in a call")
	errTimeout = errors.New("the call timed out")
)

func apiError(code string) error { return &smithy.GenericAPIError{Code: code, Message: "injected"} }

// slow is how long a slow call takes: nearly as long as a call can take at all.
const slow = contract.CallBudget - 500*time.Millisecond

// call is one call of a service by a handler. apply is its effect. The injected fault decides
// whether the effect happens, how long the call takes, and what it returns to the handler. what
// names the subject of the call.
func call[T any](
	w *World, ctx context.Context, site Site, what string, apply func(Kind) (T, error),
) (T, error) {
	i := ctx.Value(invocationKey{}).(*invocation)
	w.pause(i, w.clock.Add(time.Duration(1+w.rng.IntN(10))*time.Millisecond))
	kind, _ := w.fault(site)
	fail := func(err error) (T, error) {
		var none T
		i.failed[what] = true
		w.note("%s: %s %s: %v", i.name, site, what, err)
		return none, err
	}
	effect := noteCall(w, i, site, what, apply)
	switch kind {
	case Throttled:
		return fail(apiError("ThrottlingException"))
	case Denied:
		return fail(apiError("AuthorizationError"))
	case Outage:
		w.pause(i, w.clock.Add(slow))
		return fail(errTimeout)
	case Brownout:
		w.pause(i, w.clock.Add(slow))
		return effect(kind)
	case LostAnswer:
		_, _ = effect(kind)
		return fail(errTimeout)
	case Retried:
		_, _ = effect(None)
		return effect(None)
	case KillBefore:
		runtime.Goexit()
	case KillDuring:
		_, _ = effect(kind)
		runtime.Goexit()
	case HangBefore:
		w.hang(i)
	case HangAfter:
		_, _ = effect(kind)
		w.hang(i)
	case Panics:
		i.failed[what] = true
		w.note("%s: %s %s panics", i.name, site, what)
		if site == RunStep {
			w.panicked[what] = true
		}
		panic(errPanic)
	}
	return effect(kind)
}

func (w *World) hang(i *invocation) {
	i.hung = true
	w.pause(i, i.deadline)
}

// noteCall adds what a call did to the timeline.
func noteCall[T any](
	w *World, i *invocation, site Site, what string, apply func(Kind) (T, error),
) func(Kind) (T, error) {
	return func(kind Kind) (T, error) {
		value, err := apply(kind)
		if err != nil {
			w.note("%s: %s %s: %v", i.name, site, what, err)
		} else {
			w.note("%s: %s %s", i.name, site, what)
		}
		return value, err
	}
}
