package models

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"github.com/driftcast/driftcast/features"
)

// Logistic is L2-regularised logistic regression on the frame's columns, one
// fit a horizon. Where rows are many it trains on a sample of those without an
// event and corrects the intercept for it. With Recurrence it reads only the
// columns made from the event itself: when and how often it came to the
// subject, its class and the fleet. That takes little to learn and little to
// explain.
type Logistic struct{ Recurrence bool }

// Name implements Model.
func (m Logistic) Name() string {
	if m.Recurrence {
		return "recurrence"
	}
	return "logistic"
}

// Fit implements Model.
func (m Logistic) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	return fitEvent(ctx, m.Name(), true, f, o, crossed(func(ctx context.Context, d eventData) (eventScorer, error) {
		return fitLogistic(ctx, d, m.Recurrence, o.Seed)
	}))
}

const (
	logisticRows  = 50_000
	logisticRidge = 0.03 // L2 penalty of a scaled coefficient, per row: strong, since rows overlap
)

// logistic scores intercept + Σ weight·z, z being the scaled value of a
// column, or its indicator where the value is missing.
type logistic struct {
	scaling
	intercept []float64 // by horizon
	weights   []float64 // horizons×2p: of p values, then of p indicators
}

func fitLogistic(ctx context.Context, d eventData, recurrence bool, seed uint64) (*logistic, error) {
	p := len(d.frame.Columns)
	m := &logistic{scaling: fitScaling(d.frame.X, p, d.rows), intercept: make([]float64, d.horizons), weights: make([]float64, d.horizons*2*p)}
	if recurrence {
		for j, c := range d.frame.Columns {
			if c.Signal != d.frame.Target.Name {
				m.unit[j] = -1
			}
		}
	}
	rng := newRand(seed)
	for h := range d.horizons {
		rows, y, shift := d.caseControl(h, logisticRows, rng)
		start := make([]float64, 2*p+1)
		if h > 0 { // close to the horizon before
			copy(start, m.weights[(h-1)*2*p:h*2*p])
		}
		start[2*p] = logit(baseRate(d, h)) - shift
		w, err := minimiseLogistic(ctx, m.design(d.frame.X, rows), y, start)
		if err != nil {
			return nil, fmt.Errorf("horizon %s: %w", d.frame.Target.Horizons[h], err)
		}
		copy(m.weights[h*2*p:(h+1)*2*p], w)
		m.intercept[h] = w[2*p] + shift
	}
	return m, nil
}

// minimiseLogistic returns the coefficients, the intercept last, that minimise
// the mean cross-entropy of y (0 or 1) given x (n×q, row-major) plus the ridge
// on all but the intercept, by L-BFGS.
func minimiseLogistic(ctx context.Context, x, y, start []float64) ([]float64, error) {
	q, n := len(start)-1, len(y)
	residual := make([]float64, n)
	// The loss and the gradient are wanted at the same points; one pass makes both.
	at, loss, slope := make([]float64, q+1), math.NaN(), make([]float64, q+1)
	evaluate := func(w []float64) {
		if !math.IsNaN(loss) && floats.Equal(at, w) {
			return
		}
		copy(at, w)
		loss = 0
		clear(slope)
		for i, target := range y {
			row := x[i*q : (i+1)*q]
			z := w[q] + floats.Dot(row, w[:q])
			loss += crossEntropy(z, target)
			residual[i] = sigmoid(z) - target
			floats.AddScaled(slope[:q], residual[i], row)
			slope[q] += residual[i]
		}
		floats.Scale(1/float64(n), slope)
		loss = loss/float64(n) + logisticRidge/2*floats.Dot(w[:q], w[:q])
		floats.AddScaled(slope[:q], logisticRidge, w[:q])
	}
	problem := optimize.Problem{
		Func: func(w []float64) float64 { evaluate(w); return loss },
		Grad: func(grad, w []float64) { evaluate(w); copy(grad, slope) },
		Status: func() (optimize.Status, error) {
			if err := ctx.Err(); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
	settings := &optimize.Settings{
		GradientThreshold: 1e-5, MajorIterations: 200,
		Converger: &optimize.FunctionConverge{Relative: 1e-8, Iterations: 10},
	}
	result, err := optimize.Minimize(problem, start, settings, &optimize.LBFGS{})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case result == nil:
		return nil, fmt.Errorf("minimise the loss: %w", err)
	case !finite(result.X...):
		return nil, fmt.Errorf("minimise the loss: it does not converge")
	}
	return result.X, nil // a line search that cannot improve further is the end, too
}

func (m *logistic) score(f *features.Frame, row int, out []Risk) {
	p := len(m.mean)
	for h := range out {
		out[h].Probability = m.intercept[h]
	}
	for j, v := range f.Features(row) {
		z, missing := m.at(j, v)
		if missing {
			for h := range out {
				out[h].Probability += m.weights[h*2*p+p+j]
			}
			continue
		}
		for h := range out {
			out[h].Probability += m.weights[h*2*p+j] * z
		}
	}
}

// explain names the exact contributions to the log-odds of the longest
// horizon.
func (m *logistic) explain(f *features.Frame, row int, dst []Driver) []Driver {
	from := len(dst)
	return strongest(m.contributions(f, row, dst), from)
}

// contributions appends all of them.
func (m *logistic) contributions(f *features.Frame, row int, dst []Driver) []Driver {
	p := len(m.mean)
	w := m.weights[(len(m.intercept)-1)*2*p:]
	for j, v := range f.Features(row) {
		z, missing := m.at(j, v)
		contribution := w[j] * z
		if missing {
			contribution = w[p+j]
		}
		if contribution != 0 {
			dst = append(dst, driver(f.Columns[j], v, contribution))
		}
	}
	return dst
}

func (m *logistic) pack(p *packer) {
	m.scaling.pack(p)
	p.floats(m.intercept)
	p.floats(m.weights)
}

func unpackLogistic(u *unpacker, horizons, columns int) (eventScorer, error) {
	m := &logistic{scaling: unpackScaling(u, columns), intercept: u.floats(), weights: u.floats()}
	if u.err == nil && (len(m.intercept) != horizons || len(m.weights) != horizons*2*columns || !finite(m.intercept...) || !finite(m.weights...)) {
		u.fail("coefficients")
	}
	return m, u.err
}
