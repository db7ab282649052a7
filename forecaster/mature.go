package forecaster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

const (
	matureEvery    = 5 * time.Minute // that outcomes are looked for, in the clock's time
	matureBatch    = 20_000          // outcomes at once
	maturePatience = 24 * time.Hour  // for samples to come in after an outage
	matureEdge     = 2 * time.Hour   // of history before the first origin, to see what was going on then
	matureSteps    = 256             // of a level's, for the naive model to know its size
)

// mature sees what came of the forecasts whose horizon (and For) has passed,
// and has them scored against the naive model. Subjects that we acted on are
// censored: what happened then says nothing about the forecast.
func (f *Forecaster) mature(ctx context.Context, t *features.Target, s *state, now time.Time) error {
	if within(now, s.matured, max(matureEvery, t.Interval)) {
		return nil
	}
	s.matured = now
	seen, ok, err := f.o.History.Last(ctx, t.Name)
	if err != nil {
		return fmt.Errorf("outcomes of %s: %w", t.Name, err)
	}
	if oldest := now.Add(-maturePatience); !ok || seen.Before(oldest) {
		seen = oldest
	}
	if now.Before(seen) {
		seen = now
	}
	for {
		due, err := f.o.Ledger.Due(ctx, t.Name, seen.Add(-t.For-2*t.Interval), matureBatch)
		if err == nil && len(due) > 0 {
			err = f.settle(ctx, t, s, due, now)
		}
		if err == nil {
			err = f.o.Ledger.PutOutcomes(ctx, due)
		}
		if err != nil {
			return fmt.Errorf("outcomes of %s: %w", t.Name, err)
		}
		s.learn(t, due) // last: what fails above comes again, and would be learned twice
		f.metrics.matured(t.Name, len(due))
		if len(due) < matureBatch {
			break
		}
	}
	if t.IsEvent() {
		return f.score(ctx, t, s)
	}
	return errors.Join(f.keep(ctx, t, s, memoryOnline, s.online), f.score(ctx, t, s))
}

// score reads the scorecards of a target anew, for metrics.
func (f *Forecaster) score(ctx context.Context, t *features.Target, s *state) error {
	cards, err := f.o.Ledger.Scorecards(ctx, t.Name)
	if err != nil {
		return fmt.Errorf("scores of %s: %w", t.Name, err)
	}
	f.mu.Lock()
	s.cards = cards
	f.mu.Unlock()
	return nil
}

// settle fills in what happened, in place. Labels are made as they are for
// training, so that a score means the same in both.
func (f *Forecaster) settle(ctx context.Context, t *features.Target, s *state, due []Outcome, now time.Time) error {
	own := *t
	if own.Alert == "" {
		own.Signals = nil // the features are of no interest here
	}
	first, last := due[0].Origin, due[0].Origin
	horizons := map[time.Duration]int{}
	for _, o := range due {
		if o.Origin.Before(first) {
			first = o.Origin
		}
		if end := o.Origin.Add(o.Horizon); end.After(last) {
			last = end
		}
		horizons[o.Horizon] = 0
	}
	own.Horizons = own.Horizons[:0:0]
	for h := range horizons {
		own.Horizons = append(own.Horizons, h)
	}
	slices.Sort(own.Horizons)
	var leads []int
	for i, h := range own.Horizons {
		horizons[h] = i
		leads = append(leads, t.Steps(h))
	}
	leads = slices.Compact(leads)
	end := last.Add(t.For + 2*t.Interval).Truncate(t.Interval)
	if end.After(now) {
		end = now.Truncate(t.Interval)
	}
	edge := matureEdge
	if !t.IsEvent() {
		edge = max(edge, matureSteps*t.Interval)
	}
	window := collector.Window{Start: first.Add(-edge).Truncate(t.Interval), End: end, Step: t.Interval}
	subjects := map[collector.Subject]bool{}
	for _, o := range due {
		subjects[o.Subject] = true
	}
	panel, err := features.LoadSubjects(ctx, f.o.History, &own, window, func(sub collector.Subject) bool { return subjects[sub] })
	if err != nil {
		return err
	}
	frame, rows, err := originsOf(panel, &own, due, leads)
	if err != nil {
		return err
	}
	base := f.baseRates(ctx, t, s, now, frame)
	truth := newTruth(frame, leads)
	if !t.IsEvent() && len(frame.Rows) > 0 {
		if model, err := f.naive(ctx, t, s, now); err == nil {
			truth.naive, truth.typical = model.fitted, typicalSize(panel)
		}
	}
	threshold, _ := Limit(t, s.champion.manifest.Threshold)
	for i := range due {
		o := &due[i]
		o.Naive, o.Actual, o.Happened, o.Matured = math.NaN(), math.NaN(), math.NaN(), now
		row, ok := rows[rowKey{o.Subject, panel.Step(o.Origin)}]
		if !ok {
			continue // nothing is known of it then
		}
		truth.fill(o, row, horizons[o.Horizon], base)
		o.Warned = o.Risk >= threshold
		if f.o.Acted == nil || o.Happened != o.Happened && o.Actual != o.Actual {
			continue
		}
		acted, err := f.o.Acted.ActedOn(ctx, o.Subject, o.Origin, o.Origin.Add(o.Horizon))
		if err != nil {
			return err
		}
		if acted {
			o.Actual, o.Happened, o.Began, o.Loss = math.NaN(), math.NaN(), time.Time{}, math.NaN()
		}
	}
	return nil
}

type rowKey struct {
	subject collector.Subject
	origin  int
}

// originsOf extracts the rows of the due forecasts.
func originsOf(p *features.Panel, t *features.Target, due []Outcome, leads []int) (*features.Frame, map[rowKey]int, error) {
	var origins []int
	for _, o := range due {
		if i := p.Step(o.Origin); i >= 0 && i < p.Len {
			origins = append(origins, i)
		}
	}
	slices.Sort(origins)
	frame, err := features.Extract(p, t, features.Options{Origins: slices.Compact(origins), Leads: leads, Labels: true})
	if err != nil {
		return nil, nil, err
	}
	rows := make(map[rowKey]int, len(frame.Rows))
	for i, r := range frame.Rows {
		rows[rowKey{p.Subjects[r.Subject], r.Origin}] = i
	}
	return frame, rows, nil
}

// baseRates returns what the base rate said of each horizon, nothing for levels
// and where there is too little history to know.
func (f *Forecaster) baseRates(ctx context.Context, t *features.Target, s *state, now time.Time, frame *features.Frame) map[time.Duration]float64 {
	if !t.IsEvent() || len(frame.Rows) == 0 {
		return nil
	}
	model, err := f.naive(ctx, t, s, now)
	if err != nil {
		return nil // a score without a comparison, which its skill shows as NaN
	}
	view := *frame // the model knows all of the target's horizons
	view.Target = t
	return riskOf(model.fitted, &view)
}
