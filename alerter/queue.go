package alerter

import (
	"container/list"
	"sync"
)

// queued is an alert that waits for a peer.
type queued struct {
	id identity
	alert
}

// queue holds at most one alert an identity, the newest, in the order in which
// the identities came. A peer that is away for an hour finds what is, not sixty
// times what was. It is safe for concurrent use.
type queue struct {
	capacity int
	mu       sync.Mutex
	order    *list.List // of *queued
	byID     map[identity]*list.Element
}

func newQueue(capacity int) *queue {
	return &queue{capacity: capacity, order: list.New(), byID: map[identity]*list.Element{}}
}

// push adds alerts, or replaces those of the same identity where they stand,
// and returns how many of the oldest fell out.
func (q *queue) push(alerts []queued) (dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range alerts {
		next := &alerts[i]
		if e, ok := q.byID[next.id]; ok {
			e.Value = next
			continue
		}
		q.byID[next.id] = q.order.PushBack(next)
		if q.order.Len() > q.capacity {
			oldest := q.order.Front()
			delete(q.byID, oldest.Value.(*queued).id)
			q.order.Remove(oldest)
			dropped++
		}
	}
	return dropped
}

// peek returns the n oldest, or fewer. They stay until done.
func (q *queue) peek(n int) []*queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch := make([]*queued, 0, min(n, q.order.Len()))
	for e := q.order.Front(); e != nil && len(batch) < n; e = e.Next() {
		batch = append(batch, e.Value.(*queued))
	}
	return batch
}

// done takes away what peek gave, except what was replaced meanwhile.
func (q *queue) done(batch []*queued) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, sent := range batch {
		if e, ok := q.byID[sent.id]; ok && e.Value.(*queued) == sent {
			delete(q.byID, sent.id)
			q.order.Remove(e)
		}
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.order.Len()
}
