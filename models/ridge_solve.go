package models

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/driftcast/driftcast/features"
)

// ridgeStrengths are the λ that are tried.
func ridgeStrengths() []float64 {
	var all []float64
	for s := 1e-4; s < 100; s *= 5 {
		all = append(all, s)
	}
	return all
}

// solve fits a grid: of every prior it takes the λ with the lowest squared
// error on the later windows, and of the priors and their ridges the average
// that has the lowest absolute error on the later rows.
func (s *ridgeSums) solve(f *features.Frame, rows []int) (*ridgeGrid, bool) {
	p := s.plan
	g := &ridgeGrid{step: p.step, lags: p.lags, until: p.until, knots: ridgeKnots(p.ahead), season: f.Target.SeasonSteps()}
	width := s.early.width
	all := newMoments(width)
	all.plus(s.early)
	all.plus(s.straddling)
	all.plus(s.late)
	full := s.system(all, g.knots)
	priors := ridgePriors(g, f.Target.SeasonSteps())
	n := len(g.knots)
	strengths := make([][]float64, len(priors)) // by prior and knot
	shares := make([][]float64, n)              // by knot and candidate
	for k := range shares {
		shares[k] = make([]float64, 2*len(priors))
		shares[k][0], shares[k][len(priors)] = 0.5, 0.5 // naive and its ridge, where nothing can be chosen
	}
	for i := range strengths {
		strengths[i] = make([]float64, n)
		for k := range strengths[i] {
			strengths[i][k] = 0.1
		}
	}
	candidates := slices.Clone(priors)
	if s.early.rows >= ridgeRowsMin && s.late.rows > 0 {
		early, late := s.system(s.early, g.knots), s.system(s.late, g.knots)
		candidates = append(candidates, s.strongest(early, late, priors, strengths, g.knots)...)
	}
	if t := s.trials(f, rows, g); len(t.weight) >= ridgeCasesMin {
		shares = t.choose(candidates, 2*len(priors), ridgeBands(g.knots))
	}
	g.shape = s.likeness(f.Target.SeasonSteps())
	g.weights = make([]float64, n*g.lags)
	solved := map[float64]*mat.Cholesky{}
	for i, prior := range priors {
		byStrength := map[float64]*mat.Dense{}
		for k := range g.knots {
			for l := range g.lags {
				g.weights[k*g.lags+l] += shares[k][i] * prior.At(l, k)
			}
			share, strength := shares[k][len(priors)+i], strengths[i][k]
			if share == 0 {
				continue
			}
			w := byStrength[strength]
			if w == nil {
				factor := solved[strength]
				if factor == nil {
					var ok bool
					if factor, ok = full.factor(strength); !ok {
						return nil, false
					}
					solved[strength] = factor
				}
				var ok bool
				if w, ok = full.weights(factor, prior); !ok {
					return nil, false
				}
				byStrength[strength] = w
			}
			for l := range g.lags {
				g.weights[k*g.lags+l] += share * w.At(l, k)
			}
		}
	}
	for i, w := range g.weights {
		if w-w != 0 {
			return nil, false
		}
		g.weights[i] = min(max(w, -ridgeWeightMax), ridgeWeightMax)
	}
	return g, true
}

// strongest returns, for each prior, the weights that have at each knot the λ
// which does best on late when fitted on early, and notes it.
func (s *ridgeSums) strongest(early, late *ridgeSystem, priors []*mat.Dense, strengths [][]float64, knots []int) []*mat.Dense {
	best := make([]*mat.Dense, len(priors))
	lowest := make([][]float64, len(priors))
	for i, prior := range priors {
		best[i], lowest[i] = mat.DenseCopyOf(prior), make([]float64, len(strengths[i]))
		for k := range lowest[i] {
			lowest[i][k] = math.Inf(1)
		}
	}
	for _, strength := range ridgeStrengths() {
		factor, ok := early.factor(strength)
		if !ok {
			continue
		}
		for i, prior := range priors {
			w, ok := early.weights(factor, prior)
			if !ok {
				continue
			}
			losses := late.losses(w)
			for from, to := range ridgeBands(knots) {
				loss := 0.0
				for k := from; k < to; k++ {
					loss += losses[k] / late.own[k]
				}
				if !(loss < lowest[i][from]) {
					continue
				}
				lowest[i][from] = loss
				for k := from; k < to; k++ {
					strengths[i][k] = strength
					for l := range s.plan.lags {
						best[i].Set(l, k, w.At(l, k))
					}
				}
			}
		}
	}
	return best
}

// ridgePriors are what weights are drawn to, lags×knots each: none (the level
// stays), the season before, it moved to the last value, and the mean of the
// newest blocks.
func ridgePriors(g *ridgeGrid, season int) []*mat.Dense {
	n := len(g.knots)
	priors := []*mat.Dense{mat.NewDense(g.lags, n, nil)}
	for _, m := range []int{8, 64} {
		m = min(m, g.lags)
		p := mat.NewDense(g.lags, n, nil)
		for k := range n {
			for l := range m {
				p.Set(l, k, 1/float64(m))
			}
		}
		priors = append(priors, p)
	}
	if season%g.step == 0 && season/g.step < g.lags {
		season /= g.step
		before, moved := mat.NewDense(g.lags, n, nil), mat.NewDense(g.lags, n, nil)
		for k, knot := range g.knots {
			l := (season - knot%season) % season
			before.Set(l, k, 1)
			moved.Set(l, k, 1)
			if l != season {
				moved.Set(season, k, -1)
			}
		}
		priors = append(priors, before, moved)
	}
	return priors
}

// ridgeSystem is the normal equations of a grid.
type ridgeSystem struct {
	gram  *mat.SymDense // lags×lags
	cross *mat.Dense    // lags×knots
	own   []float64     // by knot, the sum of squared changes
	trace float64       // the mean of gram's diagonal
}

// system anchors moments at the last value: the moments of the differences
// from it.
func (s *ridgeSums) system(m *moments, knots []int) *ridgeSystem {
	a, n, lags := m.matrix(), m.width+1, s.plan.lags
	y := a[(n-1)*n:]
	at := func(i, j int) float64 { return a[i*n+j] + y[n-1] - y[i] - y[j] }
	newest := lags - 1
	r := &ridgeSystem{gram: mat.NewSymDense(lags, nil), cross: mat.NewDense(lags, len(knots), nil), own: make([]float64, len(knots))}
	for i := range lags {
		for j := i; j < lags; j++ {
			r.gram.SetSym(i, j, at(newest-i, newest-j))
		}
		for k, knot := range knots {
			r.cross.Set(i, k, at(newest-i, newest+knot))
		}
		r.trace += r.gram.At(i, i) / float64(lags)
	}
	for k, knot := range knots {
		r.own[k] = at(newest+knot, newest+knot)
	}
	return r
}

// factor is the Cholesky factor of the Gram matrix with λ on its diagonal, in
// units of its mean.
func (r *ridgeSystem) factor(strength float64) (*mat.Cholesky, bool) {
	n := r.gram.SymmetricDim()
	a := mat.NewSymDense(n, nil)
	a.CopySym(r.gram)
	for i := range n {
		a.SetSym(i, i, a.At(i, i)+(strength+1e-9)*r.trace)
	}
	var c mat.Cholesky
	return &c, c.Factorize(a)
}

// weights is prior + (G+λI)⁻¹·(C − G·prior).
func (r *ridgeSystem) weights(factor *mat.Cholesky, prior *mat.Dense) (*mat.Dense, bool) {
	var right, w mat.Dense
	right.Mul(r.gram, prior)
	right.Sub(r.cross, &right)
	if err := factor.SolveTo(&w, &right); err != nil {
		return nil, false
	}
	w.Add(&w, prior)
	return &w, true
}

// losses is the sum of squared errors by knot: w'Gw − 2w'c + y'y.
func (r *ridgeSystem) losses(w *mat.Dense) []float64 {
	var gw mat.Dense
	gw.Mul(r.gram, w)
	lags, knots := w.Dims()
	out := make([]float64, knots)
	copy(out, r.own)
	for l := range lags {
		for k := range knots {
			out[k] += w.At(l, k) * (gw.At(l, k) - 2*r.cross.At(l, k))
		}
	}
	return out
}
