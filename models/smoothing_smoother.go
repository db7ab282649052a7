package models

import "math"

// smoother is one way to smooth. All rates are of a grid step.
type smoother struct {
	alpha  float64 // part of an error that goes into the level, in (0, 1]
	beta   float64 // part of that which goes into the trend, in [0, 1]; 0: no trend
	phi    float64 // what is left of a trend a step later, in [0, 1)
	clip   float64 // errors count for at most this many of their own mean size; 0: in full
	tracks bool    // quicker while errors keep to one side (Trigg and Leach 1967)
}

// smoothers is the grid that smoothing is chosen from. With a small clip the
// level follows the median rather than the mean.
func smoothers() []smoother {
	var grid []smoother
	for _, alpha := range []float64{1, 0.6, 0.35, 0.2, 0.1, 0.05, 0.02, 0.005} {
		grid = append(grid, smoother{alpha: alpha})
		if alpha < 1 {
			grid = append(grid, smoother{alpha: alpha, clip: 1.5}, smoother{alpha: alpha, clip: 0.4})
		}
	}
	for _, alpha := range []float64{0.3, 0.1, 0.02} {
		grid = append(grid, smoother{alpha: alpha, tracks: true}, smoother{alpha: alpha, clip: 0.4, tracks: true})
	}
	for _, phi := range []float64{0.8, 0.95, 0.99} {
		for _, alpha := range []float64{1, 0.6, 0.35, 0.2} {
			grid = append(grid, smoother{alpha: alpha, beta: 0.2, phi: phi})
		}
	}
	return grid
}

// run smooths values z, newest first, gaps[i] steps after the one before each,
// and returns the level and the trend at the newest. While few values have been
// seen they count alike, so that no first value stands out; over a gap the old
// counts for as much less as it would have without.
func (s smoother) run(z, gaps []float64) (level, trend float64) {
	const trackRate = 0.1
	var (
		seen         float64
		size         float64 // mean size of an error
		bias, spread float64 // latest mean of errors, and of their size, as they count
		first        = len(z) - 1
	)
	level = z[first]
	for i := first - 1; i >= 0; i-- {
		seen++
		part, left, ahead := s.alpha, s.phi, trend*s.phi
		if gap := gaps[i]; gap > 1 {
			part, left = 1-math.Pow(1-s.alpha, gap), math.Pow(s.phi, gap)
			ahead = trend * s.damped(int(gap))
		}
		e := z[i] - level - ahead
		if s.clip > 0 {
			r := math.Abs(e)
			size += max(0.05, 1/seen) * (r - size)
			if r > s.clip*size {
				e *= s.clip * size / r
			}
		}
		part = max(part, 1/(seen+1))
		if s.tracks {
			bias += trackRate * (e - bias)
			spread += trackRate * (math.Abs(e) - spread)
			if spread > 0 {
				t := bias / spread
				part = max(part, t*t*t*t)
			}
		}
		level += ahead + part*e
		if s.beta > 0 {
			trend = trend*left + s.beta*part*e/gaps[i]
		}
	}
	return level, trend
}

// damped is Σ φⁱ for i = 1…n: how many steps of trend there are in n steps.
func (s smoother) damped(n int) float64 {
	if s.beta == 0 {
		return 0
	}
	return s.phi * (1 - math.Pow(s.phi, float64(n))) / (1 - s.phi)
}
