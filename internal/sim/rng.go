package sim

import (
	"math"
	"math/rand/v2"
)

// newRand returns a stream of its own for one owner, so that what happens to
// one part of the cluster never shifts the chance of another.
func newRand(seed uint64, owner string, index int) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(owner) {
		h = (h ^ uint64(owner[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h+uint64(index)*0x9e3779b97f4a7c15))
}

// logNormal draws a value with the given median and log-scale deviation.
func logNormal(r *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*r.NormFloat64())
}

// poisson draws a count with the given mean.
func poisson(r *rand.Rand, mean float64) float64 {
	switch {
	case mean <= 0:
		return 0
	case mean > 30: // the normal is near enough
		return math.Max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64()))
	}
	n, p, limit := 0.0, r.Float64(), math.Exp(-mean)
	for p > limit {
		n++
		p *= r.Float64()
	}
	return n
}

// between draws from [lo, hi).
func between(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

const podLetters = "bcdfghjklmnpqrstvwxz2456789"

// podSuffix draws letters as Kubernetes does for generated names.
func podSuffix(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = podLetters[r.IntN(len(podLetters))]
	}
	return string(b)
}

func clamp(v, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, v)) }
