package faults

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// Schedule is everything that a run depends on.
type Schedule struct {
	// Seed orders what could happen at the same time.
	Seed uint64
	// Posts are what clients send, in order.
	Posts []Post
	// Faults are the faults to inject.
	Faults []Fault
	// Step adds a business step to the processor that prices orders and sometimes refuses one.
	Step bool
	// MaxReceives is the queue's maxReceiveCount before a message goes to the DLQ.
	MaxReceives int
}

// Post is one message that is posted to the API or sent directly to the queue.
type Post struct {
	// Wait is the time since the previous post.
	Wait time.Duration
	// Documents are the documents of the message. They are an array unless there is exactly one and
	// Batch is false.
	Documents []Document
	Batch     bool
	// Direct bypasses the API: there is no answer and no retry.
	Direct bool
	// Raw, if not empty, is the body of a message that holds no order.
	Raw string
}

// Document is an order document. Two documents are the same order if ID, Content and Flaw are
// equal: Spelling is white space only.
type Document struct {
	ID, Content, Spelling int
	Flaw                  Flaw
}

// Flaw is what is wrong with a document.
type Flaw int

// The flaws.
const (
	Good   Flaw = iota
	Bad         // violates the schema: the processor refuses it
	NoID        // has no usable id: the processor refuses it, but no id leads to the refusal
	Large       // too large for the topic: the processor refuses it
	Cursed      // valid, but SNS calls its event invalid: stored, never published
	Fickle      // valid, but the business step, if there is one, sometimes refuses it
	Huge        // valid, but its event exceeds a lowered limit of the topic: stored, never published
)

// Storable reports whether a document is a valid order.
func (d Document) Storable() bool { return d.Flaw == Good || d.Flaw == Fickle || d.Unpublishable() }

// Unpublishable reports whether the event of a valid order can never be published.
func (d Document) Unpublishable() bool { return d.Flaw == Cursed || d.Flaw == Huge }

// OrderID returns the document's id.
func (d Document) OrderID() string { return fmt.Sprintf("order-%d", d.ID) }

// JSON returns the document's bytes.
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
	return fmt.Sprintf(`{%s"currency":"EUR",%s`+
		`"items":[{"sku":"a<&>\u2028\ud800","quantity":%s,"unitPrice":1999}],`+
		`"rate":1.00,"note":"%d %s"}`, id, space, quantity, d.Content, note)
}

// cursed marks a document whose event SNS refuses.
const cursed = "cursed"

// fickle marks a document on which the business step decides differently each time.
const fickle = "fickle"

// Fault fires at the call number At of its site (from 0), or at the first call after it. Kinds that
// can last do so for Length.
type Fault struct {
	Cell
	At     int
	Length time.Duration
}

// once is a Length for which a fault affects only the first call.
const once = 10 * time.Second

// windowed reports whether the fault lasts beyond its first call.
func (f Fault) windowed() bool {
	switch f.Kind {
	case Throttled, Outage, Denied, Brownout, Partial, Unnamed:
		return f.Length > once
	}
	return false
}

// Cell is one kind of fault at one site.
type Cell struct {
	Kind Kind
	Site Site
}

// Schedules draws schedules with at least MinOrders orders (with duplicates, conflicts and a batch
// among them) and at least MinFaults faults at sites that every run passes.
func Schedules() *rapid.Generator[Schedule] {
	return rapid.Custom(func(t *rapid.T) Schedule {
		return Schedule{
			Seed:        rapid.Uint64().Draw(t, "seed"),
			Posts:       drawPosts(t),
			Faults:      drawFaults(t),
			Step:        rapid.Bool().Draw(t, "step"),
			MaxReceives: rapid.SampledFrom([]int{maxReceives, 1, 2}).Draw(t, "maxReceives"),
		}
	})
}

const (
	// MinOrders is the least number of orders in a schedule.
	MinOrders = 20
	// MinFaults is the least number of faults that fire in a run.
	MinFaults = 3
)

func drawPosts(t *rapid.T) (posts []Post) {
	one := func(d Document) Post { return Post{Documents: []Document{d}} }
	// Every schedule has these.
	first := Document{ID: 0, Content: 1}
	posts = []Post{
		one(first),
		one(Document{ID: 0, Content: 1, Spelling: 1}), // a duplicate
		one(Document{ID: 0, Content: 2}),              // a conflict
		{Batch: true, Documents: []Document{{ID: 1, Content: 1}, {ID: 2, Content: 1, Flaw: Bad},
			{ID: 3, Content: 1}}},
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
			post.Direct = true
			post.Raw = rapid.SampledFrom([]string{"[]", "order!", `[{"orderId":`, "7"}).Draw(t, "raw")
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
		Flaw: rapid.SampledFrom([]Flaw{
			Good, Good, Good, Good, Good, Good, Good, Bad, NoID, Large, Cursed, Cursed, Huge, Fickle,
		}).Draw(t, "flaw"),
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
	// Every run makes these calls, so at least MinFaults faults fire.
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

// lateness is the latest call of a site at which a fault fires: some sites have few calls in a run.
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
	lengths := []time.Duration{once, time.Minute, 10 * time.Minute, time.Hour}
	return rapid.SampledFrom(lengths).Draw(t, "length")
}
