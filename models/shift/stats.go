package shift

import (
	"math"
	"slices"
)

// toSigma makes a median absolute deviation the standard deviation of a
// normal law with that median absolute deviation.
const toSigma = 1.4826

// scratch holds what medians are found in, so that a pass over a series
// allocates once.
type scratch []float64

// median returns the median of the values that are not NaN, and how many they
// are; NaN where there are none.
func (s *scratch) median(values []float64) (m float64, n int) {
	*s = (*s)[:0]
	for _, v := range values {
		if v == v {
			*s = append(*s, v)
		}
	}
	if n = len(*s); n == 0 {
		return math.NaN(), 0
	}
	return middleOf(*s), n
}

// spread returns 1.4826 times the median absolute deviation from the centre.
func (s *scratch) spread(values []float64, centre float64) float64 {
	*s = (*s)[:0]
	for _, v := range values {
		if v == v {
			*s = append(*s, math.Abs(v-centre))
		}
	}
	if len(*s) == 0 {
		return math.NaN()
	}
	return toSigma * middleOf(*s)
}

// middleOf returns the median of values without NaN, and leaves them in another
// order (Hoare's selection, pivots of three).
func middleOf(v []float64) float64 {
	k := len(v) / 2
	for low, high := 0, len(v)-1; high > low; {
		if high-low < 16 {
			slices.Sort(v[low : high+1])
			break
		}
		a, b, c := v[low], v[(low+high)/2], v[high]
		pivot := max(min(a, b), min(max(a, b), c))
		i, j := low, high
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			low, high = k, k // all between j and i are the pivot
		}
	}
	upper := v[k]
	if len(v)%2 == 1 {
		return upper
	}
	return (slices.Max(v[:k]) + upper) / 2
}

// quantile interpolates between the order statistics of a sorted slice that is
// not empty (type 7 of Hyndman and Fan).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// known returns the finite values, sorted.
func known(values []float64) []float64 {
	out := make([]float64, 0, len(values))
	for _, v := range values {
		if v-v == 0 {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// logs returns the logarithms of the positive finite values and NaN for the
// rest; nil for nil.
func logs(values []float64) []float64 {
	if values == nil {
		return nil
	}
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.NaN()
		if v > 0 && v-v == 0 {
			out[i] = math.Log(v)
		}
	}
	return out
}

// tail returns P(|T| ≥ t) of Student's law with an integer number of degrees of
// freedom (Abramowitz and Stegun 26.7.3 and 26.7.4).
func tail(t float64, freedom int) float64 {
	t = math.Abs(t)
	if math.IsInf(t, 1) {
		return 0
	}
	nu := float64(freedom)
	theta := math.Atan(t / math.Sqrt(nu))
	cos, sin := math.Cos(theta), math.Sin(theta)
	if freedom%2 == 1 {
		sum, term := 0.0, cos
		for k := 3; k <= freedom; k += 2 {
			sum += term
			term *= cos * cos * float64(k-1) / float64(k)
		}
		return math.Max(0, 1-2/math.Pi*(theta+sin*sum))
	}
	sum, term := 0.0, 1.0
	for k := 2; k <= freedom; k += 2 {
		sum += term
		term *= cos * cos * float64(k-1) / float64(k)
	}
	return math.Max(0, 1-sin*sum)
}
