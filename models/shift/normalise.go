package shift

import (
	"cmp"
	"math"
	"slices"
)

// curve is what a covariate explains of log latency: a line through the
// medians of bins, flat beyond the first and the last of them.
type curve struct {
	at, value []float64 // ascending in at; empty: nothing is explained
	low, high float64   // what the covariate was between for all but a little of the past; NaN: not known
}

const (
	bins   = 10  // of a curve
	perBin = 8   // samples at least
	worth  = 0.9 // a curve must bring the spread below this share of what it was
)

// at returns what the covariate explains at x; 0 where x is missing.
func (c curve) explains(x float64) float64 {
	n := len(c.at)
	switch {
	case n == 0 || x != x:
		return 0
	case x <= c.at[0]:
		return c.value[0]
	case x >= c.at[n-1]:
		return c.value[n-1]
	}
	i, _ := slices.BinarySearch(c.at, x)
	share := (x - c.at[i-1]) / (c.at[i] - c.at[i-1])
	return c.value[i-1] + share*(c.value[i]-c.value[i-1])
}

// fit learns a curve of y over x (same length) by medians of bins of equal
// count; rising makes it monotone (pool adjacent violators). A curve that does
// not make the spread of y much smaller explains nothing. What lies in the outer
// bins is hardly known.
func fit(x, y []float64, rising bool) curve {
	type point struct{ x, y float64 }
	var points []point
	for i, v := range y {
		if v == v && x[i] == x[i] {
			points = append(points, point{x[i], v})
		}
	}
	c := curve{low: math.NaN(), high: math.NaN()}
	n := len(points)
	if n < 2*perBin {
		return c
	}
	slices.SortFunc(points, func(a, b point) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y)) })
	few := n / bins
	c.low, c.high = points[few].x, points[n-1-few].x
	count := min(bins, n/perBin)
	var s scratch
	buffer, ys := make([]float64, 0, n/count+1), make([]float64, n)
	for b := range count {
		buffer = buffer[:0]
		bin := points[b*n/count : (b+1)*n/count]
		for _, p := range bin {
			buffer = append(buffer, p.y)
		}
		m, _ := s.median(buffer)
		at := bin[len(bin)/2].x
		if k := len(c.at); k > 0 && at <= c.at[k-1] {
			c.value[k-1] = (c.value[k-1] + m) / 2 // a covariate that stays: one bin
			continue
		}
		c.at, c.value = append(c.at, at), append(c.value, m)
	}
	if rising {
		pool(c.value)
	}
	for i, p := range points {
		ys[i] = p.y
	}
	centre, _ := s.median(ys)
	before := s.spread(ys, centre)
	for i, p := range points {
		ys[i] = p.y - c.explains(p.x)
	}
	centre, _ = s.median(ys)
	if !(s.spread(ys, centre) < worth*before) {
		c.at, c.value = nil, nil
		return c
	}
	centre, _ = s.median(c.value)
	for i := range c.value {
		c.value[i] -= centre
	}
	return c
}

// pool makes values ascend with the least sum of squares, in place.
func pool(values []float64) {
	var means []float64
	var counts []int
	for _, v := range values {
		means, counts = append(means, v), append(counts, 1)
		for k := len(means); k > 1 && means[k-2] > means[k-1]; k = len(means) {
			a, b := float64(counts[k-2]), float64(counts[k-1])
			means[k-2] = (a*means[k-2] + b*means[k-1]) / (a + b)
			counts[k-2] += counts[k-1]
			means, counts = means[:k-1], counts[:k-1]
		}
	}
	i := 0
	for k, mean := range means {
		for range counts[k] {
			values[i] = mean
			i++
		}
	}
}
