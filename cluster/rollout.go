package cluster

import (
	"strconv"
	"time"
)

// standstill is how long a rollout may make no progress before it counts as
// stalled, where its controller does not say so: the default of a Deployment's
// progressDeadlineSeconds.
const standstill = 10 * time.Minute

// rollout is what is known of the newest rollout of a workload.
type rollout struct {
	template   string
	revision   string
	images     map[string]string
	running    bool
	stalled    bool
	started    time.Time // zero: before we watched; the revision's age tells
	finished   time.Time
	progressed time.Time
	sum        int64 // of the pods that are updated, ready, available
}

// rolls says whether a workload rolls its template out.
func rolls(r Ref) bool {
	return r.Group == "apps" && (r.Kind == "Deployment" || r.Kind == "StatefulSet" || r.Kind == "DaemonSet")
}

// newRollout is the rollout of a workload as it is met.
func newRollout(w *Workload, now time.Time) *rollout {
	r := &rollout{
		template: w.Template, revision: w.Revision, images: w.Images, running: w.Rolling, stalled: w.Stalled,
		progressed: now, sum: w.Updated + w.Ready + w.Available,
	}
	if !w.Rolling {
		r.finished = w.Progress
	}
	return r
}

// rollout follows the rollout of a workload, and tells when one begins, finishes
// or stalls. A new pod template begins one; scaling does not.
func (l *ledger) rollout(o *Object, w *Workload, clamp func(time.Time) time.Time, now time.Time) []Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rollouts[o.key()]
	if r == nil {
		return nil // nothing that rolls out
	}
	sum := w.Updated + w.Ready + w.Available
	var out []Change
	if w.Template != r.template {
		by, _ := author(o.Managers, nil, []segment{{name: "spec"}, {name: "template"}})
		before := r.describe()
		was := r.revision
		*r = rollout{template: w.Template, images: w.Images, running: true, started: now, progressed: now, sum: sum}
		if w.Revision != was { // its controller has counted it already
			r.revision = w.Revision
		}
		out = append(out, r.tell(o, "began", before, now, by))
		l.tally(seriesRollouts, o.Ref, "", 1)
	}
	r.revision = w.Revision
	if sum != r.sum {
		r.sum, r.progressed = sum, now
	}
	switch {
	case r.running && w.Complete:
		r.running, r.stalled, r.finished = false, false, now
		if at := clamp(w.Progress); !w.Progress.IsZero() && at.After(r.started) {
			r.finished = at
		}
		out = append(out, r.tell(o, "finished", "", r.finished, Manager{}))
	case r.running && w.Stalled && !r.stalled:
		r.stalled = true
		out = append(out, r.tell(o, "stalled", "", clamp(w.Progress), Manager{}))
	case r.running && r.stalled && !w.Stalled && r.progressed.Equal(now):
		r.stalled = false
	}
	return out
}

// stalls finds rollouts of StatefulSets and DaemonSets that stand still.
func (o *Observer) stalls(now time.Time) (out []Change) {
	for object := range o.Objects() {
		w, ok := object.Facts.(*Workload)
		if ok && !w.Paused && !w.OnDelete && (object.Kind == "StatefulSet" || object.Kind == "DaemonSet") {
			out = append(out, o.ledger.stall(object, now)...)
		}
	}
	return out
}

func (l *ledger) stall(o *Object, now time.Time) []Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.rollouts[o.key()]
	if r == nil || !r.running || r.stalled || now.Sub(r.progressed) < standstill {
		return nil
	}
	r.stalled = true
	return []Change{r.tell(o, "stalled", "", now, Manager{})}
}

// tell makes the Change: Path is /rollout/began, /rollout/finished or
// /rollout/stalled, Before and After are the revision and images.
func (r *rollout) tell(o *Object, what, before string, at time.Time, by Manager) Change {
	c := Change{
		At: at, Kind: Rollout, Object: o.Ref, UID: string(o.UID), Subject: o.Subject(), Path: "/rollout/" + what,
		Before: before, After: r.describe(), Manager: by.Name, Verb: by.Operation,
	}
	stamped := c
	stamped.Before, stamped.After = "", "" // the revision may not be known yet to everyone who sees it
	c.ID = changeID(stamped, r.template+" "+strconv.FormatInt(o.Generation, 10))
	return c
}

// describe is {"images":{"c":"app:v2"},"revision":"4"}; while a rollout begins,
// its controller has not counted the revision yet.
func (r *rollout) describe() string {
	what := map[string]any{"images": r.images}
	if r.revision != "" {
		what["revision"] = r.revision
	}
	body, err := Canonical(what)
	if err != nil { // strings never fail
		return ""
	}
	return Cut(string(body), most)
}
