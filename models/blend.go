package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

const kindBlend = "blend"

// Blend averages the calibrated quantiles of experts: naive, seasonal naive,
// seasons moved to the last value, windows from 8 values to a week, and all
// models that learn. Each knot of leads has weights of its own, since what is
// strong in the next minutes is rarely what is strong tomorrow; they are chosen
// on the later origins, by experts that learned from the earlier ones, and drawn
// towards weights for all leads, and those towards ones by the experts' own
// losses, the more the fewer independent futures there were to choose by.
type Blend struct{}

// Name implements Model.
func (Blend) Name() string { return "blend" }

// Fit implements Model.
func (m Blend) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	rows := calibrationRows(f)
	early, late := splitByTime(f, rows)
	b := &mixture{}
	field, err := b.enlist(ctx, f, early, o)
	if err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.Name(), err)
	}
	typical := typicalUnit(f, rows)
	if err := b.calibrate(ctx, f, late, typical); err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.Name(), err)
	}
	b.weights = b.choose(b.trials(f, late, typical))
	field = b.keep(field)
	l, err := calibrateLevel(ctx, kindBlend, m.Name(), b, f, late, o)
	if err != nil {
		return nil, err
	}
	served := *b
	served.experts = slices.Clone(b.experts)
	for j, learn := range field {
		if learn == nil {
			continue
		}
		if served.experts[j], err = learn(ctx, f, rows, o); err != nil {
			return nil, fmt.Errorf("fit %s: %w", m.Name(), err)
		}
	}
	l.base = &served
	return l, nil
}

// enlist fills the mixture with experts that have learned from some rows, and
// returns what each of them learns by: nil for those that do not learn. One
// that cannot learn from so little is left out.
func (m *mixture) enlist(ctx context.Context, f *features.Frame, rows []int, o FitOptions) ([]learner, error) {
	season := f.Target.SeasonSteps()
	m.experts = []base{lastValue{}, lastSeason{season: season}, movedSeason{season: season},
		recentWindow{n: 8}, recentWindow{n: defaultWindow}, recentWindow{n: 128}}
	if season > recentLength {
		m.experts = append(m.experts, coarseWindow{step: season / coarseSamples})
	}
	if week := 7 * season; time.Duration(season)*f.Panel.Interval == 24*time.Hour && 2*week < f.Panel.Len {
		m.experts = append(m.experts, lastSeason{season: week}, movedSeason{season: week}, coarseWindow{step: max(1, week/coarseSamples)})
	}
	field := make([]learner, len(m.experts))
	for _, l := range learners() {
		b, err := l.learn(ctx, f, rows, o)
		if errors.Is(err, ErrTooFewRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.kind, err)
		}
		m.experts, field = append(m.experts, b), append(field, l.learn)
	}
	return field, nil
}

// calibrate gives every expert its intervals from some rows.
func (m *mixture) calibrate(ctx context.Context, f *features.Frame, rows []int, typical float64) error {
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

// keep leaves out the experts with little weight everywhere, and gives theirs
// to the others.
func (m *mixture) keep(field []learner) []learner {
	const (
		little = 0.08
		most   = 7
	)
	peak := make([]float64, len(m.experts))
	order := make([]int, len(m.experts))
	for j := range order {
		order[j] = j
		for _, w := range m.weights {
			peak[j] = max(peak[j], w[j])
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(peak[b], peak[a]) })
	n := 1
	for n < min(most, len(order)) && peak[order[n]] >= little {
		n++
	}
	kept := slices.Sorted(slices.Values(order[:n]))
	out := mixture{}
	var learns []learner
	for _, j := range kept {
		out.experts, out.intervals = append(out.experts, m.experts[j]), append(out.intervals, m.intervals[j])
		learns = append(learns, field[j])
	}
	for _, w := range m.weights {
		share := make([]float64, len(kept))
		sum := 0.0
		for i, j := range kept {
			share[i] = w[j]
			sum += w[j]
		}
		for i := range share {
			if sum > 0 {
				share[i] /= sum
			} else {
				share[i] = 1 / float64(len(share))
			}
		}
		out.weights = append(out.weights, share)
	}
	*m = out
	return learns
}

// splitByTime parts rows at an origin, the later about half; the futures of
// the earlier ones end before the later begin. Where that leaves either side
// with little, both are all rows.
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
	at := origins[len(origins)/2]
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
