package models

import (
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// history is the past of one row as the level models see it, on their scale:
// the last known value, its age, and the local unit in which errors are
// measured. It is scratch, used again for row after row.
type history struct {
	past    []float64 // raw, up to and including the origin; not finite is missing
	columns []float64 // the row's features
	origin  int64     // Unix seconds
	step    int64     // seconds of a grid step
	transform
	last float64 // last known value, on the model's scale
	age  int     // grid steps since the last known value
	unit float64 // local scale, always positive and finite

	spread  [spreadKnots]float64 // by knot of leads, the first `spreads` of them; see spreadAt
	spreads int

	recent [recentLength]float64 // latest known values on the model's scale, newest first
	known  int                   // how many of recent are filled

	orders  [sortedMost][]float64 // what sorted has returned, the first `ordered` of them
	ordered int

	turn   uint32       // the stamp of this row, never 0
	logs   []keptValue  // of past, on scales of logarithms
	shapes []keptShapes // of the cycles that were asked for

	room  []float64 // what take hands out
	taken int
}

// recentLength is how many known values a history looks back over.
const recentLength = 256

// sortedMost is how many orders of the recent values a history keeps.
const sortedMost = 8

// begin reads a row of a frame. typical is the unit to lean on while little is
// known; ok is false where nothing is.
func (h *history) begin(f *features.Frame, row int, typical float64) (ok bool) {
	past, scale := f.Past(row), f.Target.Scale
	h.past, h.scale, h.columns = past, scale, f.Features(row)
	h.origin, h.step = f.OriginOf(row).Unix(), int64(f.Panel.Interval/time.Second)
	h.known, h.age, h.taken, h.spreads, h.ordered = 0, 0, 0, 0, 0
	var sum float64
	for i := len(past) - 1; i >= 0 && h.known < recentLength; i-- {
		v := past[i]
		if v-v != 0 { // NaN, ±Inf
			continue
		}
		if h.known == 0 {
			h.age = len(past) - 1 - i
		}
		h.recent[h.known] = v
		h.known++
		sum += min(math.Abs(v), largest/recentLength)
	}
	if h.known == 0 {
		return false
	}
	h.offset = 0
	if scale == features.ScaleLog {
		h.offset = 0.01 * sum / float64(h.known)
		if h.offset == 0 {
			h.offset = 1
		}
	}
	h.forget()
	for i, n := len(past)-1-h.age, 0; n < h.known; i-- {
		if v := past[i]; v-v == 0 {
			h.recent[n] = h.value(i)
			n++
		}
	}
	h.last = h.recent[0]
	h.unit = localUnit(h.recent[:h.known], typical)
	return true
}

// sorted returns the n latest known values in ascending order, to read only.
func (h *history) sorted(n int) []float64 {
	for _, s := range h.orders[:h.ordered] {
		if len(s) == n {
			return s
		}
	}
	s := h.take(n)
	copy(s, h.recent[:n])
	slices.Sort(s)
	if h.ordered < len(h.orders) {
		h.orders[h.ordered] = s
		h.ordered++
	}
	return s
}

// take returns room for n numbers, not cleared, until the next begin.
func (h *history) take(n int) []float64 {
	if h.taken+n > len(h.room) {
		h.room, h.taken = make([]float64, 2*(h.taken+n)), 0 // what was taken before stays with its takers
	}
	h.taken += n
	return h.room[h.taken-n : h.taken : h.taken]
}

// setPoint makes all quantiles of the i-th lead one point.
func setPoint(q []float64, i int, z float64) {
	q = q[i*len(Quantiles) : (i+1)*len(Quantiles)]
	for k := range q {
		q[k] = z
	}
}

// localUnit is a robust scale of the latest known values z, newest first: the
// mean absolute deviation of the nearest ones from their mean, with a part of
// that of all of them so that a quiet hour in a lively week is not taken for
// certainty, and leaning on typical where fewer than a handful are known.
func localUnit(z []float64, typical float64) float64 {
	const (
		near   = 32
		share  = 0.3 // of the deviation of all of z
		leanOn = 2   // as many values as typical counts for
	)
	local := meanAbsoluteDeviation(z[:min(near, len(z))])
	unit := (1-share)*local + share*meanAbsoluteDeviation(z)
	n := float64(len(z) - 1)
	unit = (n*unit + leanOn*typical) / (n + leanOn)
	return min(max(unit, 1e-9*(1+math.Abs(z[0]))), largest)
}

// meanAbsoluteDeviation is mean |x − mean x|; 0 for an empty x.
func meanAbsoluteDeviation(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	n := float64(len(x))
	var mean, deviation float64
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		deviation += math.Abs(v-mean) / n
	}
	return deviation
}
