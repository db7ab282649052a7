package models

import (
	"context"
	"math"

	"github.com/driftcast/driftcast/features"
)

// SlidingMoments returns the moments of windows over some series by recursion,
// (width+1)² row-major.
func SlidingMoments(width int, series, extras [][]float64) []float64 {
	m := newMoments(width)
	for i, z := range series {
		one := newMoments(width)
		one.add(z, extras[i])
		m.plus(one)
	}
	return m.matrix()
}

// RidgeStretches returns the stretches of block means that a series is learned
// from on a grid, and the last values known at the end of the blocks.
func RidgeStretches(y []float64, step int) (means, lasts [][]float64) {
	s := ridgeSums{plan: ridgePlan{step: step, lags: 1, ahead: 1}}
	s.stretches(y, func(m, l []float64, _ int) {
		means, lasts = append(means, m), append(lasts, l)
	})
	return means, lasts
}

// RidgeGapMax is ridgeGapMax.
const RidgeGapMax = ridgeGapMax

// RidgeBytes learns a ridge from all rows of a frame and returns its bytes.
func RidgeBytes(f *features.Frame) ([]byte, error) {
	b, err := learnRidge(context.Background(), f, allRows(f), FitOptions{})
	if err != nil {
		return nil, err
	}
	var p packer
	b.pack(&p)
	return p.bytes, nil
}

// UnpackRidge reads a ridge and writes it again; wrong says that it took what
// it should not.
func UnpackRidge(data []byte) (again []byte, wrong bool, err error) {
	u := unpacker{rest: data}
	b, err := unpackRidge(&u)
	if err == nil {
		err = u.done()
	}
	if err != nil {
		return nil, false, err
	}
	for _, g := range b.(*pooledRidge).grids {
		for _, w := range g.weights {
			wrong = wrong || w-w != 0
		}
		wrong = wrong || len(g.weights) != g.lags*len(g.knots)
	}
	var p packer
	b.pack(&p)
	return p.bytes, wrong, nil
}

// RidgePath returns what a ridge of such a shape answers as often as next is
// called: weights of 1/lags on three grids, a past of a week by the minute.
func RidgePath() (next func() float64) {
	past := make([]float64, 10080)
	for i := range past {
		past[i] = math.Sin(float64(i) / 200)
	}
	b := &pooledRidge{}
	for _, plan := range ridgePlans(1440, 1440) {
		g := ridgeGrid{step: plan.step, lags: plan.lags, until: plan.until, knots: ridgeKnots(plan.ahead, 1440/plan.step)}
		g.weights = make([]float64, g.lags*len(g.knots))
		for i := range g.weights {
			g.weights[i] = 1 / float64(g.lags)
		}
		b.grids = append(b.grids, g)
	}
	h := &history{past: past, last: past[len(past)-1], unit: 1, transform: transform{scale: features.ScaleRaw}}
	leads := make([]int, 64)
	for i := range leads {
		leads[i] = 1 + i*22
	}
	q := make([]float64, len(leads)*len(Quantiles))
	return func() float64 {
		h.taken = 0
		b.path(h, leads, q)
		return q[len(q)-1]
	}
}

func allRows(f *features.Frame) []int {
	rows := make([]int, len(f.Rows))
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// RidgeGrid is the shape of one grid of a ridge.
type RidgeGrid struct {
	Step, Lags, Ahead, Until int
	Knots                    []int
}

// RidgeGrids returns the grids for leads up to a horizon.
func RidgeGrids(season, horizon int) []RidgeGrid {
	var all []RidgeGrid
	for _, p := range ridgePlans(season, horizon) {
		all = append(all, RidgeGrid{p.step, p.lags, p.ahead, p.until, ridgeKnots(p.ahead, season/p.step)})
	}
	return all
}

// Bounds of a ridge.
const (
	RidgeGridsMax = ridgeGridsMax
	RidgeLagsMax  = ridgeLagsMax
	RidgeKnotsMax = ridgeKnotsMax
)
