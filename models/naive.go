package models

import (
	"context"
	"math"

	"github.com/driftcast/driftcast/features"
)

const kindNaive = "naive"

// Naive forecasts that a level stays where it was last known. Its median is
// that value; its intervals are conformal. Every other model is measured
// against it.
type Naive struct{}

// Name implements Model.
func (Naive) Name() string { return "naive" }

// Fit implements Model.
func (m Naive) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	return asFitted(fitLevel(ctx, kindNaive, m.Name(), lastValue{}, f, o))
}

// lastValue is the base of Naive.
type lastValue struct{}

func (lastValue) path(h *history, _ []int, q []float64) {
	for i := range q {
		q[i] = h.last
	}
}

// prior is that of a random walk.
func (lastValue) prior(lead int, z float64) float64 { return z * math.Sqrt(float64(lead)) }

func (lastValue) centred() bool { return true }
func (lastValue) kind() string  { return kindNaive }
func (lastValue) pack(*packer)  {}

// asFitted keeps a nil *level from becoming a Fitted that is not nil.
func asFitted(l *level, err error) (Fitted, error) {
	if err != nil {
		return nil, err
	}
	return l, nil
}
