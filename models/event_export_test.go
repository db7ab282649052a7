package models

import (
	"github.com/driftcast/driftcast/features"
)

// Platt fits fitPlatt and returns its apply.
func Platt(scores, labels []float64) func(float64) float64 { return fitPlatt(scores, labels).apply }

// Isotonic is pava over points of weight 1 at 0, 1, …, read at each of them.
func Isotonic(y []float64) []float64 {
	x, w := make([]float64, len(y)), make([]float64, len(y))
	for i := range x {
		x[i], w[i] = float64(i), 1
	}
	_, level, weight := pava(x, append([]float64(nil), y...), w)
	var out []float64
	for b, n := range weight {
		for range int(n) {
			out = append(out, level[b])
		}
	}
	return out
}

// Calibrate fits fitCalibrator and returns its apply.
func Calibrate(scores, labels []float64) func(float64) float64 {
	e := evidence{share: 1}
	for i, y := range labels {
		if y == y && scores[i] == scores[i] {
			e.scores, e.labels = append(e.scores, scores[i]), append(e.labels, y)
		}
	}
	return fitCalibrator(e).apply
}

// LookBack is lookBack in full.
func LookBack(past []float64, t *features.Target) (since, count int) {
	p := lookBack(past, t, holdSteps(t), false)
	return p.since, p.count
}

// CaseControlRate is the share of events at a horizon that a case-control
// sample of at most limit rows stands for once its shift is applied.
func CaseControlRate(f *features.Frame, h, limit int) (rate float64, rows int, err error) {
	d, err := newEventData(f)
	if err != nil {
		return 0, 0, err
	}
	drawn, y, shift := d.caseControl(h, limit, newRand(1))
	var events float64
	for _, v := range y {
		events += v
	}
	return sigmoid(logit(events/float64(len(y))) + shift), len(drawn), nil
}

// Episodes is episodes.
func Episodes(rows []RiskRow, threshold float64) int { return episodes(rows, threshold) }

// Share is how much of an independent observation a row of the frame is at a
// horizon.
func Share(f *features.Frame, h int) (float64, error) {
	d, err := newEventData(f)
	if err != nil {
		return 0, err
	}
	return newEvidence(d, h, make([]float64, len(d.rows))).share, nil
}

// ShareOut is how rows are shared out among groups.
func ShareOut(wanted []int, total int) { shareOut(wanted, total) }
