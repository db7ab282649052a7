package boost_test

import (
	"context"
	"math"
	"math/bits"
	"testing"

	"github.com/driftcast/driftcast/models/boost"
	"pgregory.net/rapid"
)

// TestExplainIsShapley compares Explain with the definition: the mean over all
// orders in which columns become known of what each adds.
func TestExplainIsShapley(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		e, d, rows := drawnFit(t, columns)
		x := d.X[:columns]
		if i := rapid.IntRange(0, rows-1).Draw(t, "row"); true {
			x = d.X[i*columns : (i+1)*columns]
		}
		out, phi := make([]float64, e.Outputs()), make([]float64, columns)
		e.Add(x, out)
		for k := range out {
			expected := e.Explain(x, k, phi)
			near(t, "expected", expected, e.Conditional(x, make([]bool, columns), k))
			sum := expected
			for j, want := range shapley(e, x, k) {
				near(t, "phi", phi[j], want)
				sum += phi[j]
			}
			near(t, "sum", sum, out[k])
		}
	})
}

// shapley sums over all subsets of the other columns.
func shapley(e *boost.Ensemble, x []float64, output int) []float64 {
	m := len(x)
	game := make([]float64, 1<<m)
	for set := range game {
		known := make([]bool, m)
		for j := range known {
			known[j] = set>>j&1 == 1
		}
		game[set] = e.Conditional(x, known, output)
	}
	factorial := func(n int) float64 { return math.Gamma(float64(n + 1)) }
	phi := make([]float64, m)
	for j := range phi {
		for set := range game {
			if set>>j&1 == 0 {
				s := bits.OnesCount(uint(set))
				phi[j] += factorial(s) * factorial(m-s-1) / factorial(m) * (game[set|1<<j] - game[set])
			}
		}
	}
	return phi
}

// drawnFit fits a small ensemble to drawn data: coarse values, some missing.
func drawnFit(t *rapid.T, columns int) (e *boost.Ensemble, d boost.Data, rows int) {
	rows = rapid.IntRange(1, 60).Draw(t, "rows")
	d = boost.Data{X: make([]float64, rows*columns), Columns: columns}
	value := rapid.SampledFrom([]float64{math.NaN(), math.Inf(-1), -1, 0, 0.5, 1, 2, math.Inf(1)})
	for i := range d.X {
		d.X[i] = value.Draw(t, "x")
	}
	y := make([]float64, rows)
	o := boost.Options{Trees: 4, Leaves: rapid.IntRange(2, 9).Draw(t, "leaves"), MinLeaf: 1, Rate: 0.5, L2: 0.1,
		Bins: rapid.IntRange(2, 8).Draw(t, "bins"), Seed: rapid.Uint64().Draw(t, "seed"),
		Rows: rapid.SampledFrom([]float64{0.7, 1}).Draw(t, "share"), Columns: rapid.SampledFrom([]float64{0.6, 1}).Draw(t, "share of columns")}
	var err error
	if rapid.Bool().Draw(t, "logistic") {
		for i := range y {
			y[i] = float64(rapid.IntRange(0, 1).Draw(t, "y"))
		}
		e, err = boost.FitLogistic(context.Background(), d, y, nil, nil, o)
	} else {
		for i := range y {
			y[i] = rapid.Float64Range(-10, 10).Draw(t, "y")
		}
		e, err = boost.FitQuantiles(context.Background(), d, y, nil, nil, []float64{0.2, 0.5, 0.9}, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e, d, rows
}

func near(t interface{ Errorf(string, ...any) }, what string, got, want float64) {
	if !(math.Abs(got-want) <= 1e-9*(1+math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
