package forecaster

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

const (
	decayEvery  = time.Hour      // that decay is looked for, in the clock's time
	decayAgain  = 24 * time.Hour // until the same reason may ask again
	watchEvery  = 30 * time.Minute
	watchSpan   = 24 * time.Hour // of features that are compared with the training window
	watchRows   = 200            // of an origin that are looked at
	decayWindow = 14 * 24 * time.Hour
)

// tellsVersion says that a signal's values are versions: of a driver, a
// firmware, a build.
func tellsVersion(signal string) bool { return strings.Contains(strings.ToLower(signal), "version") }

// watched is what is seen of a target's features between looks for decay.
type watched struct {
	model   string // the champion that it is compared with
	from    time.Time
	last    time.Time
	columns []int // of the frame, by summary
	tallies []*models.Tally
	version *Decay
}

// note keeps the features that a step has predicted from.
func (s *state) note(panel *features.Panel, f *features.Frame, origin time.Time) {
	summaries := s.champion.manifest.Population
	w := &s.watched
	if w.model != s.champion.id {
		*w = watched{model: s.champion.id}
	}
	if d, changed := VersionDecay(panel, s.champion.manifest.Through); changed {
		w.version = &d
	}
	if len(summaries) == 0 || len(f.Rows) == 0 || (!origin.Equal(w.last) && origin.Sub(w.last) < watchEvery && !w.last.IsZero()) {
		return
	}
	if w.columns == nil && !w.restart(summaries, f.Columns) {
		return
	}
	if w.from.IsZero() {
		w.from = origin
	}
	w.last = origin
	every := (len(f.Rows) + watchRows - 1) / watchRows
	for row := 0; row < len(f.Rows); row += every {
		x := f.Features(row)
		for i, j := range w.columns {
			w.tallies[i].Add(x[j])
		}
	}
}

// restart begins to count anew; it returns false where the champion was fitted
// on columns that are not there.
func (w *watched) restart(summaries []models.ColumnSummary, columns []features.Column) bool {
	w.columns, w.tallies, w.from = nil, nil, time.Time{}
	for i := range summaries {
		j := slices.IndexFunc(columns, func(c features.Column) bool { return c.Name == summaries[i].Column })
		if j < 0 {
			w.columns = nil
			return false
		}
		w.columns, w.tallies = append(w.columns, j), append(w.tallies, models.NewTally(&summaries[i]))
	}
	return true
}

// population compares a whole day of features and begins the next.
func (s *state) population() (Decay, bool) {
	w := &s.watched
	if w.model != s.champion.id || w.columns == nil || w.last.Sub(w.from) < watchSpan-watchEvery {
		return Decay{}, false
	}
	d, shifted := PopulationDecay(s.champion.manifest.Population, w.tallies)
	w.columns, w.tallies, w.from = nil, nil, time.Time{}
	return d, shifted
}

// decay asks for retrainings of champions that no longer fit. The same kind of
// sign asks once in a day, also after a restart: the runs remember it.
func (f *Forecaster) decay(ctx context.Context, now time.Time) error {
	targets, states := f.known()
	if elapsed := now.Sub(f.decayed); elapsed >= 0 && elapsed < decayEvery {
		return nil
	}
	f.decayed = now
	runs, err := f.o.Ledger.Runs(ctx, 500)
	if err != nil {
		return err
	}
	var errs []error
	for i := range targets {
		t, s := &targets[i], states[i]
		if s.absent || s.champion.id == "" || s.misfit {
			continue
		}
		signs, err := f.signs(ctx, t, s, now, runs)
		errs = append(errs, err)
		for _, d := range signs {
			if asked := lastAsked(runs, t.Name, d.Kind); now.Sub(asked) < decayAgain && !asked.After(now) {
				continue
			}
			f.o.Logger.Info("decay", "component", "forecaster", "target", t.Name, "model", s.champion.id, "kind", d.Kind, "sign", d.Text)
			f.metrics.decays.WithLabelValues(t.Name, d.Kind).Inc()
			_, err := f.Enqueue(t.Name, d.reason())
			errs = append(errs, err)
			break // one training answers all signs
		}
	}
	return errors.Join(errs...)
}

// signs are the signs of decay that a target shows now.
func (f *Forecaster) signs(ctx context.Context, t *features.Target, s *state, now time.Time, runs []Run) ([]Decay, error) {
	var out []Decay
	note := func(d Decay, yes bool) {
		if yes {
			out = append(out, d)
		}
	}
	note(s.population())
	if d := s.watched.version; d != nil && s.watched.model == s.champion.id {
		note(*d, true)
	}
	turns, err := f.o.Ledger.Turns(ctx, t.Name, now.Add(-decayWindow))
	if err != nil {
		return out, err
	}
	for _, h := range t.Horizons {
		of := func(kind string) []Turn { // what has matured since this sign last asked: then a new day begins
			asked := lastAsked(runs, t.Name, kind)
			return slices.DeleteFunc(slices.Clone(turns), func(u Turn) bool {
				return u.Shadow || u.Horizon != h || u.Model != s.champion.id || !u.Origin.After(asked)
			})
		}
		note(LossDecay(of("loss")))
		if !t.IsEvent() {
			expected, known := s.champion.manifest.Scores["coverage"]
			if !known {
				expected = math.NaN()
			}
			note(CoverageDecay(of("coverage"), expected))
		}
		note(CalibrationDecay(of("calibration")))
	}
	return out, nil
}

// lastAsked is when a kind of decay last asked for a training of a target;
// zero: never.
func lastAsked(runs []Run, target, kind string) (at time.Time) {
	for _, r := range runs {
		if r.Target == target && strings.HasPrefix(r.Reason, decayed(kind)) && r.Started.After(at) {
			at = r.Started
		}
	}
	return at
}
