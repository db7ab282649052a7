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
