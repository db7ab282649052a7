package models

import (
	"math"
	"math/bits"
)

// How a past is sampled for its spread.
const (
	spreadKnots = 16 // of leads, as those of intervals: up to 2¹⁵ steps
	spreadPairs = 48 // compared for a knot
	spreadLeast = 8  // of them that must be known
)

// spreadAt is what a value is usually away from the one `lead` steps before
// it: the mean |z(t+lead) − z(t)| over pairs spread evenly over the past, in
// the model's units, positive and finite. It tells of a series what the local
// unit, taken from the last few values, cannot: how far it goes in a day. The
// scale of errors at a lead is made of both.
func (h *history) spreadAt(lead int) float64 {
	k := min(nearestKnot(lead), spreadKnots-1)
	for h.spreads <= k {
		h.spread[h.spreads] = h.measureSpread(1 << h.spreads)
		h.spreads++
	}
	return h.spread[k]
}

// measureSpread compares pairs of values that lie so many steps apart. Where
// too few are known, the spread goes on growing like that of a random walk.
func (h *history) measureSpread(apart int) float64 {
	const golden = 0.6180339887498949 // multiples of it are spread evenly, with no season in them
	last := len(h.past) - 1 - apart
	moved, n := moves{transform: h.transform, product: 1}, 0
	for i := range spreadPairs {
		if last < 0 {
			break
		}
		share := float64(i+1) * golden
		at := last - int((share-math.Floor(share))*float64(last+1))
		a, b := h.past[at], h.past[at+apart]
		if d := a - b; d-d == 0 {
			moved.add(a, b)
			n++
		}
	}
	sum := moved.total()
	before := h.unit
	if k := bits.Len(uint(apart)) - 1; k > 0 {
		before = h.spread[k-1] * math.Sqrt2
	}
	const leanOn = 4 // as many pairs as the random walk counts for
	if n < spreadLeast {
		return before
	}
	return min(max((sum+leanOn*before)/float64(n+leanOn), 1e-9*(1+math.Abs(h.last))), largest)
}

// moves adds up |in(a) − in(b)|. Of logarithms that is the logarithm of a product
// of quotients: one is taken of many pairs.
type moves struct {
	transform
	sum, product float64 // product begins as 1
}

func (m *moves) add(a, b float64) {
	const large = 1e100 // quotients and products beyond it are not multiplied further
	if !m.logarithmic() {
		m.sum += math.Abs(m.in(a) - m.in(b))
		return
	}
	low, high := m.odds(a), m.odds(b)
	if low > high {
		low, high = high, low
	}
	quotient := high / low
	if !(quotient < large) {
		m.sum += math.Log(high) - math.Log(low)
		return
	}
	if m.product *= quotient; m.product > large {
		m.sum += math.Log(m.product)
		m.product = 1
	}
}

func (m *moves) total() float64 { return m.sum + math.Log(m.product) }
