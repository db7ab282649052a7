package models

import (
	"math"

	"github.com/driftcast/driftcast/features"
)

// pastEvents is what is known at an origin of a subject's own events, in grid
// steps.
type pastEvents struct {
	since    int // from the end of the latest event to the origin; -1: never seen
	count    int // events that began
	exposure int // steps at which the subject was seen without the event
}

// lookBack reads the events in past, which ends at the origin: runs of at
// least need steps in which the target's predicate (or breach) holds. It stops
// at the latest event where onlyLatest is set, leaving the counts incomplete.
// Missing steps neither begin, continue nor end an event.
func lookBack(past []float64, t *features.Target, need int, onlyLatest bool) pastEvents {
	p := pastEvents{since: -1}
	run, end := 0, 0
	flush := func() bool {
		found := run >= need
		if found {
			p.count++
			if p.since < 0 {
				p.since = len(past) - 1 - end
			}
		}
		run = 0
		return found
	}
	for i := len(past) - 1; i >= 0; i-- {
		v := past[i]
		switch {
		case math.IsNaN(v):
		case happening(t, v):
			if run == 0 {
				end = i
			}
			run++
		default:
			if run > 0 && flush() && onlyLatest {
				return p
			}
			p.exposure++
		}
	}
	flush()
	return p
}

// happening says whether a value of the target's own signal means that the
// event is going on, or the level's objective broken.
func happening(t *features.Target, v float64) bool {
	if t.Objective != nil {
		return t.Objective.Breached(v)
	}
	return v != 0
}

// holdSteps returns how many grid steps in a row the predicate must hold to
// count as an event.
func holdSteps(t *features.Target) int {
	if t.For <= 0 || t.Interval <= 0 {
		return 1
	}
	return int((t.For + t.Interval - 1) / t.Interval)
}

// unknown says whether nothing at all is known of a row's subject: no sample
// of its own and no feature made from any signal.
func unknown(f *features.Frame, row int) bool {
	past := f.Past(row)
	for i := len(past) - 1; i >= 0; i-- {
		if !math.IsNaN(past[i]) {
			return false
		}
	}
	for j, v := range f.Features(row) {
		if f.Columns[j].Signal != "" && !math.IsNaN(v) {
			return false
		}
	}
	return true
}

// predicateOf returns a subject's series as a predicate, 1, 0 or NaN.
func predicateOf(p *features.Panel, t *features.Target, subject int) []float64 {
	own := p.Series(0, subject)
	if t.Objective == nil {
		return own
	}
	out := make([]float64, len(own))
	for i, v := range own {
		switch {
		case math.IsNaN(v):
			out[i] = v
		case happening(t, v):
			out[i] = 1
		}
	}
	return out
}
