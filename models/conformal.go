package models

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// conformal turns a model's own quantiles into calibrated ones: to each it adds
// the quantile, at the same level, of the errors that the model made on
// calibration origins, in units of the row's scale of errors. Errors are kept
// apart by lead: knot k gathers the leads nearest to 2ᵏ, and between knots the
// offsets are interpolated. (Split conformal prediction; Romano, Patterson and
// Candès 2019 for models that have quantiles of their own.)
//
// The scale of errors is local^(1−mix)·spread^mix, of what the series did just
// now and of what it does over such a lead; each knot has the mix that makes the
// calibration errors most alike.
type conformal struct {
	offsets [][len(Quantiles)]float64 // by knot, in scales of errors
	mix     []float64                 // by knot, one of mixes
}

var mixes = [...]float64{0, 0.25, 0.5, 0.75, 1}

// intervalKnots bounds the knots of intervals.
const intervalKnots = 64

// scales are the scales of a row's errors by knot.
type scales [intervalKnots]float64

// scalesOf writes the scales of a row's errors that leads up to a last one ask
// for.
func (c *conformal) scalesOf(h *history, last int, s *scales) {
	for k := range min(bits.Len(uint(max(last, 1)))+1, len(c.offsets)) {
		s[k] = mixScale(h.unit, h.spreadAt(1<<k), c.mix[k])
	}
}

func mixScale(local, spread, mix float64) float64 {
	switch mix {
	case 0:
		return local
	case 0.25:
		return math.Sqrt(local) * math.Sqrt(math.Sqrt(local)*math.Sqrt(spread))
	case 0.5:
		return math.Sqrt(local) * math.Sqrt(spread)
	case 0.75:
		return math.Sqrt(spread) * math.Sqrt(math.Sqrt(local)*math.Sqrt(spread))
	}
	return spread
}

// errorsOfKnot are the errors of a model at one knot of leads.
type errorsOfKnot struct {
	local, spread []float64                 // of the row, by error
	errors        [len(Quantiles)][]float64 // actual − quantile; only the first list of models with one point forecast
}

// errorsByKnot collects them for each knot.
type errorsByKnot []errorsOfKnot

// add notes the errors at a lead of an actual value z.
func (e *errorsByKnot) add(lead int, z float64, quantiles []float64, h *history, centred bool) {
	k := nearestKnot(lead)
	for len(*e) <= k {
		*e = append(*e, errorsOfKnot{})
	}
	knot := &(*e)[k]
	knot.local, knot.spread = append(knot.local, h.unit), append(knot.spread, h.spreadAt(1<<k))
	for i, q := range quantiles[:len(Quantiles)] {
		knot.errors[i] = append(knot.errors[i], z-q)
		if centred {
			break
		}
	}
}

// scaled returns the errors of a quantile in scales of errors, ascending.
func (e *errorsOfKnot) scaled(i int, mix float64) []float64 {
	const limit = 1e12
	x := make([]float64, len(e.errors[i]))
	for n, v := range e.errors[i] {
		x[n] = min(max(v/mixScale(e.local[n], e.spread[n], mix), -limit), limit)
	}
	slices.Sort(x)
	return x
}

// bestMix is the mix under which offsets that are the same for all rows lose
// least, each row's loss in units of its spread.
func (e *errorsOfKnot) bestMix() float64 {
	const (
		few  = 50 // errors, below which the middle stands
		most = 4096
	)
	best, lowest := 0.5, math.Inf(1)
	n := len(e.local)
	if n < few {
		return best
	}
	step := max(1, n/most)
	tested := []int{0, len(Quantiles) - 1}
	if len(e.errors[1]) == 0 { // one point forecast: its outer quantiles are of the same errors
		tested = tested[:1]
	}
	for _, mix := range mixes {
		loss := 0.0
		for _, i := range tested {
			x := e.scaled(i, mix)
			low, high := sortedQuantile(x, Quantiles[0]), sortedQuantile(x, Quantiles[len(Quantiles)-1])
			for m := 0; m < n; m += step {
				scale, err := mixScale(e.local[m], e.spread[m], mix), e.errors[i][m]
				if len(tested) == 1 || i == 0 {
					loss += pinball(Quantiles[0], scale*low, err) / e.spread[m]
				}
				if len(tested) == 1 || i > 0 {
					loss += pinball(Quantiles[len(Quantiles)-1], scale*high, err) / e.spread[m]
				}
			}
		}
		if loss < lowest {
			best, lowest = mix, loss
		}
	}
	return best
}

// fitConformal makes offsets from errors. With few errors at a knot the
// offsets lean on prior(lead, level), and with none they follow the knot
// before. centred says that the model's median is its point forecast, which
// stays as it is.
func fitConformal(e errorsByKnot, prior func(lead int, z float64) float64, centred bool) conformal {
	const leanOn = 10 // as many errors as the prior counts for
	c := conformal{offsets: make([][len(Quantiles)]float64, len(e)), mix: make([]float64, len(e))}
	for k := range e {
		c.mix[k] = e[k].bestMix()
		var x []float64
		for i, level := range Quantiles {
			if i == 0 || !centred {
				x = e[k].scaled(i, c.mix[k])
			}
			believed := prior(1<<k, normalQuantiles[i])
			if len(x) == 0 && k > 0 {
				c.offsets[k][i] = c.offsets[k-1][i] + believed - prior(1<<(k-1), normalQuantiles[i])
				continue
			}
			seen := believed
			if len(x) > 0 {
				seen = sortedQuantile(x, level)
			}
			w := float64(len(x)) / float64(len(x)+leanOn)
			c.offsets[k][i] = w*seen + (1-w)*believed
		}
		if len(x) == 0 && k > 0 {
			c.mix[k] = c.mix[k-1]
		}
		if centred {
			c.offsets[k] = aroundMedian(c.offsets[k])
		}
	}
	return c
}

// aroundMedian keeps offsets from moving a point forecast.
func aroundMedian(o [len(Quantiles)]float64) [len(Quantiles)]float64 {
	for i := range o {
		switch {
		case i < Median:
			o[i] = min(o[i], 0)
		case i == Median:
			o[i] = 0
		default:
			o[i] = max(o[i], 0)
		}
	}
	return o
}

// at writes what is to be added to the quantiles at a lead ≥ 1, given the
// row's scales. Past the last knot the offsets stay.
func (c *conformal) at(s *scales, lead int, out *[len(Quantiles)]float64) {
	k := bits.Len(uint(max(lead, 1))) - 1
	if k >= len(c.offsets)-1 {
		k = len(c.offsets) - 1
		scale := s[k]
		for i, offset := range c.offsets[k] {
			out[i] = scale * offset
		}
		return
	}
	w := float64(lead-1<<k) / float64(int(1)<<k)
	low, high := (1-w)*s[k], w*s[k+1]
	for i := range out {
		out[i] = low*c.offsets[k][i] + high*c.offsets[k+1][i]
	}
}

func (c *conformal) pack(p *packer) {
	p.integer(len(c.offsets))
	for k, o := range c.offsets {
		p.float(c.mix[k])
		for _, v := range o {
			p.float(v)
		}
	}
}

func unpackConformal(u *unpacker) (conformal, error) {
	n := u.length(8 * (1 + len(Quantiles)))
	c := conformal{offsets: make([][len(Quantiles)]float64, n), mix: make([]float64, n)}
	sound := n > 0 && n <= intervalKnots
	for k := range c.offsets {
		c.mix[k] = u.float()
		sound = sound && slices.Contains(mixes[:], c.mix[k])
		for i := range Quantiles {
			v := u.float()
			c.offsets[k][i] = v
			sound = sound && v-v == 0
		}
	}
	if !sound {
		return c, fmt.Errorf("%w: intervals are missing or not finite", ErrCorrupt)
	}
	return c, nil
}

// nearestKnot returns the k for which 2ᵏ is nearest to lead on a log scale.
func nearestKnot(lead int) int { return int(math.Round(math.Log2(float64(max(lead, 1))))) }

// sortedQuantile is the quantile of ascending x at a level in [0, 1], linear
// between order statistics (Hyndman and Fan 1996, type 6, whose expected rank
// is exact: (n+1)·level). x is not empty.
func sortedQuantile(x []float64, level float64) float64 {
	r := level*float64(len(x)+1) - 1
	if r <= 0 {
		return x[0]
	}
	i := int(r)
	if i >= len(x)-1 {
		return x[len(x)-1]
	}
	w := r - float64(i)
	return (1-w)*x[i] + w*x[i+1]
}

// normalQuantiles are the quantiles of the standard normal at Quantiles.
var normalQuantiles = [len(Quantiles)]float64{
	-1.2815515655, -0.8416212336, -0.5244005127, -0.2533471031, 0,
	0.2533471031, 0.5244005127, 0.8416212336, 1.2815515655,
}
