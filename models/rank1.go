package models

import (
	"fmt"
	"math"
)

const kindRank1 = "rank1-ridge"

// rank1 forecasts a level as the shape of its cycles (a day, a week) moved to a
// level of its own, which a ridge regression learns to forecast from the latest
// values, the latest turns and what the shape says of both: one shape, one level
// a turn, a matrix of rank one (after FLAIR). Regressions are pooled over
// subjects in local units, one for each knot of leads, and tell the change since
// the last known value; between knots they are interpolated.
type rank1 struct {
	cycles []cycle     // at most cyclesMax, shortest first
	knots  [][]float64 // weights of the regressors, by knot
}

const perCycle = 9 // regressors

// rank1Windows are how many known values the recent levels are medians of.
func rank1Windows() [4]int { return [...]int{3, 9, 32, 128} }

// now is what the regressors of all leads have in common.
type now struct {
	recent [4]float64
	of     [cyclesMax]cycleNow
}

// cycleNow is a cycle at the origin.
type cycleNow struct {
	known       bool
	shape, last float64 // at the origin, over turns and one turn ago
	near        float64 // the shape's mean over the last few steps
	mean        float64 // the shape's mean over a turn
	strength    float64 // how much of the shape the latest turn has had
	level       float64 // the mean of the latest turn
}

// full says whether all of so many cycles are known.
func (s *now) full(cycles int) bool {
	for i := range cycles {
		if !s.of[i].known {
			return false
		}
	}
	return true
}

func (b *rank1) width() int { return len(now{}.recent) + perCycle*len(b.cycles) }

// now reads the present.
func (b *rank1) now(h *history) now {
	var s now
	for k, n := range rank1Windows() {
		s.recent[k] = windowQuantile(h.sorted(min(n, h.known)), 0.5)
	}
	for i, c := range b.cycles {
		s.of[i] = c.now(h)
	}
	return s
}

// now reads a cycle at the origin of h.
func (c cycle) now(h *history) cycleNow {
	const nearSteps = 16
	var n cycleNow
	level, ok := c.level(h)
	shape, last, known := c.shape(h, c.back(h.age))
	if !ok || !known {
		return n
	}
	n.shape, n.last, n.level = shape, last, level
	var sum, count float64
	for i := 0; i < nearSteps; i += 4 {
		if z, _, ok := c.shape(h, c.back(h.age+i)); ok {
			sum, count = sum+z, count+1
		}
	}
	n.near = sum / count
	n.strength, n.mean, n.known = c.strength(h)
	return n
}

// regressors writes the regressors of a lead, all relative to the last known
// value and 0 where nothing is known.
func (b *rank1) regressors(h *history, s *now, lead int, x []float64) {
	for i, z := range s.recent {
		x[i] = z - h.last
	}
	x = x[len(s.recent):]
	for i, c := range b.cycles {
		x := x[i*perCycle : (i+1)*perCycle]
		clear(x)
		n := &s.of[i]
		if !n.known {
			continue
		}
		shape, latest, ok := c.shape(h, c.phase(lead))
		if !ok {
			continue
		}
		x[0] = shape - h.last
		x[1] = shape - n.shape
		x[2] = shape - n.near
		x[3] = shape - n.mean
		x[4] = latest - h.last
		x[5] = latest - n.last
		x[6] = n.level - h.last
		x[7] = n.strength * (shape - n.near)
		x[8] = n.level - h.last + n.strength*(shape-n.mean)
	}
}

// path implements base.
func (b *rank1) path(h *history, leads []int, q []float64) {
	s := b.now(h)
	x := h.take(b.width())
	for i, lead := range leads {
		b.regressors(h, &s, lead, x)
		k, share := knotOf(lead+h.age, len(b.knots))
		z := h.last + dot(b.knots[k], x)
		if share > 0 {
			z += share * dotDifference(b.knots[k+1], b.knots[k], x)
		}
		if z-z != 0 {
			z = h.last
		}
		// Every regressor tells of a place that the series has been at, and no
		// forecast goes farther than the farthest: weights that were learned
		// before a step would.
		far := farthest(x)
		setPoint(q, i, min(max(z, h.last-far, -largest), h.last+far, largest))
	}
}

func farthest(x []float64) float64 {
	far := 0.0
	for _, v := range x {
		far = max(far, math.Abs(v))
	}
	return far
}

func dot(a, b []float64) float64 {
	var sum float64
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func dotDifference(a, b, x []float64) float64 {
	var sum float64
	for i, v := range x {
		sum += (a[i] - b[i]) * v
	}
	return sum
}

func (*rank1) prior(lead int, z float64) float64 { return z * math.Sqrt(float64(lead)) }

func (*rank1) centred() bool { return true }
func (*rank1) kind() string  { return kindRank1 }

func (b *rank1) pack(p *packer) {
	packCycles(p, b.cycles)
	p.integer(len(b.knots))
	for _, w := range b.knots {
		p.floats(w)
	}
}

func unpackRank1(u *unpacker) (base, error) {
	cycles, err := unpackCycles(u)
	if err != nil {
		return nil, err
	}
	b := &rank1{cycles: cycles}
	for range u.length(1) {
		w := u.floats()
		for _, v := range w {
			if v-v != 0 {
				return nil, fmt.Errorf("%w: a weight that is not finite", ErrCorrupt)
			}
		}
		if len(w) != b.width() {
			return nil, fmt.Errorf("%w: %d weights for %d regressors", ErrCorrupt, len(w), b.width())
		}
		b.knots = append(b.knots, w)
	}
	if len(b.knots) == 0 {
		return nil, fmt.Errorf("%w: a regression without weights", ErrCorrupt)
	}
	return b, u.err
}
