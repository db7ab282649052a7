package models

import (
	"math"
	"slices"
)

// isotonic maps a score to a calibrated probability by a step function that
// never falls, fitted by pooling adjacent violators and read by linear
// interpolation between the centres of its blocks.
type isotonic struct {
	X []float64 // mean score of each block, ascending
	Y []float64 // its probability, ascending; as long as X
}

// fitIsotonic fits the least-squares monotone step function of labels (0 and
// 1) over scores. Each block is drawn in by one observation of the base rate,
// so that no probability is exactly 0 or 1. Pairs with a NaN are left out;
// without any pair apply returns NaN.
func fitIsotonic(scores, labels []float64) isotonic {
	type pair struct{ s, y float64 }
	var pairs []pair
	var sum float64
	for i, s := range scores {
		if y := labels[i]; !math.IsNaN(s) && !math.IsNaN(y) {
			pairs = append(pairs, pair{s, y})
			sum += y
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		switch {
		case a.s < b.s:
			return -1
		case a.s > b.s:
			return 1
		}
		return 0
	})
	x, y, w := make([]float64, 0, len(pairs)), make([]float64, 0, len(pairs)), make([]float64, 0, len(pairs))
	for i := 0; i < len(pairs); {
		j, hits := i, 0.0
		for ; j < len(pairs) && pairs[j].s == pairs[i].s; j++ {
			hits += pairs[j].y
		}
		n := float64(j - i)
		x, y, w = append(x, pairs[i].s), append(y, hits/n), append(w, n)
		i = j
	}
	x, y, w = pava(x, y, w)
	base := (sum + 1) / float64(len(pairs)+2)
	for i := range y {
		y[i] = (y[i]*w[i] + base) / (w[i] + 1)
		if i > 0 {
			y[i] = max(y[i], y[i-1])
		}
	}
	return isotonic{X: x, Y: y}
}

// apply returns the probability for a score; NaN where the score is NaN.
func (f isotonic) apply(score float64) float64 {
	n := len(f.X)
	if n == 0 || math.IsNaN(score) {
		return math.NaN()
	}
	return interpolate(f.X, f.Y, score)
}

// interpolate reads the broken line through (x[i], y[i]), x ascending, at v;
// outside it holds the end values.
func interpolate(x, y []float64, v float64) float64 {
	n := len(x)
	i, _ := slices.BinarySearch(x, v)
	if i == 0 {
		return y[0]
	}
	if i == n {
		return y[n-1]
	}
	share := (v - x[i-1]) / (x[i] - x[i-1])
	return y[i-1] + share*(y[i]-y[i-1])
}

// pava pools adjacent violators: it returns the blocks (mean x, mean y, weight)
// of the least-squares fit of y that never falls, for points in the order
// given with positive weights. It works in place. (Ayer et al. 1955.)
func pava(x, y, w []float64) (bx, by, bw []float64) {
	n := 0
	for i := range y {
		x[n], y[n], w[n] = x[i], y[i], w[i]
		for n > 0 && y[n-1] >= y[n] {
			total := w[n-1] + w[n]
			x[n-1] = (x[n-1]*w[n-1] + x[n]*w[n]) / total
			y[n-1] = (y[n-1]*w[n-1] + y[n]*w[n]) / total
			w[n-1] = total
			n--
		}
		n++
	}
	return x[:n], y[:n], w[:n]
}
