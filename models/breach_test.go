package models_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

func TestBreachProbability(t *testing.T) {
	ramp := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	point := slices.Repeat([]float64{5}, 9)
	for name, tc := range map[string]struct {
		op    string
		bound float64
		path  []float64
		want  float64
	}{
		"at the median":                {"<", 5, ramp, 0.5},
		"between quantiles":            {"<", 7.5, ramp, 0.25},
		"from below":                   {">", 7.5, ramp, 0.75},
		"beyond the upper tail":        {"<", 10, ramp, 0.1 * math.Exp(-1)},
		"beyond the lower tail":        {">", 0, ramp, 0.1 * math.Exp(-1)},
		"a point at its bound, strict": {"<", 5, point, 0.9}, // breached from the bound on; the outer tenth may lie below
		"a point at its bound, loose":  {"<=", 5, point, 0.1},
		"a point over its bound":       {"<", 4, point, 1},
		"a point under its bound":      {"<", 6, point, 0},
		"no known operator":            {"!=", 6, point, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := models.BreachProbability(features.Objective{Op: tc.op, Bound: tc.bound}, tc.path)
			if math.Abs(got-tc.want) > 1e-12 {
				t.Errorf("got %g, want %g", got, tc.want)
			}
		})
	}
}

// TestBreachFallsWithTheBound: a looser bound is never broken more likely, and
// the two sides of a bound share out certainty.
func TestBreachFallsWithTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SliceOfN(rapid.Float64Range(-10, 10), 9, 9).Draw(t, "path")
		slices.Sort(path)
		low := rapid.Float64Range(-15, 15).Draw(t, "low")
		high := low + rapid.Float64Range(0, 5).Draw(t, "more")
		a := models.BreachProbability(features.Objective{Op: "<", Bound: low}, path)
		b := models.BreachProbability(features.Objective{Op: "<", Bound: high}, path)
		if b > a+1e-12 || a < 0 || a > 1 {
			t.Fatalf("P(≥%g) = %g, P(≥%g) = %g", low, a, high, b)
		}
		if other := models.BreachProbability(features.Objective{Op: ">=", Bound: low}, path); math.Abs(a+other-1) > 1e-12 {
			t.Fatalf("P(≥%g) + P(<%g) = %g, want 1", low, low, a+other)
		}
	})
}
