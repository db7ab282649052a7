package cluster

import (
	"time"
)

// swap puts the objects of a whole list in place of those of before.
func (o *Observer) swap(old, fresh map[string]*Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, object := range old {
		if fresh[name] == nil {
			delete(o.objects, object.key())
		}
	}
	for _, object := range fresh {
		if !object.transient() {
			o.objects[object.key()] = object
		}
	}
}

func (o *Observer) keep(object *Object) {
	if object.transient() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.objects[object.key()] = object
}

func (o *Observer) forget(object *Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.objects, object.key())
}

// odd counts and logs an object that cannot be read. It is left out.
func (o *Observer) odd(k kind, err error) {
	o.ledger.add(seriesOdd, Ref{Kind: k.String()}, "", 1)
	o.opts.Logger.Warn("object left out", "resource", k.String(), "err", err)
}

// began takes the first list of a shelf, and compares it with what was last seen
// in another life.
func (o *Observer) began(s *shelf, fresh map[string]*Object) {
	now := o.opts.Now()
	known, until := o.recalled(s)
	for _, object := range fresh {
		o.ledger.meet(o.Owner(object), object, now)
		before, ok := known[object.key()]
		delete(known, object.key())
		var changes []Change
		switch {
		case ok:
			changes = o.changes(before.object(object), object, true, now)
		case !until.IsZero() && object.Created.After(until):
			changes = o.changes(nil, object, true, now)
		}
		o.queue.push(changes, remember(object, now))
	}
	for _, before := range known {
		gone := before.object(nil)
		o.queue.push(o.changes(gone, nil, true, now), &Seen{Object: before.Object, Gone: true, At: now})
	}
}

// note takes an object that is not as it was; missed says that we saw it in a
// list after a gap.
func (o *Observer) note(old, object *Object, missed bool) {
	now := o.opts.Now()
	if old == nil {
		o.ledger.meet(o.Owner(object), object, now)
	}
	changes := o.changes(old, object, missed, now)
	var seen *Seen
	switch {
	case object == nil:
		o.ledger.part(old)
		if old.durable() {
			seen = &Seen{Object: old.Ref, Gone: true, At: now}
		}
	case old == nil || string(old.Body) != string(object.Body) || !sameVersions(old, object):
		seen = remember(object, now)
	}
	o.queue.push(changes, seen)
}

// transient objects are not kept among the others.
func (o *Object) transient() bool { _, ok := o.Facts.(*Event); return ok || o.Kind == "Event" }

// durable objects are remembered over a restart: those whose desired state
// somebody declares.
func (o *Object) durable() bool {
	if o.Body == nil || o.Controller != (Ref{}) {
		return false
	}
	return o.Kind != "ReplicaSet" && o.Kind != "ControllerRevision"
}

// clamp brings a time from the future back to now, and counts it: clocks differ.
func (o *Observer) clamp(at, now time.Time) time.Time {
	if at.IsZero() {
		return now
	}
	if at.After(now.Add(clockTolerance)) {
		o.ledger.add(seriesClamped, Ref{}, "", 1)
		return now
	}
	return at
}

// clockTolerance is how far ahead of ours the clock of a server may be.
const clockTolerance = 2 * time.Second
