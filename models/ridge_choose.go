package models

import (
	"iter"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/driftcast/driftcast/features"
)

const (
	ridgeCasesMin = 32
	ridgeCasesMax = 1024
)

// ridgeTrials are rows to choose on: how far the past of each is from its last
// value, and what came.
type ridgeTrials struct {
	lags, knots int
	cases       []float64 // rows×lags
	came        []float64 // rows×knots; NaN is unknown
	weight      []float64 // by row
}

// trials collects the later rows.
func (s *ridgeSums) trials(f *features.Frame, rows []int, g *ridgeGrid) *ridgeTrials {
	t := &ridgeTrials{lags: g.lags, knots: len(g.knots)}
	var late []int
	for _, row := range rows {
		if f.Rows[row].Origin >= s.boundary() {
			late = append(late, row)
		}
	}
	var (
		h       = new(history)
		typical = typicalUnit(f, late)
		subject []int
		sums    = map[int]float64{}
		counts  = map[int]float64{}
		all, n  float64
	)
	for i := range min(len(late), ridgeCasesMax) {
		row := late[i*len(late)/min(len(late), ridgeCasesMax)]
		if !h.begin(f, row, typical) || h.age > 0 {
			continue
		}
		r := f.Rows[row]
		y := f.Panel.Series(0, r.Subject)[:s.through+1]
		x := make([]float64, g.lags)
		g.gather(h, h.past, x)
		came, any := make([]float64, len(g.knots)), false
		for k, knot := range g.knots {
			came[k] = math.NaN()
			from, to := r.Origin+(knot-1)*g.step+1, r.Origin+knot*g.step+1
			if to > len(y) {
				continue
			}
			if v, ok := blockMean(y[from:to]); ok {
				came[k], any = h.in(v)-h.last, true
				sums[r.Subject] += math.Abs(came[k])
				counts[r.Subject]++
				all, n = all+math.Abs(came[k]), n+1
			}
		}
		if any {
			t.cases, t.came, subject = append(t.cases, x...), append(t.came, came...), append(subject, r.Subject)
		}
	}
	for _, s := range subject {
		w := 0.0
		if scale := sums[s]/counts[s] + all/n; scale > 0 {
			w = 1 / scale
		}
		t.weight = append(t.weight, w)
	}
	return t
}

// choose writes, by knot, the shares of the candidates in the average that has a
// low absolute error, chosen greedily and alike for a band of knots. Those that
// are not among the candidates have none.
func (t *ridgeTrials) choose(candidates []*mat.Dense, knots []int, shares [][]float64) {
	rows := len(t.weight)
	x := mat.NewDense(rows, t.lags, t.cases)
	said := make([]*mat.Dense, len(candidates))
	for c, w := range candidates {
		said[c] = new(mat.Dense)
		said[c].Mul(x, w)
	}
	const picks = 8
	for from, to := range ridgeBands(knots) {
		share := t.greedy(said, from, to, picks)
		for k := from; k < to; k++ {
			clear(shares[k])
			copy(shares[k], share)
		}
	}
}

// greedy picks, again and again, the candidate whose addition to those picked
// so far lowers the absolute error of their average most at knots [from, to).
func (t *ridgeTrials) greedy(said []*mat.Dense, from, to, picks int) []float64 {
	rows, width := len(t.weight), to-from
	shares, sum := make([]float64, len(said)), make([]float64, rows*width)
	for pick := range picks {
		best, lowest := 0, math.Inf(1)
		for c := range said {
			loss := 0.0
			for i := range rows {
				p := said[c].RawRowView(i)[from:to]
				for k, y := range t.came[i*t.knots+from : i*t.knots+to] {
					if y == y {
						loss += t.weight[i] * math.Abs((sum[i*width+k]+p[k])/float64(pick+1)-y)
					}
				}
			}
			if loss < lowest {
				best, lowest = c, loss
			}
		}
		for i := range rows {
			for k, v := range said[best].RawRowView(i)[from:to] {
				sum[i*width+k] += v
			}
		}
		shares[best] += 1 / float64(picks)
	}
	return shares
}

// ridgeBands yields the ranges [from, to) of knots that choices are made for
// together: those nearest to one power of two.
func ridgeBands(knots []int) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for from := 0; from < len(knots); {
			to := from + 1
			for to < len(knots) && nearestKnot(knots[to]) == nearestKnot(knots[from]) {
				to++
			}
			if !yield(from, to) {
				return
			}
			from = to
		}
	}
}
