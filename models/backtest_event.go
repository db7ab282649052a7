package models

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

// EventProtocol says how event models are backtested.
type EventProtocol struct {
	Horizons []time.Duration // ascending; nil: the target's
	Every    time.Duration   // between origins; 0: so that there are about 200
	TestFrom time.Time       // the first tested origin; zero: the last quarter of the panel
	Folds    int             // times that models are fitted anew within the test; 0: once
	Models   []Model         // nil: the target's catalog; base rate and time since last are always added
	Seed     uint64

	// TestSubjects splits by subject: models are tested on those for which it
	// is true and fitted on the others, neither being shown the other. Nil
	// splits by time only. Where it is set and TestFrom is zero, there is no
	// split by time: all of the others' time is learnt from.
	TestSubjects func(collector.Subject) bool

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
	learn   *features.Panel // of the subjects that models are fitted on
	panel   *features.Panel // of the subjects that they are tested on
	target  *features.Target
	o       EventProtocol
	apart   bool  // the split is by subject alone
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
	limits []float64 // by horizon: the threshold that keeps to the budget, at the last fold; NaN: not known
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
	learn, apart := p, o.TestSubjects != nil && o.TestFrom.IsZero()
	if o.TestSubjects != nil {
		learn = ofSubjects(p, func(s collector.Subject) bool { return !o.TestSubjects(s) })
		p = ofSubjects(p, o.TestSubjects)
		if len(learn.Subjects) == 0 || len(p.Subjects) == 0 {
			return nil, fmt.Errorf("%w: the split by subject leaves %d to learn from and %d to test", ErrTooFewRows, len(learn.Subjects), len(p.Subjects))
		}
	}
	switch {
	case apart:
		o.TestFrom, o.Folds = p.Start, 1
	case o.TestFrom.IsZero():
		o.TestFrom = p.Time(p.Len - p.Len/4)
	}
	if o.Every <= 0 {
		o.Every = max(p.Interval, (time.Duration(p.Len) * p.Interval / 200).Truncate(p.Interval))
	}
	o.Folds = max(1, o.Folds)
	b := &eventBacktest{learn: learn, panel: p, target: &target, o: o, apart: apart}
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
		until := origins[0]
		if b.apart {
			until = b.learn.Len
		}
		train, err := b.trainingFrame(until)
		if err != nil {
			return err
		}
		b.fitted = len(train.Rows)
		for i := range b.entries {
			e := &b.entries[i]
			e.fitted, e.err = e.model.Fit(ctx, train, FitOptions{Seed: b.o.Seed})
			e.limits = slices.Repeat([]float64{math.NaN()}, len(b.target.Horizons))
			if m, ok := e.fitted.(*eventFitted); ok && e.err == nil {
				copy(e.limits, m.thresholds)
			}
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
	past := b.learn.Until(from)
	origins := features.Origins(past, b.o.Every, time.Time{}, time.Time{})
	if most := max(1, backtestTrainRows/max(1, len(past.Subjects))); len(origins) > most {
		thinned := make([]int, most)
		for i := range thinned {
			thinned[i] = origins[(i+1)*len(origins)/most-1]
		}
		origins = thinned
	}
	return features.Extract(past, b.target, features.Options{Origins: origins, Labels: true})
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

// ofSubjects is the panel of the subjects for which keep is true.
func ofSubjects(p *features.Panel, keep func(collector.Subject) bool) *features.Panel {
	out := *p
	out.Subjects, out.Values = nil, nil
	var kept []int
	for s, subject := range p.Subjects {
		if keep(subject) {
			kept, out.Subjects = append(kept, s), append(out.Subjects, subject)
		}
	}
	for k := range p.Signals {
		for _, s := range kept {
			out.Values = append(out.Values, p.Series(k, s))
		}
	}
	return &out
}

func (b *eventBacktest) progress(done, total int) {
	if b.o.Progress != nil {
		b.o.Progress(done, total)
	}
}
