package models

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/driftcast/driftcast/features"
)

// learnRidge is the learner of pooledRidge. On each grid it sums the moments of
// all windows of the panel, anchors them at the last value, and solves
//
//	(G + λ·trace(G)/L·I)·w = c
//
// for every knot of leads. Each stretch of a series is centred and divided by
// its own spread, so that subjects count alike. Of several anchors, lookbacks
// and λ the one serves whose error is lowest on the later part of the windows
// when fitted on the earlier; it is fitted again on all.
func learnRidge(ctx context.Context, f *features.Frame, rows []int, o FitOptions) (base, error) {
	if len(rows) == 0 || len(f.Leads) == 0 {
		return nil, fmt.Errorf("%w: no row of %s", ErrTooFewRows, f.Target.Name)
	}
	b := &pooledRidge{}
	for _, plan := range ridgePlans(f.Target.SeasonSteps(), f.Leads[len(f.Leads)-1]) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := ridgeSums{panel: f.Panel, scale: f.Target.Scale, through: lastKnown(f, rows), plan: plan}
		if grid, ok := s.fit(); ok {
			b.grids = append(b.grids, grid)
		}
	}
	if len(b.grids) == 0 {
		return nil, fmt.Errorf("%w: no stretch of %s is long enough to learn from", ErrTooFewRows, f.Target.Name)
	}
	return b, nil
}

// ridgePlan is what a grid is meant to be.
type ridgePlan struct {
	step, lags, ahead int // ahead: blocks that are forecast
	until             int // as of ridgeGrid
}

// ridgePlans chooses the grids for leads up to a horizon.
func ridgePlans(season, horizon int) []ridgePlan {
	var plans []ridgePlan
	for _, reach := range []int{season, 2 * season, 7 * season} {
		step := 1
		for reach > step*360 || season%step != 0 && season > step {
			step++
		}
		if n := len(plans); n > 0 && plans[n-1].step == step {
			continue
		}
		plans = append(plans, ridgePlan{step: step, lags: reach/step + reach/step/16})
	}
	for i := range plans {
		p := &plans[i]
		p.until = horizon
		if i+1 < len(plans) {
			p.until = min(horizon, 8*plans[i+1].step)
		}
		p.ahead = (p.until*3/2)/p.step + 1
	}
	return plans
}

// ridgeSums collects the moments of one grid.
type ridgeSums struct {
	panel   *features.Panel
	scale   features.Scale
	through int
	plan    ridgePlan

	early, straddling, late *moments // by time
}

const (
	ridgeLateShare = 0.3 // of the time, that choices are made on
	ridgePhasesMax = 4
	ridgeClip      = 8 // spreads
	ridgeRowsMin   = 64
)

func (s *ridgeSums) fit() (ridgeGrid, bool) {
	longest := s.longest()
	s.plan.lags = min(s.plan.lags, longest/3)
	s.plan.ahead = min(s.plan.ahead, longest/3)
	if s.plan.lags < 2 || s.plan.ahead < 1 {
		return ridgeGrid{}, false
	}
	w := s.plan.lags + s.plan.ahead
	s.early, s.straddling, s.late = newMoments(w), newMoments(w), newMoments(w)
	for k := range s.panel.Subjects {
		s.addSubject(s.panel.Series(0, k)[:s.through+1])
	}
	if s.early.rows+s.straddling.rows+s.late.rows < ridgeRowsMin {
		return ridgeGrid{}, false
	}
	return s.solve()
}

// longest is the number of blocks in the longest history.
func (s *ridgeSums) longest() int {
	n := 0
	for k := range s.panel.Subjects {
		y := s.panel.Series(0, k)[:s.through+1]
		first := 0
		for first < len(y) && y[first]-y[first] != 0 {
			first++
		}
		n = max(n, len(y)-first)
	}
	return n / s.plan.step
}

func (s *ridgeSums) addSubject(y []float64) {
	phases := min(s.plan.step, ridgePhasesMax)
	for p := range phases {
		end := len(y) - p*s.plan.step/phases
		s.addPhase(y[:end])
	}
}

// addPhase sums over the blocks that end where y does.
func (s *ridgeSums) addPhase(y []float64) {
	step := s.plan.step
	n := len(y) / step
	skip := len(y) - n*step
	means, lasts := make([]float64, n), make([]float64, n)
	from, to, last := -1, 0, 0.0 // of the stretch, and its last known value
	for i := range n {
		block := y[skip+i*step : skip+(i+1)*step]
		mean, ok := blockMean(block)
		if !ok {
			if from >= 0 {
				means[i], lasts[i] = means[i-1], last
			}
			continue
		}
		if from >= 0 && i-to > ridgeGapMax {
			s.addStretch(means[from:to], lasts[from:to], skip+from*step)
			from = i
		}
		if from < 0 {
			from = i
		}
		to = i + 1
		for _, v := range block {
			if v-v == 0 {
				last = v
			}
		}
		means[i], lasts[i] = mean, last
	}
	if from >= 0 {
		s.addStretch(means[from:to], lasts[from:to], skip+from*step)
	}
}

const ridgeGapMax = 6 // blocks

// addStretch sums over blocks without a gap, in chunks that are put on a scale
// of their own. at is the grid step of the first.
func (s *ridgeSums) addStretch(means, lasts []float64, at int) {
	w, rows := s.plan.lags+s.plan.ahead, len(means)-s.plan.lags-s.plan.ahead+1
	if rows < 1 {
		return
	}
	chunks := max(1, rows/max(256, w/2))
	z, extra := make([]float64, 0, len(means)), make([]float64, 0, rows)
	boundary := int((1 - ridgeLateShare) * float64(s.through))
	for c := range chunks {
		a, b := c*rows/chunks, (c+1)*rows/chunks
		z = append(z[:0], means[a:b+w-1]...)
		extra = append(extra[:0], lasts[a+s.plan.lags-1:b+s.plan.lags-1]...)
		if !s.normalise(z, extra) {
			continue
		}
		first, last := at+(a+s.plan.lags)*s.plan.step, at+(b+w-1)*s.plan.step
		switch {
		case first >= boundary:
			s.late.add(z, extra)
		case last < boundary:
			s.early.add(z, extra)
		default:
			s.straddling.add(z, extra)
		}
	}
}

// normalise puts a chunk on the model's scale, centred, in units of its spread,
// and clipped. ok is false where nothing moves.
func (s *ridgeSums) normalise(z, extra []float64) (ok bool) {
	t := transform{scale: s.scale}
	if s.scale == features.ScaleLog {
		for _, v := range z {
			t.offset += 0.01 * min(math.Abs(v), largest/1e6) / float64(len(z))
		}
		if t.offset == 0 {
			return false
		}
	}
	mean := 0.0
	for i, v := range z {
		z[i] = t.in(v)
		mean += z[i] / float64(len(z))
	}
	unit := meanAbsoluteDeviation(z)
	if !(unit > 1e-9*(1+math.Abs(mean))) || unit > largest/1e6 {
		return false
	}
	for i := range z {
		z[i] = min(max((z[i]-mean)/unit, -ridgeClip), ridgeClip)
	}
	for i := range extra {
		extra[i] = min(max((t.in(extra[i])-mean)/unit, -ridgeClip), ridgeClip)
	}
	return true
}

// solve chooses and fits.
func (s *ridgeSums) solve() (ridgeGrid, bool) {
	p := s.plan
	g := ridgeGrid{step: p.step, lags: p.lags, until: p.until, knots: ridgeKnots(p.ahead)}
	g.weights = make([]float64, len(g.knots)*g.lags)
	all := newMoments(s.early.width)
	all.plus(s.early)
	all.plus(s.straddling)
	all.plus(s.late)
	w := s.early.width
	full := anchored(all.matrix(), w+1)
	best := make([]ridgeChoice, len(g.knots))
	for k := range best {
		best[k] = ridgeChoice{lags: p.lags, strength: 1e-2}
	}
	if s.early.rows >= ridgeRowsMin && s.late.rows >= ridgeRowsMin {
		early, late := anchored(s.early.matrix(), w+1), anchored(s.late.matrix(), w+1)
		lowest := make([]float64, len(g.knots))
		for k := range lowest {
			lowest[k] = math.Inf(1)
		}
		for _, lags := range ridgeLookbacks(p.lags) {
			for strength := 1e-4; strength < 100; strength *= 4 {
				choice := ridgeChoice{lags: lags, strength: strength}
				weights, ok := s.weights(early, choice, g.knots)
				if !ok {
					continue
				}
				for k, knot := range g.knots {
					if loss := s.loss(late, weights.ColView(k), lags, knot); loss < lowest[k] {
						lowest[k], best[k] = loss, choice
					}
				}
			}
		}
	}
	solved := make(map[ridgeChoice]*mat.Dense)
	for k := range g.knots {
		weights := solved[best[k]]
		if weights == nil {
			var ok bool
			if weights, ok = s.weights(full, best[k], g.knots); !ok {
				return g, false
			}
			solved[best[k]] = weights
		}
		for l := range best[k].lags {
			v := weights.At(l, k)
			if v-v != 0 {
				return g, false
			}
			g.weights[k*g.lags+l] = min(max(v, -ridgeWeightMax), ridgeWeightMax)
		}
	}
	return g, true
}

func ridgeLookbacks(lags int) []int { return []int{lags} }

type ridgeChoice struct {
	lags     int
	strength float64
}

// anchored turns the moments of values into those of differences from the last
// one of n, in place.
func anchored(a []float64, n int) []float64 {
	y := append([]float64(nil), a[(n-1)*n:]...)
	for i := range n {
		for j := range n {
			a[i*n+j] += y[n-1] - y[i] - y[j]
		}
	}
	return a
}

// weights solves for some knots: lags×knots, the newest lag first.
func (s *ridgeSums) weights(a []float64, c ridgeChoice, knots []int) (*mat.Dense, bool) {
	n := s.early.width + 1
	gram := mat.NewSymDense(c.lags, nil)
	trace := 0.0
	newest := s.plan.lags - 1
	for i := range c.lags {
		for j := i; j < c.lags; j++ {
			gram.SetSym(i, j, a[(newest-i)*n+newest-j])
		}
		trace += gram.At(i, i)
	}
	ridge := (c.strength + 1e-9) * trace / float64(c.lags)
	for i := range c.lags {
		gram.SetSym(i, i, gram.At(i, i)+ridge)
	}
	right := mat.NewDense(c.lags, len(knots), nil)
	for i := range c.lags {
		for k, knot := range knots {
			right.Set(i, k, a[(newest-i)*n+newest+knot])
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(gram) {
		return nil, false
	}
	var out mat.Dense
	if err := chol.SolveTo(&out, right); err != nil {
		return nil, false
	}
	return &out, true
}

// loss is the sum of squared errors at a knot: w'Gw − 2w'c + y'y.
func (s *ridgeSums) loss(a []float64, w mat.Vector, lags, knot int) float64 {
	n := s.early.width + 1
	newest := s.plan.lags - 1
	t := newest + knot
	sum := a[t*n+t]
	for i := range lags {
		row := a[(newest-i)*n:]
		inner := 0.0
		for j := range lags {
			inner += row[newest-j] * w.AtVec(j)
		}
		sum += w.AtVec(i) * (inner - 2*row[t])
	}
	return sum
}

// ridgeKnots are leads in blocks, every one at first and then further and
// further apart.
func ridgeKnots(ahead int) []int {
	var knots []int
	for k := 1; k <= ahead; k += 1 + k/16 {
		knots = append(knots, k)
	}
	if n := len(knots); knots[n-1] != ahead {
		knots = append(knots, ahead)
	}
	return knots
}
