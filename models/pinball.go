package models

// Pinball is the quantile loss of a forecast q, at a level in (0, 1), of an
// actual y: level·(y−q) where y ≥ q, else (1−level)·(q−y) (Koenker and Bassett
// 1978).
func Pinball(level, q, y float64) float64 { return pinball(level, q, y) }

// MeanPinball is Pinball averaged over q, which are forecasts at Quantiles; NaN
// where one of them or y is.
func MeanPinball(q []float64, y float64) float64 {
	sum := 0.0
	for k, level := range Quantiles {
		sum += pinball(level, q[k], y)
	}
	return sum / float64(len(Quantiles))
}
