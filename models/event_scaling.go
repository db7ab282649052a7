package models

import (
	"math"
	"slices"
)

// scaling brings columns onto one scale, missing values to 0 beside an
// indicator. Columns with long tails (counts, times, rates) go through asinh
// first, which is linear near 0 and logarithmic far out.
type scaling struct {
	unit  []float64 // asinh(x/unit) is taken where positive; negative: the column is left out
	mean  []float64
	scale []float64 // 0: the column says nothing
}

// standardEdge is how many deviations a value may lie from the mean; farther
// out was hardly seen, and is taken for the edge.
const standardEdge = 5

// fitScaling learns from the columns of x (n×p, row-major; NaN is missing) of
// the rows given.
func fitScaling(x []float64, p int, rows []int) scaling {
	s := scaling{unit: make([]float64, p), mean: make([]float64, p), scale: make([]float64, p)}
	values := make([]float64, 0, len(rows))
	for j := range p {
		values = values[:0]
		for _, row := range rows {
			if v := x[row*p+j]; v-v == 0 {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			continue
		}
		if unit := tailUnit(values); unit > 0 {
			s.unit[j] = unit
			for i, v := range values {
				values[i] = math.Asinh(v / unit)
			}
		}
		mean, deviation := meanDeviation(values)
		if deviation > 1e-9*(1+math.Abs(mean)) && finite(mean, deviation) {
			s.mean[j], s.scale[j] = mean, 1/deviation
		}
	}
	return s
}

// tailUnit returns the median of |x| over x that are not 0 where x has a long
// tail (skewness beyond 2), else 0.
func tailUnit(x []float64) float64 {
	mean, deviation := meanDeviation(x)
	var third float64
	for _, v := range x {
		z := (v - mean) / deviation
		third += z * z * z
	}
	if !(math.Abs(third/float64(len(x))) > 2) { // also NaN: a constant
		return 0
	}
	var sizes []float64
	for _, v := range x {
		if v != 0 {
			sizes = append(sizes, math.Abs(v))
		}
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2]
}

// at returns the j-th column's value on the common scale, 0 and missing where
// it is not a finite number.
func (s *scaling) at(j int, v float64) (z float64, missing bool) {
	if s.unit[j] < 0 {
		return 0, false
	}
	if v-v != 0 {
		return 0, true
	}
	if s.unit[j] > 0 {
		v = math.Asinh(v / s.unit[j])
	}
	return min(max((v-s.mean[j])*s.scale[j], -standardEdge), standardEdge), false
}

// design writes the rows as 2p columns, p scaled values and p indicators of
// what is missing, row-major.
func (s *scaling) design(x []float64, rows []int) []float64 {
	p := len(s.mean)
	out := make([]float64, len(rows)*2*p)
	for i, row := range rows {
		to := out[i*2*p : (i+1)*2*p]
		for j, v := range x[row*p : (row+1)*p] {
			z, missing := s.at(j, v)
			to[j] = z
			if missing {
				to[p+j] = 1
			}
		}
	}
	return out
}

func (s *scaling) pack(p *packer) {
	p.floats(s.unit)
	p.floats(s.mean)
	p.floats(s.scale)
}

func unpackScaling(u *unpacker, columns int) scaling {
	s := scaling{unit: u.floats(), mean: u.floats(), scale: u.floats()}
	if u.err == nil && (len(s.unit) != columns || len(s.mean) != columns || len(s.scale) != columns ||
		!finite(s.unit...) || !finite(s.mean...) || !finite(s.scale...)) {
		u.fail("scaling of the columns")
	}
	return s
}
