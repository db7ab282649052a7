package boost_test

import (
	"math"
	"slices"
	"testing"

	"github.com/driftcast/driftcast/models/boost"
	"pgregory.net/rapid"
)

func TestCuts(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name   string
		values []float64
		bins   int
		want   []float64
	}{
		{"one value", []float64{3, 3, 3}, 4, nil},
		{"a bin for each of few values", []float64{5, 1, 1, 1, 2}, 4, []float64{1.5, 3.5}},
		{"equal shares of many values", []float64{8, 7, 6, 5, 4, 3, 2, 1}, 4, []float64{2.5, 4.5, 6.5}},
		{"a frequent value alone", []float64{1, 2, 3, 3, 3, 3, 3, 3, 4, 5}, 3, []float64{2.5, 3.5}},
		{"both zeros are one", []float64{math.Copysign(0, -1), 0, 1}, 4, []float64{0.5}},
		{"infinities", []float64{-inf, 0, inf}, 4, []float64{-math.MaxFloat64 / 2, math.MaxFloat64 / 2}},
		{"neighbours", []float64{1, math.Nextafter(1, 2)}, 4, []float64{1}},
	} {
		if got := boost.Cuts(c.values, c.bins); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestCutsSplitValues: cuts ascend, lie between values, and no bin is empty or
// much fuller than its share unless a single value fills it.
func TestCutsSplitValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64(), rapid.Map(rapid.IntRange(-3, 3), func(i int) float64 { return float64(i) })), 1, 300).Draw(t, "values")
		bins := rapid.IntRange(2, 20).Draw(t, "bins")
		cuts := boost.Cuts(values, bins)
		if len(cuts) >= bins || !slices.IsSorted(cuts) {
			t.Fatalf("cuts %v for %d bins", cuts, bins)
		}
		slices.Sort(values)
		at := 0
		for b := range len(cuts) + 1 {
			lo := at
			for at < len(values) && (b == len(cuts) || values[at] <= cuts[b]) {
				at++
			}
			if at == lo {
				t.Fatalf("bin %d of %v is empty", b, cuts)
			}
			if most := 2*len(values)/bins + 2; at-lo > most && values[lo] != values[at-1] && b < len(cuts) {
				t.Errorf("bin %d has %d of %d values", b, at-lo, len(values))
			}
		}
	})
}

// TestQuantileMinimises: no value of the data has a lower pinball loss.
func TestQuantileMinimises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-5, 5), rapid.SampledFrom([]float64{0, 1, 2})), 1, 80).Draw(t, "values")
		weights := make([]float64, len(values))
		for i := range weights {
			weights[i] = float64(rapid.IntRange(1, 4).Draw(t, "weight"))
		}
		level := rapid.Float64Range(0.01, 0.99).Draw(t, "level")
		loss := func(q float64) (sum float64) {
			for i, v := range values {
				sum += weights[i] * max(level*(v-q), (level-1)*(v-q))
			}
			return sum
		}
		got := boost.Quantile(values, weights, level)
		for _, v := range values {
			if loss(got) > loss(v)+1e-6 {
				t.Fatalf("%v loses %v, %v only %v", got, loss(got), v, loss(v))
			}
		}
	})
	if got := boost.Quantile([]float64{1, 4, 2, 3}, []float64{1, 1, 1, 1}, 0.5); got != 2.5 {
		t.Errorf("median of 1…4 is %v, want 2.5", got)
	}
}
