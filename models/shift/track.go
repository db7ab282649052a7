package shift

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// State is where a regression stands.
type State string

// The states of a regression.
const (
	New      State = "new"      // found at this time
	Standing State = "standing" // found before
	Gone     State = "gone"     // as it was before, for a hold
)

// Regression is a shift with an identity: subjects of a target that became
// slower together. Numbers are medians over the subjects.
type Regression struct {
	ID         string
	Target     string
	State      State
	Subjects   []collector.Subject
	Onset      time.Time
	Detected   time.Time
	Ended      time.Time // zero while it stands
	Shape      Shape
	Before     float64
	After      float64
	Effect     float64
	Lower      float64
	Upper      float64
	Confidence float64
	Follows    []Change // what it follows, nearest first; empty: none found

	members []member
}

type member struct {
	Subject collector.Subject
	Verdict Verdict
	Gone    bool
}

// Observed is a subject at the time of a look.
type Observed struct {
	Subject collector.Subject
	Labels  collector.Labels
	Series  Series
}

// Tracker remembers the regressions of a target between looks. It is not safe
// for concurrent use.
type Tracker struct {
	Target  string
	Options Options

	regressions []*Regression
	quiet       map[Kind]int
}

// keep is how long a regression that went away is remembered.
const keep = 7 * day

// Look judges every subject as of now, the end of their series, and returns the
// regressions that are new or gone by it. Changes are those known by now. Each
// regression is returned as new once, and as gone once.
func (t *Tracker) Look(now time.Time, subjects iter.Seq[Observed], changes []Change) []Regression {
	t.quiet = map[Kind]int{}
	touched := map[*Regression]bool{}
	for s := range subjects {
		standing := t.standing(s.Subject, now)
		if standing != nil && t.follow(standing, s) {
			touched[standing] = true
		}
		v := Detect(s.Series, t.Options)
		t.quiet[v.Kind]++
		if v.Kind != Regressed || (standing != nil && !t.further(standing, s.Subject, &v)) {
			continue
		}
		touched[t.admit(now, s, v, changes)] = true
	}
	var news []Regression
	kept := t.regressions[:0]
	for _, r := range t.regressions {
		if touched[r] {
			r.settle(now)
		}
		switch {
		case r.State == New && r.Detected.Equal(now):
			news = append(news, r.copy())
		case r.State == New:
			r.State = Standing
		}
		if r.State == Gone && r.Ended.Equal(now) {
			news = append(news, r.copy())
		}
		if r.State != Gone || now.Sub(r.Ended) < keep {
			kept = append(kept, r)
		}
	}
	t.regressions = kept
	return news
}

// Regressions returns what stands and what went away lately, the latest onset first.
func (t *Tracker) Regressions() []Regression {
	out := make([]Regression, len(t.regressions))
	for i, r := range t.regressions {
		out[i] = r.copy()
	}
	slices.SortStableFunc(out, func(a, b Regression) int { return b.Onset.Compare(a.Onset) })
	return out
}

// Quiet returns how many subjects of the last look got each verdict.
func (t *Tracker) Quiet() map[Kind]int { return t.quiet }

// standing returns the regression that a subject is in, or has just been in.
func (t *Tracker) standing(s collector.Subject, now time.Time) *Regression {
	recent := now.Add(-patience * t.Options.withDefaults().Hold)
	for _, r := range slices.Backward(t.regressions) {
		if slices.ContainsFunc(r.members, func(m member) bool { return m.Subject == s && (!m.Gone || r.Ended.After(recent)) }) {
			return r
		}
	}
	return nil
}

// follow notes whether a member's shift still stands, and says whether that
// has changed.
func (t *Tracker) follow(r *Regression, s Observed) bool {
	i := slices.IndexFunc(r.members, func(m member) bool { return m.Subject == s.Subject })
	m := &r.members[i]
	was := m.Gone
	switch Assess(s.Series, m.Verdict, t.Options).Kind {
	case Steady:
		m.Gone = true
	case Regressed:
		m.Gone = false
	}
	return was != m.Gone
}

// further says whether a verdict is a shift on top of the one that stands, and
// makes it one: only its jump counts.
func (t *Tracker) further(r *Regression, s collector.Subject, v *Verdict) bool {
	o := t.Options.withDefaults()
	i := slices.IndexFunc(r.members, func(m member) bool { return m.Subject == s })
	if r.members[i].Gone || v.Shape != Step || v.Onset.Before(r.members[i].Verdict.Onset.Add(2*o.Hold)) || !(v.Jump >= o.MinEffect) || v.Lower <= 0 {
		return false
	}
	if r.Detected.Add(patience * o.Hold).After(v.Onset) {
		return false // the same one, still finding its level
	}
	scale := (1 + v.Jump) / (1 + v.Effect)
	v.Before, v.Effect, v.Lower, v.Upper = v.After/(1+v.Jump), v.Jump, (1+v.Lower)*scale-1, (1+v.Upper)*scale-1
	return true
}

// admit adds a subject to the regression that began about when its own shift
// did, or makes one.
func (t *Tracker) admit(now time.Time, s Observed, v Verdict, changes []Change) *Regression {
	o := t.Options.withDefaults()
	for _, r := range t.regressions {
		if r.State != Gone && v.Onset.Sub(r.Onset).Abs() <= o.Hold && (r.Shape == v.Shape) {
			r.members = append(r.members, member{Subject: s.Subject, Verdict: v})
			return r
		}
	}
	r := &Regression{
		Target: t.Target, State: New, Onset: v.Onset, Detected: now, Shape: v.Shape,
		ID:      t.Target + "/" + s.Subject.String() + "/" + v.Onset.UTC().Format("20060102T150405Z"),
		Follows: Follow(changes, s.Labels, v.Between, v.Onset, 2*o.Hold, max(s.Series.Step, o.Hold/5)),
		members: []member{{Subject: s.Subject, Verdict: v}},
	}
	t.regressions = append(t.regressions, r)
	return r
}

// settle recomputes what is told of a regression from its members.
func (r *Regression) settle(now time.Time) {
	r.Subjects = r.Subjects[:0:0]
	all := true
	for _, m := range r.members {
		r.Subjects = append(r.Subjects, m.Subject)
		all = all && m.Gone
	}
	slices.SortFunc(r.Subjects, func(a, b collector.Subject) int { return cmp.Compare(a.String(), b.String()) })
	of := func(number func(Verdict) float64) float64 {
		var s scratch
		values := make([]float64, len(r.members))
		for i, m := range r.members {
			values[i] = number(m.Verdict)
		}
		m, _ := s.median(values)
		return m
	}
	r.Before, r.After = of(func(v Verdict) float64 { return v.Before }), of(func(v Verdict) float64 { return v.After })
	r.Effect = of(func(v Verdict) float64 { return v.Effect })
	r.Lower, r.Upper = of(func(v Verdict) float64 { return v.Lower }), of(func(v Verdict) float64 { return v.Upper })
	r.Confidence = of(func(v Verdict) float64 { return v.Confidence })
	switch {
	case all && r.State != Gone:
		r.State, r.Ended = Gone, now
	case !all && r.State == Gone:
		r.State, r.Ended = Standing, time.Time{} // it only seemed to have gone
	}
}

func (r *Regression) copy() Regression {
	c := *r
	c.Subjects, c.Follows, c.members = slices.Clone(r.Subjects), slices.Clone(r.Follows), nil
	return c
}
