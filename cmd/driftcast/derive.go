package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// archive is stored data that PromQL can be asked of: History, or a file in
// memory.
type archive interface {
	features.Reader
	collector.Source
	Signals(ctx context.Context) ([]collector.Stored, error)
}

// derived is an archive with a target's signals evaluated on top of it, as the
// collector would have stored them.
type derived struct {
	archive
	made *collector.Memory
	has  map[string]bool
}

// derive evaluates those signals that the archive does not hold itself.
func derive(ctx context.Context, a archive, signals []collector.Signal, w collector.Window) (*derived, error) {
	stored, err := a.Signals(ctx)
	if err != nil {
		return nil, err
	}
	d := &derived{archive: a, made: collector.NewMemory(w.Step), has: map[string]bool{}}
	for _, s := range signals {
		if s.Expr == s.Name || slices.ContainsFunc(stored, func(x collector.Stored) bool { return x.Name == s.Name }) {
			continue // it is there as it is
		}
		answer, err := a.QueryRange(ctx, s.Expr, collector.Window{Start: w.Start, End: w.End, Step: s.Interval})
		if err != nil {
			return nil, fmt.Errorf("signal %s: %w", s.Name, err)
		}
		series, err := s.Reduce(answer.Series)
		if err != nil {
			return nil, err
		}
		if err := d.made.Add(s.Name, series...); err != nil {
			return nil, fmt.Errorf("signal %s: %w", s.Name, err)
		}
		d.has[s.Name] = true
	}
	return d, nil
}

// Select implements features.Reader.
func (d *derived) Select(ctx context.Context, signal string, w collector.Window) ([]collector.Series, error) {
	if d.has[signal] {
		return d.made.Select(ctx, signal, w)
	}
	return d.archive.Select(ctx, signal, w)
}

// extent is what an archive holds: from the first sample to the
// last, on the grid.
func extent(ctx context.Context, a archive, step time.Duration) (collector.Window, error) {
	stored, err := a.Signals(ctx)
	if err != nil {
		return collector.Window{}, err
	}
	if len(stored) == 0 {
		return collector.Window{}, fmt.Errorf("there is no history yet (driftcast import FILE, or driftcast serve)")
	}
	w := collector.Window{Start: stored[0].First, End: stored[0].Last, Step: step}
	for _, s := range stored[1:] {
		if s.First.Before(w.Start) {
			w.Start = s.First
		}
		if s.Last.After(w.End) {
			w.End = s.Last
		}
	}
	w.Start, w.End = w.Start.Truncate(step), w.End.Truncate(step)
	return w, nil
}
