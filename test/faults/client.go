package faults

import (
	"strings"
	"time"
)

// clients post the schedule's messages, each again until it is accepted.
type clients struct {
	posted   int
	next     time.Time
	retries  []Post
	backoff  time.Duration
	accepted []accepted
}

// accepted is a message that was answered with 202, or sent directly to the queue. The promise
// holds for it.
type accepted struct {
	Post
	body string
}

// Body returns the body of the message.
func (p Post) Body() string {
	if p.Raw != "" {
		return p.Raw
	}
	var documents []string
	for _, d := range p.Documents {
		documents = append(documents, d.JSON())
	}
	if !p.Batch && len(documents) == 1 {
		return documents[0]
	}
	return "[" + strings.Join(documents, " ,\n") + "]"
}

func (c *clients) possible(w *World, at func(time.Time, func())) {
	if c.posted < len(w.schedule.Posts) {
		post := w.schedule.Posts[c.posted]
		at(c.next.Add(post.Wait), func() {
			c.posted++
			c.next = w.clock
			w.post(post)
		})
	}
	if len(c.retries) > 0 {
		at(c.next, func() {
			post := c.retries[0]
			c.retries = c.retries[1:]
			w.post(post)
		})
	}
}

// post sends a message through the API, which is an SQS call with the client's bytes. Without a 202
// the client sends the same message again, since it cannot know whether the first one was accepted.
func (w *World) post(post Post) {
	body := post.Body()
	w.posts[body] = post
	if post.Direct {
		w.note("%s is sent directly to the queue: %s", w.send(w.queue, body, nil).id, body)
		w.clients.accepted = append(w.clients.accepted, accepted{post, body})
		return
	}
	kind, _ := w.fault(APISend)
	var id string
	if kind == None || kind == LostAnswer || kind == Twice {
		id = w.send(w.queue, body, nil).id
		if kind == Twice {
			w.send(w.queue, body, nil)
		}
	}
	switch kind {
	case None, Twice:
		w.note("client posts %s: 202 %s", body, id)
		w.clients.backoff = 0
		w.clients.accepted = append(w.clients.accepted, accepted{post, body})
		return
	case LostAnswer:
		w.note("client posts %s: no answer (%s is on the queue)", body, id)
	default:
		w.note("client posts %s: 503", body)
	}
	w.clients.retries = append(w.clients.retries, post)
	w.clients.backoff = min(max(2*w.clients.backoff, time.Second), 5*time.Minute)
	w.clients.next = w.clock.Add(w.clients.backoff)
}
