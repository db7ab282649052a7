package boost_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/driftcast/driftcast/models/boost"
)

// shape is made-up data: n rows of normal columns, of which every tenth is
// rounded to whole numbers and every seventh misses a tenth of its values. The
// labels depend on the first few, with an interaction and a bend.
func shape(n, columns int, seed uint64) (d boost.Data, y []float64, class []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	d = boost.Data{X: make([]float64, n*columns), Columns: columns}
	y, class = make([]float64, n), make([]float64, n)
	for i := range n {
		x := d.X[i*columns : (i+1)*columns]
		for j := range x {
			x[j] = r.NormFloat64()
		}
		z := x[0] + x[1]*x[2] + math.Sin(3*x[3]) - 1
		y[i] = z + math.Exp(x[4]/2)*r.NormFloat64()
		if r.Float64() < 1/(1+math.Exp(-z)) {
			class[i] = 1
		}
		for j := range x {
			if j%10 == 9 {
				x[j] = math.Round(x[j])
			}
			if j%7 == 6 && r.IntN(10) == 0 {
				x[j] = math.NaN()
			}
		}
	}
	return d, y, class
}

var nine = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}

// BenchmarkFit tells, besides time and allocations, rows·columns·trees in a
// second, the peak of the heap above what the data take, and that peak by row
// and column.
func BenchmarkFit(b *testing.B) {
	fits := []struct {
		name          string
		rows, columns int
		fit           func(d boost.Data, y, class []float64, o boost.Options) (*boost.Ensemble, error)
	}{
		{"logistic", 200_000, 60, func(d boost.Data, _, class []float64, o boost.Options) (*boost.Ensemble, error) {
			return boost.FitLogistic(context.Background(), d, class, nil, nil, o)
		}},
		{"quantiles", 50_000, 60, func(d boost.Data, y, _ []float64, o boost.Options) (*boost.Ensemble, error) {
			return boost.FitQuantiles(context.Background(), d, y, nil, nil, nine, o)
		}},
	}
	for _, f := range fits {
		b.Run(fmt.Sprintf("%s/%dx%d", f.name, f.rows, f.columns), func(b *testing.B) {
			d, y, class := shape(f.rows, f.columns, 1)
			o := boost.Options{Trees: 100, Leaves: 31, MinLeaf: 20, Rate: 0.1, Bins: 255}
			b.ReportAllocs()
			peak := watchHeap()
			for b.Loop() {
				if _, err := f.fit(d, y, class, o); err != nil {
					b.Fatal(err)
				}
			}
			bytes := float64(peak())
			cells := float64(f.rows * f.columns)
			b.ReportMetric(cells*float64(o.Trees)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mcells/s")
			b.ReportMetric(bytes/(1<<20), "peak-MiB")
			b.ReportMetric(bytes/cells, "peak-B/cell")
		})
	}
}

// watchHeap samples the heap until the function it returns is called, which
// tells by how much it grew at most.
func watchHeap() (stop func() uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, uint64(0)
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		var m runtime.MemStats
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc-min(m.HeapAlloc, before))
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	})
	return func() uint64 { close(done); wait.Wait(); return peak }
}

// BenchmarkAdd predicts 4096 rows of 60 columns with 100 trees of 31 leaves,
// one at a time and in one block.
func BenchmarkAdd(b *testing.B) {
	d, y, _ := shape(4096, 60, 1)
	e := quantiles(b, d, y, boost.Options{Trees: 100})
	out := make([]float64, 4096*len(nine))
	b.Run("row", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i = (i + 1) % 4096 {
			e.Add(d.X[i*60:(i+1)*60], out[:len(nine)])
		}
	})
	b.Run("rows", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.AddRows(d.X, 4096, out)
		}
		b.ReportMetric(4096*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

// BenchmarkExplain explains one output of the same ensemble.
func BenchmarkExplain(b *testing.B) {
	d, y, _ := shape(4096, 60, 1)
	e := quantiles(b, d, y, boost.Options{Trees: 100})
	phi := make([]float64, 60)
	b.ReportAllocs()
	for i := 0; b.Loop(); i = (i + 1) % 4096 {
		e.Explain(d.X[i*60:(i+1)*60], 4, phi)
	}
}
