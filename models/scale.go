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
	switch t.scale {
	case features.ScaleLog:
		return math.Log(min(max(v, 0), largest) + t.offset)
	case features.ScaleLogit:
		p := logitEdge + (1-2*logitEdge)*min(max(v, 0), 1)
		return math.Log(p / (1 - p))
	}
	return min(max(v, -largest), largest)
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
