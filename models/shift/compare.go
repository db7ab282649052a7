package shift

import "math"

// Comparison is how far a recent sample of a signal is from a baseline. Numbers
// are NaN where there are too few samples to tell.
type Comparison struct {
	KS          float64 // largest distance between the distribution functions, 0…1
	KSP         float64 // its p-value, for as many independent samples as there really are
	PSI         float64 // population stability index over tenths of the baseline
	Wasserstein float64 // how far the mass has moved, in the signal's own unit
	Normalised  float64 // Wasserstein ÷ the baseline's interquartile range; NaN where that is 0
	BaselineN   int     // samples
	RecentN     int
	BaselineEff float64 // independent samples they are worth
	RecentEff   float64
	Before      float64 // medians
	After       float64
	Usual       float64 // PSI that the baseline's own windows have, 0.95 quantile; NaN: not known
	LikeHours   bool    // the baseline is that of the same hours of the day
	Unit        string  // which change of unit it looks like; empty: none
}

// Compare compares two samples, each in time order; NaN and infinities are
// missing. Fewer than 20 samples of the baseline or 5 recent ones tell nothing.
func Compare(baseline, recent []float64) Comparison {
	nan := math.NaN()
	c := Comparison{KS: nan, KSP: nan, PSI: nan, Wasserstein: nan, Normalised: nan, Before: nan, After: nan, Usual: nan}
	a, b := known(baseline), known(recent)
	c.BaselineN, c.RecentN = len(a), len(b)
	if len(a) < 20 || len(b) < 5 {
		return c
	}
	c.BaselineEff, c.RecentEff = worthOf(baseline), worthOf(recent)
	c.Before, c.After = quantile(a, 0.5), quantile(b, 0.5)
	c.KS = kolmogorov(a, b)
	c.KSP = significance(c.KS, c.BaselineEff, c.RecentEff)
	at := edges(a)
	c.PSI = stability(cells(a, at), cells(b, at))
	c.Wasserstein = wasserstein(a, b)
	if wide := quantile(a, 0.75) - quantile(a, 0.25); wide > 0 {
		c.Normalised = c.Wasserstein / wide
	}
	c.Unit = unitOf(a, b)
	return c
}

// unitOf recognises a change of unit: three quartiles moved by the same factor.
func unitOf(a, b []float64) string {
	text, factor := "", 0.0
	for _, q := range []float64{0.5, 0.25, 0.75} {
		from, to := quantile(a, q), quantile(b, q)
		ratio := to / from
		if !(ratio > 0) {
			return ""
		}
		if factor == 0 {
			var ok bool
			if text, ok = UnitFactor(ratio); !ok || math.Abs(math.Log(ratio)) < math.Log(40) {
				return ""
			}
			factor = ratio
		}
		if math.Abs(math.Log(ratio/factor)) > math.Log(2) {
			return ""
		}
	}
	return text
}
