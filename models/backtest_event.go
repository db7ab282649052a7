package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
)

// EventProtocol says how event models are backtested.
type EventProtocol struct {
	Horizons []time.Duration // ascending; nil: the target's
	Every    time.Duration   // between origins; 0: so that there are about 200
	TestFrom time.Time       // the first tested origin; zero: the last quarter of the panel
	Folds    int             // times that models are fitted anew within the test; 0: once
	Models   []Model         // nil: the target's catalog; base rate and time since last are always added
	Seed     uint64

	Progress func(done, total int)    // may be nil
	Export   func(row EventRow) error // every forecast with its outcome; may be nil
}

// The most rows that a backtest holds at once.
const (
	backtestTrainRows = 200_000
	backtestTestRows  = 50_000
)

// BacktestEvent scores event models out of time: every Every, all subjects for
// which the predicate is false, forecast by models that were fitted on what
// was settled by TestFrom (or by the beginning of the fold). Nothing after that
// is even shown to them. It returns ErrTooFewRows (wrapped) where the panel is
// too short.
func BacktestEvent(ctx context.Context, p *features.Panel, t *features.Target, o EventProtocol) (*EventReport, error) {
	b, err := newEventBacktest(p, t, o)
	if err != nil {
		return nil, fmt.Errorf("backtest %s: %w", t.Name, err)
	}
	if err := b.run(ctx); err != nil {
		return nil, fmt.Errorf("backtest %s: %w", t.Name, err)
	}
	return b.report()
}

// eventBacktest is one backtest under way.
type eventBacktest struct {
	panel   *features.Panel
	target  *features.Target
	o       EventProtocol
	origins []int // tested grid steps, ascending
	entries []eventEntry
	fitted  int // rows of the last fold's frame

	subjects, at []int     // of the scored rows
	labels       []float64 // of the scored rows, by horizon
}

// eventEntry is one model: its risks for the scored rows, by horizon.
type eventEntry struct {
	model  Model
	fitted Fitted
	err    error
	risks  []float64
}

func newEventBacktest(p *features.Panel, t *features.Target, o EventProtocol) (*eventBacktest, error) {
	target := *t
	if o.Horizons != nil {
		target.Horizons = o.Horizons
	}
	if len(target.Horizons) == 0 {
		return nil, errors.New("the target has no horizons")
	}
	if !t.IsEvent() && t.Objective == nil {
		return nil, errors.New("a level without an objective has no events; give it one, such as \"< 2\"")
	}
	if o.TestFrom.IsZero() {
		o.TestFrom = p.Time(p.Len - p.Len/4)
	}
	if o.Every <= 0 {
		o.Every = max(p.Interval, (time.Duration(p.Len) * p.Interval / 200).Truncate(p.Interval))
	}
	o.Folds = max(1, o.Folds)
	b := &eventBacktest{panel: p, target: &target, o: o}
	b.origins = features.Origins(p, o.Every, o.TestFrom, time.Time{})
	if len(b.origins) == 0 {
		return nil, fmt.Errorf("%w: no origin at or after %s", ErrTooFewRows, o.TestFrom.UTC().Format(time.RFC3339))
	}
	models := o.Models
	if models == nil {
		models = Catalog(t)
	}
	for _, m := range append([]Model{BaseRate{}, TimeSince{}}, models...) {
		if !slices.ContainsFunc(b.entries, func(e eventEntry) bool { return e.model.Name() == m.Name() }) {
			b.entries = append(b.entries, eventEntry{model: m})
		}
	}
	return b, nil
}

func (b *eventBacktest) run(ctx context.Context) error {
	total := b.o.Folds * (len(b.entries) + 1)
	for fold := range b.o.Folds {
		origins := b.origins[fold*len(b.origins)/b.o.Folds : (fold+1)*len(b.origins)/b.o.Folds]
		if len(origins) == 0 {
			continue
		}
		train, err := b.trainingFrame(origins[0])
		if err != nil {
			return err
		}
		b.fitted = len(train.Rows)
		for i := range b.entries {
			e := &b.entries[i]
			e.fitted, e.err = e.model.Fit(ctx, train, FitOptions{Seed: b.o.Seed})
			if err := ctx.Err(); err != nil {
				return err
			}
			b.progress(fold*(len(b.entries)+1)+i+1, total)
		}
		if err := b.entries[0].err; err != nil { // the base rate
			return err
		}
		chunk := max(1, backtestTestRows/max(1, len(b.panel.Subjects)))
		for part := range slices.Chunk(origins, chunk) {
			if err := b.test(ctx, part); err != nil {
				return err
			}
		}
		b.progress((fold+1)*(len(b.entries)+1), total)
	}
	return nil
}

// trainingFrame cuts labelled rows from what is before the grid step from.
func (b *eventBacktest) trainingFrame(from int) (*features.Frame, error) {
	if from < 2 {
		return nil, fmt.Errorf("%w: nothing before the test", ErrTooFewRows)
	}
	past := *b.panel
	past.Len = from
	past.Values = make([][]float64, len(b.panel.Values))
	for i, v := range b.panel.Values {
		past.Values[i] = v[:from:from]
	}
	origins := features.Origins(&past, b.o.Every, time.Time{}, time.Time{})
	if most := max(1, backtestTrainRows/max(1, len(past.Subjects))); len(origins) > most {
		thinned := make([]int, most)
		for i := range thinned {
			thinned[i] = origins[(i+1)*len(origins)/most-1]
		}
		origins = thinned
	}
	return features.Extract(&past, b.target, features.Options{Origins: origins, Labels: true})
}

// test forecasts from the origins and keeps what came.
func (b *eventBacktest) test(ctx context.Context, origins []int) error {
	f, err := features.Extract(b.panel, b.target, features.Options{Origins: origins, Labels: true})
	if err != nil {
		return err
	}
	horizons := len(b.target.Horizons)
	var out Forecast
	for row, r := range f.Rows {
		if row%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if happening(b.target, b.panel.Series(0, r.Subject)[r.Origin]) || unknown(f, row) {
			continue
		}
		b.subjects, b.at = append(b.subjects, r.Subject), append(b.at, r.Origin)
		for h := range horizons {
			b.labels = append(b.labels, f.Label(row, h))
		}
		for i := range b.entries {
			e := &b.entries[i]
			if e.err != nil {
				e.risks = append(e.risks, slices.Repeat([]float64{math.NaN()}, horizons)...)
				continue
			}
			if err := e.fitted.Predict(f, row, &out); err != nil {
				return fmt.Errorf("%s: %w", e.model.Name(), err)
			}
			for h, risk := range out.Risks {
				e.risks = append(e.risks, risk.Probability)
				if err := b.export(f, row, h, e.model.Name(), risk); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *eventBacktest) export(f *features.Frame, row, h int, model string, risk Risk) error {
	if b.o.Export == nil {
		return nil
	}
	err := b.o.Export(EventRow{
		Target: b.target.Name, Subject: f.SubjectOf(row).String(), Origin: f.OriginOf(row), Horizon: risk.Horizon,
		Model: model, Probability: risk.Probability, Outcome: f.Label(row, h),
	})
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func (b *eventBacktest) progress(done, total int) {
	if b.o.Progress != nil {
		b.o.Progress(done, total)
	}
}
