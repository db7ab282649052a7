package cluster

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	queued  = 20_000 // changes that wait, at most
	batched = 500
)

// queue hands changes on in order, and then what was seen, so that what is lost
// by a crash in between is noticed again.
type queue struct {
	take   func(context.Context, []Change) error
	memory Memory
	logger *slog.Logger

	mu      sync.Mutex
	items   []item
	waiting int // changes among the items
	dropped int
	wake    chan struct{}
}

type item struct {
	changes []Change
	seen    *Seen
}

func newQueue(o Options) *queue {
	return &queue{take: o.Changes, memory: o.Memory, logger: o.Logger, wake: make(chan struct{}, 1)}
}

// push never waits: the watch must go on. Where too much waits, the changes are
// dropped, counted and logged; what was seen is then not remembered either, so
// that the next start finds the difference again.
func (q *queue) push(changes []Change, seen *Seen) {
	if q.take == nil {
		changes = nil
	}
	if q.memory == nil {
		seen = nil
	}
	if len(changes) == 0 && seen == nil {
		return
	}
	q.mu.Lock()
	full := len(changes) > 0 && q.waiting+len(changes) > queued
	if full {
		q.dropped += len(changes)
	} else {
		q.items = append(q.items, item{changes, seen})
		q.waiting += len(changes)
	}
	q.mu.Unlock()
	if full {
		q.logger.Error("changes dropped: the store does not take them as fast as they come", "count", len(changes), "first", changes[0].Object.String())
		return
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run hands on until ctx ends, and then what still waits.
func (q *queue) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			q.drain(last)
			if waiting, _ := q.depth(); waiting > 0 {
				q.logger.Error("changes not kept before the end; the next start finds what it can", "count", waiting)
			}
			return nil
		case <-q.wake:
			q.drain(ctx)
		}
	}
}

func (q *queue) drain(ctx context.Context) {
	for {
		changes, seen, n := q.next()
		if n == 0 {
			return
		}
		if !q.deliver(ctx, changes, seen) {
			return // they stay, for the last try or for the next start to find again
		}
		q.mu.Lock()
		if q.items = q.items[n:]; len(q.items) == 0 {
			q.items = nil
		}
		q.waiting -= len(changes)
		q.mu.Unlock()
	}
}

// next copies the batch that is at the front.
func (q *queue) next() (changes []Change, seen []Seen, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, i := range q.items {
		if n > 0 && (len(changes)+len(i.changes) > batched || len(seen) >= batched) {
			break
		}
		changes = append(changes, i.changes...)
		if i.seen != nil {
			seen = append(seen, *i.seen)
		}
		n++
	}
	return changes, seen, n
}

// deliver tries until it succeeds or ctx ends.
func (q *queue) deliver(ctx context.Context, changes []Change, seen []Seen) bool {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		var err error
		if len(changes) > 0 {
			err = q.take(ctx, changes)
		}
		if err == nil && len(seen) > 0 {
			err = q.memory.Remember(ctx, seen)
		}
		if err == nil {
			return true
		}
		q.logger.Warn("changes not kept, will be tried again", "count", len(changes), "err", err)
		sleep(ctx, pause)
		if ctx.Err() != nil {
			return false
		}
	}
}

// depth tells how many changes wait and how many were dropped so far.
func (q *queue) depth() (waiting, dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting, q.dropped
}
