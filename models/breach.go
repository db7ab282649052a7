package models

import (
	"math"
	"time"

	"github.com/driftcast/driftcast/features"
)

// appendPathRisks appends, for each horizon of a target with an objective, the
// highest probability that any lead up to the horizon breaks the bound. The
// chance that some lead breaks it is at least that: calibration makes up the
// rest.
func appendPathRisks(dst []Risk, t *features.Target, interval time.Duration, leads []int, path []float64) []Risk {
	highest, i := 0.0, 0
	for _, horizon := range t.Horizons {
		steps := max(1, int(horizon/interval))
		for ; i < len(leads) && (leads[i] <= steps || i == 0); i++ {
			q := path[i*len(Quantiles) : (i+1)*len(Quantiles)]
			highest = max(highest, breachProbability(*t.Objective, q))
		}
		dst = append(dst, Risk{Horizon: horizon, Probability: highest})
	}
	return dst
}

// breachProbability is the probability that a level with ascending quantiles q
// breaks an objective.
func breachProbability(o features.Objective, q []float64) float64 {
	switch o.Op {
	case "<", "<=":
		return 1 - cumulative(q, o.Bound, o.Op == "<")
	case ">", ">=":
		return cumulative(q, o.Bound, o.Op == ">=")
	}
	return 0
}

// cumulative is P(Y < b) where strict, else P(Y ≤ b), for a Y with ascending
// quantiles q at Quantiles: linear between them and with exponential tails
// that go on with the slope of the two outermost.
func cumulative(q []float64, b float64, strict bool) float64 {
	below := func(v float64) bool { return v < b || (!strict && v == b) }
	n := len(q)
	switch {
	case !below(q[0]):
		return Quantiles[0] * tail(q[0]-b, q[1]-q[0])
	case below(q[n-1]):
		return 1 - (1-Quantiles[n-1])*tail(b-q[n-1], q[n-1]-q[n-2])
	}
	i := 1
	for !below(q[i-1]) || below(q[i]) {
		i++
	}
	w := 0.0
	if q[i] > q[i-1] {
		w = (b - q[i-1]) / (q[i] - q[i-1])
	}
	return Quantiles[i-1] + w*(Quantiles[i]-Quantiles[i-1])
}

// tail is the share of an outer tenth that lies further out than distance,
// when a tenth's worth of probability takes spread: the density just inside
// goes on, falling exponentially.
func tail(distance, spread float64) float64 {
	if distance <= 0 {
		return 1
	}
	if spread <= 0 {
		return 0
	}
	return math.Exp(-distance / spread)
}
