package faults

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Site is a place at which a fault can happen: a call of a service, or a step of the event sources.
type Site string

// The sites.
const (
	APISend          Site = "API: SendMessage"
	QueueDeliver     Site = "queue: deliver"
	QueueDelete      Site = "queue: delete"
	ProcessorMapping Site = "processor: mapping"
	ProcessorStart   Site = "processor: start"
	RunStep          Site = "processor: step"
	PutOrder         Site = "processor: PutItem order"
	PutRefusal       Site = "processor: PutItem refusal"
	SendRejected     Site = "processor: SendMessage"
	ProcessorAnswer  Site = "processor: answer"
	StreamDeliver    Site = "stream: deliver"
	PublisherMapping Site = "publisher: mapping"
	PublisherStart   Site = "publisher: start"
	Publish          Site = "publisher: PublishBatch"
	SendOnFailure    Site = "publisher: SendMessage"
	PublisherAnswer  Site = "publisher: answer"
	RedriveReceive   Site = "redrive: ReceiveMessage"
	RedriveSend      Site = "redrive: SendMessage"
	RedriveDelete    Site = "redrive: DeleteMessage"
)

// Kind is a kind of fault.
type Kind string

// The kinds. A call returns an error, unless the kind says otherwise.
const (
	None       Kind = ""
	Throttled  Kind = "throttled"     // for a while
	Outage     Kind = "outage"        // for a while, and slowly
	Denied     Kind = "access denied" // for a while, after a change of a policy or key
	Brownout   Kind = "slow"          // for a while every call takes seconds, and succeeds
	LostAnswer Kind = "answer lost"   // the call succeeded
	Retried    Kind = "retried"       // the answer was lost, and the SDK tried again
	Partial    Kind = "partly failed" // some entries of a batch, inside a successful answer
	Unnamed    Kind = "entry unnamed" // an entry is in neither list of a successful answer
	KillBefore Kind = "killed before"
	KillDuring Kind = "killed during" // the call takes effect
	HangBefore Kind = "hangs"         // until the function's timeout
	HangAfter  Kind = "hangs after"   // takes effect, then hangs until the function's timeout
	Panics     Kind = "panic"
	Twice      Kind = "delivered twice"
	Lost       Kind = "not noted" // a delete, a checkpoint
	Disabled   Kind = "disabled"  // for an hour to more than a day
)

var (
	storeKinds = []Kind{
		Throttled, Denied, LostAnswer, Retried, KillBefore, KillDuring, HangBefore, HangAfter, Panics,
	}
	callKinds = append([]Kind{Outage, Brownout}, storeKinds...)
)

// Cells lists every kind of fault at every site at which it can occur.
var Cells = func() (cells []Cell) {
	for _, site := range []Site{PutOrder, PutRefusal, SendRejected, Publish, SendOnFailure} {
		for _, kind := range callKinds {
			cells = append(cells, Cell{kind, site})
		}
	}
	for site, kinds := range map[Site][]Kind{
		APISend:          {Throttled, Outage, LostAnswer, Twice},
		QueueDeliver:     {Twice},
		QueueDelete:      {Lost},
		ProcessorMapping: {Disabled},
		ProcessorStart:   {KillBefore},
		RunStep:          {Throttled, Brownout, KillBefore, HangBefore, Panics},
		ProcessorAnswer:  {KillBefore},
		StreamDeliver:    {Lost},
		PublisherMapping: {Disabled},
		PublisherStart:   {KillBefore},
		Publish:          {Partial, Unnamed},
		PublisherAnswer:  {KillBefore},
		RedriveReceive:   {Throttled, KillBefore},
		RedriveSend:      {Throttled, LostAnswer, KillBefore, KillDuring},
		RedriveDelete:    {Throttled, LostAnswer, KillBefore, KillDuring},
	} {
		for _, kind := range kinds {
			cells = append(cells, Cell{kind, site})
		}
	}
	slices.SortFunc(cells, func(a, b Cell) int {
		return strings.Compare(string(a.Site)+string(a.Kind), string(b.Site)+string(b.Kind))
	})
	return cells
}()

// Matrix counts how often each cell fired. It is safe for concurrent use.
type Matrix struct {
	mu    sync.Mutex
	fired map[Cell]int
}

// Add counts a run's faults.
func (m *Matrix) Add(fired map[Cell]int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fired == nil {
		m.fired = map[Cell]int{}
	}
	for cell, n := range fired {
		m.fired[cell] += n
	}
}

// Below lists the cells that fired fewer than least times.
func (m *Matrix) Below(least int) (cells []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, cell := range Cells {
		if n := m.fired[cell]; n < least {
			cells = append(cells, fmt.Sprintf("%s at %s: %d", cell.Kind, cell.Site, n))
		}
	}
	return cells
}

// String returns the matrix: one line per site, with how often each kind fired.
func (m *Matrix) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	var last Site
	for _, cell := range Cells {
		if cell.Site != last {
			fmt.Fprintf(&b, "\n%-28s", cell.Site)
			last = cell.Site
		}
		fmt.Fprintf(&b, "  %s %d", cell.Kind, m.fired[cell])
	}
	return b.String()[1:] + "\n"
}
