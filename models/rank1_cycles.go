package models

import (
	"fmt"
	"math"

	"github.com/driftcast/driftcast/features"
)

// cycle is one period of a level, and how its earlier turns are read. Turns are
// counted back from the origin, not from midnight, so that each is complete.
type cycle struct {
	period float64 // grid steps; a recurring job need not keep to whole ones
	width  int     // grid steps that one value of a turn is the mean of
}

const (
	turnsMax    = 8   // that are looked back on
	turnKeep    = 0.8 // what a turn weighs of the one after it
	phasesMax   = 360 // that a period is told apart in
	levelPoints = 96  // that the level of a turn is the mean of
)

func newCycle(period float64) cycle {
	return cycle{period: period, width: max(1, int(period)/phasesMax)}
}

// turn is the mean of what is known around an offset from the origin (grid
// steps, ≤ period), so many turns ago, on the model's scale.
func (c cycle) turn(h *history, offset float64, ago int) (z float64, ok bool) {
	n := len(h.past)
	middle := n - 1 + int(math.Round(offset-float64(ago)*c.period))
	first, last := middle-c.width/2, middle-c.width/2+c.width-1
	if first < 0 || middle >= n {
		return 0, false
	}
	var sum, count float64
	for _, v := range h.past[first:min(last+1, n)] {
		if v-v == 0 {
			sum += min(max(v, -largest/phasesMax), largest/phasesMax)
			count++
		}
	}
	if count == 0 {
		return 0, false
	}
	return h.in(sum / count), true
}

// shape is the mean over turns at an offset in (−period, period], the latest
// weighing most, and that of the latest turn alone.
func (c cycle) shape(h *history, offset float64) (mean, latest float64, ok bool) {
	var sum, weights float64
	weight := 1.0
	for ago := 1; ago <= turnsMax; ago++ {
		if z, known := c.turn(h, offset, ago); known {
			if weights == 0 {
				latest = z
			}
			sum, weights = sum+weight*z, weights+weight
		} else if offset-float64(ago)*c.period < -float64(len(h.past)) {
			break
		}
		weight *= turnKeep
	}
	if weights == 0 {
		return 0, 0, false
	}
	return sum / weights, latest, true
}

// level is the mean of the latest turn, up to the origin, at some points of it.
func (c cycle) level(h *history) (z float64, ok bool) {
	points := min(levelPoints, int(c.period))
	stride := c.period / float64(points)
	var sum, count float64
	for i := range points {
		at := len(h.past) - 1 - int(float64(i)*stride)
		if at < 0 {
			break
		}
		if v := h.past[at]; v-v == 0 {
			sum += min(max(v, -largest/levelPoints), largest/levelPoints)
			count++
		}
	}
	if count == 0 || 2*count < float64(points) {
		return 0, false
	}
	return h.in(sum / count), true
}

// strength is how much of the shape of earlier turns the latest one has had, the
// slope of a regression through some points of it, in [0, 1]; mean is that of the
// shape there. ok is false where no point is known of both.
func (c cycle) strength(h *history) (strength, mean float64, ok bool) {
	const points = 32
	var n, x, y, xx, xy float64
	for i := range points {
		offset := -float64(i) * c.period / points
		z, ok := c.turn(h, offset, 0)
		shape, _, known := c.shape(h, offset)
		if ok && known {
			n, x, y, xx, xy = n+1, x+shape, y+z, xx+shape*shape, xy+shape*z
		}
	}
	if n == 0 {
		return 0, 0, false
	}
	x, y = x/n, y/n
	if spread := xx/n - x*x; spread > 1e-12*(1+x*x) {
		strength = min(max((xy/n-x*y)/spread, 0), 1)
	}
	return strength, x, true
}

// phase brings a lead ≥ 1 into (0, period].
func (c cycle) phase(lead int) float64 {
	l := float64(lead)
	if l <= c.period {
		return l
	}
	l -= c.period * math.Floor(l/c.period)
	if l <= 0 {
		l = c.period
	}
	return l
}

// findCycles returns the cycles of a target that a panel has two turns of up to
// the last step that some rows have a future for: its season, and seven of them
// (a week of days).
func findCycles(f *features.Frame, rows []int) []cycle {
	season := f.Target.SeasonSteps()
	last := lastKnown(f, rows)
	var found []cycle
	for _, steps := range []int{season, 7 * season} {
		if steps >= 2 && 2*steps <= last {
			found = append(found, newCycle(float64(steps)))
		}
	}
	return found
}

func packCycles(p *packer, cycles []cycle) {
	p.integer(len(cycles))
	for _, c := range cycles {
		p.float(c.period)
	}
}

func unpackCycles(u *unpacker) ([]cycle, error) {
	var cycles []cycle
	for range u.length(8) {
		period := u.float()
		if !(period >= 2 && period <= seasonMax) {
			return nil, fmt.Errorf("%w: a cycle of %g steps", ErrCorrupt, period)
		}
		cycles = append(cycles, newCycle(period))
	}
	if len(cycles) > cyclesMax {
		return nil, fmt.Errorf("%w: %d cycles", ErrCorrupt, len(cycles))
	}
	return cycles, nil
}
