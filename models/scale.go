package models

import (
	"math"

	"github.com/driftcast/driftcast/features"
)

// transform maps a level to the scale that it is modelled on and back.
//
//	log    z = log(max(v, 0) + offset), so that zeros have a place
//	logit  z = logit(ε + (1−2ε)·v), so that 0 and 1 have a place
//	count  z = v, and what comes back is never negative
//	raw    z = v
type transform struct {
	scale  features.Scale
	offset float64
}

const (
	logitEdge = 1e-3
	largest   = 1e300 // no forecast passes it, so that sums of forecasts stay finite
)

// in maps a finite level to the model's scale.
func (t transform) in(v float64) float64 {
	if t.logarithmic() {
		return math.Log(t.odds(v))
	}
	return min(max(v, -largest), largest)
}

// logarithmic says whether in is the logarithm of odds.
func (t transform) logarithmic() bool {
	return t.scale == features.ScaleLog || t.scale == features.ScaleLogit
}

// odds is what in takes the logarithm of, positive.
func (t transform) odds(v float64) float64 {
	if t.scale == features.ScaleLog {
		return min(max(v, 0), largest) + t.offset
	}
	p := logitEdge + (1-2*logitEdge)*min(max(v, 0), 1)
	return p / (1 - p)
}

// out is in's inverse; it is finite for every z but NaN.
func (t transform) out(z float64) float64 {
	switch t.scale {
	case features.ScaleLog:
		return min(max(math.Exp(z)-t.offset, 0), largest)
	case features.ScaleLogit:
		p := 1 / (1 + math.Exp(-z))
		return min(max((p-logitEdge)/(1-2*logitEdge), 0), 1)
	case features.ScaleCount:
		return min(max(z, 0), largest)
	}
	return min(max(z, -largest), largest)
}
