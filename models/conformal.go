package models

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// conformal turns a model's own quantiles into calibrated ones: to each it adds
// the quantile, at the same level, of the errors that the model made on
// calibration origins, in local units. Errors are kept apart by lead: knot k
// gathers the leads nearest to 2ᵏ, and between knots the offsets are
// interpolated. (Split conformal prediction; Romano, Patterson and Candès 2019
// for models that have quantiles of their own.)
type conformal struct {
	offsets [][len(Quantiles)]float64 // by knot, in local units
}

// errorsByKnot collects (actual − quantile) / unit for each knot and quantile.
// Of models with one point forecast only the first list of each knot is filled.
type errorsByKnot [][len(Quantiles)][]float64

// add notes the errors at a lead of an actual value z.
func (e *errorsByKnot) add(lead int, z float64, quantiles []float64, unit float64, centred bool) {
	const limit = 1e12
	k := nearestKnot(lead)
	for len(*e) <= k {
		*e = append(*e, [len(Quantiles)][]float64{})
	}
	for i, q := range quantiles[:len(Quantiles)] {
		x := min(max((z-q)/unit, -limit), limit)
		(*e)[k][i] = append((*e)[k][i], x)
		if centred {
			break
		}
	}
}

// fitConformal makes offsets from errors. With few errors at a knot the
// offsets lean on prior(lead, level), and with none they follow the knot
// before. centred says that the model's median is its point forecast, which
// stays as it is.
func fitConformal(e errorsByKnot, prior func(lead int, z float64) float64, centred bool) conformal {
	const leanOn = 10 // as many errors as the prior counts for
	c := conformal{offsets: make([][len(Quantiles)]float64, len(e))}
	for k := range e {
		for i := range e[k] {
			slices.Sort(e[k][i])
		}
		for i, level := range Quantiles {
			x := e[k][i]
			if centred {
				x = e[k][0]
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
		if centred {
			for i := range Quantiles {
				o := &c.offsets[k][i]
				switch {
				case i < Median:
					*o = min(*o, 0)
				case i == Median:
					*o = 0
				default:
					*o = max(*o, 0)
				}
			}
		}
	}
	return c
}

// at writes the offsets for a lead ≥ 1. Past the last knot they stay.
func (c *conformal) at(lead int, out *[len(Quantiles)]float64) {
	k := bits.Len(uint(max(lead, 1))) - 1
	if k >= len(c.offsets)-1 {
		*out = c.offsets[len(c.offsets)-1]
		return
	}
	w := float64(lead-1<<k) / float64(int(1)<<k)
	low, high := &c.offsets[k], &c.offsets[k+1]
	for i := range out {
		out[i] = (1-w)*low[i] + w*high[i]
	}
}

func (c *conformal) pack(p *packer) {
	p.integer(len(c.offsets))
	for _, o := range c.offsets {
		for _, v := range o {
			p.float(v)
		}
	}
}

func unpackConformal(u *unpacker) (conformal, error) {
	c := conformal{offsets: make([][len(Quantiles)]float64, u.length(8*len(Quantiles)))}
	finite := true
	for k := range c.offsets {
		for i := range Quantiles {
			v := u.float()
			c.offsets[k][i] = v
			finite = finite && v-v == 0
		}
	}
	if !finite || len(c.offsets) == 0 {
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
