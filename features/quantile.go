package features

import (
	"math"
	"slices"
)

// quantileSamples is about how many samples of a window its quantiles are
// taken from: enough for the 0.1 and 0.9 quantile, and cheap to keep sorted.
const quantileSamples = 64

// sortedWindow holds evenly spaced samples of a window in order. The spacing is
// counted in absolute steps, so that consecutive origins share their samples
// and moving on means a few insertions and removals.
type sortedWindow struct {
	values []float64
	from   int // steps [from, to) are in values
	to     int
}

func (s *sortedWindow) reset() { s.values, s.from, s.to = s.values[:0], 0, 0 }

// quantile returns the q-quantile (linear between order statistics) of about
// quantileSamples evenly spaced samples of a window;
// NaN where none is there.
func (t *track) quantile(w window, q float64) float64 {
	for len(t.sorted) <= w.slot {
		t.sorted = append(t.sorted, sortedWindow{})
	}
	s := &t.sorted[w.slot]
	if s.to != t.i+1 {
		s.move(t, max(t.first, t.i+1-w.steps), t.i+1, max(1, w.steps/quantileSamples))
	}
	if len(s.values) == 0 {
		return math.NaN()
	}
	at := q * float64(len(s.values)-1)
	k := int(at)
	if k+1 >= len(s.values) {
		return s.values[len(s.values)-1]
	}
	return s.values[k] + (at-float64(k))*(s.values[k+1]-s.values[k])
}

// move makes the window [from, to).
func (s *sortedWindow) move(t *track, from, to, stride int) {
	if from < s.from || to < s.to || from >= s.to {
		s.reset()
		s.from, s.to = from, from
	}
	for i := t.onStride(s.from, stride); i < from; i += stride {
		if v := t.y[i]; v-v == 0 {
			at, _ := slices.BinarySearch(s.values, v)
			s.values = slices.Delete(s.values, at, at+1)
		}
	}
	for i := t.onStride(s.to, stride); i < to; i += stride {
		if v := t.y[i]; v-v == 0 {
			at, _ := slices.BinarySearch(s.values, v)
			s.values = slices.Insert(s.values, at, v)
		}
	}
	s.from, s.to = from, to
}

// onStride returns the first step at or after i whose absolute number is a
// multiple of stride.
func (t *track) onStride(i, stride int) int {
	return i + (stride-(i+t.phase)%stride)%stride
}
