package forecaster

import (
	"math"
	"testing"
)

// TestEvenly: a horizon counts by who is better at it, not by how large its
// scores are.
func TestEvenly(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		briers [][]float64 // by horizon, then contender
		best   int         // -1: nobody can be told
	}{
		"better soon by half, worse in a week by a tenth": {[][]float64{{0.01, 0.02}, {0.22, 0.2}}, 0},
		"one horizon": {[][]float64{{0.02, 0.01}}, 1},
		"a horizon without events counts for nobody": {[][]float64{{0, 0}, {0.2, 0.1}}, 1},
		"one that has no score at a horizon":         {[][]float64{{nan, 0.1}, {0.1, 0.3}}, 0},
		"nothing known":                              {[][]float64{{nan, nan}}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			losses, best := evenly(c.briers), -1
			for i, loss := range losses {
				if loss == loss && (best < 0 || loss < losses[best]) {
					best = i
				}
			}
			if best != c.best {
				t.Errorf("got %d of %v, want %d", best, losses, c.best)
			}
		})
	}
}
