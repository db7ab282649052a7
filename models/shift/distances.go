package shift

import (
	"math"
	"slices"
)

// kolmogorov returns the largest distance between the distribution functions of
// two sorted samples.
func kolmogorov(a, b []float64) float64 {
	most, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		v := math.Min(a[i], b[j])
		for i < len(a) && a[i] <= v {
			i++
		}
		for j < len(b) && b[j] <= v {
			j++
		}
		most = math.Max(most, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return most
}

// significance returns the probability of a Kolmogorov distance at least as
// large between samples of n and m independent values of one law (asymptotic,
// with the correction of Stephens, J. Roy. Stat. Soc. B 1970).
func significance(distance, n, m float64) float64 {
	root := math.Sqrt(n * m / (n + m))
	x := (root + 0.12 + 0.11/root) * distance
	if x < 0.3 {
		return 1
	}
	sum, sign := 0.0, 1.0
	for k := 1.0; k <= 100; k++ {
		term := math.Exp(-2 * k * k * x * x)
		sum += sign * term
		if term < 1e-12 {
			break
		}
		sign = -sign
	}
	return math.Min(1, math.Max(0, 2*sum))
}

// wasserstein returns the area between the distribution functions of two sorted
// samples, in their own unit.
func wasserstein(a, b []float64) float64 {
	area, i, j := 0.0, 0, 0
	last := math.Min(a[0], b[0])
	for i < len(a) || j < len(b) {
		v := math.Inf(1)
		if i < len(a) {
			v = a[i]
		}
		if j < len(b) {
			v = math.Min(v, b[j])
		}
		area += (v - last) * math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b)))
		for i < len(a) && a[i] <= v {
			i++
		}
		for j < len(b) && b[j] <= v {
			j++
		}
		last = v
	}
	return area
}

// bands are the cells that a population stability index is summed over.
const bands = 10

// edges returns the inner edges of at most ten cells that hold about equally
// much of a sorted sample. A value that takes more than a cell ends one.
func edges(sorted []float64) []float64 {
	var out []float64
	for k := 1; k < bands; k++ {
		v := sorted[k*len(sorted)/bands]
		if (len(out) == 0 && v > sorted[0]) || (len(out) > 0 && v > out[len(out)-1]) {
			out = append(out, v)
		}
	}
	if len(out) == 0 { // nearly all is one value: below, it, above
		out = []float64{sorted[0], math.Nextafter(sorted[0], math.Inf(1))}
	}
	return out
}

// cells counts a sample into the cells between edges: cell k holds edges[k−1] ≤ v <
// edges[k].
func cells(values, edges []float64) []float64 {
	counts := make([]float64, len(edges)+1)
	for _, v := range values {
		i, found := slices.BinarySearch(edges, v)
		if found {
			i++
		}
		counts[i]++
	}
	return counts
}

// stability returns Σ (p−q)·ln(p÷q) over cells, each count raised by a half so
// that an empty cell is not infinite (the population stability index; the
// symmetric divergence of Jeffreys).
func stability(a, b []float64) float64 {
	na, nb := 0.0, 0.0
	for k := range a {
		na, nb = na+a[k]+0.5, nb+b[k]+0.5
	}
	sum := 0.0
	for k := range a {
		p, q := (a[k]+0.5)/na, (b[k]+0.5)/nb
		sum += (p - q) * math.Log(p/q)
	}
	return sum
}

// worthOf returns how many independent values a series in time order tells as
// much as (NaN is missing and left out): n ÷ (1 + 2·Σρ), ρ the autocorrelations
// of its ranks, summed in pairs while they are positive (Geyer, Stat. Sci. 1992).
func worthOf(values []float64) float64 {
	ranked := ranks(values)
	n := len(ranked)
	if n < 4 {
		return float64(n)
	}
	variance := 0.0
	for _, v := range ranked {
		variance += v * v
	}
	if variance == 0 {
		return float64(n)
	}
	rho := func(lag int) float64 {
		sum := 0.0
		for i := lag; i < n; i++ {
			sum += ranked[i] * ranked[i-lag]
		}
		return sum / variance
	}
	time := -1.0
	for lag := 0; lag+1 < n/2; lag += 2 {
		pair := rho(lag) + rho(lag+1)
		if pair <= 0 {
			break
		}
		time += 2 * pair
	}
	return math.Max(1, math.Min(float64(n), float64(n)/math.Max(1, time)))
}

// ranks returns the ranks of the values that are not NaN, ties shared, with
// mean 0, in time order.
func ranks(values []float64) []float64 {
	sorted := known(values)
	out := make([]float64, 0, len(sorted))
	for _, v := range values {
		if v-v != 0 {
			continue
		}
		low, _ := slices.BinarySearch(sorted, v)
		high := low
		for high < len(sorted) && sorted[high] == v {
			high++
		}
		out = append(out, float64(low+high-1)/2-float64(len(sorted)-1)/2)
	}
	return out
}
