package models

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// ridgeStrengths are the λ that are tried, in units of the mean of the diagonal.
func ridgeStrengths() []float64 {
	return []float64{1e-4, 1e-3, 1e-2, 0.1, 1, 10}
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

// lacks is C − G·prior, what a prior leaves to be explained.
func (r *ridgeSystem) lacks(prior *mat.Dense) *mat.Dense {
	var out mat.Dense
	out.Mul(r.gram, prior)
	out.Sub(r.cross, &out)
	return &out
}

// drawn is the ridge that is drawn to a prior, prior + (G+λI)⁻¹·(C − G·prior).
func drawn(factor *mat.Cholesky, prior, lacks *mat.Dense) (*mat.Dense, bool) {
	var w mat.Dense
	if err := factor.SolveTo(&w, lacks); err != nil {
		return nil, false // so near to singular that nothing can be trusted
	}
	w.Add(&w, prior)
	return &w, true
}

// strongest returns, for each prior, the weights with the λ, alike for a band
// of knots, that do best on late, and writes that λ.
func (r *ridgeSystem) strongest(late *ridgeSystem, priors []*mat.Dense, knots []int, strengths [][]float64) []*mat.Dense {
	var (
		best   = make([]*mat.Dense, len(priors))
		lacks  = make([]*mat.Dense, len(priors))
		lowest = make([][]float64, len(priors))
	)
	for i, prior := range priors {
		best[i], lacks[i], lowest[i] = mat.DenseCopyOf(prior), r.lacks(prior), make([]float64, len(knots))
		for k := range knots {
			lowest[i][k] = math.Inf(1)
		}
	}
	for _, strength := range ridgeStrengths() {
		factor, ok := r.factor(strength)
		if !ok {
			continue
		}
		for i, prior := range priors {
			w, ok := drawn(factor, prior, lacks[i])
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
					copyColumn(best[i], w, k)
				}
			}
		}
	}
	return best
}

// average is what was chosen, fitted.
func (r *ridgeSystem) average(priors []*mat.Dense, c ridgeChoice) (*mat.Dense, bool) {
	lags, knots := r.cross.Dims()
	out := mat.NewDense(lags, knots, nil)
	lacks := make([]*mat.Dense, len(priors))
	for i, prior := range priors {
		lacks[i] = r.lacks(prior)
		addColumns(out, prior, func(k int) float64 { return c.shares[k][i] })
	}
	for _, strength := range ridgeStrengths() {
		factor, tried := (*mat.Cholesky)(nil), false
		for i, prior := range priors {
			share := func(k int) float64 {
				if c.strengths[i][k] != strength {
					return 0
				}
				return c.shares[k][len(priors)+i]
			}
			wanted := false
			for k := range knots {
				wanted = wanted || share(k) > 0
			}
			if !wanted {
				continue
			}
			if !tried {
				var ok bool
				if factor, ok = r.factor(strength); !ok {
					return nil, false
				}
				tried = true
			}
			w, ok := drawn(factor, prior, lacks[i])
			if !ok {
				return nil, false
			}
			addColumns(out, w, share)
		}
	}
	return out, true
}

// addColumns adds to each column of dst that of w times its share.
func addColumns(dst, w *mat.Dense, share func(k int) float64) {
	lags, knots := dst.Dims()
	for k := range knots {
		s := share(k)
		if s == 0 {
			continue
		}
		for l := range lags {
			dst.Set(l, k, dst.At(l, k)+s*w.At(l, k))
		}
	}
}

func copyColumn(dst, w *mat.Dense, k int) {
	lags, _ := dst.Dims()
	for l := range lags {
		dst.Set(l, k, w.At(l, k))
	}
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
