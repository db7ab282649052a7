package forecaster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// A shadow is judged when it has served for Options.Shadow and enough of what
// it said has matured. One that nothing matures of is dropped.
const (
	shadowTurns    = 10   // origins at one horizon that both have
	shadowWorse    = 0.02 // by which its loss may be higher, as chance has it
	shadowUncover  = 0.05 // by which its coverage may be further from 0.8
	shadowPatience = 24 * time.Hour
)

// startShadow lets the candidate of a run serve beside the champion. A shadow
// that is being tried is not disturbed: the next training comes.
func (f *Forecaster) startShadow(t *features.Target, run *Run) error {
	now := f.o.Now()
	held, err := f.o.Registry.Shadow(t.Name)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return err
	}
	if err == nil && held.ID != run.Candidate && !now.After(f.patience(t, held)) {
		run.Message = fmt.Sprintf("kept: %s is being tried in shadow since %s; this one would have been tried too: %s",
			held.ID[:min(12, len(held.ID))], held.Since.UTC().Format(time.RFC3339), run.Message)
		return nil
	}
	if err == nil && held.ID == run.Candidate {
		run.State = RunShadow
		return nil
	}
	if err := f.o.Registry.StartShadow(t.Name, run.Candidate, now); err != nil {
		return err
	}
	run.State = RunShadow
	run.Message = fmt.Sprintf("in shadow for %s: %s", short(f.o.Shadow), run.Message)
	return nil
}

// patience is until when a shadow may wait for outcomes.
func (f *Forecaster) patience(t *features.Target, s models.Shadow) time.Time {
	longest := time.Duration(0)
	if len(t.Horizons) > 0 {
		longest = 2 * t.Horizons[0]
	}
	return s.Since.Add(f.o.Shadow + longest + t.For + shadowPatience)
}

// shadow returns the model that serves a target in shadow; its fitted is nil
// where none does. One that cannot be read is dropped.
func (f *Forecaster) shadow(t *features.Target, s *state) serving {
	if f.o.Shadow <= 0 {
		return serving{}
	}
	held, err := f.o.Registry.Shadow(t.Name)
	if err != nil {
		s.shadow = serving{}
		return s.shadow
	}
	if s.shadow.id == held.ID {
		s.shadow.made = held.Since
		return s.shadow
	}
	fitted, manifest, err := f.o.Registry.Load(held.ID)
	if err != nil {
		f.o.Logger.Warn("the shadow cannot be read and is dropped", "component", "forecaster", "target", t.Name, "model", held.ID, "err", err)
		if err := f.o.Registry.DropShadow(t.Name); err != nil {
			f.o.Logger.Error("the shadow was not dropped", "component", "forecaster", "target", t.Name, "err", err)
		}
		return serving{}
	}
	s.shadow = serving{id: held.ID, fitted: fitted, manifest: manifest, made: held.Since}
	return s.shadow
}

// foreshadow lets the shadow forecast what the champion has just forecast. What
// goes wrong with it harms nobody but itself.
func (f *Forecaster) foreshadow(ctx context.Context, t *features.Target, frame *features.Frame, said *said) error {
	forecasts, err := f.predict(ctx, t, frame, said.shadow, false)
	if errors.Is(err, models.ErrSchema) {
		return f.o.Registry.DropShadow(t.Name)
	}
	if err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	said.online.adjust(t, said.shadow.id, forecasts) // as it would be, were it to serve
	return f.o.Ledger.PutShadows(ctx, scorable(t, forecasts))
}

// decideShadow promotes a shadow whose time is up where it did not do worse
// than the champion on the same origins, and drops it where it did.
func (f *Forecaster) decideShadow(ctx context.Context, t *features.Target, s *state, now time.Time) error {
	model := f.shadow(t, s)
	if model.fitted == nil || now.Before(model.made.Add(f.o.Shadow)) {
		return nil
	}
	turns, err := f.o.Ledger.Turns(ctx, t.Name, model.made)
	if err != nil {
		return err
	}
	pass, message, enough := compareShadow(turns, s.champion.id, model.id)
	switch {
	case !enough && now.Before(f.patience(t, models.Shadow{ID: model.id, Since: model.made})):
		return nil
	case !enough:
		message = "dropped: too little of what the shadow said has matured to judge it by"
	}
	state, champion := RunKept, s.champion.id
	if pass && enough {
		if err := f.o.Registry.Promote(t.Name, model.id); err != nil {
			return fmt.Errorf("promote the shadow of %s: %w", t.Name, err)
		}
		state, champion = RunPromoted, model.id
		f.o.Events(Event{Kind: ModelPromoted, At: now, Target: t.Name, Model: model.id})
	} else if err := f.o.Registry.DropShadow(t.Name); err != nil {
		return fmt.Errorf("drop the shadow of %s: %w", t.Name, err)
	}
	s.shadow = serving{}
	f.o.Logger.Info("shadow decided", "component", "forecaster", "target", t.Name, "model", model.id, "state", string(state), "message", message)
	runs, err := f.o.Ledger.Runs(ctx, 500)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(runs, func(r Run) bool { return r.State == RunShadow && r.Candidate == model.id })
	if i < 0 {
		return nil
	}
	run := runs[i]
	run.State, run.Champion, run.Message = state, champion, message+"; "+run.Message
	if state == RunPromoted {
		f.metrics.champs.WithLabelValues(t.Name).Inc()
	}
	return f.progress(ctx, run)
}

// compareShadow compares a champion and its shadow on the origins that both
// have; enough is false where those are too few.
func compareShadow(turns []Turn, champion, shadow string) (pass bool, message string, enough bool) {
	type key struct {
		horizon time.Duration
		origin  int64
	}
	said := map[key]Turn{}
	for _, t := range turns {
		if !t.Shadow && t.Model == champion && t.Forecasts > 0 {
			said[key{t.Horizon, t.Origin.UnixMilli()}] = t
		}
	}
	type sums struct {
		n                       int
		mine, theirs            mean
		covered, covers, levels float64
		theirLevels             float64
	}
	by := map[time.Duration]*sums{}
	var order []time.Duration
	for _, t := range turns {
		c, ok := said[key{t.Horizon, t.Origin.UnixMilli()}]
		if !t.Shadow || t.Model != shadow || t.Forecasts == 0 || !ok {
			continue
		}
		s := by[t.Horizon]
		if s == nil {
			s = new(sums)
			by[t.Horizon] = s
			order = append(order, t.Horizon)
		}
		s.n++
		s.mine.add(t.Loss / float64(t.Forecasts))
		s.theirs.add(c.Loss / float64(c.Forecasts))
		s.covered, s.levels = s.covered+float64(t.Covered), s.levels+float64(t.Levels)
		s.covers, s.theirLevels = s.covers+float64(c.Covered), s.theirLevels+float64(c.Levels)
	}
	var ratio, off, theirs mean
	most := 0
	for _, h := range order {
		s := by[h]
		most = max(most, s.n)
		if s.n < shadowTurns {
			continue
		}
		if a, b := s.mine.value(), s.theirs.value(); a > 0 || b > 0 {
			least := (a + b) / 1e6 // one that never errs is not infinitely better
			ratio.add(math.Log((a + least) / (b + least)))
		}
		off.add(math.Abs(s.covered/s.levels - 0.8))
		theirs.add(math.Abs(s.covers/s.theirLevels - 0.8))
	}
	if most < shadowTurns {
		return false, "", false
	}
	change := 0.0
	if ratio.n > 0 {
		change = math.Exp(ratio.value()) - 1
	}
	numbers := fmt.Sprintf("in shadow its loss was %+.1f%% of the champion's over %d origins", 100*change, most)
	switch {
	case change > shadowWorse:
		return false, "dropped: " + numbers, true
	case off.value() > theirs.value()+shadowUncover:
		return false, fmt.Sprintf("dropped: %s, but its coverage is off by %.3f, the champion's by %.3f", numbers, off.value(), theirs.value()), true
	}
	return true, "promoted: " + numbers, true
}
