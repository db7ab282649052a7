package models

import "math"

// platt maps a score (any real number, larger meaning likelier) to a
// calibrated probability, σ(a·score + b). a is never negative, so calibration
// keeps the order of the scores.
type platt struct{ a, b float64 }

// fitPlatt fits a and b by Newton's method with backtracking to labels of 0
// and 1, which are first drawn in by the target prior, (n₊+1)/(n₊+2) and
// 1/(n₋+2), so that separable scores stay finite (Platt 1999; Lin, Lin and
// Weng 2007). Pairs with a NaN are left out. Where only one class is seen, or
// the scores do not rise with the labels, the answer is the base rate.
func fitPlatt(scores, labels []float64) platt {
	s, t, positives := plattTargets(scores, labels)
	n := float64(len(s))
	base := platt{b: math.Log((positives + 1) / (n - positives + 1))}
	if positives == 0 || positives == n {
		return base
	}
	mean, deviation := meanDeviation(s)
	if deviation == 0 || math.IsInf(deviation, 0) || math.IsNaN(deviation) {
		return base
	}
	for i := range s {
		s[i] = (s[i] - mean) / deviation
	}
	a, b := plattNewton(s, t, base.b)
	if a <= 0 {
		return base
	}
	return platt{a: a / deviation, b: b - a*mean/deviation}
}

// apply returns the probability for a score; NaN stays NaN.
func (p platt) apply(score float64) float64 {
	if p.a == 0 {
		return sigmoid(p.b)
	}
	return sigmoid(p.a*score + p.b)
}

// plattTargets returns the usable scores with their drawn-in targets, and how
// many of them are positive.
func plattTargets(scores, labels []float64) (s, t []float64, positives float64) {
	for i, score := range scores {
		if y := labels[i]; !math.IsNaN(score) && !math.IsNaN(y) {
			s, t = append(s, score), append(t, y)
			if y > 0.5 {
				positives++
			}
		}
	}
	high := (positives + 1) / (positives + 2)
	low := 1 / (float64(len(s)) - positives + 2)
	for i, y := range t {
		if y > 0.5 {
			t[i] = high
		} else {
			t[i] = low
		}
	}
	return s, t, positives
}

// plattNewton minimises the cross-entropy of σ(a·s+b) against t.
func plattNewton(s, t []float64, intercept float64) (a, b float64) {
	const (
		steps     = 100
		tolerance = 1e-8
		ridge     = 1e-12
	)
	b = intercept
	loss := plattLoss(s, t, a, b)
	for range steps {
		haa, hbb, hab, ga, gb := ridge, ridge, 0.0, 0.0, 0.0
		for i, x := range s {
			p := sigmoid(a*x + b)
			d, w := p-t[i], p*(1-p)
			haa += x * x * w
			hbb += w
			hab += x * w
			ga += x * d
			gb += d
		}
		if math.Abs(ga) < tolerance*float64(len(s)) && math.Abs(gb) < tolerance*float64(len(s)) {
			break
		}
		det := haa*hbb - hab*hab
		if det <= 0 {
			break
		}
		da, db := -(hbb*ga-hab*gb)/det, -(haa*gb-hab*ga)/det
		slope := ga*da + gb*db
		step := 1.0
		for ; step >= 1e-10; step /= 2 {
			next := plattLoss(s, t, a+step*da, b+step*db)
			if next < loss+1e-4*step*slope {
				a, b, loss = a+step*da, b+step*db, next
				break
			}
		}
		if step < 1e-10 {
			break
		}
	}
	return a, b
}

// plattLoss is −Σ t·log σ(a·s+b) + (1−t)·log(1−σ(a·s+b)), computed so that
// large scores do not overflow.
func plattLoss(s, t []float64, a, b float64) float64 {
	var loss float64
	for i, x := range s {
		loss += crossEntropy(a*x+b, t[i])
	}
	return loss
}

// crossEntropy is −t·log σ(z) − (1−t)·log(1−σ(z)).
func crossEntropy(z, t float64) float64 {
	if z >= 0 {
		return (1-t)*z + math.Log1p(math.Exp(-z))
	}
	return -t*z + math.Log1p(math.Exp(z))
}

// sigmoid is 1/(1+e⁻ᶻ).
func sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}

// logit is sigmoid's inverse, kept finite by clipping p to [1e-9, 1−1e-9].
func logit(p float64) float64 {
	const edge = 1e-9
	p = min(max(p, edge), 1-edge)
	return math.Log(p / (1 - p))
}

// meanDeviation returns the mean and the standard deviation (over n) of x; NaN
// for an empty x.
func meanDeviation(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(x)))
}
