package forecaster

import (
	"cmp"
	"slices"
	"time"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// Contender is a model's losses, as Judge compares them.
type Contender struct {
	Name          string
	From          time.Time
	Every         time.Duration
	Losses        []float64
	Miscalibrated float64
	Parts         []Part
}

// Part is what a Contender lost within one horizon, on the same origins.
type Part struct {
	Horizon       time.Duration // 0: the target's only one
	Losses        []float64
	Miscalibrated float64
}

// Judge says whether the first of ranked replaces the champion, which was
// fitted as a model of that kind on what was known at a time; "" is no champion.
func Judge(horizon time.Duration, kind string, fitted time.Time, ranked []Contender) (promote bool, message string) {
	var all []contender
	horizons := []time.Duration{horizon}
	for _, c := range ranked {
		one := contender{name: c.Name, losses: c.Losses, miscalibrated: c.Miscalibrated}
		var m mean
		for i, loss := range c.Losses {
			one.origins = append(one.origins, c.From.Add(time.Duration(i)*c.Every))
			m.add(loss)
		}
		one.loss = m.value()
		for _, p := range c.Parts {
			horizons = append(horizons, cmp.Or(p.Horizon, horizon))
			one.parts = append(one.parts, horizonLoss{horizon: cmp.Or(p.Horizon, horizon), origins: one.origins, losses: p.Losses, miscalibrated: p.Miscalibrated})
		}
		all = append(all, one)
	}
	var champion *incumbent
	if kind != "" {
		champion = &incumbent{id: "id", manifest: models.Manifest{Model: kind, Through: fitted}}
	}
	v := judge(&features.Target{Horizons: slices.Compact(slices.Sorted(slices.Values(horizons)))}, champion, all, 1)
	return v.promote, v.message
}

// Incumbent is the name that the champion has among the ranked.
const Incumbent = incumbentName

// Short is how durations are written.
func Short(d time.Duration) string { return short(d) }

// Reach is what a step reads History through.
func Reach(r features.Reader, t *features.Target, end time.Time) features.Reader {
	return newReach(r, t, end)
}

// CompareShadow compares a champion and its shadow on their turns.
func CompareShadow(turns []Turn, champion, shadow string) (pass bool, message string, enough bool) {
	return compareShadow(turns, champion, shadow)
}

// UnitJump tells by which factor of a unit a series has jumped.
func UnitJump(y []float64) float64 {
	factor, _, _ := unitJump(y)
	return factor
}

// Account sums up what a backtest has exported of each model of a target: its
// loss in units of its subjects' size, and how far its coverage is from 0.8 by
// horizon.
func Account(t *features.Target, p *features.Panel, rows []models.LevelRow) (loss map[string]float64, miscalibrated map[string][]float64) {
	a := newAccounts(t, p)
	for _, r := range rows {
		_ = a.level(r) // never fails
	}
	loss, miscalibrated = map[string]float64{}, map[string][]float64{}
	for name, one := range a.of {
		c := one.contender(name, t)
		loss[name] = c.loss
		for _, part := range c.parts {
			miscalibrated[name] = append(miscalibrated[name], part.miscalibrated)
		}
	}
	return loss, miscalibrated
}

// TryInShadow is what becomes of a run whose candidate has passed the gate
// against a champion that serves.
func (f *Forecaster) TryInShadow(t *features.Target, run *Run) error { return f.startShadow(t, run) }

// Warned says whether risks become a warning of a target, and of which horizon.
func Warned(t *features.Target, threshold float64, risks []models.Risk) (horizon time.Duration, over bool) {
	w, over := assess(t, &assessed{forecast: &models.Forecast{Risks: risks}}, time.Time{}, threshold, "")
	return w.Horizon, over
}

// ThresholdOf is the threshold that keeps to an event's budget, found on the
// risks of its backtest.
func ThresholdOf(t *features.Target, p *features.Panel, rows []models.EventRow) (float64, error) {
	a := newAccounts(t, p)
	for _, row := range rows {
		if err := a.event(row); err != nil {
			return 0, err
		}
	}
	return budgeted(t, nil, nil, contender{risks: a.account(rows[0].Model).risks}), nil
}
