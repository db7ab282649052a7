package models

import (
	"context"
	"fmt"
	"math"
	"math/bits"

	"github.com/driftcast/driftcast/features"
)

const kindSmoothing = "smoothing"

// smoothing forecasts by exponential smoothing: a level that is corrected by a
// part of each error, with or without a damped trend (Gardner and McKenzie
// 1985). What suits the next minute rarely suits tomorrow, so each knot of leads
// has the smoother that did best there on the training rows; between knots
// their forecasts are interpolated.
type smoothing struct {
	smoothers []smoother // at most smoothersMax
	knots     []int      // by knot, an index into smoothers
}

const smoothersMax = 64

// learnSmoothing chooses a smoother for each knot.
func learnSmoothing(ctx context.Context, f *features.Frame, rows []int, _ FitOptions) (base, error) {
	grid := smoothers()
	knots, err := choosePerKnot(ctx, f, rows, len(grid), func(h *history, leads []int, z [][]float64) {
		gaps := h.gaps()
		for j, s := range grid {
			level, trend := s.run(h.recent[:h.known], gaps)
			for i, lead := range leads {
				z[j][i] = level + trend*s.damped(lead+h.age)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return newSmoothing(grid, knots), nil
}

// newSmoothing keeps of a grid what the knots have chosen.
func newSmoothing(grid []smoother, knots []int) smoothing {
	var b smoothing
	place := make(map[int]int)
	for _, j := range knots {
		if _, ok := place[j]; !ok {
			place[j] = len(b.smoothers)
			b.smoothers = append(b.smoothers, grid[j])
		}
		b.knots = append(b.knots, place[j])
	}
	return b
}

// path implements base.
func (b smoothing) path(h *history, leads []int, q []float64) {
	n, gaps := len(b.smoothers), h.gaps()
	levels, trends := h.take(n), h.take(n)
	for j, s := range b.smoothers {
		levels[j], trends[j] = s.run(h.recent[:h.known], gaps)
	}
	for i, lead := range leads {
		k, share := knotOf(lead, len(b.knots))
		j := b.knots[k]
		z := levels[j] + trends[j]*b.smoothers[j].damped(lead+h.age)
		if share > 0 {
			j = b.knots[k+1]
			z += share * (levels[j] + trends[j]*b.smoothers[j].damped(lead+h.age) - z)
		}
		setPoint(q, i, min(max(z, -largest), largest))
	}
}

func (smoothing) prior(lead int, z float64) float64 { return z * math.Sqrt(float64(lead)) }

func (smoothing) centred() bool { return true }
func (smoothing) kind() string  { return kindSmoothing }

func (b smoothing) pack(p *packer) {
	p.integer(len(b.smoothers))
	for _, s := range b.smoothers {
		p.floats([]float64{s.alpha, s.beta, s.phi, s.clip})
		p.integer(flag(s.tracks))
	}
	p.integers(b.knots)
}

func unpackSmoothing(u *unpacker) (base, error) {
	var b smoothing
	for range u.length(1) {
		v := u.floats()
		if len(v) != 4 {
			return nil, fmt.Errorf("%w: a smoother of %d numbers", ErrCorrupt, len(v))
		}
		s := smoother{alpha: v[0], beta: v[1], phi: v[2], clip: v[3], tracks: u.integer() == 1}
		if !(s.alpha > 0 && s.alpha <= 1 && s.beta >= 0 && s.beta <= 1 && s.phi >= 0 && s.phi < 1 && s.clip >= 0) {
			return nil, fmt.Errorf("%w: the rates of a smoother", ErrCorrupt)
		}
		b.smoothers = append(b.smoothers, s)
	}
	if len(b.smoothers) > smoothersMax {
		return nil, fmt.Errorf("%w: %d smoothers", ErrCorrupt, len(b.smoothers))
	}
	var err error
	b.knots, err = unpackChoices(u, len(b.smoothers))
	return b, err
}

// unpackChoices reads which of n is chosen at each knot, at least one knot.
func unpackChoices(u *unpacker, n int) ([]int, error) {
	knots := u.integers()
	if u.err != nil {
		return nil, u.err
	}
	for _, j := range knots {
		if j < 0 || j >= n {
			return nil, fmt.Errorf("%w: a knot chooses the %d-th of %d", ErrCorrupt, j, n)
		}
	}
	if len(knots) == 0 {
		return nil, fmt.Errorf("%w: no knots", ErrCorrupt)
	}
	return knots, nil
}

// knotOf returns the knot at or before a lead, of n, and how far the lead is on
// its way to the next: 0 at or past the last.
func knotOf(lead, n int) (k int, share float64) {
	k = bits.Len(uint(max(lead, 1))) - 1
	if k >= n-1 {
		return n - 1, 0
	}
	return k, float64(lead-1<<k) / float64(int(1)<<k)
}
