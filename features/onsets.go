package features

import (
	"math"
	"time"
)

// gapSteps is the longest run of missing samples that neither breaks a run of
// the predicate nor hides its beginning: five steps, the look-back that
// Prometheus itself allows at a scrape a minute.
const gapSteps = 5

// Onsets returns the steps at which an event begins: the first true sample of
// each run of the predicate (1 true, 0 false, NaN unknown) that follows a false
// sample and holds for at least forSteps steps (at least one). A run of n true
// samples holds for n steps. Up to five missing samples in a row neither break
// a run nor hide where it begins; after a longer gap the beginning is unknown,
// and such a run is not reported.
func Onsets(series []float64, forSteps int) []int {
	return scanRuns(series, forSteps).onsets
}

// runs is what is known of the predicate's runs in a series.
type runs struct {
	onsets    []int // beginnings that are certain
	uncertain []int // steps by which an event may have begun, or may not
	last      int   // the last known step; -1 where there is none
}

// scanRuns finds the runs of a predicate in one pass.
func scanRuns(series []float64, forSteps int) runs {
	need := max(1, forSteps)
	r := runs{last: -1}
	prev, begin, certain := math.NaN(), -1, false
	finish := func(known bool) { // the run [begin, r.last] ends; known: it is seen to end
		switch {
		case begin < 0:
		case certain && r.last-begin+1 >= need:
			r.onsets = append(r.onsets, begin)
		case r.last-begin+1 >= need, !known:
			r.uncertain = append(r.uncertain, begin)
		}
		begin = -1
	}
	for i, v := range series {
		if v != v {
			continue
		}
		near := r.last >= 0 && i-r.last <= gapSteps+1
		truth := v != 0
		switch {
		case truth && begin >= 0 && !near:
			finish(false)
			begin, certain = i, false
		case truth && begin < 0:
			begin, certain = i, near && prev == 0
		case !truth && begin >= 0:
			finish(near)
		}
		prev, r.last = v, i
	}
	finish(false)
	return r
}

// Held says whether a target's condition held for as long as the target wants
// anywhere in a stretch of its own signal. Unlike an onset it may have begun
// before the stretch. Missing samples neither end a run nor lengthen it. That it did
// not hold is not known where less than half of the samples are there, or the
// target has no condition.
func Held(t *Target, own []float64) (held, known bool) {
	series := own
	if !t.IsEvent() {
		if t.Objective == nil {
			return false, false
		}
		series = breaches(*t.Objective, own, nil)
	}
	need, seen, run := max(1, stepsOf(t.For, t.Interval)), 0, 0
	for _, v := range series {
		switch {
		case v != v:
			continue
		case v != 0:
			run++
			held = held || run >= need
		default:
			run = 0
		}
		seen++
	}
	return held, held || seen > 0 && 2*seen >= len(series)
}

// breaches appends to dst whether each value of a level breaks the objective:
// 1 or 0, NaN where the level is missing.
func breaches(o Objective, own, dst []float64) []float64 {
	for _, v := range own {
		switch {
		case v != v:
			dst = append(dst, v)
		case o.Breached(v):
			dst = append(dst, 1)
		default:
			dst = append(dst, 0)
		}
	}
	return dst
}

// stepsOf returns a duration in grid steps, rounded up.
func stepsOf(d, interval time.Duration) int {
	return int((d + interval - 1) / interval)
}
