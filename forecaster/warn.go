package forecaster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// A warning is resolved when the risk has stayed under calm times the threshold
// for calmSteps steps, so that one that hovers does not flap.
const (
	calm      = 0.8
	calmSteps = 2
)

// active is a warning that is not resolved.
type active struct {
	warning Warning
	below   int // steps in a row that the risk was low
}

// fall notes that the risk is under the threshold, or that what was warned of
// has come true, and says whether that has been so for long enough.
func (h *active) fall(t *features.Target, a *assessed, origin time.Time) (resolved bool) {
	w, highest := &h.warning, 0.0
	if a.forecast != nil {
		for _, r := range a.forecast.Risks {
			highest = math.Max(highest, r.Probability)
			if r.Horizon == w.Horizon {
				w.Risk = r.Probability
			}
		}
		w.Lead, w.Drivers = a.lead, a.forecast.Drivers
	}
	w.Origin, w.Fresh = origin, a.fresh
	w.Annotations = annotate(t, w)
	if h.below++; highest >= calm*w.Threshold && !a.happening {
		h.below = 0
	}
	return h.below >= calmSteps
}

// tolerance is how old the newest sample of a subject may be for a warning to
// be raised, or resolved, from it.
func tolerance(t *features.Target) time.Duration { return 5*t.Interval + t.For }

// warn turns the risks of a step into warnings, remembers them, and returns
// those that are active on fresh samples and those that are resolved now. It
// fails closed: stale samples raise nothing and ask for nothing.
func (f *Forecaster) warn(ctx context.Context, t *features.Target, s *state, said said) ([]Warning, error) {
	var changed, news, candidates []Warning
	seen := map[collector.Subject]bool{}
	status := &s.status
	threshold, because := Limit(t, s.champion.manifest.Threshold)
	withheld := 0
	for i := range said.subjects {
		a := &said.subjects[i]
		seen[a.subject] = true
		w, over := assess(t, a, said.origin, threshold, because)
		held := s.warnings[a.subject]
		switch stale := said.doubtful || said.origin.Sub(a.fresh) > tolerance(t); {
		case stale && over && held == nil:
			withheld++
		case stale && held != nil:
			if said.origin.After(held.warning.Origin.Add(held.warning.Horizon)) {
				changed = append(changed, s.resolve(a.subject)) // its time is up, and nobody can see
			}
		case stale:
		case over && held != nil:
			w.StartsAt = held.warning.StartsAt
			held.warning, held.below = w, 0
			news = append(news, w)
		case over:
			candidates = append(candidates, w)
		case held != nil && held.fall(t, a, said.origin):
			changed = append(changed, s.resolve(a.subject))
		case held != nil:
			news = append(news, held.warning)
		}
	}
	for sub, held := range s.warnings { // no longer seen at all
		if !seen[sub] && said.origin.After(held.warning.Origin.Add(held.warning.Horizon)) {
			changed = append(changed, s.resolve(sub))
		}
	}
	raised, suppressed, err := f.spend(ctx, t, candidates, said.origin)
	if err != nil {
		return nil, err
	}
	for _, w := range raised {
		s.warnings[w.Subject] = &active{warning: w}
	}
	changed = append(changed, raised...)
	news = append(news, changed...)
	f.mu.Lock()
	status.Warnings, status.Suppressed, status.Withheld = len(s.warnings), suppressed, withheld
	status.Threshold, status.Because = threshold, because
	f.mu.Unlock()
	f.metrics.warned(t.Name, len(raised), suppressed, withheld)
	if err := f.o.Ledger.PutWarnings(ctx, changed); err != nil {
		return news, err
	}
	f.tell(t, changed, said.origin)
	return news, nil
}

// tell logs and publishes the warnings that were raised or resolved.
func (f *Forecaster) tell(t *features.Target, changed []Warning, at time.Time) {
	for i := range changed {
		w := &changed[i]
		kind, message := WarningRaised, "warning raised"
		if w.Resolved {
			kind, message = WarningResolved, "warning resolved"
		}
		f.o.Logger.Info(message, "component", "forecaster", "target", t.Name, "subject", w.Subject.String(), "risk", w.Risk, "horizon", w.Horizon)
		f.o.Events(Event{Kind: kind, At: at, Target: t.Name, Warning: w})
	}
}

// resolve takes a warning from the active ones.
func (s *state) resolve(sub collector.Subject) Warning {
	w := s.warnings[sub].warning
	w.Resolved = true
	delete(s.warnings, sub)
	return w
}

// spend raises as many of the candidates, the highest risks first, as the
// target's budget still allows.
func (f *Forecaster) spend(ctx context.Context, t *features.Target, candidates []Warning, now time.Time) (raised []Warning, suppressed int, err error) {
	budget := t.Warn.Budget
	if len(candidates) == 0 || budget.Count <= 0 || budget.Per <= 0 {
		return candidates, 0, nil
	}
	allowed, per := int(budget.Count), budget.Per
	if allowed == 0 { // less than one: one in a longer time
		allowed, per = 1, time.Duration(float64(per)/budget.Count)
	}
	spent, err := f.o.Ledger.RaisedSince(ctx, t.Name, now.Add(-per))
	if err != nil {
		return nil, 0, err
	}
	slices.SortStableFunc(candidates, func(a, b Warning) int { return cmp.Compare(b.Risk, a.Risk) })
	n := min(len(candidates), max(0, allowed-spent))
	return candidates[:n], len(candidates) - n, nil
}

// assess makes the warning of a subject; over is false where no risk reaches
// the threshold.
func assess(t *features.Target, a *assessed, origin time.Time, threshold float64, because string) (w Warning, over bool) {
	if a.forecast == nil || a.happening {
		return w, false
	}
	for _, r := range a.forecast.Risks {
		if r.Probability >= threshold && t.Warn.Heeds(r.Horizon) {
			w = Warning{
				Target: t.Name, Subject: a.subject, Horizon: r.Horizon, Risk: r.Probability, Threshold: threshold, Because: because, Lead: a.lead,
				Drivers: a.forecast.Drivers, Labels: maps.Clone(t.Labels), Correction: t.Correction,
				Origin: origin, StartsAt: origin, Fresh: a.fresh,
			}
			w.Annotations = annotate(t, &w)
			return w, true
		}
	}
	return w, false
}

// annotate adds the risk, its drivers and the time left, in words, to the
// target's own annotations.
func annotate(t *features.Target, w *Warning) map[string]string {
	out := maps.Clone(t.Annotations)
	if out == nil {
		out = map[string]string{}
	}
	out["risk"] = fmt.Sprintf("%.0f%% within %s", 100*w.Risk, short(w.Horizon))
	if w.Because != "" {
		out["threshold"] = fmt.Sprintf("%.2g from %s", w.Threshold, w.Because)
	}
	if w.Lead > 0 {
		out["eta"] = "about " + short(w.Lead)
	}
	text := ""
	for i, d := range w.Drivers {
		if i > 0 {
			text += "; "
		}
		text += d.Text
	}
	if text != "" {
		out["drivers"] = text
	}
	if out["summary"] == "" {
		out["summary"] = fmt.Sprintf("%s of %s: %s", t.Name, w.Subject, out["risk"])
	}
	return out
}

// short writes a duration as people do: 15m, 1h, 1h30m, 2d.
func short(d time.Duration) string {
	out := ""
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / unit.size; n > 0 {
			out += fmt.Sprintf("%d%s", n, unit.name)
			d -= n * unit.size
		}
	}
	return cmp.Or(out, "0s")
}

// restore reads the active warnings back, once: after a restart they are the
// same warnings as before it.
func (f *Forecaster) restore(ctx context.Context) error {
	if f.restored {
		return nil
	}
	warnings, err := f.o.Ledger.ActiveWarnings(ctx)
	if err != nil {
		return fmt.Errorf("read back warnings: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range warnings {
		if s := f.states[w.Target]; s != nil {
			s.warnings[w.Subject] = &active{warning: w}
		}
	}
	f.restored = true
	return nil
}
