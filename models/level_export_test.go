package models

import "github.com/driftcast/driftcast/features"

// LocalFeatures is what a learned level model sees of a row at a lead.
func LocalFeatures(f *features.Frame, row, lead int) []float64 {
	h, b := new(history), localFeatures{season: f.Target.SeasonSteps()}
	if !h.begin(f, row, 0) {
		return nil
	}
	x := make([]float64, localWidth)
	l := b.begin(h, x)
	b.lead(h, &l, lead, x[rowColumns:])
	return x
}

// Knots is appendKnots.
func Knots(leads []int, season int) []int { return appendKnots(nil, leads, season) }

// BetweenKnots is betweenKnots.
func BetweenKnots(leads, knots []int, q []float64) { betweenKnots(leads, knots, q) }

// ExplainedShare is what the drivers that boosted quantiles know of a row add
// up to, and what they should: the median at the last lead less the anchor,
// both on the model's scale.
func ExplainedShare(m Fitted, f *features.Frame, row int) (sum, want float64) {
	b, h := m.(*level).base.(*boostedQuantiles), new(history)
	h.begin(f, row, m.(*level).typical)
	for _, d := range b.explain(h, f, nil) {
		sum += d.Contribution
	}
	// The expected output of the trees is nobody's.
	var x, phi, unused [localWidth]float64
	l := b.features.begin(h, unused[:])
	copy(x[:], unused[:])
	b.features.lead(h, &l, f.Leads[len(f.Leads)-1], x[rowColumns:])
	out := make([]float64, len(Quantiles))
	b.features.start(f.Leads[len(f.Leads)-1], x[columnLast], &l.start, out)
	expected := b.trees.Explain(x[:], Median, phi[:])
	b.trees.Add(x[:], out)
	return sum, l.unit * (out[Median] - expected)
}
