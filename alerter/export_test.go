package alerter

import "net/http"

// UseTransport replaces the network of every peer, so that a test can run on
// synctest's clock.
func UseTransport(a *Alerter, t http.RoundTripper) {
	for _, p := range a.peers {
		p.client = &http.Client{Transport: t}
	}
}

// Queue is one peer's queue, for its property test.
type Queue struct{ q *queue }

// NewQueue returns an empty queue.
func NewQueue(capacity int) Queue { return Queue{newQueue(capacity)} }

// Push queues alerts by the name of their target; version tells them apart.
func (q Queue) Push(target, version string) int {
	return q.q.push([]queued{{id: identity{target: target}, alert: alert{GeneratorURL: version}}})
}

// Take peeks at n alerts and, once meanwhile has run, is done with them. It
// returns "target version" of each.
func (q Queue) Take(n int, meanwhile func()) (taken []string) {
	batch := q.q.peek(n)
	meanwhile()
	q.q.done(batch)
	for _, b := range batch {
		taken = append(taken, b.id.target+" "+b.GeneratorURL)
	}
	return taken
}

// Len is how many alerts wait.
func (q Queue) Len() int { return q.q.len() }
