package models_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

func TestSummaryIsOfTheFrame(t *testing.T) {
	past, _ := framesOf(t, eventTarget(), 1)
	summaries := models.Summarise(past)
	if len(summaries) == 0 || len(summaries) >= len(past.Columns) {
		t.Fatalf("got %d summaries of %d columns, want those of signals", len(summaries), len(past.Columns))
	}
	for _, s := range summaries {
		sum := s.Missing
		for _, p := range s.Shares {
			sum += p
		}
		if math.Abs(sum-1) > 1e-9 || len(s.Shares) != len(s.Edges)+1 {
			t.Errorf("%s: shares add up to %v in %d bins of %d edges", s.Column, sum, len(s.Shares), len(s.Edges))
		}
	}
	if got := models.Summarise(&features.Frame{}); got != nil {
		t.Errorf("got %+v of no rows", got)
	}
}

// TestPSI is what a stability index is: never negative, nearly nothing for the
// same values, more the further they move.
func TestPSI(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := models.ColumnSummary{Edges: []float64{1, 2, 3}, Shares: []float64{0.25, 0.25, 0.2, 0.2}, Missing: 0.1}
		tally := models.NewTally(&s)
		if !math.IsNaN(tally.PSI(&s)) {
			r.Fatal("an index of nothing")
		}
		for _, v := range rapid.SliceOfN(rapid.Float64Range(-5, 5), 1, 200).Draw(r, "values") {
			tally.Add(v)
		}
		if psi := tally.PSI(&s); psi < 0 || math.IsInf(psi, 0) || math.IsNaN(psi) {
			r.Fatalf("got %v", psi)
		}
	})
	s := models.ColumnSummary{Edges: []float64{1, 2, 3}, Shares: []float64{0.25, 0.25, 0.25, 0.25}}
	index := func(values ...float64) float64 {
		tally := models.NewTally(&s)
		for range 25 {
			for _, v := range values {
				tally.Add(v)
			}
		}
		return tally.PSI(&s)
	}
	same, near, far := index(1, 2, 3, 4), index(1, 1, 3, 4), index(9, 9, 9, 9)
	if !(same < 0.03 && same < near && near < far && far > 2) {
		t.Errorf("got %v, %v and %v, want them to grow", same, near, far)
	}
}
