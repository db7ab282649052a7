package boost

import (
	"context"
	"fmt"
	"math"
)

// FitQuantiles boosts the pinball loss of labels y (n, finite) at several
// levels (each in (0, 1), ascending) at once. Weight (n, from 0; nil: all 1)
// multiplies the loss of a row; start (n × levels, row-major; nil: none) is
// where boosting begins. The ensemble has an output per level, to add to
// start. Without start it includes the quantiles of y, with it an ensemble of
// no trees is 0. Nothing keeps the quantiles of a row from crossing: sort them.
//
// All levels share the splits of a tree. A split is chosen by two sums of the
// levels' gradients: their plain sum, which sees a shift, and the upper levels
// against the lower ones, which sees a change of spread, each divided by its
// standard deviation where nothing is wrong. Every leaf then moves each level
// by that quantile of its residuals, times Rate, times W/(W + L2) for a leaf
// of weight W.
func FitQuantiles(ctx context.Context, d Data, y, weight, start, levels []float64, o Options) (*Ensemble, error) {
	o = o.withDefaults()
	if len(levels) == 0 || len(levels) > maxOutputs {
		return nil, fmt.Errorf("boost: %d levels: want 1…%d", len(levels), maxOutputs)
	}
	for k, v := range levels {
		if !(v > 0 && v < 1) || k > 0 && v <= levels[k-1] {
			return nil, fmt.Errorf("boost: levels %v: want ascending numbers in (0, 1)", levels)
		}
	}
	t, err := newTarget(d, y, weight, start, len(levels), o)
	if err != nil {
		return nil, fmt.Errorf("boost: %w", err)
	}
	e, err := fit(ctx, d, t, start != nil, newPinball(t, levels, o.L2), o)
	if err != nil {
		return nil, fmt.Errorf("boost: %w", err)
	}
	return e, nil
}

// pinball is the loss max(τ·r, (τ−1)·r) of residuals r = y − f, summed over levels τ.
type pinball struct {
	*target
	levels   []float64
	shift    float64   // what the plain sum of gradients is multiplied by
	contrast []float64 // what each level's gradient is multiplied by to see spread
	heaviest float64   // weight
	steepest float64   // bound of both sums at weight 1
	l2       float64
}

// newPinball scales both sums to variance 1. Where f are the true quantiles,
// the gradients of levels i ≤ j have the covariance τi·(1−τj).
func newPinball(t *target, levels []float64, l2 float64) *pinball {
	k := len(levels)
	p := &pinball{target: t, levels: levels, contrast: make([]float64, k), heaviest: 1, l2: l2}
	plain := make([]float64, k)
	for i := range levels {
		plain[i] = 1
		if k > 1 {
			p.contrast[i] = 2*float64(i)/float64(k-1) - 1
		}
	}
	deviation := func(by []float64) float64 {
		sum := 0.0
		for i, a := range levels {
			for j, b := range levels {
				sum += by[i] * by[j] * (min(a, b) - a*b)
			}
		}
		return math.Sqrt(sum)
	}
	p.shift = 1 / deviation(plain)
	p.steepest = float64(k) * p.shift
	if k > 1 {
		scale := 1 / deviation(p.contrast)
		for i := range p.contrast {
			p.contrast[i] *= scale
		}
		p.steepest = max(p.steepest, float64(k)*scale)
	}
	for i, w := range t.weight {
		if i == 0 || w > p.heaviest {
			p.heaviest = w
		}
	}
	return p
}

func (p *pinball) base(rows []int32) []float64 {
	out := make([]float64, len(p.levels))
	p.quantiles(rows, out)
	return out
}

func (p *pinball) packing(rows int) packing {
	return newPacking(rows, p.heaviest*p.steepest, p.heaviest, true)
}

func (p *pinball) word(pack *packing, row int) cell {
	y, scores := p.y[row], p.scores[row*len(p.levels):]
	var shift, spread float64
	for k, level := range p.levels {
		g := level
		if f := scores[k]; y < f {
			g--
		} else if y == f {
			g = 0 // the loss has its minimum here
		}
		shift += g
		spread += g * p.contrast[k]
	}
	w := p.weightOf(row)
	return pack.word(w*shift*p.shift, w*spread, w)
}

func (p *pinball) leaf(rows []int32, _, weight float64, out []float64) {
	p.quantiles(rows, out)
	for k := range out {
		out[k] *= weight / (weight + p.l2)
	}
}

// quantiles writes each level's quantile of the residuals of rows.
func (p *pinball) quantiles(rows []int32, out []float64) {
	residuals := make([]weighted, len(rows))
	for k, level := range p.levels {
		for i, r := range rows {
			residuals[i] = weighted{p.y[r] - p.scores[int(r)*len(p.levels)+k], p.weightOf(int(r))}
		}
		out[k] = quantile(residuals, level)
	}
}

func (p *pinball) loss(row int) float64 {
	sum := 0.0
	for k, level := range p.levels {
		r := p.y[row] - p.scores[row*len(p.levels)+k]
		sum += max(level*r, (level-1)*r)
	}
	return sum / float64(len(p.levels))
}
