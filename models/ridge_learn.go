package models

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/driftcast/driftcast/features"
)

// learnRidge is the learner of pooledRidge. On each grid it sums the moments of
// all windows of the panel, anchors them at the last value, and solves
//
//	(G + λ·trace(G)/L·I)·(w − prior) = c − G·prior
//
// for every knot of leads. Each stretch of a series is centred and divided by
// its own spread, so that subjects count alike. How strong λ is and what the
// weights are drawn to is chosen on the later part of the windows by what was
// fitted on the earlier (solve).
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
		if grid, ok := s.fit(f, rows); ok {
			b.grids = append(b.grids, *grid)
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

// ridgePlans chooses the grids for leads up to a horizon: single steps, blocks
// with which the weights reach back over a season, and blocks with which they
// reach back over seven (or over the horizon). Each serves leads up to 8 blocks
// of the next.
func ridgePlans(season, horizon int) []ridgePlan {
	const reach = 360 // blocks
	var plans []ridgePlan
	for _, steps := range []int{min(max(season, 64), reach), season, max(7*season, horizon)} {
		step := blockStep(steps, reach, season)
		if n := len(plans); n > 0 {
			before := &plans[n-1]
			if step <= before.step {
				continue
			}
			before.until = min(8*step, reach*before.step)
			if before.until >= horizon {
				break
			}
		}
		plans = append(plans, ridgePlan{step: step, lags: steps/step + steps/step/16})
	}
	for i := range plans {
		p := &plans[i]
		reached := p.until * 3 / 2 // to fade
		if i == len(plans)-1 {
			p.until, reached = horizon, horizon
		}
		p.ahead = reached/p.step + 1
	}
	return plans
}

// blockStep is the least step with which reach blocks hold so many steps;
// somewhat more where that makes a season whole blocks.
func blockStep(steps, reach, season int) int {
	least := (steps + reach - 1) / reach
	for step := least; step <= least+least/2; step++ {
		if season%step == 0 {
			return step
		}
	}
	return least
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

func (s *ridgeSums) fit(f *features.Frame, rows []int) (*ridgeGrid, bool) {
	longest := s.longest()
	s.plan.lags = min(s.plan.lags, longest/4)
	s.plan.ahead = min(s.plan.ahead, longest/4)
	if s.plan.lags < 2 || s.plan.ahead < 1 {
		return nil, false
	}
	w := s.plan.lags + s.plan.ahead
	s.early, s.straddling, s.late = newMoments(w), newMoments(w), newMoments(w)
	for k := range s.panel.Subjects {
		s.addSubject(s.panel.Series(0, k)[:s.through+1])
	}
	if s.early.rows+s.straddling.rows+s.late.rows < ridgeRowsMin {
		return nil, false
	}
	return s.solve(f, rows)
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
		s.stretches(y[:end], s.addStretch)
	}
}

// stretches calls add for each stretch of the blocks that end where y does,
// with their means, the last value known at the end of each, and the step that
// the stretch begins at. A block of which nothing is known is as the one before
// it; where there are more of these than ridgeGapMax, a stretch ends.
func (s *ridgeSums) stretches(y []float64, add func(means, lasts []float64, at int)) {
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
			add(means[from:to], lasts[from:to], skip+from*step)
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
		add(means[from:to], lasts[from:to], skip+from*step)
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
	p, boundary := s.plan, s.boundary()
	// Row r looks back from block r+lags−1 and ahead to block r+w−1.
	late := min(max((boundary-at+p.step-1)/p.step-p.lags, 0), rows)
	early := min(max((boundary-at)/p.step-w, 0), late)
	s.addRows(s.early, means, lasts, 0, early)
	s.addRows(s.straddling, means, lasts, early, late)
	s.addRows(s.late, means, lasts, late, rows)
}

// addRows sums over rows [from, to) of a stretch.
func (s *ridgeSums) addRows(m *moments, means, lasts []float64, from, to int) {
	w, lags, rows := m.width, s.plan.lags, to-from
	if rows < 1 {
		return
	}
	chunks := max(1, rows/max(256, w/2))
	for c := range chunks {
		a, b := from+c*rows/chunks, from+(c+1)*rows/chunks
		z := slices.Clone(means[a : b+w-1])
		extra := slices.Clone(lasts[a+lags-1 : b+lags-1])
		if s.normalise(z, extra) {
			m.add(z, extra)
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

// ridgeKnots are leads in blocks, every one at first and then further and
// further apart, but so that a season of so many blocks keeps its shape between
// them, unless these were too many.
func ridgeKnots(ahead, season int) []int {
	var knots []int
	for k := 1; k < ahead; k += max(1, min(1+k/8, season/24), (ahead+ridgeKnotsMax-3)/(ridgeKnotsMax-2)) {
		knots = append(knots, k)
	}
	return append(knots, ahead)
}

// boundary is the step from which choices are made.
func (s *ridgeSums) boundary() int { return int((1 - ridgeLateShare) * float64(s.through)) }
