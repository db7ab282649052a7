package models

import (
	"math"

	"github.com/driftcast/driftcast/features"
)

// history is the past of one row as the level models see it, on their scale:
// the last known value, its age, and the local unit in which errors are
// measured. It is scratch, used again for row after row.
type history struct {
	past []float64 // raw, up to and including the origin; not finite is missing
	transform
	last float64 // last known value, on the model's scale
	age  int     // grid steps since the last known value
	unit float64 // local scale, always positive and finite

	recent [recentLength]float64 // latest known values on the model's scale, newest first
	known  int                   // how many of recent are filled

	sorted [recentLength]float64               // room for a model that sorts
	q      [len(Quantiles)]float64             // what the model says
	own    [mixtureMax][len(Quantiles)]float64 // what each expert of a mixture said first
}

// recentLength is how many known values a history looks back over.
const recentLength = 256

// begin reads the past of a row. typical is the unit to lean on while little
// is known; ok is false where nothing is.
func (h *history) begin(past []float64, scale features.Scale, typical float64) (ok bool) {
	h.past, h.scale = past, scale
	h.known, h.age = 0, 0
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
	for i, v := range h.recent[:h.known] {
		h.recent[i] = h.in(v)
	}
	h.last = h.recent[0]
	h.unit = localUnit(h.recent[:h.known], typical)
	return true
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
