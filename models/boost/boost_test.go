package boost_test

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/driftcast/driftcast/models/boost"
	"pgregory.net/rapid"
)

var ctx = context.Background()

func TestFitLogisticLearns(t *testing.T) {
	d, _, class := shape(4000, 6, 1)
	test, _, answers := shape(4000, 6, 2)
	e := logistic(t, d, class, boost.Options{Trees: 60, Leaves: 15})
	none := logistic(t, d, class, boost.Options{Trees: 1, MinLeaf: 4000})
	got, base := logLoss(e, test, answers), logLoss(none, test, answers)
	if got > 0.85*base {
		t.Errorf("log loss out of sample %.4f; without columns %.4f", got, base)
	}
	share := e.Importance()
	if share[0] < share[5] || share[1] < share[5] || share[3] < share[5] {
		t.Errorf("importance %.2f: the last column is noise", share)
	}
}

// TestFitQuantilesCover has labels whose location and spread depend on
// columns: the levels must be as wide as they should be for both halves.
func TestFitQuantilesCover(t *testing.T) {
	d, y, _ := shape(6000, 6, 1)
	test, answers, _ := shape(6000, 6, 2)
	e := quantiles(t, d, y, boost.Options{Trees: 60, Leaves: 8, MinLeaf: 50})
	out := predict(e, test.X)
	for _, wide := range []bool{false, true} { // the spread is exp(x4/2)
		inside, all := 0, 0
		for i, v := range answers {
			if test.X[i*test.Columns+4] > 0 == wide {
				all++
				if v >= out[i*len(nine)] && v <= out[i*len(nine)+8] {
					inside++
				}
			}
		}
		if share := float64(inside) / float64(all); share < 0.74 || share > 0.86 {
			t.Errorf("wide %v: %.3f of labels within 10…90 %%, want about 0.8", wide, share)
		}
	}
}

// TestSpreadAlone has labels of which only the spread depends on a column: a
// plain sum of gradients would see nothing.
func TestSpreadAlone(t *testing.T) {
	d := boost.Data{Columns: 1}
	var y []float64
	for i := range 2000 {
		wide := float64(i % 2)
		d.X = append(d.X, wide)
		y = append(y, (1+4*wide)*(float64(i/2)/1000-0.5))
	}
	e := quantiles(t, d, y, boost.Options{Trees: 1, Leaves: 2, Rate: 1})
	narrow, wide := predict(e, []float64{0}), predict(e, []float64{1})
	for k, level := range nine {
		if math.Abs(narrow[k]-(level-0.5)) > 0.01 || math.Abs(wide[k]-5*(level-0.5)) > 0.05 {
			t.Errorf("level %v: %.3f and %.3f, want %.3f and %.3f", level, narrow[k], wide[k], level-0.5, 5*(level-0.5))
		}
	}
}

func TestSameWhateverTheProcessors(t *testing.T) {
	d, y, class := shape(3000, 9, 1)
	held := make([]bool, len(y))
	for i := range held {
		held[i] = i%5 == 0
	}
	o := boost.Options{Trees: 12, Leaves: 15, Rows: 0.7, Columns: 0.6, Held: held, Patience: 20, Seed: 7}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []byte
	for _, processors := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(processors)
		b, _ := logistic(t, d, class, o).AppendBinary(nil)
		b, _ = quantiles(t, d, y, o).AppendBinary(b)
		if first == nil {
			first = b
		} else if !slices.Equal(b, first) {
			t.Errorf("other bytes with %d processors than with 1", processors)
		}
	}
	o.Seed++
	b, _ := logistic(t, d, class, o).AppendBinary(nil)
	if slices.Equal(b, first[:min(len(b), len(first))]) {
		t.Error("the seed draws nothing")
	}
}

// TestIndifferent changes what should not matter: predictions stay.
func TestIndifferent(t *testing.T) {
	const n, p = 1500, 8
	d, y, class := shape(n, p, 1)
	r := rand.New(rand.NewPCG(1, 2))
	rows, columns := r.Perm(n), r.Perm(p)
	changes := []struct {
		name string
		row  func(i int) int
		cell func(i, j int) float64
	}{
		{"order of rows", func(i int) int { return rows[i] }, func(i, j int) float64 { return d.X[i*p+j] }},
		{"order of columns", func(i int) int { return i }, func(i, j int) float64 { return d.X[i*p+columns[j]] }},
		{"another unit", func(i int) int { return i }, func(i, j int) float64 { return 1024 * d.X[i*p+j] }},
		{"a growing function", func(i int) int { return i }, func(i, j int) float64 { return math.Exp(d.X[i*p+j]) }},
	}
	// Leaves of many rows leave no two splits with gains that only rounding tells apart.
	o := boost.Options{Trees: 20, Leaves: 8, MinLeaf: 20, Bins: 64}
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			other := boost.Data{X: make([]float64, n*p), Columns: p}
			y2, class2 := make([]float64, n), make([]float64, n)
			for i := range n {
				for j := range p {
					other.X[i*p+j] = c.cell(c.row(i), j)
				}
				y2[i], class2[i] = y[c.row(i)], class[c.row(i)]
			}
			check := func(want, got []float64) {
				t.Helper()
				k := len(want) / n
				for i := range n {
					for q := range k {
						if g, w := got[i*k+q], want[c.row(i)*k+q]; math.Abs(g-w) > 1e-9 {
							t.Fatalf("row %d: %v, want %v", i, g, w)
						}
					}
				}
			}
			check(predict(logistic(t, d, class, o), d.X), predict(logistic(t, other, class2, o), other.X))
			check(predict(quantiles(t, d, y, o), d.X), predict(quantiles(t, other, y2, o), other.X))
		})
	}
}

func TestMissing(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		x      []float64 // 40 rows of each
		class  []float64
		ask    []float64
		higher []bool // than the base rate
	}{
		{"with the high ones", []float64{1, 2, nan}, []float64{0, 1, 1}, []float64{1, 2, nan}, []bool{false, true, true}},
		{"with the low ones", []float64{1, 2, nan}, []float64{0, 1, 0}, []float64{1, 2, nan}, []bool{false, true, false}},
		{"against all values", []float64{1, 2, nan}, []float64{0, 0, 1}, []float64{1, 2, nan, math.Inf(1)}, []bool{false, false, true, false}},
		{"against one value", []float64{1, nan}, []float64{1, 0}, []float64{1, 9, nan}, []bool{true, true, false}},
		{"never seen: with more rows", []float64{1, 2, 2}, []float64{0, 1, 1}, []float64{1, 2, nan}, []bool{false, true, true}},
		{"infinities are the ends", []float64{math.Inf(-1), 0, math.Inf(1)}, []float64{1, 0, 1}, []float64{math.Inf(-1), -5, 0, 1e300, math.Inf(1)}, []bool{true, false, false, false, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, class := boost.Data{Columns: 1}, []float64(nil)
			ones := 0.0
			for range 40 {
				d.X = append(d.X, c.x...)
				class = append(class, c.class...)
			}
			for _, v := range class {
				ones += v / float64(len(class))
			}
			e := logistic(t, d, class, boost.Options{Trees: 20, MinLeaf: 5, Rate: 0.3})
			for i, f := range predict(e, c.ask) {
				if higher := f > math.Log(ones/(1-ones)); higher != c.higher[i] {
					t.Errorf("%v: log-odds %.2f, higher than the base rate %v, want %v", c.ask[i], f, higher, c.higher[i])
				}
			}
		})
	}
}

func TestStopsEarly(t *testing.T) {
	d, _, class := shape(2000, 6, 1)
	held := make([]bool, len(class))
	var late boost.Data
	late.Columns = d.Columns
	var answers []float64
	for i := range held {
		if held[i] = i >= 1400; held[i] {
			late.X = append(late.X, d.X[i*6:(i+1)*6]...)
			answers = append(answers, class[i])
		}
	}
	most := boost.Options{Trees: 300, Rate: 0.3, Held: held}
	calls := 0
	most.Progress = func(_, total int) { calls++ }
	all := logistic(t, d, class, most)
	if all.Trees() != 300 || calls != 300 {
		t.Errorf("%d trees and %d reports without patience, want 300", all.Trees(), calls)
	}
	some := most
	some.Patience = 10
	calls = 0
	best := logistic(t, d, class, some)
	if n := best.Trees(); n == 0 || n+10 != calls {
		t.Errorf("%d trees kept after %d", n, calls)
	}
	loss := logLoss(best, late, answers)
	for _, trees := range []int{best.Trees() - 1, best.Trees() + 1, 300} {
		o := most
		o.Trees = trees
		if other := logLoss(logistic(t, d, class, o), late, answers); other < loss {
			t.Errorf("%d trees lose %.5f on the held rows, the %d kept %.5f", trees, other, best.Trees(), loss)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range class {
		class[i] = float64(r.IntN(2)) // nothing to learn
	}
	if n := logistic(t, d, class, some).Trees(); n > 5 {
		t.Errorf("%d trees kept on noise", n)
	}
}

// TestRowsFallWhereTheyGrew: the walk by thresholds agrees with the division by
// bins, so that Explain's shares are the truth.
func TestRowsFallWhereTheyGrew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		e, d, rows := drawnFit(t, columns)
		if got, want := e.Fallen(d.X), e.Leaves(); e.Trees() > 0 && sum(want) == rows*e.Trees() && !slices.Equal(got, want) {
			t.Errorf("rows by leaf %v, grown from %v", got, want)
		}
	})
}

func sum(v []int) (s int) {
	for _, n := range v {
		s += n
	}
	return s
}

func TestLeavesKeepTheirRows(t *testing.T) {
	d, y, _ := shape(1000, 6, 1)
	e := quantiles(t, d, y, boost.Options{Trees: 10, Leaves: 12, MinLeaf: 37, Rows: 0.8})
	for _, n := range e.Leaves() {
		if n < 37 {
			t.Fatalf("a leaf has %d rows, want 37 or more", n)
		}
	}
	if n := len(e.Leaves()); n > 10*12 || n < 10*6 {
		t.Errorf("%d leaves in 10 trees of up to 12", n)
	}
	if n := len(quantiles(t, d, y, boost.Options{Trees: 10, Depth: 2}).Leaves()); n != 40 {
		t.Errorf("%d leaves in 10 trees of depth 2, want 40", n)
	}
}

// TestWeights: a row of weight 3 is three rows, one of weight 0 is none.
func TestWeights(t *testing.T) {
	d, y, class := shape(600, 5, 1)
	weight := make([]float64, len(y))
	many := boost.Data{Columns: 5}
	var manyY, manyClass []float64
	for i := range weight {
		weight[i] = float64(3 * (i % 2))
		for range int(weight[i]) {
			many.X = append(many.X, d.X[i*5:(i+1)*5]...)
			manyY, manyClass = append(manyY, y[i]), append(manyClass, class[i])
		}
	}
	once, thrice := boost.Options{Trees: 5, Leaves: 6, MinLeaf: 10}, boost.Options{Trees: 5, Leaves: 6, MinLeaf: 30}
	e, err := boost.FitLogistic(ctx, d, class, weight, nil, once)
	if err != nil {
		t.Fatal(err)
	}
	same(t, predict(e, d.X), predict(logistic(t, many, manyClass, thrice), d.X))
	if e, err = boost.FitQuantiles(ctx, d, y, weight, nil, nine, once); err != nil {
		t.Fatal(err)
	}
	same(t, predict(e, d.X), predict(quantiles(t, many, manyY, thrice), d.X))
}

// TestStart: boosting from the truth finds nothing, and what is returned is to be added.
func TestStart(t *testing.T) {
	d, y, class := shape(3000, 5, 1)
	start := make([]float64, len(class))
	whole := make([]float64, len(class))
	for i := range start {
		start[i] = d.X[i*5] - 1
	}
	e, err := boost.FitLogistic(ctx, d, class, nil, start, boost.Options{Trees: 40, Leaves: 8})
	if err != nil {
		t.Fatal(err)
	}
	e.AddRows(d.X, len(whole), whole)
	before, after := 0.0, 0.0
	for i := range whole {
		before += math.Log1p(math.Exp(-start[i] * (2*class[i] - 1)))
		after += math.Log1p(math.Exp(-(start[i] + whole[i]) * (2*class[i] - 1)))
	}
	if after > 0.95*before {
		t.Errorf("log loss %.1f from a start of %.1f", after, before)
	}
	exact := make([]float64, len(y))
	copy(exact, y)
	if e, err = boost.FitQuantiles(ctx, d, y, nil, exact, []float64{0.5}, boost.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, v := range predict(e, d.X) {
		if v != 0 {
			t.Fatalf("%v is added to a start that is the truth", v)
		}
	}
}

func TestConcurrentPrediction(t *testing.T) {
	d, y, _ := shape(500, 5, 1)
	e := quantiles(t, d, y, boost.Options{Trees: 10})
	want := predict(e, d.X)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			phi := make([]float64, 5)
			if got := predict(e, d.X); !slices.Equal(got, want) {
				t.Error("other predictions side by side")
			}
			for i := range 20 {
				e.Explain(d.X[i*5:(i+1)*5], 3, phi)
			}
			if _, err := e.AppendBinary(nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func logistic(t testing.TB, d boost.Data, class []float64, o boost.Options) *boost.Ensemble {
	t.Helper()
	e, err := boost.FitLogistic(ctx, d, class, nil, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func quantiles(t testing.TB, d boost.Data, y []float64, o boost.Options) *boost.Ensemble {
	t.Helper()
	e, err := boost.FitQuantiles(ctx, d, y, nil, nil, nine, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func predict(e *boost.Ensemble, x []float64) []float64 {
	rows := len(x) / e.Columns()
	out := make([]float64, rows*e.Outputs())
	e.AddRows(x, rows, out)
	return out
}

func logLoss(e *boost.Ensemble, d boost.Data, class []float64) float64 {
	sum := 0.0
	for i, f := range predict(e, d.X) {
		sum += math.Log1p(math.Exp(-f * (2*class[i] - 1)))
	}
	return sum / float64(len(class))
}

func same(t *testing.T, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-9 {
			t.Fatalf("number %d is %v, want %v", i, got[i], want[i])
		}
	}
}
