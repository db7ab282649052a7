package models

import (
	"fmt"
	"math"

	"github.com/driftcast/driftcast/features"
)

// cycle is one period of a level, and how its earlier turns are read. Turns are
// counted back from the origin, not from midnight, so that each is complete.
type cycle struct {
	period int // grid steps
	width  int // grid steps that one point of a turn is the mean of
}

const (
	cyclesMax   = 3   // of one target
	turnsMax    = 8   // that are looked back on
	turnKeep    = 0.8 // what a turn weighs of the one after it
	phasesMax   = 360 // that a period is told apart in
	levelPoints = 96  // that the level of a turn is the mean of
)

func newCycle(period int) cycle { return cycle{period: period, width: max(1, period/phasesMax)} }

// findCycles returns the cycles of a target that a panel has two turns of up to
// the last step that some rows have a future for: its season, and seven of them
// (a week of days).
func findCycles(f *features.Frame, rows []int) []cycle {
	season := f.Target.SeasonSteps()
	last := lastKnown(f, rows)
	var found []cycle
	for _, steps := range []int{season, 7 * season} {
		if steps >= 2 && 2*steps <= last {
			found = append(found, newCycle(steps))
		}
	}
	return found
}

// turn is the mean of the known raw values around an offset from the origin
// (grid steps, ≤ period), so many turns ago.
func (c cycle) turn(past []float64, offset, ago int) (mean float64, ok bool) {
	first := len(past) - 1 + offset - ago*c.period - c.width/2
	if first < 0 {
		return 0, false
	}
	var sum, count float64
	for _, v := range past[min(first, len(past)):min(first+c.width, len(past))] {
		if v-v == 0 {
			sum += v
			count++
		}
	}
	mean = sum / count
	return mean, mean > -largest && mean < largest // not of none, nor of what is too large to add up
}

// measureShape works shape out; NaN where nothing is known.
func (c cycle) measureShape(h *history, offset int) (mean, latest float64) {
	var sum, weights float64
	weight := 1.0
	for ago := 1; ago <= turnsMax && ago*c.period < len(h.past)+offset; ago++ {
		if v, known := c.turn(h.past, offset, ago); known {
			if weights == 0 {
				latest = c.in(h, offset-ago*c.period, v)
			}
			sum, weights = sum+weight*v, weights+weight
		}
		weight *= turnKeep
	}
	if weights == 0 {
		return math.NaN(), math.NaN()
	}
	return h.in(sum / weights), latest
}

// in is in of a mean around an offset from the origin, which may be kept already.
func (c cycle) in(h *history, offset int, mean float64) float64 {
	if c.width == 1 {
		return h.value(len(h.past) - 1 + offset)
	}
	return h.in(mean)
}

// level is the mean of the latest turn, up to the origin, at some points of it;
// ok is false where fewer than half of them are known.
func (c cycle) level(h *history) (z float64, ok bool) {
	points := min(levelPoints, c.period)
	var sum, count float64
	for i := range points {
		at := len(h.past) - 1 - i*c.period/points
		if at < 0 {
			break
		}
		if v := h.past[at]; v-v == 0 {
			sum += v
			count++
		}
	}
	mean := sum / count
	return h.in(mean), 2*count >= float64(points) && mean > -largest && mean < largest
}

// strength is how much of the shape of earlier turns the latest one has had, the
// slope of a regression through some points of it, in [0, 1]; mean is that of the
// shape there. ok is false where no point is known of both.
func (c cycle) strength(h *history) (strength, mean float64, ok bool) {
	points := min(32, c.period)
	var n, x, y, xx, xy float64
	for i := range points {
		offset := -i * c.period / points
		v, known := c.turn(h.past, offset, 0)
		shape, _, ok := c.shape(h, offset)
		if ok && known {
			z := c.in(h, offset, v)
			n, x, y, xx, xy = n+1, x+shape, y+z, xx+shape*shape, xy+shape*z
		}
	}
	if n == 0 {
		return 0, 0, false
	}
	x, y = x/n, y/n
	if spread := xx/n - x*x; spread > 1e-12*x*x {
		strength = min(max((xy/n-x*y)/spread, 0), 1)
	}
	return strength, x, true
}

// phase brings a lead ≥ 1 into [1, period].
func (c cycle) phase(lead int) int { return (lead-1)%c.period + 1 }

// back is the offset in (−period, 0] of what was so many steps before the
// origin.
func (c cycle) back(steps int) int { return -(steps % c.period) }

func packCycles(p *packer, cycles []cycle) {
	p.integer(len(cycles))
	for _, c := range cycles {
		p.integer(c.period)
	}
}

func unpackCycles(u *unpacker) ([]cycle, error) {
	var cycles []cycle
	for range u.length(1) {
		period := u.integer()
		if period < 2 || period > seasonMax {
			return nil, fmt.Errorf("%w: a cycle of %d steps", ErrCorrupt, period)
		}
		cycles = append(cycles, newCycle(period))
	}
	if len(cycles) > cyclesMax {
		return nil, fmt.Errorf("%w: %d cycles", ErrCorrupt, len(cycles))
	}
	return cycles, nil
}
