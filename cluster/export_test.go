package cluster

import "time"

// Author is who set a field, as author finds out.
func Author(managers, before []Manager, edit Edit) (Manager, bool) {
	return author(managers, before, edit.steps)
}

// Stalls are the rollouts that stand still at a time.
func (o *Observer) Stalls(now time.Time) []Change { return o.stalls(now) }

// Queued is how many changes may wait.
const Queued = queued

// See takes an object as if a watch had brought it.
func (o *Observer) See(old, object *Object) {
	if object != nil {
		o.keep(object)
	} else {
		o.forget(old)
	}
	o.note(old, object, false)
}
