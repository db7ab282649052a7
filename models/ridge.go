package models

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

const kindRidge = "pooled-ridge"

// pooledRidge forecasts by linear regressions of the change since the last
// value on how far each of the values before it was from that,
//
//	y[t+h] − y[t] = Σ_l w[h][l]·(y[t−l] − y[t])
//
// one for each of some leads h, pooled over subjects (learnRidge). It works on
// several grids: short leads from single steps, longer ones from means over
// blocks of steps, which reach back further with as many weights.
type pooledRidge struct {
	grids []ridgeGrid // the finest first, 1…ridgeGridsMax
}

// ridgeGrid is the regressions on one grid.
type ridgeGrid struct {
	step    int       // grid steps of a block
	lags    int       // blocks that are looked back at
	until   int       // lead up to which this grid is for, in grid steps; the last one is for all beyond too
	knots   []int     // leads with a regression of their own, in blocks, ascending
	weights []float64 // knots×lags, row-major, the newest block first
}

const (
	ridgeGridsMax = 3
	ridgeLagsMax  = 400
	ridgeKnotsMax = 128
)

func (b *pooledRidge) path(h *history, leads []int, q []float64) {
	past := h.past[:len(h.past)-h.age]
	changes := h.take(len(leads))
	clear(changes)
	for g := range b.grids {
		var (
			grid  = &b.grids[g]
			knots []float64
			k     int
		)
		for i, lead := range leads {
			lead += h.age
			share := b.share(g, lead)
			if share == 0 {
				continue
			}
			if knots == nil {
				knots = grid.changes(h, past)
			}
			var z float64
			z, k = grid.between(knots, lead, k)
			changes[i] += share * z
		}
	}
	for i, change := range changes {
		setPoint(q, i, h.last+change)
	}
}

// share is the weight of the g-th grid at a lead: one within its range, and
// fading to the next from 3/4 of its last lead to 3/2.
func (b *pooledRidge) share(g, lead int) float64 {
	return b.beyond(g-1, lead) - b.beyond(g, lead)
}

// beyond is how far a lead is past the range of the g-th grid, from 0 to 1.
func (b *pooledRidge) beyond(g, lead int) float64 {
	if g < 0 {
		return 1
	}
	if g == len(b.grids)-1 {
		return 0
	}
	return min(max(float64(lead)/(0.75*float64(b.grids[g].until))-1, 0), 1)
}

// changes returns the forecast change from the last value at each knot.
func (g *ridgeGrid) changes(h *history, past []float64) []float64 {
	x := h.take(g.lags)
	known := g.gather(h, past, x)
	low, high := 0.0, 0.0
	for _, d := range x[:known] {
		low, high = min(low, d), max(high, d)
	}
	out := h.take(len(g.knots))
	room := 0.5 * (high - low)
	for k := range out {
		out[k] = min(max(floats.Dot(g.weights[k*g.lags:(k+1)*g.lags], x), low-room), high+room)
	}
	return out
}

// gather writes how far the mean of each block before the end of past is from
// the last value, the newest first: a block of which nothing is known is as the
// one before it, and those before all that is known do not differ. It returns
// how many blocks there are.
func (g *ridgeGrid) gather(h *history, past []float64, x []float64) int {
	blocks := min(g.lags, (len(past)+g.step-1)/g.step)
	d := 0.0
	clear(x[blocks:])
	for l := blocks - 1; l >= 0; l-- {
		end := len(past) - l*g.step
		if g.step == 1 {
			if v := past[end-1]; v-v == 0 {
				d = h.value(end-1) - h.last
			}
		} else if v, ok := blockMean(past[max(0, end-g.step):end]); ok {
			d = h.in(v) - h.last
		}
		x[l] = d
	}
	return blocks
}

// blockMean is the mean of what is known of x.
func blockMean(x []float64) (mean float64, ok bool) {
	sum, n := floats.Sum(x), float64(len(x))
	if sum-sum == 0 {
		return sum / n, n > 0
	}
	sum, n = 0, 0
	for _, v := range x {
		if v-v == 0 {
			sum += v
			n++
		}
	}
	return sum / n, n > 0 && sum-sum == 0
}

// between is the change at a lead (grid steps), linear between the middles of
// the blocks of knots, from none at lead 0, and staying after the last. k is
// where to look first.
func (g *ridgeGrid) between(changes []float64, lead, k int) (float64, int) {
	for k < len(g.knots) && g.middle(k) < float64(lead) {
		k++
	}
	if k == len(g.knots) {
		return changes[k-1], k
	}
	at, z := 0.0, 0.0
	if k > 0 {
		at, z = g.middle(k-1), changes[k-1]
	}
	w := (float64(lead) - at) / (g.middle(k) - at)
	return z + w*(changes[k]-z), k
}

// middle is the lead, in grid steps, of the middle of a knot's block.
func (g *ridgeGrid) middle(k int) float64 {
	return float64(g.knots[k]*g.step) - float64(g.step-1)/2
}

// prior is that of a random walk.
func (*pooledRidge) prior(lead int, z float64) float64 { return z * math.Sqrt(float64(lead)) }

func (*pooledRidge) centred() bool { return true }
func (*pooledRidge) kind() string  { return kindRidge }

func (b *pooledRidge) pack(p *packer) {
	p.integer(len(b.grids))
	for _, g := range b.grids {
		p.integer(g.step)
		p.integer(g.lags)
		p.integer(g.until)
		p.integers(g.knots)
		p.floats(g.weights)
	}
}

func unpackRidge(u *unpacker) (base, error) {
	n := u.length(1)
	if n < 1 || n > ridgeGridsMax {
		return nil, fmt.Errorf("%w: a ridge on %d grids", ErrCorrupt, n)
	}
	b := &pooledRidge{}
	for i := range n {
		g := ridgeGrid{step: u.integer(), lags: u.integer(), until: u.integer(), knots: u.integers(), weights: u.floats()}
		switch {
		case g.step < 1 || g.step > seasonMax || g.lags < 1 || g.lags > ridgeLagsMax,
			g.until < 1 || g.until > seasonMax || i > 0 && (g.step <= b.grids[i-1].step || g.until <= b.grids[i-1].until),
			len(g.knots) < 1 || len(g.knots) > ridgeKnotsMax || len(g.weights) != len(g.knots)*g.lags:
			return nil, fmt.Errorf("%w: a grid of a ridge", ErrCorrupt)
		}
		before := 0
		for _, k := range g.knots {
			if k <= before || k > seasonMax {
				return nil, fmt.Errorf("%w: the knots of a ridge", ErrCorrupt)
			}
			before = k
		}
		for _, w := range g.weights {
			if w-w != 0 || math.Abs(w) > ridgeWeightMax {
				return nil, fmt.Errorf("%w: the weights of a ridge", ErrCorrupt)
			}
		}
		b.grids = append(b.grids, g)
	}
	return b, u.err
}

// ridgeWeightMax bounds a single weight, so that sums stay finite.
const ridgeWeightMax = 1e3
