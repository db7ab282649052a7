package models

import "math"

// pinball is the quantile loss of a forecast q at a level of an actual y:
// level·(y−q) where y ≥ q, else (1−level)·(q−y).
func pinball(level, q, y float64) float64 {
	if y >= q {
		return level * (y - q)
	}
	return (1 - level) * (q - y)
}

// LevelScore gathers the scores of one model over forecasts and their
// actuals. Actuals that are NaN count for nothing; a score of nothing is NaN.
// The zero LevelScore is ready. It is not safe for concurrent use.
type LevelScore struct {
	n        float64 // actuals
	loss     float64 // Σ pinball over actuals and quantiles
	size     float64 // Σ |y|
	inside   float64 // actuals within 0.1…0.9
	error    float64 // Σ |y − median|
	scaled   float64 // Σ over windows of the mean of |y − median| / the window's scale
	relative float64 // Σ over windows of the mean pinball loss / the window's scale
	windows  float64 // windows whose scale is known and positive
}

// Window adds one forecast path (len(actuals)×len(Quantiles), row-major) and
// its actuals. scale is the mean absolute error of seasonal naive within the
// past of the forecast; where it is 0 or NaN (a constant or a short past) the
// window does not count for MASE.
func (s *LevelScore) Window(path, actuals []float64, scale float64) {
	var sum, loss, n float64
	for i, y := range actuals {
		if math.IsNaN(y) {
			continue
		}
		q := path[i*len(Quantiles) : (i+1)*len(Quantiles)]
		for k, level := range Quantiles {
			loss += pinball(level, q[k], y)
		}
		if q[0] <= y && y <= q[len(q)-1] {
			s.inside++
		}
		s.size += math.Abs(y)
		sum += math.Abs(y - q[Median])
		n++
	}
	s.n += n
	s.loss += loss
	s.error += sum
	if n > 0 && scale > 0 {
		s.scaled += sum / n / scale
		s.relative += loss / n / scale / float64(len(Quantiles))
		s.windows++
	}
}

// MASE is the mean over windows of the mean absolute error of the median in
// units of the seasonal naive's error in the window's past (Hyndman and
// Koehler 2006).
func (s *LevelScore) MASE() float64 { return s.scaled / s.windows }

// MAE is the mean absolute error of the median, in the level's own unit.
func (s *LevelScore) MAE() float64 { return s.error / s.n }

// WQL is the weighted quantile loss: pinball summed over Quantiles and actuals,
// over Σ|y|. (GluonTS' mean weighted quantile loss is 2/9 of it.) It is NaN
// where all actuals are 0.
func (s *LevelScore) WQL() float64 {
	if s.size == 0 {
		return math.NaN()
	}
	return s.loss / s.size
}

// Loss is pinball averaged over quantiles and actuals, in the level's own
// unit: WQL without its denominator, so that it is defined for zeros too. A loss
// under 1e-7 of the mean |y| is rounding, and 0.
func (s *LevelScore) Loss() float64 {
	if s.loss <= 1e-7*s.size {
		return 0 / s.n
	}
	return s.loss / float64(len(Quantiles)) / s.n
}

// ScaledLoss is the mean over windows of the mean pinball loss in units of the
// seasonal naive's error in the window's past: Loss, in which no large subject
// drowns the small ones. NaN where no window has such a unit.
func (s *LevelScore) ScaledLoss() float64 { return s.relative / s.windows }

// Coverage is the share of actuals within the 0.1…0.9 quantiles; 0.8 is
// perfect.
func (s *LevelScore) Coverage() float64 { return s.inside / s.n }

// Actuals is the number of actuals scored.
func (s *LevelScore) Actuals() int { return int(s.n) }

// seasonalScale is the mean of |yᵢ − yᵢ₋season| over the past where both are
// known: the denominator of MASE. NaN where there is none.
func seasonalScale(past []float64, season int) float64 {
	var sum, n float64
	for i := season; i < len(past); i++ {
		if d := past[i] - past[i-season]; d-d == 0 {
			sum += math.Abs(d)
			n++
		}
	}
	return sum / n
}

// GeometricMean is exp(mean log x) over the x that are positive and finite;
// NaN where none is.
func GeometricMean(x []float64) float64 {
	var sum, n float64
	for _, v := range x {
		if v > 0 && !math.IsInf(v, 1) {
			sum += math.Log(v)
			n++
		}
	}
	return math.Exp(sum / n)
}
