package models

import (
	"math"
	"slices"
)

// The scores below take probabilities p and outcomes y (1 the event began, 0
// it did not), index by index. Pairs with a NaN count for nothing.

// AUROC is the probability that a row with the event is ranked above one
// without, ties counting half (Mann and Whitney 1947); NaN where one of both
// kinds is missing.
func AUROC(p, y []float64) float64 {
	order := ranked(p, y)
	var positives, negatives, wins float64
	for i := len(order) - 1; i >= 0; { // from the lowest risk on
		var hits, misses float64
		j := i
		for ; j >= 0 && p[order[j]] == p[order[i]]; j-- {
			if y[order[j]] > 0.5 {
				hits++
			} else {
				misses++
			}
		}
		wins += hits * (negatives + misses/2)
		positives, negatives = positives+hits, negatives+misses
		i = j
	}
	return wins / (positives * negatives)
}

// AveragePrecision is Σ (Rₙ−Rₙ₋₁)·Pₙ over the distinct thresholds n, from the
// highest risk on; NaN where there is no event.
func AveragePrecision(p, y []float64) float64 {
	order := ranked(p, y)
	var hits, area float64
	for i := 0; i < len(order); {
		gained, j := 0.0, i
		for ; j < len(order) && p[order[j]] == p[order[i]]; j++ {
			if y[order[j]] > 0.5 {
				gained++
			}
		}
		hits += gained
		area += gained * hits / float64(j)
		i = j
	}
	return area / hits
}

// Brier is the mean of (p−y)²; NaN for no pairs.
func Brier(p, y []float64) float64 {
	var sum, n float64
	for i := range p {
		if d := p[i] - y[i]; d == d {
			sum += d * d
			n++
		}
	}
	return sum / n
}

// BrierSkill is 1 − Brier(p)/Brier(base): the share of the base rate's loss
// that is gone. Above 0 is better than the base rate.
func BrierSkill(p, base, y []float64) float64 { return 1 - Brier(p, y)/Brier(base, y) }

// CalibrationBin is one point of a reliability curve.
type CalibrationBin struct {
	Mean float64 // probability forecast
	Rate float64 // share of events that came
	Rows int
}

// calibrationBins is how many bins of equal mass reliability is judged by.
const calibrationBins = 10

// Reliability returns the reliability curve in at most ten bins of equal mass,
// ascending; equal probabilities share a bin.
func Reliability(p, y []float64) []CalibrationBin {
	order := ranked(p, y)
	slices.Reverse(order)
	var bins []CalibrationBin
	for b, i := 1, 0; i < len(order); b++ {
		end := max(i+1, b*len(order)/calibrationBins)
		for end < len(order) && p[order[end]] == p[order[end-1]] {
			end++
		}
		if end <= i {
			continue
		}
		var bin CalibrationBin
		for _, k := range order[i:end] {
			bin.Mean += p[k]
			bin.Rate += y[k]
		}
		bin.Rows = end - i
		bin.Mean /= float64(bin.Rows)
		bin.Rate /= float64(bin.Rows)
		bins = append(bins, bin)
		i = end
	}
	return bins
}

// CalibrationError is the mean of |forecast − rate| over the bins of the
// reliability curve, weighted by their rows; NaN for no pairs.
func CalibrationError(p, y []float64) float64 {
	var sum, n float64
	for _, b := range Reliability(p, y) {
		sum += math.Abs(b.Mean-b.Rate) * float64(b.Rows)
		n += float64(b.Rows)
	}
	return sum / n
}

// ranked returns the indices of the usable pairs, the highest risk first.
func ranked(p, y []float64) []int {
	order := make([]int, 0, len(p))
	for i := range p {
		if p[i] == p[i] && y[i] == y[i] {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] > p[b]:
			return -1
		case p[a] < p[b]:
			return 1
		}
		return 0
	})
	return order
}
