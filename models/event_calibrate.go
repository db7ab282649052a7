package models

import (
	"fmt"
	"math"
	"slices"
)

// isotonicFrom is the number of samples in the smaller class from which
// isotonic calibration is trusted; below it Platt's two numbers are.
const isotonicFrom = 2000

// calibrator maps the score of a model to a calibrated probability, keeping
// the order of the scores: isotonic where it has blocks, else Platt.
type calibrator struct {
	platt    platt
	isotonic isotonic
}

// fitCalibrator fits log-odds to labels of 0 and 1 (NaN is left out) that come
// later than what the model was trained on.
func fitCalibrator(scores, labels []float64) calibrator {
	var positives, negatives int
	for i, y := range labels {
		switch {
		case math.IsNaN(y) || math.IsNaN(scores[i]):
		case y > 0.5:
			positives++
		default:
			negatives++
		}
	}
	if min(positives, negatives) >= isotonicFrom {
		return calibrator{isotonic: fitIsotonic(scores, labels)}
	}
	return calibrator{platt: fitPlatt(scores, labels)}
}

// apply returns the probability for a score; a score of NaN is taken as the
// middle of what was seen.
func (c calibrator) apply(score float64) float64 {
	if n := len(c.isotonic.X); n > 0 {
		if math.IsNaN(score) {
			return c.isotonic.Y[n/2]
		}
		return c.isotonic.apply(score)
	}
	if math.IsNaN(score) {
		return sigmoid(c.platt.b)
	}
	return c.platt.apply(score)
}

func (c calibrator) pack(p *packer) {
	p.float(c.platt.a)
	p.float(c.platt.b)
	p.floats(c.isotonic.X)
	p.floats(c.isotonic.Y)
}

func unpackCalibrator(u *unpacker) (c calibrator, err error) {
	c.platt = platt{a: u.float(), b: u.float()}
	c.isotonic = isotonic{X: u.floats(), Y: u.floats()}
	if u.err != nil {
		return c, u.err
	}
	if !finite(c.platt.a, c.platt.b) || c.platt.a < 0 || len(c.isotonic.X) != len(c.isotonic.Y) ||
		!finite(c.isotonic.X...) || !slices.IsSorted(c.isotonic.X) || !slices.IsSorted(c.isotonic.Y) {
		return c, fmt.Errorf("%w: calibration", ErrCorrupt)
	}
	return c, nil
}

// finite says whether none of the numbers is NaN or infinite.
func finite(v ...float64) bool {
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
