package features

import "math"

// extremes are the least and the greatest value of a stretch; +Inf and -Inf
// where it has none.
type extremes struct{ low, high float64 }

// coarseSegments is how many segments (the steps between two cuts) a coarse
// stretch holds.
const coarseSegments = 16

var none = extremes{math.Inf(1), math.Inf(-1)}

func (e extremes) with(o extremes) extremes {
	if o.low < e.low {
		e.low = o.low
	}
	if o.high > e.high {
		e.high = o.high
	}
	return e
}

// fillCoarse computes the extremes of every 16 segments.
func (t *track) fillCoarse() {
	t.coarse = t.coarse[:0]
	for rest := t.segments; len(rest) >= coarseSegments; rest = rest[coarseSegments:] {
		t.coarse = append(t.coarse, union(rest[:coarseSegments]))
	}
}

func union(all []extremes) extremes {
	e := none
	for _, o := range all {
		e = e.with(o)
	}
	return e
}

// extremes returns the extremes of the w steps up to and including i: those of
// the segments among them, of coarse stretches where they fit, and of the
// steps at either end that are not whole segments.
func (t *track) extremes(i, w int) extremes {
	if t.latest.i == i && t.latest.w == w {
		return t.latest.extremes
	}
	begin := max(t.first, i+1-w)
	a, b := 0, int(t.cuts.upTo[i])-t.from // segments [a, b) end within the window
	if begin > t.first {
		a = int(t.cuts.upTo[begin-1]) - t.from
	}
	e := none
	switch {
	case a >= b:
		_, e = t.pass(nothing, begin, i+1)
	default:
		if begin > t.first && (a == 0 || int(t.cuts.steps[t.from+a-1]) != begin-1) { // a cut segment
			_, e = t.pass(nothing, begin, int(t.cuts.steps[t.from+a])+1)
			a++
		}
		e = e.with(t.segmentExtremes(a, b))
		if rest := int(t.cuts.steps[t.from+b-1]) + 1; rest <= i {
			_, o := t.pass(nothing, rest, i+1)
			e = e.with(o)
		}
	}
	t.latest.i, t.latest.w, t.latest.extremes = i, w, e
	return e
}

// segmentExtremes returns the extremes of segments [a, b).
func (t *track) segmentExtremes(a, b int) extremes {
	first, last := (a+coarseSegments-1)/coarseSegments, b/coarseSegments
	if first >= last {
		return union(t.segments[a:b])
	}
	e := union(t.segments[a : first*coarseSegments])
	e = e.with(union(t.coarse[first:last]))
	return e.with(union(t.segments[last*coarseSegments : b]))
}

func (t *track) min(i, w int) float64 { return finite(t.extremes(i, w).low) }
func (t *track) max(i, w int) float64 { return finite(t.extremes(i, w).high) }
