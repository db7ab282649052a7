package models_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/driftcast/driftcast/models"
)

// flat is a path of n leads whose quantiles are all v.
func flat(n int, v float64) []float64 {
	return slices.Repeat([]float64{v}, n*len(models.Quantiles))
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 || (math.IsNaN(a) && math.IsNaN(b)) }

func TestLevelScore(t *testing.T) {
	nan := math.NaN()
	spread := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	for name, tc := range map[string]struct {
		path, actuals            []float64
		scale                    float64
		mase, wql, mae, coverage float64
	}{
		"exact":             {flat(2, 3), []float64{3, 3}, 1, 0, 0, 0, 1},
		"off by one":        {flat(2, 3), []float64{4, 2}, 2, 0.5, 9.0 / 6, 1, 0}, // pinball of a point is |y−q|/2 on average
		"unknown is left":   {flat(3, 3), []float64{3, nan, 4}, 1, 0.5, 4.5 / 7, 0.5, 0.5},
		"constant past":     {flat(1, 3), []float64{4}, 0, nan, 4.5 / 4, 1, 0},
		"nothing known":     {flat(1, 3), []float64{nan}, 1, nan, nan, nan, nan},
		"actuals are zeros": {flat(1, 0), []float64{0}, 1, 0, nan, 0, 1},
		"inside the band":   {spread, []float64{5}, 1, 0, (0.1*4 + 0.2*3 + 0.3*2 + 0.4*1) * 2 / 5, 0, 1},
		"above the band":    {spread, []float64{10}, 5, 1, (0.1*9 + 0.2*8 + 0.3*7 + 0.4*6 + 0.5*5 + 0.6*4 + 0.7*3 + 0.8*2 + 0.9*1) / 10, 5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var s models.LevelScore
			s.Window(tc.path, tc.actuals, tc.scale)
			for what, pair := range map[string][2]float64{
				"MASE": {s.MASE(), tc.mase}, "WQL": {s.WQL(), tc.wql}, "MAE": {s.MAE(), tc.mae}, "coverage": {s.Coverage(), tc.coverage},
			} {
				if !near(pair[0], pair[1]) {
					t.Errorf("%s: got %g, want %g", what, pair[0], pair[1])
				}
			}
		})
	}
}

// TestLossRewardsTheTruth is what makes pinball worth minimising: no constant
// forecast has a lower loss than the sample's own quantiles.
func TestLossRewardsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-100, 100), 9, 60).Draw(t, "y")
		sorted := slices.Clone(y)
		slices.Sort(sorted)
		truth := make([]float64, len(models.Quantiles))
		guess := make([]float64, len(models.Quantiles))
		for i, level := range models.Quantiles {
			truth[i] = sorted[int(math.Ceil(level*float64(len(y))))-1]
			guess[i] = truth[i] + rapid.Float64Range(-10, 10).Draw(t, "error")
		}
		slices.Sort(guess)
		var best, other models.LevelScore
		best.Window(slices.Repeat(truth, len(y)), y, 1)
		other.Window(slices.Repeat(guess, len(y)), y, 1)
		if best.Loss() > other.Loss()+1e-9 {
			t.Fatalf("the sample's quantiles lose %g, a guess %g", best.Loss(), other.Loss())
		}
	})
}

func TestGeometricMean(t *testing.T) {
	for _, tc := range []struct {
		x    []float64
		want float64
	}{
		{[]float64{2, 8}, 4},
		{[]float64{3, math.NaN(), 0, math.Inf(1)}, 3},
		{nil, math.NaN()},
	} {
		if got := models.GeometricMean(tc.x); !near(got, tc.want) {
			t.Errorf("of %v: got %g, want %g", tc.x, got, tc.want)
		}
	}
}
