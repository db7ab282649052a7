package models

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/driftcast/driftcast/features"
)

// BaseRate is the naive event model: the share of all rows after which the
// event began. With PerSubject it is each subject's own rate, from the events
// in its past, shrunk to the rate of all (gamma–Poisson); without, it is the
// same for every subject at all times.
type BaseRate struct{ PerSubject bool }

// Name implements Model.
func (m BaseRate) Name() string {
	if m.PerSubject {
		return "subject-rate"
	}
	return "base-rate"
}

// Fit implements Model.
func (m BaseRate) Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error) {
	if m.PerSubject {
		return fitEvent(ctx, m.Name(), false, f, o, crossed(fitSubjectRate))
	}
	d, err := newEventData(f)
	if err != nil {
		return nil, fmt.Errorf("fit %s: %w", m.Name(), err)
	}
	calibrate := make([]calibrator, d.horizons)
	for h := range calibrate {
		calibrate[h].platt.a = 1
	}
	scorer, err := fitConstantRate(ctx, d)
	return &eventFitted{kind: m.Name(), horizons: slices.Clone(f.Target.Horizons), calibrate: calibrate, scorer: scorer}, err
}

func fitConstantRate(ctx context.Context, d eventData) (eventScorer, error) {
	rates := make([]float64, d.horizons)
	for h := range rates {
		rates[h] = logit(baseRate(d, h))
	}
	return constantRate{rates}, ctx.Err()
}

// baseRate is the share of the known labels of a horizon that are 1, drawn in
// by one success and one failure so that it is neither 0 nor 1.
func baseRate(d eventData, h int) float64 {
	known, positives := d.count(h)
	return float64(positives+1) / float64(known+2)
}

// constantRate scores every row alike.
type constantRate struct {
	scores []float64 // log-odds by horizon
}

func (m constantRate) score(_ *features.Frame, _ int, out []Risk) {
	for h := range out {
		out[h].Probability = m.scores[h]
	}
}

func (m constantRate) explain(f *features.Frame, _ int, dst []Driver) []Driver {
	h := len(m.scores) - 1
	p := sigmoid(m.scores[h])
	return append(dst, Driver{
		Column: "base_rate", Value: p,
		Text: fmt.Sprintf("%s begins within %s in %s of all cases", f.Target.Name, spell(f.Target.Horizons[h]), percent(p)),
	})
}

func (m constantRate) pack(p *packer) { p.floats(m.scores) }

func unpackConstantRate(u *unpacker, horizons, _ int) (eventScorer, error) {
	m := constantRate{scores: u.floats()}
	if u.err == nil && (len(m.scores) != horizons || !finite(m.scores...)) {
		u.fail("rates")
	}
	return m, u.err
}

// subjectRate scores a row by its subject's rate of events, (shape+n)/(rate+t)
// for n events in t steps seen: the posterior mean under a gamma prior that is
// fitted to all subjects.
type subjectRate struct {
	shape, rate float64 // of the prior; their quotient is the rate of all, events a step
	need        int     // steps the predicate holds to count
	steps       []float64
}

// fitSubjectRate fits the gamma prior by the method of moments to the counts
// at each subject's last row.
func fitSubjectRate(_ context.Context, d eventData) (eventScorer, error) {
	f := d.frame
	m := subjectRate{need: holdSteps(f.Target)}
	for h := range d.horizons {
		m.steps = append(m.steps, float64(f.Target.Horizons[h])/float64(f.Target.Interval))
	}
	latest := map[int]int{} // row by subject; rows come in the order of time
	for _, row := range d.rows {
		latest[f.Rows[row].Subject] = row
	}
	var events, exposure float64
	seen := make([]pastEvents, 0, len(latest))
	for s := range f.Panel.Subjects {
		if row, ok := latest[s]; ok {
			p := lookBack(f.Past(row), f.Target, m.need, false)
			seen = append(seen, p)
			events += float64(p.count)
			exposure += float64(p.exposure)
		}
	}
	mean := (events + 0.5) / (exposure + 1)
	// Σ(n−μt)² = Σμt + Σ(μt)²/shape, solved for the shape.
	var spread, square float64
	for _, p := range seen {
		expected := mean * float64(p.exposure)
		difference := float64(p.count) - expected
		spread += difference*difference - expected
		square += expected * expected
	}
	m.shape = 100 // subjects that differ no more than by chance
	if spread > 0 && square > 0 {
		m.shape = min(max(square/spread, 0.05), 100)
	}
	m.rate = m.shape / mean
	return m, nil
}

func (m subjectRate) hazard(f *features.Frame, row int) (perStep float64, p pastEvents) {
	p = lookBack(f.Past(row), f.Target, m.need, false)
	return (m.shape + float64(p.count)) / (m.rate + float64(p.exposure)), p
}

func (m subjectRate) score(f *features.Frame, row int, out []Risk) {
	hazard, _ := m.hazard(f, row)
	for h := range out {
		out[h].Probability = logit(-math.Expm1(-hazard * m.steps[h]))
	}
}

func (m subjectRate) explain(f *features.Frame, row int, dst []Driver) []Driver {
	hazard, p := m.hazard(f, row)
	ratio := hazard * m.rate / m.shape
	return append(dst, Driver{
		Column: "events_seen", Value: float64(p.count), Contribution: math.Log(ratio),
		Text: fmt.Sprintf("%d times in the past, %.2g× the rate of all", p.count, ratio),
	})
}

func (m subjectRate) pack(p *packer) {
	p.float(m.shape)
	p.float(m.rate)
	p.integer(m.need)
	p.floats(m.steps)
}

func unpackSubjectRate(u *unpacker, horizons, _ int) (eventScorer, error) {
	m := subjectRate{shape: u.float(), rate: u.float(), need: u.integer(), steps: u.floats()}
	if u.err == nil && (len(m.steps) != horizons || !finite(m.steps...) || !finite(m.shape, m.rate) || m.shape <= 0 || m.rate <= 0) {
		u.fail("rates")
	}
	return m, u.err
}
