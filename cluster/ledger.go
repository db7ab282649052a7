package cluster

import (
	"sync"
	"time"
)

// ledger counts what passes by. It begins empty with every process: its totals
// are counters, which PromQL knows how to take.
type ledger struct {
	mu        sync.Mutex
	totals    map[total]float64
	rollouts  map[key]*rollout
	revisions map[key]revision // by owner: the newest ReplicaSet or ControllerRevision
	changes   map[key]time.Time
	installed map[component]since // on nodes
	reported  map[total]time.Time // Events, by subject and reason
}

type total struct {
	series string
	owner  key
	extra  string
}

type revision struct {
	name    string
	created time.Time
}

type component struct {
	node key
	name string
}

type since struct {
	version string
	at      time.Time // zero: before we watched
}

func newLedger() *ledger {
	return &ledger{
		totals: map[total]float64{}, rollouts: map[key]*rollout{}, revisions: map[key]revision{}, changes: map[key]time.Time{},
		installed: map[component]since{}, reported: map[total]time.Time{},
	}
}

// add counts. Objects that come and go, and are no workload and no node, are
// counted by kind and namespace.
func (l *ledger) add(series string, owner Ref, extra string, n float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally(series, owner, extra, n)
}

func (l *ledger) tally(series string, owner Ref, extra string, n float64) {
	k := owner.key()
	if !own(owner) {
		k.name = ""
	}
	l.totals[total{series, k, extra}] += n
}

// own says whether an object has series of its own.
func own(r Ref) bool {
	switch r.Group + "/" + r.Kind {
	case "/Node", "apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "batch/Job", "batch/CronJob":
		return true
	}
	return false
}

// meet begins the totals of an object that is seen for the first time, so that a
// rate finds a first value before the first event.
func (l *ledger) meet(owner Ref, o *Object, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch facts := o.Facts.(type) {
	case *Node:
		l.versions(o, facts, now)
		l.tally(seriesCordons, o.Ref, "", 0)
		for _, c := range facts.Conditions {
			l.tally(seriesFlips, o.Ref, c.Type, 0)
		}
		l.latest(o)
	case *Pod:
		var restarts int64
		for _, c := range facts.Containers {
			restarts += c.Restarts
		}
		l.tally(seriesRestarts, owner, "", float64(restarts))
	case *Workload:
		if o.Controller != (Ref{}) {
			if known := l.revisions[o.Controller.key()]; o.Kind != "Job" && o.Created.After(known.created) {
				l.revisions[o.Controller.key()] = revision{name: facts.Revision, created: o.Created}
			}
			return
		}
		for _, series := range []string{seriesRestarts, seriesOOM} {
			l.tally(series, o.Ref, "", 0)
		}
		if rolls(o.Ref) {
			l.tally(seriesRollouts, o.Ref, "", 0)
			l.rollouts[o.key()] = newRollout(facts, now)
		}
		l.latest(o)
	}
}

// latest notes when the desired state was last written before we watched.
func (l *ledger) latest(o *Object) {
	if at := newest(o.Managers); at.After(l.changes[o.key()]) {
		l.changes[o.key()] = at
	}
}

// part forgets an object that is gone.
func (l *ledger) part(o *Object) {
	if !own(o.Ref) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := o.key()
	for t := range l.totals {
		if t.owner == k {
			delete(l.totals, t)
		}
	}
	for c := range l.installed {
		if c.node == k {
			delete(l.installed, c)
		}
	}
	delete(l.rollouts, k)
	delete(l.revisions, k)
	delete(l.changes, k)
}

// changed notes that a manager changed the desired state.
func (l *ledger) changed(owner Ref, manager string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally(seriesChanges, owner, manager, 1)
	if at.After(l.changes[owner.key()]) {
		l.changes[owner.key()] = at
	}
}

// versions notes when a component's version was first seen. The ledger is locked.
func (l *ledger) versions(o *Object, n *Node, now time.Time) {
	for name, version := range n.Versions {
		c := component{o.key(), name}
		was, ok := l.installed[c]
		switch {
		case !ok: // when it came is not known; the node's own age bounds it
			l.installed[c] = since{version: version, at: o.Created}
		case was.version != version:
			l.installed[c] = since{version: version, at: now}
		}
	}
}

// software notes that versions are not what they were.
func (l *ledger) software(o *Object, n *Node, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.versions(o, n, now)
}

// quiet is how long the same trouble of the same workload is not reported again.
const quiet = 10 * time.Minute

// reportable says whether an Event about a subject is news.
func (l *ledger) reportable(subject Ref, reason string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	what := total{owner: subject.key(), extra: reason}
	if now.Sub(l.reported[what]) < quiet {
		return false
	}
	for old, at := range l.reported { // they are few: what was said in the last minutes
		if now.Sub(at) >= quiet {
			delete(l.reported, old)
		}
	}
	l.reported[what] = now
	return true
}
