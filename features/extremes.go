package features

import "math"

// extremes are the least and the greatest value of a stretch; +Inf and -Inf
// where it has none.
type extremes struct{ low, high float64 }

// coarseSegments is how many segments (the steps between two cuts) a coarse
// stretch holds.
const coarseSegments = 8

func (e extremes) with(o extremes) extremes {
	if o.low < e.low {
		e.low = o.low
	}
	if o.high > e.high {
		e.high = o.high
	}
	return e
}

// fillCoarse computes the extremes of every eight segments.
func (t *track) fillCoarse() {
	t.coarse = t.coarse[:0]
	for rest := t.segments; len(rest) >= coarseSegments; rest = rest[coarseSegments:] {
		t.coarse = append(t.coarse, union(rest[:coarseSegments]))
	}
}

func union(all []extremes) extremes {
	low, high := math.Inf(1), math.Inf(-1)
	for _, o := range all {
		if o.low < low {
			low = o.low
		}
		if o.high > high {
			high = o.high
		}
	}
	return extremes{low, high}
}

// extremes returns the extremes of a window: those of its segments, in coarse
// stretches where they fit.
func (t *track) extremes(w window) extremes {
	if t.latest.slot != w.slot {
		a := max(0, int(t.row[w.slot])+1-t.from)
		t.latest.slot, t.latest.extremes = w.slot, t.between(a, int(t.row[0])+1-t.from)
	}
	return t.latest.extremes
}

// between returns the extremes of segments [a, b).
func (t *track) between(a, b int) extremes {
	first, last := (a+coarseSegments-1)/coarseSegments, b/coarseSegments
	if first >= last {
		return union(t.segments[a:b])
	}
	e := union(t.segments[a : first*coarseSegments])
	e = e.with(union(t.coarse[first:last]))
	return e.with(union(t.segments[last*coarseSegments : b]))
}

func (t *track) min(w window) float64 { return t.extremes(w).low }
func (t *track) max(w window) float64 { return t.extremes(w).high }
