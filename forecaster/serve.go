package forecaster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// serve returns the model that forecasts a target now: its champion, or, where
// there is none or it cannot be read, a naive one that is fitted on the fly, so
// that the first forecasts appear at once. out.problem says so where that is
// not as it should be.
func (f *Forecaster) serve(ctx context.Context, t *features.Target, s *state, now time.Time, out *said) (serving, error) {
	id, err := f.o.Registry.Champion(t.Name)
	switch {
	case errors.Is(err, models.ErrNotFound):
	case err != nil:
		out.problem = err.Error()
	case s.champion.id == id:
		return s.champion, nil
	default:
		fitted, manifest, err := f.o.Registry.Load(id)
		if err == nil {
			s.champion = serving{id: id, fitted: fitted, manifest: manifest, made: now}
			return s.champion, nil
		}
		out.problem = fmt.Sprintf("the champion cannot serve, a naive model does: %v", err)
	}
	return f.naive(ctx, t, s, now)
}

// naiveAge is how old the naive model of a target may grow.
const naiveAge = 24 * time.Hour

// naive returns the target's naive model (base rate for events), fitted on
// what History holds. Its id is the model's name: it is not registered.
func (f *Forecaster) naive(ctx context.Context, t *features.Target, s *state, now time.Time) (serving, error) {
	if s.naive.fitted != nil && within(now, s.naive.made, naiveAge) {
		return s.naive, nil
	}
	var model models.Model = models.Naive{}
	if t.IsEvent() {
		model = models.BaseRate{}
	}
	own := *t // its own signal is all that a naive model looks at
	if own.Alert == "" {
		own.Signals = nil
	}
	frame, err := f.labelled(ctx, &own, now, f.o.Window, naiveRows)
	if err != nil {
		return serving{}, err
	}
	fitted, err := model.Fit(ctx, frame, models.FitOptions{Seed: f.o.Seed})
	if err != nil {
		if s.naive.fitted != nil && !errors.Is(err, context.Canceled) {
			return s.naive, nil // better an old one than none
		}
		return serving{}, fmt.Errorf("no champion yet, and too little history for a naive one: %w", err)
	}
	s.naive = serving{id: model.Name(), fitted: fitted, made: now}
	return s.naive, nil
}

// naiveRows is about how many rows a naive model is fitted on.
const naiveRows = 5000

// labelled loads about rows labelled rows of a target, evenly spread over the
// window before now.
func (f *Forecaster) labelled(ctx context.Context, t *features.Target, now time.Time, window time.Duration, rows int) (*features.Frame, error) {
	panel, err := f.load(ctx, t, now, window)
	if err != nil {
		return nil, err
	}
	return cut(panel, t, rows)
}

// load reads a target's signals over the window before now into a panel that
// begins where the data does. Of very many subjects it takes a fixed part, so
// that the panel stays under panelBytes.
func (f *Forecaster) load(ctx context.Context, t *features.Target, now time.Time, window time.Duration) (*features.Panel, error) {
	end := now.Truncate(t.Interval)
	w := collector.Window{Start: end.Add(-window).Truncate(t.Interval), End: end, Step: t.Interval}
	recent, err := f.o.History.Select(ctx, t.Name, collector.Window{Start: end.Add(-24 * time.Hour), End: end})
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", t.Name, err)
	}
	parts := uint32(1 + len(recent)*w.Len()*(1+len(t.Signals))*8/panelBytes)
	panel, err := features.LoadSubjects(ctx, f.o.History, t, w, func(s collector.Subject) bool { return parts == 1 || bucket(s, parts) == 0 })
	if err != nil {
		return nil, err
	}
	return trim(panel), nil
}

// panelBytes bounds a panel that is learned from.
const panelBytes = 1 << 30

// trim drops the steps before the first sample of any series.
func trim(p *features.Panel) *features.Panel {
	first := p.Len
	for _, values := range p.Values {
		for i, v := range values[:first] {
			if v == v {
				first = i
				break
			}
		}
	}
	if first == 0 || first == p.Len {
		return p
	}
	out := *p
	out.Start, out.Len = p.Time(first), p.Len-first
	out.Values = make([][]float64, len(p.Values))
	for i, values := range p.Values {
		out.Values[i] = values[first:]
	}
	return &out
}

// cut extracts about rows labelled rows, evenly spread over the panel.
func cut(p *features.Panel, t *features.Target, rows int) (*features.Frame, error) {
	origins := max(16, rows/max(1, len(p.Subjects)))
	every := (time.Duration(p.Len/origins) * p.Interval).Truncate(p.Interval)
	return features.Extract(p, t, features.Options{Origins: features.Origins(p, every, time.Time{}, time.Time{}), Labels: true})
}
