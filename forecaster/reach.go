package forecaster

import (
	"context"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// reach reads no more of History than the features of the newest origin need.
// An event's own signal is looked back at for a week and more; the covariates
// only as far as those of a level, and they are most of what there is to read.
type reach struct {
	features.Reader
	covariates []string
	from       time.Time // of the covariates
}

// opened is what one step reads of one target. Where History can, it is a
// snapshot of it, for reading it in chunks of subjects.
func (f *Forecaster) opened(t *features.Target, w collector.Window) (r features.Reader, end func() error, err error) {
	r, end = f.o.History, func() error { return nil }
	if h, ok := f.o.History.(*collector.History); ok {
		snapshot, err := h.Snapshot(collector.Window{Start: w.Start.Add(-t.Interval), End: w.End})
		if err != nil {
			return nil, nil, err
		}
		r, end = snapshot, snapshot.Close
	}
	return newReach(r, t, w.End), end, nil
}

// count counts the subjects there are in a window, at most.
func count(ctx context.Context, r features.Reader, t *features.Target, w collector.Window) (n int, err error) {
	subjects := map[collector.Subject]bool{}
	signals := []string{t.Name}
	if t.Alert != "" {
		signals = append(signals, t.Signals...)
	}
	for _, signal := range signals {
		w := collector.Window{Start: w.Start.Add(time.Millisecond - t.Interval), End: w.End} // as features.LoadSubjects has it
		_, err := features.SelectOf(ctx, r, signal, w, func(l collector.Labels) bool {
			if sub, ok := t.Subject.Subject(l); ok {
				subjects[sub] = true
			}
			return false
		})
		if err != nil {
			return 0, err
		}
	}
	return len(subjects), nil
}

func newReach(r features.Reader, t *features.Target, end time.Time) features.Reader {
	if !t.IsEvent() || t.Alert != "" { // an alert's covariates tell when its subject was there
		return r
	}
	level := *t
	level.Level, level.Event = t.Event, ""
	return reach{Reader: r, covariates: t.Signals, from: end.Add(-features.Lookback(&level) - t.Interval)}
}

// Select implements features.Reader.
func (r reach) Select(ctx context.Context, signal string, w collector.Window) ([]collector.Series, error) {
	return r.SelectOf(ctx, signal, w, nil)
}

// SelectOf implements features.Filterer.
func (r reach) SelectOf(ctx context.Context, signal string, w collector.Window, keep func(collector.Labels) bool) ([]collector.Series, error) {
	if slices.Contains(r.covariates, signal) && w.Start.Before(r.from) {
		w.Start = r.from
	}
	return features.SelectOf(ctx, r.Reader, signal, w, keep)
}
