package models

import (
	"math"
	"slices"

	"github.com/driftcast/driftcast/features"
)

// History is a history, read by what keeps what it has worked out (Read), and
// without (Plain).
type History struct{ h history }

// Begin is begin.
func (x *History) Begin(f *features.Frame, row int) bool { return x.h.begin(f, row, 1) }

// Read returns the past values, the medians of windows, the shape of a cycle at
// every offset and the spread at a few leads.
func (x *History) Read(period int) []float64 {
	h, c := &x.h, newCycle(period)
	out := x.values(h.value)
	for _, n := range []int{1, 3, 32} {
		out = append(out, h.sorted(min(n, h.known))...)
	}
	for offset := 1 - period; offset <= period; offset++ {
		mean, latest, _ := c.shape(h, offset)
		out = append(out, mean, latest)
	}
	for k := range 6 {
		out = append(out, h.spreadAt(1<<k))
	}
	return out
}

// Plain returns the same.
func (x *History) Plain(period int) []float64 {
	h, c := &x.h, newCycle(period)
	out := x.values(func(i int) float64 { return h.in(h.past[i]) })
	for _, n := range []int{1, 3, 32} {
		window := slices.Clone(h.recent[:min(n, h.known)])
		slices.Sort(window)
		out = append(out, window...)
	}
	for offset := 1 - period; offset <= period; offset++ {
		mean, latest := c.measureShape(h, offset)
		out = append(out, mean, latest)
	}
	for k := range 6 {
		out = append(out, h.plainSpread(k))
	}
	return out
}

func (x *History) values(value func(i int) float64) []float64 {
	var out []float64
	for i, v := range x.h.past {
		if v-v == 0 {
			out = append(out, value(i))
		}
	}
	return out
}

// plainSpread is the spread of pairs 2ᵏ steps apart by its definition: the mean
// of |z(t+lead) − z(t)|, leaning on that of a random walk.
func (h *history) plainSpread(k int) float64 {
	before := h.unit
	if k > 0 {
		before = h.plainSpread(k-1) * math.Sqrt2
	}
	sum, n := 0.0, 0.0
	for i := range spreadPairs {
		last := len(h.past) - 1 - 1<<k
		if last < 0 {
			break
		}
		share := math.Mod(float64(i+1)*0.6180339887498949, 1)
		at := last - int(share*float64(last+1))
		if a, b := h.past[at], h.past[at+1<<k]; a-b-(a-b) == 0 {
			sum, n = sum+math.Abs(h.in(a)-h.in(b)), n+1
		}
	}
	if n < spreadLeast {
		return before
	}
	return min(max((sum+4*before)/(n+4), 1e-9*(1+math.Abs(h.last))), largest)
}
