package features

import (
	"context"
	"slices"

	"github.com/driftcast/driftcast/collector"
)

// Filterer is a Reader that leaves out series before it decodes them, which is
// most of the work where subjects are read in chunks; collector.History is one.
type Filterer interface {
	SelectOf(ctx context.Context, signal string, w collector.Window, keep func(collector.Labels) bool) ([]collector.Series, error)
}

// SelectOf selects the series of a signal that keep accepts (nil: all), by
// whatever way the reader has.
func SelectOf(ctx context.Context, r Reader, signal string, w collector.Window, keep func(collector.Labels) bool) ([]collector.Series, error) {
	if f, ok := r.(Filterer); ok {
		return f.SelectOf(ctx, signal, w, keep)
	}
	series, err := r.Select(ctx, signal, w)
	if err != nil || keep == nil {
		return series, err
	}
	return slices.DeleteFunc(slices.Clone(series), func(s collector.Series) bool { return !keep(s.Labels) }), nil
}

// wantedBy accepts the series that may join one of the subjects kept: their
// own, and those of something coarser.
func wantedBy(t *Target, keep func(collector.Subject) bool) func(collector.Labels) bool {
	if keep == nil {
		return nil
	}
	return func(l collector.Labels) bool {
		sub, fine := t.Subject.Subject(l)
		return !fine || keep(sub)
	}
}
