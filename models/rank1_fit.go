package models

import (
	"context"
	"fmt"

	"github.com/driftcast/driftcast/features"
)

// learnRank1 finds the cycles and fits the regressions.
func learnRank1(ctx context.Context, f *features.Frame, rows []int, _ FitOptions) (base, error) {
	b := &rank1{cycles: findCycles(f, rows)}
	cases, err := b.collect(ctx, f, rows)
	if err != nil {
		return nil, err
	}
	var weights []float64
	for k := range cases {
		cases[k].keepFull(b.width())
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		weights = cases[k].regress(b.width(), weights)
		b.knots = append(b.knots, weights)
	}
	return b, nil
}

// rank1Cases are the regressors (n × width, row-major) and what they should
// have told, in local units.
type rank1Cases struct {
	x, y []float64
	when []int  // origin
	full []bool // whether all cycles were known
}

// collect gathers cases for each knot.
func (b *rank1) collect(ctx context.Context, f *features.Frame, rows []int) ([]rank1Cases, error) {
	const (
		rowsMax = 2048
		perKnot = 6144
	)
	var (
		h       = new(history)
		future  []float64
		typical = typicalUnit(f, rows)
		thin    = max(1, len(rows)/rowsMax)
		units   = subjectUnits(f, rows, thin, typical)
		indices = calibrationLeads(f.Leads, calibrationErrorsMax/perKnot*len(rows)/thin)
		leads   = at(f.Leads, indices)
		cases   []rank1Cases
		x       = make([]float64, b.width())
	)
	for r := 0; r < len(rows); r += thin {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !h.begin(f, rows[r], typical) {
			continue
		}
		future = f.Future(rows[r], future[:0])
		unit := units.of(f.Rows[rows[r]].Subject, h)
		s := b.now(h)
		for i, at := range indices {
			if future[at]-future[at] != 0 {
				continue
			}
			b.regressors(h, &s, leads[i], x)
			k := nearestKnot(leads[i] + h.age)
			for len(cases) <= k {
				cases = append(cases, rank1Cases{})
			}
			c := &cases[k]
			c.when, c.full = append(c.when, f.Rows[rows[r]].Origin), append(c.full, s.full(len(b.cycles)))
			for _, v := range x {
				c.x = append(c.x, min(max(v/unit, -errorLimit), errorLimit))
			}
			c.y = append(c.y, min(max((h.in(future[at])-h.last)/unit, -errorLimit), errorLimit))
		}
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%w: no row of %s has both a past and a future", ErrTooFewRows, f.Target.Name)
	}
	return cases, nil
}

// keepFull drops the cases of the first days, when a week was not known yet,
// where that leaves at least half.
func (c *rank1Cases) keepFull(width int) {
	n := 0
	for _, full := range c.full {
		if full {
			n++
		}
	}
	if 2*n < len(c.full) {
		return
	}
	n = 0
	for i, full := range c.full {
		if full {
			copy(c.x[n*width:], c.x[i*width:(i+1)*width])
			c.y[n], c.when[n] = c.y[i], c.when[i]
			n++
		}
	}
	c.x, c.y, c.when, c.full = c.x[:n*width], c.y[:n], c.when[:n], nil
}
