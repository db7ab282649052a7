package models

import (
	"context"
	"fmt"
	"math"

	"github.com/driftcast/driftcast/features"
)

// choosePerKnot returns, for each knot of the frame's leads, which of n
// candidates has the lowest mean absolute error on some rows, in local units.
// points writes the candidates' forecasts of leads into z (n × leads). Where a
// knot has seen nothing, the knot before decides; one error counts for at most
// errorLimit units, so that a single jump of a series that stood still does not
// decide for all.
func choosePerKnot(ctx context.Context, f *features.Frame, rows []int, n int, points func(h *history, leads []int, z [][]float64)) ([]int, error) {
	const rowsMax = 1024
	var (
		h       = new(history)
		future  []float64
		typical = typicalUnit(f, rows)
		thin    = max(1, len(rows)/rowsMax)
		units   = subjectUnits(f, rows, thin, typical)
		indices = calibrationLeads(f.Leads, 4*len(rows)/thin)
		leads   = at(f.Leads, indices)
		z       = make([][]float64, n)
		losses  [][]float64
		seen    bool
	)
	for j := range z {
		z[j] = make([]float64, len(leads))
	}
	for r := 0; r < len(rows); r += thin {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !h.begin(f, rows[r], typical) {
			continue
		}
		future = f.Future(rows[r], future[:0])
		unit := units.of(f.Rows[rows[r]].Subject, h)
		points(h, leads, z)
		for i, at := range indices {
			if future[at]-future[at] != 0 {
				continue
			}
			k := nearestKnot(leads[i])
			for len(losses) <= k {
				losses = append(losses, make([]float64, n))
			}
			for j := range z {
				losses[k][j] += min(math.Abs(h.in(future[at])-z[j][i])/unit, errorLimit)
			}
			seen = true
		}
	}
	if !seen {
		return nil, fmt.Errorf("%w: no row of %s has both a past and a future", ErrTooFewRows, f.Target.Name)
	}
	chosen := make([]int, len(losses))
	for k, l := range losses {
		best := 0
		if k > 0 {
			best = chosen[k-1]
		}
		for j := range l {
			if l[j] < l[best] {
				best = j
			}
		}
		chosen[k] = best
	}
	return chosen, nil
}

// meanUnits are the mean local units of subjects.
type meanUnits []float64

// subjectUnits takes every so-manieth of some rows.
func subjectUnits(f *features.Frame, rows []int, thin int, typical float64) meanUnits {
	h := new(history)
	sums, counts := make(meanUnits, len(f.Panel.Subjects)), make([]float64, len(f.Panel.Subjects))
	for r := 0; r < len(rows); r += thin {
		if h.begin(f, rows[r], typical) {
			s := f.Rows[rows[r]].Subject
			sums[s] += h.unit
			counts[s]++
		}
	}
	for s, n := range counts {
		sums[s] /= max(n, 1)
	}
	return sums
}

// of is the unit that errors of a subject are measured in: that of the moment,
// but no less than half the mean one, lest what breaks a silence count more than
// all else.
func (u meanUnits) of(subject int, h *history) float64 {
	return max(h.unit, quietShare*u[subject])
}

const quietShare = 0.5

// errorLimit is how many local units one error counts for at most.
const errorLimit = 100

// gaps returns the grid steps from each known value to the one before it, by
// index into recent.
func (h *history) gaps() []float64 {
	gaps := h.take(h.known)
	n, last := 0, -1
	for i := len(h.past) - 1; i >= 0 && n < h.known; i-- {
		if v := h.past[i]; v-v != 0 {
			continue
		}
		if n > 0 {
			gaps[n-1] = float64(last - i)
		}
		last = i
		n++
	}
	gaps[h.known-1] = 1
	return gaps
}
