package features

import "math"

// extremes are the least and the greatest value of a stretch; +Inf and -Inf
// where it has none.
type extremes struct{ low, high float64 }

const (
	blockSteps  = 16 // steps a block
	coarseSteps = 16 // blocks a coarse block
)

var none = extremes{math.Inf(1), math.Inf(-1)}

func (e extremes) with(o extremes) extremes {
	if o.low < e.low {
		e.low = o.low
	}
	if o.high > e.high {
		e.high = o.high
	}
	return e
}

// fillBlocks computes the extremes of every full block of 16 steps, and of 16
// blocks, counted from the track's first step: a window is then a few blocks
// and at most 30 steps at its ends.
func (t *track) fillBlocks() {
	y := t.y[t.first:t.end]
	t.blocks, t.coarse = t.blocks[:0], t.coarse[:0]
	for ; len(y) >= blockSteps; y = y[blockSteps:] {
		t.blocks = append(t.blocks, scan(y[:blockSteps]))
	}
	for b := t.blocks; len(b) >= coarseSteps; b = b[coarseSteps:] {
		e := none
		for _, o := range b[:coarseSteps] {
			e = e.with(o)
		}
		t.coarse = append(t.coarse, e)
	}
}

// scan passes over y once; NaN and infinite values count as missing.
func scan(y []float64) extremes {
	e := none
	for _, v := range y {
		if v < e.low && v >= -math.MaxFloat64 {
			e.low = v
		}
		if v > e.high && v <= math.MaxFloat64 {
			e.high = v
		}
	}
	return e
}

// extremes returns the extremes of the w steps up to and including i.
func (t *track) extremes(i, w int) extremes {
	a, end := max(0, i+1-w-t.first), i+1-t.first
	e := none
	for a < end {
		switch {
		case a%(blockSteps*coarseSteps) == 0 && a+blockSteps*coarseSteps <= end:
			e = e.with(t.coarse[a/(blockSteps*coarseSteps)])
			a += blockSteps * coarseSteps
		case a%blockSteps == 0 && a+blockSteps <= end:
			e = e.with(t.blocks[a/blockSteps])
			a += blockSteps
		default:
			to := min(end, a-a%blockSteps+blockSteps)
			e = e.with(scan(t.y[t.first+a : t.first+to]))
			a = to
		}
	}
	return e
}

func (t *track) min(i, w int) float64 { return finite(t.extremes(i, w).low) }
func (t *track) max(i, w int) float64 { return finite(t.extremes(i, w).high) }
