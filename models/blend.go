package models

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/driftcast/driftcast/features"
)

const kindBlend = "blend"

// Blend averages the calibrated quantiles of a few simple experts: naive,
// seasonal naive, the season moved to the last value, and windows of 8, 32 and
// 128. Each knot of leads has weights of its own, chosen on the later part of
// the calibration origins by greedy ensemble selection (Caruana et al. 2004),
// since what is strong in the next minutes is rarely what is strong tomorrow.
type Blend struct{}

// Name implements Model.
func (Blend) Name() string { return "blend" }

// Fit implements Model.
func (m Blend) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	season := f.Target.SeasonSteps()
	b := &mixture{experts: []base{lastValue{}, lastSeason{season: season}, movedSeason{season: season},
		recentWindow{n: 8}, recentWindow{n: defaultWindow}, recentWindow{n: 128}}}
	rows := calibrationRows(f)
	early, late := splitByTime(f, rows)
	if err := b.calibrate(ctx, f, early); err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.Name(), err)
	}
	b.weights = b.choose(f, late)
	if err := b.calibrate(ctx, f, rows); err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.Name(), err)
	}
	return asFitted(fitLevel(ctx, kindBlend, m.Name(), b, f, o))
}

// calibrate gives every expert its intervals from some rows.
func (m *mixture) calibrate(ctx context.Context, f *features.Frame, rows []int) error {
	typical := typicalUnit(f, rows)
	m.intervals = m.intervals[:0]
	for _, b := range m.experts {
		errs, seen, err := collectErrors(ctx, b, f, rows, typical, nil)
		if err != nil {
			return err
		}
		if seen == 0 {
			return fmt.Errorf("%w: no row of %s has both a past and a future", ErrTooFewRows, f.Target.Name)
		}
		m.intervals = append(m.intervals, fitConformal(errs, b.prior, b.centred()))
	}
	return nil
}

// splitByTime parts rows at an origin, the earlier about two thirds; the
// futures of the earlier ones end before the later begin. Where that leaves
// either side with little, both are all rows.
func splitByTime(f *features.Frame, rows []int) (early, late []int) {
	const few = 32
	origins := make([]int, len(rows))
	for i, row := range rows {
		origins[i] = f.Rows[row].Origin
	}
	slices.Sort(origins)
	if len(origins) == 0 || len(f.Leads) == 0 {
		return rows, rows
	}
	at := origins[len(origins)*2/3]
	for _, row := range rows {
		switch origin := f.Rows[row].Origin; {
		case origin >= at:
			late = append(late, row)
		case origin+f.Leads[len(f.Leads)-1] < at:
			early = append(early, row)
		}
	}
	if len(early) < few || len(late) < few {
		return rows, rows
	}
	return early, late
}

// trialCase is what all experts said about one actual.
type trialCase struct {
	actual float64
	weight float64 // cases of a subject that errs by much count for less
	q      [mixtureMax][len(Quantiles)]float64
}

// choose returns weights, knots × experts, that do well on some rows.
func (m *mixture) choose(f *features.Frame, rows []int) [][]float64 {
	cases := m.trials(f, rows)
	weights := make([][]float64, len(cases))
	for k := range cases {
		weights[k] = m.greedy(cases[k])
	}
	if len(weights) == 0 {
		weights = [][]float64{m.greedy(nil)}
	}
	return weights
}

// trials asks every expert about the actuals of rows, by knot, on the target's
// own scale.
func (m *mixture) trials(f *features.Frame, rows []int) [][]trialCase {
	var (
		h       = new(history)
		future  []float64
		typical = typicalUnit(f, rows)
		indices = calibrationLeads(f.Leads, 4*len(rows))
		leads   = at(f.Leads, indices)
		paths   = make([][]float64, len(m.experts))
		cases   [][]trialCase
		sums    = make(map[int]float64) // naive's error by subject
		counts  = make(map[int]float64)
		subject [][]int // of each case
		all     float64
		n       float64
	)
	for j := range paths {
		paths[j] = make([]float64, len(leads)*len(Quantiles))
	}
	for _, row := range rows {
		if !h.begin(f, row, typical) {
			continue
		}
		for j := range m.experts {
			m.expert(h, j, leads, paths[j])
		}
		future = f.Future(row, future[:0])
		for at, i := range indices {
			if future[i]-future[i] != 0 {
				continue
			}
			k := nearestKnot(leads[at])
			for len(cases) <= k {
				cases, subject = append(cases, nil), append(subject, nil)
			}
			c := trialCase{actual: future[i]}
			for j := range m.experts {
				for q := range c.q[j] {
					c.q[j][q] = h.out(paths[j][at*len(Quantiles)+q])
				}
			}
			s := f.Rows[row].Subject
			cases[k], subject[k] = append(cases[k], c), append(subject[k], s)
			miss := math.Abs(c.actual - c.q[0][Median])
			sums[s], counts[s] = sums[s]+miss, counts[s]+1
			all, n = all+miss, n+1
		}
	}
	for k := range cases {
		for i := range cases[k] {
			s := subject[k][i]
			if scale := sums[s]/counts[s] + all/n; scale > 0 {
				cases[k][i].weight = 1 / scale
			}
		}
	}
	return cases
}

// greedy picks, again and again, the expert whose addition to those picked so
// far lowers the pinball loss of their average most; an expert's weight is its
// share of the picks. Of nothing, the weights are alike.
func (m *mixture) greedy(cases []trialCase) []float64 {
	const picks = 12
	weights := make([]float64, len(m.experts))
	if len(cases) == 0 {
		for j := range weights {
			weights[j] = 1 / float64(len(weights))
		}
		return weights
	}
	sums := make([][len(Quantiles)]float64, len(cases))
	for pick := range picks {
		best, lowest := 0, math.Inf(1)
		for j := range m.experts {
			loss := 0.0
			for i := range cases {
				c := &cases[i]
				for q, level := range Quantiles {
					loss += c.weight * pinball(level, (sums[i][q]+c.q[j][q])/float64(pick+1), c.actual)
				}
			}
			if loss < lowest {
				best, lowest = j, loss
			}
		}
		for i := range cases {
			for q := range Quantiles {
				sums[i][q] += cases[i].q[best][q]
			}
		}
		weights[best] += 1.0 / picks
	}
	return weights
}
