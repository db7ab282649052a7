package models

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/driftcast/driftcast/features"
)

// learnRank1 finds the cycles and fits the regressions.
func learnRank1(ctx context.Context, f *features.Frame, rows []int, _ FitOptions) (base, error) {
	b := &rank1{cycles: findCycles(f, rows)}
	cases, err := b.collect(ctx, f, rows)
	if err != nil {
		return nil, err
	}
	var weights []float64
	for k := range cases {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		weights = cases[k].regress(b.width(), weights)
		b.knots = append(b.knots, weights)
	}
	return b, nil
}

// rank1Cases are the regressors (n × width, row-major) and what they should
// have told, in local units.
type rank1Cases struct{ x, y []float64 }

// collect gathers cases for each knot.
func (b *rank1) collect(ctx context.Context, f *features.Frame, rows []int) ([]rank1Cases, error) {
	const (
		rowsMax = 2048
		perKnot = 6144
	)
	var (
		h       = new(history)
		future  []float64
		typical = typicalUnit(f, rows)
		thin    = max(1, len(rows)/rowsMax)
		indices = calibrationLeads(f.Leads, calibrationErrorsMax/perKnot*len(rows)/thin)
		leads   = at(f.Leads, indices)
		cases   []rank1Cases
		x       = make([]float64, b.width())
	)
	for r := 0; r < len(rows); r += thin {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !h.begin(f, rows[r], typical) {
			continue
		}
		future = f.Future(rows[r], future[:0])
		s := b.now(h)
		for i, at := range indices {
			if future[at]-future[at] != 0 {
				continue
			}
			b.regressors(h, &s, leads[i], x)
			k := nearestKnot(leads[i] + h.age)
			for len(cases) <= k {
				cases = append(cases, rank1Cases{})
			}
			c := &cases[k]
			for _, v := range x {
				c.x = append(c.x, min(max(v/h.unit, -errorLimit), errorLimit))
			}
			c.y = append(c.y, min(max((h.in(future[at])-h.last)/h.unit, -errorLimit), errorLimit))
		}
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%w: no row of %s has both a past and a future", ErrTooFewRows, f.Target.Name)
	}
	return cases, nil
}

// regress finds the weights w that make Σ |y − x·w| + ridge small, by ridge
// regressions in which large residuals count for less. Cases of none leave
// before.
func (c *rank1Cases) regress(width int, before []float64) []float64 {
	const (
		strength = 0.02 // of the mean square of a regressor
		leanOn   = 64   // cases that the ridge counts for besides
		rounds   = 6
	)
	w := make([]float64, width)
	if len(c.y) == 0 {
		copy(w, before)
		return w
	}
	gram, right := mat.NewSymDense(width, nil), mat.NewVecDense(width, nil)
	least := 0.0
	for round := range rounds {
		gram.Zero()
		right.Zero()
		g := gram.RawSymmetric().Data
		var size float64
		for n, y := range c.y {
			x := c.x[n*width : (n+1)*width]
			r := math.Abs(y - dot(w, x))
			size += r / float64(len(c.y))
			weight := 1.0
			if round > 0 {
				weight = least / max(r, least)
			}
			for i, v := range x {
				if v == 0 {
					continue
				}
				for j := i; j < width; j++ {
					g[i*width+j] += weight * v * x[j]
				}
				right.SetVec(i, right.AtVec(i)+weight*v*y)
			}
		}
		least = max(0.1*size, 1e-9)
		trace := 0.0
		for i := range width {
			trace += g[i*width+i]
		}
		ridge := (strength + leanOn/float64(len(c.y))) * trace / float64(width)
		for i := range width {
			g[i*width+i] += ridge + 1e-9
		}
		var chol mat.Cholesky
		solved := mat.NewVecDense(width, nil)
		if !chol.Factorize(gram) || chol.SolveVecTo(solved, right) != nil {
			break
		}
		copy(w, solved.RawVector().Data)
	}
	return w
}
