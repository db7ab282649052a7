package models

import (
	"fmt"
	"math"
	"slices"
)

// isotonicFrom is the number of events, and of as long stretches without, from
// which isotonic calibration may be trusted; below it Platt's two numbers are.
const isotonicFrom = 2000

// How calibration is chosen and drawn in.
const (
	calibrationBlocks = 4   // of time, each left out once
	plattSlopePrior   = 0.5 // deviation of the slope from 1, before anything is seen
	plattShiftPrior   = 1.0 // deviation of the shift from 0, in log-odds
)

// calibrator maps the score of a model to a calibrated probability, keeping
// the order of the scores: isotonic where it has blocks, else Platt.
type calibrator struct {
	platt    platt
	isotonic isotonic
}

// evidence is what a calibration is fitted on: scores (log-odds) with labels of
// 0 and 1, in the order of time. Rows overlap: one event is followed by, and
// told of in, many. share is how much of an independent observation a row is.
type evidence struct {
	scores, labels []float64
	share          float64
}

// newEvidence pairs the scores of rows at one horizon with their labels; what
// is NaN is left out. Rows of one subject that tell of an event and lie within a
// horizon tell of the same one.
func newEvidence(d eventData, h int, scores []float64) evidence {
	t := d.frame.Target
	reach := int((t.Horizons[h] + t.For) / max(t.Interval, 1))
	latest := map[int]int{} // origin by subject, of rows with an event
	e := evidence{share: 1}
	var rows, events float64
	for i, row := range d.rows {
		y := d.label(i, h)
		if math.IsNaN(y) || math.IsNaN(scores[i]) {
			continue
		}
		e.scores, e.labels = append(e.scores, scores[i]), append(e.labels, y)
		if r := d.frame.Rows[row]; y > 0.5 {
			rows++
			if at, ok := latest[r.Subject]; !ok || r.Origin-at > reach {
				events++
				latest[r.Subject] = r.Origin
			}
		}
	}
	if rows > 0 {
		e.share = events / rows
	}
	return e
}

// part returns the rows in [from, to), or all others.
func (e evidence) part(from, to int, others bool) evidence {
	if others {
		e.scores = slices.Concat(e.scores[:from], e.scores[to:])
		e.labels = slices.Concat(e.labels[:from], e.labels[to:])
		return e
	}
	e.scores, e.labels = e.scores[from:to], e.labels[from:to]
	return e
}

// candidates are the ways to calibrate, the simplest first.
func (e evidence) candidates() []func(evidence) calibrator {
	identity := func(evidence) calibrator { return calibrator{platt: platt{a: 1}} }
	shift := func(e evidence) calibrator { return calibrator{platt: e.platt(false)} }
	slope := func(e evidence) calibrator { return calibrator{platt: e.platt(true)} }
	all := []func(evidence) calibrator{identity, shift, slope}
	var events float64
	for _, y := range e.labels {
		events += y
	}
	if n := float64(len(e.labels)); e.share*min(events, n-events) >= isotonicFrom {
		all = append(all, func(e evidence) calibrator { return calibrator{isotonic: fitIsotonic(e.scores, e.labels)} })
	}
	return all
}

// fitCalibrator chooses how to calibrate by leaving out each block of time in
// turn, and fits that on all of it. A simpler way is kept where a richer one
// does not do better on what it was not fitted on.
func fitCalibrator(e evidence) calibrator {
	all := e.candidates()
	blocks := min(calibrationBlocks, len(e.scores))
	losses := make([]float64, len(all))
	for b := range blocks {
		from, to := b*len(e.scores)/blocks, (b+1)*len(e.scores)/blocks
		rest, out := e.part(from, to, true), e.part(from, to, false)
		for k, fit := range all {
			losses[k] += fit(rest).loss(out)
		}
	}
	best := 0
	for k, loss := range losses {
		if loss < losses[best] {
			best = k
		}
	}
	return all[best](e)
}

// platt is the most probable σ(a·score + b) where a is normal around 1 and b
// around 0 before anything is seen, and a row counts for its share of one: a
// handful of events moves it little. With slope unset a stays 1.
func (e evidence) platt(slope bool) platt {
	const (
		steps     = 50
		tolerance = 1e-9
	)
	stiffA, stiffB := 1/(plattSlopePrior*plattSlopePrior), 1/(plattShiftPrior*plattShiftPrior)
	if !slope {
		stiffA = 1e12
	}
	loss := func(p platt) float64 {
		return e.share*plattLoss(e.scores, e.labels, p.a, p.b) + stiffA/2*(p.a-1)*(p.a-1) + stiffB/2*p.b*p.b
	}
	p := platt{a: 1}
	now := loss(p)
	for range steps {
		haa, hbb, hab, ga, gb := stiffA, stiffB, 0.0, stiffA*(p.a-1), stiffB*p.b
		for i, x := range e.scores {
			q := sigmoid(p.a*x + p.b)
			d, w := e.share*(q-e.labels[i]), e.share*q*(1-q)
			haa += x * x * w
			hbb += w
			hab += x * w
			ga += x * d
			gb += d
		}
		det := haa*hbb - hab*hab
		if !(det > 0) {
			break
		}
		da, db := -(hbb*ga-hab*gb)/det, -(haa*gb-hab*ga)/det
		step, next := 1.0, now
		for ; step > 1e-6; step /= 2 {
			if next = loss(platt{p.a + step*da, p.b + step*db}); next <= now {
				break
			}
		}
		if !(next <= now) {
			break
		}
		p, now = platt{p.a + step*da, p.b + step*db}, next
		if math.Abs(step*da)+math.Abs(step*db) < tolerance {
			break
		}
	}
	p.a = max(p.a, 0)
	return p
}

// loss is the mean cross-entropy.
func (c calibrator) loss(e evidence) float64 {
	var sum float64
	for i, s := range e.scores {
		p := min(max(c.apply(s), 1e-9), 1-1e-9)
		if e.labels[i] > 0.5 {
			sum -= math.Log(p)
		} else {
			sum -= math.Log1p(-p)
		}
	}
	return sum / float64(max(1, len(e.scores)))
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
