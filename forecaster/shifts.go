package forecaster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models/shift"
)

// shifts is what is known of a target's regressions and drift between steps.
type shifts struct {
	regressions *shift.Tracker
	drift       *shift.DriftTracker
	looked      time.Time
	compared    time.Time
	found       []shift.Regression // as of looked; guarded by Forecaster.mu, as departed is
	departed    []shift.Departure
}

// How often is looked, in the clock's time; drift is about hours.
const (
	lookEvery    = 5 * time.Minute
	compareEvery = time.Hour
)

// Regressions returns the regressions that stand and those that went away
// lately, the latest onset first.
func (f *Forecaster) Regressions() []shift.Regression {
	var out []shift.Regression
	f.eachShifts(func(w *shifts) { out = append(out, w.found...) })
	slices.SortStableFunc(out, func(a, b shift.Regression) int { return cmp.Or(b.Onset.Compare(a.Onset), cmp.Compare(a.ID, b.ID)) })
	return out
}

// Departures returns the signals whose distribution has left its baseline, and
// those that came back lately, the latest onset first.
func (f *Forecaster) Departures() []shift.Departure {
	var out []shift.Departure
	f.eachShifts(func(w *shifts) { out = append(out, w.departed...) })
	slices.SortStableFunc(out, func(a, b shift.Departure) int { return b.Onset.Compare(a.Onset) })
	return out
}

func (f *Forecaster) eachShifts(visit func(*shifts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.targets {
		visit(&f.states[f.targets[i].Name].shifts)
	}
}

// look evaluates a target's regressions and drift where it asks for them and it
// is time.
func (f *Forecaster) look(ctx context.Context, t *features.Target, s *state, now time.Time) error {
	w := &s.shifts
	var errs []error
	if t.Regression != nil && now.Sub(w.looked) >= max(lookEvery, t.Interval) {
		w.looked = now
		errs = append(errs, f.lookForRegressions(ctx, t, w, now), f.keep(ctx, t, s, memoryRegressions, w.regressions))
	}
	if t.Drift != nil && now.Sub(w.compared) >= max(compareEvery, t.Interval) {
		w.compared = now
		errs = append(errs, f.lookForDrift(ctx, t, w, now), f.keep(ctx, t, s, memoryDrift, w.drift))
	}
	return errors.Join(errs...)
}

func (f *Forecaster) lookForRegressions(ctx context.Context, t *features.Target, w *shifts, now time.Time) error {
	o := RegressionOptions(t)
	if w.regressions == nil || w.regressions.Options != o {
		w.regressions = &shift.Tracker{Target: t.Name, Options: o}
	}
	end := now.Truncate(t.Interval)
	window := collector.Window{Start: end.Add(-RegressionReach(t)), End: end, Step: t.Interval}
	changes, err := Changes(ctx, f.o.History, t, window)
	if err != nil {
		return err
	}
	var failed error
	news := w.regressions.Look(now, f.observed(ctx, t, window, &failed), changes)
	f.mu.Lock()
	w.found = w.regressions.Regressions()
	f.mu.Unlock()
	for i := range news {
		r := &news[i]
		message := "latency regression"
		if r.State == shift.Gone {
			message = "latency regression gone"
		}
		follows := "none found"
		if len(r.Follows) > 0 {
			follows = r.Follows[0].String()
		}
		f.o.Logger.Info(message, "component", "forecaster", "target", t.Name, "subject", r.Subjects[0].String(), "subjects", len(r.Subjects),
			"onset", r.Onset, "effect", r.Effect, "follows", follows)
		f.o.Events(Event{Kind: RegressionChanged, At: now, Target: t.Name, Regression: r})
	}
	return failed
}

func (f *Forecaster) lookForDrift(ctx context.Context, t *features.Target, w *shifts, now time.Time) error {
	o := shift.DriftOptions{Baseline: t.Drift.Baseline, Window: t.Drift.Window, PSI: t.Drift.PSI}
	if w.drift == nil || w.drift.Options != o {
		w.drift = &shift.DriftTracker{Target: t.Name, Options: o}
	}
	alone := *t
	alone.Regression = nil
	end := now.Truncate(t.Interval)
	window := collector.Window{Start: end.Add(t.Interval - o.Baseline - o.Window), End: end, Step: t.Interval}
	var failed error
	news := w.drift.Look(now, f.observed(ctx, &alone, window, &failed))
	f.mu.Lock()
	w.departed = w.drift.Departures()
	f.mu.Unlock()
	for i := range news {
		d := &news[i]
		f.o.Logger.Info("distribution drift", "component", "forecaster", "target", t.Name, "subject", d.Subject.String(), "action", string(d.State), "why", d.Why)
		f.o.Events(Event{Kind: DriftChanged, At: now, Target: t.Name, Departure: d})
	}
	return failed
}

// observed reads a target's subjects in chunks, so that very many fit in memory.
// What goes wrong ends it and is left in failed.
func (f *Forecaster) observed(ctx context.Context, t *features.Target, w collector.Window, failed *error) iter.Seq[shift.Observed] {
	return func(yield func(shift.Observed) bool) {
		subjects, err := count(ctx, f.o.History, t, w)
		if err != nil {
			*failed = fmt.Errorf("target %s: %w", t.Name, err)
			return
		}
		chunks := uint32(max(1, (subjects+f.o.Chunk-1)/f.o.Chunk))
		for chunk := range chunks {
			keep := func(s collector.Subject) bool { return chunks == 1 || bucket(s, chunks) == chunk }
			list, err := Observe(ctx, f.o.History, t, w, keep)
			if err != nil {
				*failed = err
				return
			}
			for _, s := range list {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// RegressionOptions are what a target says of its regressions, or the defaults.
func RegressionOptions(t *features.Target) shift.Options {
	if r := t.Regression; r != nil {
		return shift.Options{MinEffect: r.MinEffect, Hold: r.Hold, Baseline: r.Baseline}
	}
	return shift.Options{}
}

// RegressionReach is how much of History regressions are looked for in: the
// same hours of two days before the baseline.
func RegressionReach(t *features.Target) time.Duration {
	reach := 24 * time.Hour
	if t.Regression != nil {
		reach = t.Regression.Baseline
	}
	return max(72*time.Hour, reach+36*time.Hour)
}

// Observe reads a target's level, and what its regressions are freed from, onto
// the grid.
func Observe(ctx context.Context, r features.Reader, t *features.Target, w collector.Window, keep func(collector.Subject) bool) ([]shift.Observed, error) {
	own := *t
	own.Signals = nil
	at := map[string]int{}
	load, mix, body := t.ShiftSeries()
	for _, name := range []string{load, mix, body} {
		if name != "" {
			own.Signals = append(own.Signals, name)
			at[name] = len(own.Signals)
		}
	}
	panel, err := features.LoadSubjects(ctx, r, &own, w, keep)
	if err != nil {
		return nil, err
	}
	out := make([]shift.Observed, len(panel.Subjects))
	for s, subject := range panel.Subjects {
		series := func(name string) []float64 {
			if k := at[name]; k > 0 && slices.ContainsFunc(panel.Series(k, s), func(v float64) bool { return v == v }) {
				return panel.Series(k, s)
			}
			return nil
		}
		out[s] = shift.Observed{Subject: subject, Labels: t.Subject.LabelsOf(subject), Series: shift.Series{Start: panel.Start, Step: panel.Interval,
			Latency: panel.Series(0, s), Load: series(load), Mix: series(mix), Body: series(body)}}
	}
	return out, nil
}

// Changes reads what changed in the signals that a target's regressions may
// follow, oldest first.
func Changes(ctx context.Context, r features.Reader, t *features.Target, w collector.Window) ([]shift.Change, error) {
	if t.Regression == nil {
		return nil, nil
	}
	var out []shift.Change
	for _, signal := range t.Regression.Changes {
		series, err := r.Select(ctx, signal, w)
		if err != nil {
			return nil, fmt.Errorf("target %s: read changes of %s: %w", t.Name, signal, err)
		}
		out = append(out, shift.Changes(signal, series, 2*t.Interval)...)
	}
	slices.SortStableFunc(out, func(a, b shift.Change) int { return a.At.Compare(b.At) })
	return out, nil
}
