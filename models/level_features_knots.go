package models

import "math"

// Knots are the leads at which a learned level model is asked; in between, its
// quantiles are interpolated. They lie about a factor of two apart while that
// is less than an eighth of a season, and an eighth of a season apart from
// there on, so that a day's shape is not cut off.
const (
	knotFactor    = 2
	knotsASeason  = 8
	knotsMost     = 48
	knotTolerance = 1e-9
	knotsRoom     = 64 // of a scratch array; more is allocated
)

// appendKnots appends the indices of the leads (ascending, ≥ 1) that are
// knots, the first and the last among them.
func appendKnots(dst []int, leads []int, season int) []int {
	if len(leads) == 0 {
		return dst
	}
	step := max(1, season/knotsASeason, (leads[len(leads)-1]+knotsMost-1)/knotsMost)
	last := 0
	dst = append(dst, 0)
	for i := 1; i < len(leads); i++ {
		next := min(leads[last]*knotFactor, leads[last]+step)
		switch {
		case i == len(leads)-1:
			dst = append(dst, i)
		case leads[i+1] > next: // the furthest that is near enough, or the nearest there is
			dst, last = append(dst, i), i
		}
	}
	return dst
}

// betweenKnots fills the rows of q (len(leads)×len(Quantiles)) between those
// at knots (indices of leads), linear in the logarithm of the lead.
func betweenKnots(leads, knots []int, q []float64) {
	const n = len(Quantiles)
	for k := 1; k < len(knots); k++ {
		low, high := knots[k-1], knots[k]
		if high-low < 2 {
			continue
		}
		from := math.Log(float64(leads[low]))
		span := math.Log(float64(leads[high])) - from
		a, b := q[low*n:low*n+n], q[high*n:high*n+n]
		for i := low + 1; i < high; i++ {
			w := 0.0
			if span > knotTolerance {
				w = (math.Log(float64(leads[i])) - from) / span
			}
			for j, v := range a {
				q[i*n+j] = (1-w)*v + w*b[j]
			}
		}
	}
}
