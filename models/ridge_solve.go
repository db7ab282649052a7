package models

import (
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/driftcast/driftcast/features"
)

// solve fits a grid: of every prior it takes the λ with the lowest squared
// error on the later windows, and of the priors and their ridges the average
// that has the lowest absolute error on the later rows. What is chosen is
// fitted again on all windows.
func (s *ridgeSums) solve(f *features.Frame, rows []int) (*ridgeGrid, bool) {
	p := s.plan
	g := &ridgeGrid{step: p.step, lags: p.lags, until: p.until, knots: ridgeKnots(p.ahead, f.Target.SeasonSteps()/p.step)}
	all := newMoments(s.early.width)
	for _, m := range []*moments{s.early, s.straddling, s.late} {
		all.plus(m)
	}
	full := s.system(all, g.knots)
	priors := ridgePriors(g, f.Target.SeasonSteps())
	c := newRidgeChoice(len(priors), len(g.knots))
	candidates := slices.Clone(priors)
	if s.early.rows >= ridgeRowsMin && s.late.rows > 0 {
		early, late := s.system(s.early, g.knots), s.system(s.late, g.knots)
		candidates = append(candidates, early.strongest(late, priors, g.knots, c.strengths)...)
	}
	if t := s.trials(f, rows, g); len(t.weight) >= ridgeCasesMin {
		t.choose(candidates, g.knots, c.shares)
	}
	w, ok := full.average(priors, c)
	if !ok {
		return nil, false
	}
	g.weights = make([]float64, 0, len(g.knots)*g.lags)
	for k := range g.knots {
		for l := range g.lags {
			v := w.At(l, k)
			if v-v != 0 {
				return nil, false
			}
			g.weights = append(g.weights, min(max(v, -ridgeWeightMax), ridgeWeightMax))
		}
	}
	return g, true
}

// ridgeChoice is what is chosen of a grid: λ by prior and knot, and by knot the
// shares of the priors and, behind them, of the ridges that are drawn to them.
type ridgeChoice struct {
	strengths [][]float64
	shares    [][]float64
}

// newRidgeChoice is the choice where nothing can be told: half of naive.
func newRidgeChoice(priors, knots int) ridgeChoice {
	const strength = 0.1
	c := ridgeChoice{strengths: make([][]float64, priors), shares: make([][]float64, knots)}
	for i := range c.strengths {
		c.strengths[i] = make([]float64, knots)
		for k := range c.strengths[i] {
			c.strengths[i][k] = strength
		}
	}
	for k := range c.shares {
		c.shares[k] = make([]float64, 2*priors)
		c.shares[k][0], c.shares[k][priors] = 0.5, 0.5
	}
	return c
}

// ridgePriors are what weights are drawn to, lags×knots each: none (the level
// stays), the mean of the newest blocks, and the season before.
func ridgePriors(g *ridgeGrid, season int) []*mat.Dense {
	newest := min(16, g.lags)
	n := len(g.knots)
	none, mean := mat.NewDense(g.lags, n, nil), mat.NewDense(g.lags, n, nil)
	for k := range n {
		for l := range newest {
			mean.Set(l, k, 1/float64(newest))
		}
	}
	priors := []*mat.Dense{none, mean}
	if season%g.step != 0 || season/g.step >= g.lags {
		return priors
	}
	season /= g.step
	before := mat.NewDense(g.lags, n, nil)
	for k, knot := range g.knots {
		before.Set((season-knot%season)%season, k, 1)
	}
	return append(priors, before)
}
