package models

import (
	"context"
	"fmt"
	"math"

	"github.com/driftcast/driftcast/features"
)

const kindTheta = "theta"

// theta forecasts by the theta method (Assimakopoulos and Nikolopoulos 2000;
// Hyndman and Billah 2003: simple exponential smoothing with half the slope of a
// straight line as drift) on a level from which the shape of its cycles is taken
// and to which it is given back. The drift is damped: a line drawn for ever is
// what readers of a forecast believe least. Which cycle, how quick a smoothing
// and whether to drift is chosen for each knot of leads on the training rows, so
// that a season that forecasts nothing is left out; between knots the forecasts
// are interpolated.
type theta struct {
	cycles []cycle // at most cyclesMax
	ways   []thetaWay
	knots  []int // by knot, an index into ways
}

const (
	thetaValues = 64 // latest known ones that are smoothed and drawn a line through
	waysMax     = 64
)

// thetaWay is one way to forecast.
type thetaWay struct {
	cycle  int     // −1: none
	alpha  float64 // of the smoothing
	clip   float64 // as a smoother's
	drifts bool
	firm   bool // the shape in full, else as much as the latest turn has had of it
}

// thetaState is one history, read once for all ways.
type thetaState struct {
	gaps []float64
	of   [cyclesMax]struct {
		strength, mean float64
		recent         []float64 // the shape at the latest known values; nil: not known
	}
	plain []float64 // room for those values without their shape
}

// learnTheta chooses a way for each knot.
func learnTheta(ctx context.Context, f *features.Frame, rows []int, _ FitOptions) (base, error) {
	all := theta{cycles: findCycles(f, rows)}
	all.ways = thetaWays(len(all.cycles))
	used := make([]bool, len(all.cycles))
	for c := range used {
		used[c] = true
	}
	knots, err := choosePerKnot(ctx, f, rows, len(all.ways), func(h *history, leads []int, z [][]float64) {
		s := all.read(h, used)
		shapes := make([]float64, len(leads))
		for c := -1; c < len(all.cycles); c++ {
			for i, lead := range leads {
				shapes[i] = all.shapeAt(h, &s, c, lead)
			}
			for j, w := range all.ways {
				if w.cycle != c {
					continue
				}
				level, drift := all.line(h, &s, w)
				for i, lead := range leads {
					z[j][i] = level + drift*driftSteps(lead+h.age) + s.part(w)*shapes[i]
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	b := theta{cycles: all.cycles}
	place := make(map[int]int)
	for _, j := range knots {
		if _, ok := place[j]; !ok {
			place[j] = len(b.ways)
			b.ways = append(b.ways, all.ways[j])
		}
		b.knots = append(b.knots, place[j])
	}
	return b, nil
}

// thetaWays is the grid that is chosen from.
func thetaWays(cycles int) []thetaWay {
	var ways []thetaWay
	for c := -1; c < cycles; c++ {
		for _, firm := range []bool{false, true} {
			if firm && c < 0 {
				continue
			}
			for _, alpha := range []float64{1, 0.5, 0.2, 0.05} {
				ways = append(ways, thetaWay{cycle: c, alpha: alpha, firm: firm},
					thetaWay{cycle: c, alpha: alpha, firm: firm, drifts: true})
			}
			ways = append(ways, thetaWay{cycle: c, alpha: 0.1, clip: 0.4, firm: firm})
		}
	}
	return ways
}

// read reads what the ways have in common, of some cycles.
func (b theta) read(h *history, used []bool) thetaState {
	n := min(h.known, thetaValues)
	s := thetaState{gaps: h.gaps(), plain: h.take(n)}
	for c, cycle := range b.cycles {
		if !used[c] {
			continue
		}
		o := &s.of[c]
		var known bool
		if o.strength, o.mean, known = cycle.strength(h); !known {
			continue
		}
		o.recent = h.take(n)
		back := h.age
		for i := range n {
			shape, _, ok := cycle.shape(h, cycle.back(back))
			if !ok {
				shape = o.mean
			}
			o.recent[i] = shape - o.mean
			back += int(s.gaps[i])
		}
	}
	return s
}

// part is how much of a shape a way takes.
func (s *thetaState) part(w thetaWay) float64 {
	switch {
	case w.cycle < 0 || s.of[w.cycle].recent == nil:
		return 0
	case w.firm:
		return 1
	}
	return s.of[w.cycle].strength
}

// shapeAt is the shape of a cycle at a lead, of mean 0.
func (b theta) shapeAt(h *history, s *thetaState, c, lead int) float64 {
	if c < 0 || s.of[c].recent == nil {
		return 0
	}
	shape, _, ok := b.cycles[c].shape(h, b.cycles[c].phase(lead))
	if !ok {
		return 0
	}
	return shape - s.of[c].mean
}

// line is the level and the drift of what is left without the shape.
func (b theta) line(h *history, s *thetaState, w thetaWay) (level, drift float64) {
	z := s.plain
	copy(z, h.recent[:len(z)])
	if part := s.part(w); part > 0 {
		for i, v := range s.of[w.cycle].recent {
			z[i] -= part * v
		}
	}
	level, _ = smoother{alpha: w.alpha, clip: w.clip}.run(z, s.gaps)
	if w.drifts {
		drift = slope(z, s.gaps) / 2
	}
	return level, drift
}

// slope is that of the least-squares line through values z, newest first, per
// step; gaps[i] steps lie between z[i] and z[i+1].
func slope(z, gaps []float64) float64 {
	var at, mt, mz float64
	for i, v := range z {
		mt, mz = mt+at, mz+v
		at -= gaps[i]
	}
	n := float64(len(z))
	mt, mz = mt/n, mz/n
	at = 0
	var tt, tz float64
	for i, v := range z {
		tt, tz = tt+(at-mt)*(at-mt), tz+(at-mt)*(v-mz)
		at -= gaps[i]
	}
	if tt == 0 {
		return 0
	}
	return tz / tt
}

// driftSteps is Σ φⁱ for i = 1…lead: how many steps of drift there are in a lead.
func driftSteps(lead int) float64 {
	const phi = 1 - 1.0/thetaValues
	return phi * (1 - math.Pow(phi, float64(lead))) / (1 - phi)
}

// path implements base.
func (b theta) path(h *history, leads []int, q []float64) {
	var used [cyclesMax]bool
	for _, w := range b.ways {
		if w.cycle >= 0 {
			used[w.cycle] = true
		}
	}
	s := b.read(h, used[:])
	levels, drifts := h.take(len(b.ways)), h.take(len(b.ways))
	for j, w := range b.ways {
		levels[j], drifts[j] = b.line(h, &s, w)
	}
	for i, lead := range leads {
		k, share := knotOf(lead, len(b.knots))
		j := b.knots[k]
		z := b.at(h, &s, j, lead, levels, drifts)
		if next := b.knots[min(k+1, len(b.knots)-1)]; share > 0 && next != j {
			z += share * (b.at(h, &s, next, lead, levels, drifts) - z)
		}
		if z-z != 0 {
			z = h.last
		}
		setPoint(q, i, min(max(z, -largest), largest))
	}
}

// at is the forecast of the j-th way.
func (b theta) at(h *history, s *thetaState, j, lead int, levels, drifts []float64) float64 {
	z := levels[j]
	if b.ways[j].drifts {
		z += drifts[j] * driftSteps(lead+h.age)
	}
	if part := s.part(b.ways[j]); part > 0 {
		z += part * b.shapeAt(h, s, b.ways[j].cycle, lead)
	}
	return z
}

func (theta) prior(lead int, z float64) float64 { return z * math.Sqrt(float64(lead)) }

func (theta) centred() bool { return true }
func (theta) kind() string  { return kindTheta }

func (b theta) pack(p *packer) {
	packCycles(p, b.cycles)
	p.integer(len(b.ways))
	for _, w := range b.ways {
		p.integer(w.cycle)
		p.float(w.alpha)
		p.float(w.clip)
		p.integer(flag(w.drifts))
		p.integer(flag(w.firm))
	}
	p.integers(b.knots)
}

func flag(v bool) int {
	if v {
		return 1
	}
	return 0
}

func unpackTheta(u *unpacker) (base, error) {
	cycles, err := unpackCycles(u)
	if err != nil {
		return nil, err
	}
	b := theta{cycles: cycles}
	for range u.length(1) {
		w := thetaWay{cycle: u.integer(), alpha: u.float(), clip: u.float(), drifts: u.integer() == 1, firm: u.integer() == 1}
		if !(w.cycle >= -1 && w.cycle < len(b.cycles) && w.alpha > 0 && w.alpha <= 1 && w.clip >= 0) {
			return nil, fmt.Errorf("%w: a way of theta", ErrCorrupt)
		}
		b.ways = append(b.ways, w)
	}
	if len(b.ways) > waysMax {
		return nil, fmt.Errorf("%w: %d ways of theta", ErrCorrupt, len(b.ways))
	}
	b.knots, err = unpackChoices(u, len(b.ways))
	return b, err
}
