package faults

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// Schedule is all that a run depends on.
type Schedule struct {
	// Seed orders what could happen at the same time.
	Seed uint64
	// Posts is what clients send, in order.
	Posts []Post
	// Faults to inject.
	Faults []Fault
	// Step puts a business step into the processor, which prices orders, and refuses some now and then.
	Step bool
	// MaxReceives is the queue's maxReceiveCount before a message goes to the DLQ.
	MaxReceives int
}

// Post is one message: what a client posts, or what somebody puts straight on the queue.
type Post struct {
	// Wait is the time since the post before.
	Wait time.Duration
	// Documents of the message; an array unless there is exactly one and Batch is false.
	Documents []Document
	Batch     bool
	// Direct bypasses the API: nobody gets an answer, nobody tries again.
	Direct bool
	// Raw, when not empty, is a message that holds no order.
	Raw string
}

// Document is an order document. Two are the same order when ID, Content and Flaw are; Spelling is white space only.
type Document struct {
	ID, Content, Spelling int
	Flaw                  Flaw
}

// Flaw is what is wrong with a document.
type Flaw int

// The flaws.
const (
	Good   Flaw = iota
	Bad         // against the schema: the processor refuses it
	NoID        // without a usable id: refused, but GET cannot know it
	Large       // larger than what the topic could publish: the processor refuses it
	Cursed      // a good order whose event SNS calls invalid: stored, never published
	Fickle      // a good order that the business step refuses now and then, where there is a step
	Huge        // a good order whose event is too large for the topic, as after a change of its limit: the same
)

// Storable reports whether a document is a good order.
func (d Document) Storable() bool { return d.Flaw == Good || d.Flaw == Fickle || d.Unpublishable() }

// Unpublishable reports whether the event of a good order can never be published.
func (d Document) Unpublishable() bool { return d.Flaw == Cursed || d.Flaw == Huge }

// OrderID is the document's id.
func (d Document) OrderID() string { return fmt.Sprintf("order-%d", d.ID) }

// JSON is the document's bytes.
func (d Document) JSON() string {
	space := []string{"", " ", "\n  "}[d.Spelling%3]
	id, quantity, note := fmt.Sprintf(`"orderId":%s"%s",`, space, d.OrderID()), "1", ""
	switch d.Flaw {
	case Bad:
		quantity = "0"
	case NoID:
		id = `"orderid":"` + d.OrderID() + `",`
	case Large:
		note = strings.Repeat("x", maxDocumentBytes)
	case Huge:
		note = strings.Repeat("x", maxDocumentBytes-300)
	case Cursed:
		note = cursed
	case Fickle:
		note = fickle
	}
	return fmt.Sprintf(`{%s"currency":"EUR",%s"items":[{"sku":"a<&>\u2028\ud800","quantity":%s,"unitPrice":1999}],"rate":1.00,"note":"%d %s"}`,
		id, space, quantity, d.Content, note)
}

// cursed marks a document whose event SNS refuses.
const cursed = "cursed"

// fickle marks a document on which the business step changes its mind.
const fickle = "fickle"

// Fault happens at the At'th call of its site (from 0) or the first one after. Kinds that can go on do so for Length.
type Fault struct {
	Cell
	At     int
	Length time.Duration
}

// once is a Length that ends with the first call.
const once = 10 * time.Second

// windowed reports whether the fault goes on after its first call.
func (f Fault) windowed() bool {
	switch f.Kind {
	case Throttled, Outage, Denied, Brownout, Partial, Unnamed:
		return f.Length > once
	}
	return false
}

// Cell is one kind of fault at one place.
type Cell struct {
	Kind Kind
	Site Site
}

// Schedules draws schedules with at least 20 orders (duplicates, conflicts and a batch among them) and at least 3 faults
// at places that every run passes.
func Schedules() *rapid.Generator[Schedule] {
	return rapid.Custom(func(t *rapid.T) Schedule {
		return Schedule{
			Seed:        rapid.Uint64().Draw(t, "seed"),
			Posts:       drawPosts(t),
			Faults:      drawFaults(t),
			Step:        rapid.Bool().Draw(t, "step"),
			MaxReceives: rapid.SampledFrom([]int{80, 1, 2}).Draw(t, "maxReceives"),
		}
	})
}

// MinOrders is the least number of orders in a schedule, MinFaults of faults that fire.
const (
	MinOrders = 20
	MinFaults = 3
)

func drawPosts(t *rapid.T) (posts []Post) {
	one := func(d Document) Post { return Post{Documents: []Document{d}} }
	// What every schedule must hold.
	first := Document{ID: 0, Content: 1}
	posts = []Post{
		one(first),
		one(Document{ID: 0, Content: 1, Spelling: 1}), // a duplicate
		one(Document{ID: 0, Content: 2}),              // a conflict
		{Batch: true, Documents: []Document{{ID: 1, Content: 1}, {ID: 2, Content: 1, Flaw: Bad}, {ID: 3, Content: 1}}},
	}
	orders := 6
	for orders < MinOrders || rapid.IntRange(0, 9).Draw(t, "more") > 7 && orders < 2*MinOrders {
		post := Post{Wait: time.Duration(rapid.IntRange(0, 3).Draw(t, "wait")) * 40 * time.Millisecond}
		switch shape := rapid.IntRange(0, 19).Draw(t, "shape"); {
		case shape < 12:
			post.Documents = []Document{drawDocument(t)}
		case shape < 17:
			post.Batch = true
			for range rapid.IntRange(1, 6).Draw(t, "batch") {
				post.Documents = append(post.Documents, drawDocument(t))
			}
		case shape < 18:
			post.Direct, post.Documents = true, []Document{drawDocument(t)}
		default:
			post.Direct, post.Raw = true, rapid.SampledFrom([]string{"[]", "order!", `[{"orderId":`, "7"}).Draw(t, "raw")
		}
		posts, orders = append(posts, post), orders+len(post.Documents)
	}
	return posts
}

func drawDocument(t *rapid.T) Document {
	return Document{
		ID:       rapid.IntRange(0, 23).Draw(t, "id"),
		Content:  rapid.IntRange(1, 2).Draw(t, "content"),
		Spelling: rapid.IntRange(0, 2).Draw(t, "spelling"),
		Flaw:     rapid.SampledFrom([]Flaw{Good, Good, Good, Good, Good, Good, Good, Bad, NoID, Large, Cursed, Cursed, Huge, Fickle}).Draw(t, "flaw"),
	}
}

func drawFaults(t *rapid.T) (faults []Fault) {
	certain := func(site Site, kinds []Kind, at int) {
		faults = append(faults, Fault{
			Cell:   Cell{rapid.SampledFrom(kinds).Draw(t, "kind"), site},
			At:     rapid.IntRange(0, at).Draw(t, "at"),
			Length: once,
		})
	}
	// No run comes to its end without these calls, so at least MinFaults begin.
	certain(APISend, []Kind{LostAnswer, Twice, Throttled}, 2)
	certain(APISend, []Kind{LostAnswer, Twice, Throttled}, 2)
	certain(PutOrder, storeKinds, 0)
	certain(PutOrder, storeKinds, 5)
	certain(PutOrder, storeKinds, 5)
	for range rapid.IntRange(1, 9).Draw(t, "faults") {
		cell := rapid.SampledFrom(Cells).Draw(t, "cell")
		faults = append(faults, Fault{
			Cell:   cell,
			At:     rapid.IntRange(0, lateness(cell.Site)).Draw(t, "at"),
			Length: drawLength(t),
		})
	}
	return faults
}

// lateness is the latest call of a site at which a fault begins: some sites see few calls in a run.
func lateness(site Site) int {
	switch site {
	case PutOrder, APISend, QueueDeliver, QueueDelete, StreamDeliver:
		return 15
	case SendOnFailure, RedriveReceive, RedriveSend, RedriveDelete:
		return 1
	}
	return 5
}

func drawLength(t *rapid.T) time.Duration {
	return rapid.SampledFrom([]time.Duration{once, time.Minute, 10 * time.Minute, time.Hour}).Draw(t, "length")
}
