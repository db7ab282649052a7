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

// contender is one model in a backtest.
type contender struct {
	name          string
	origins       []time.Time // ascending
	losses        []float64   // at each of origins; lower is better
	loss          float64     // over all; see account
	miscalibrated float64     // how far from honest: |coverage − 0.8|, or the calibration error
	parts         []horizonLoss
	risks         []models.RiskRow // of an event, at every tested row
	scores        map[string]float64
}

// horizonLoss is what a contender lost within one horizon (of a level: from
// the horizon before it on).
type horizonLoss struct {
	horizon       time.Duration
	origins       []time.Time
	losses        []float64
	miscalibrated float64 // NaN where not known
}

// incumbent is the champion in a backtest: it is not fitted anew.
type incumbent struct {
	id       string
	manifest models.Manifest
	fitted   models.Fitted
	misfit   error // why it cannot forecast the target as it is now; found out by Fit
}

const incumbentName = "champion"

// Name implements models.Model.
func (*incumbent) Name() string { return incumbentName }

// Fit implements models.Model: the champion is what it is. Where the target has
// changed so that it cannot forecast it any more, it takes no part.
func (i *incumbent) Fit(_ context.Context, f *features.Frame, _ models.FitOptions) (models.Fitted, error) {
	var fc models.Forecast
	if len(f.Rows) > 0 {
		if err := i.fitted.Predict(f, 0, &fc); errors.Is(err, models.ErrSchema) {
			i.misfit = err
		}
	}
	return i.fitted, i.misfit
}

// contest backtests the models that suit a target, and its champion where it
// has one that can be read, on the same origins. The first contender is the
// best model that can be fitted; the champion comes last.
func (f *Forecaster) contest(ctx context.Context, t *features.Target, panel *features.Panel, run *Run) (*incumbent, []contender, error) {
	if len(panel.Subjects) == 0 {
		return nil, nil, fmt.Errorf("backtest %s: %w: history holds no series of it", t.Name, models.ErrTooFewRows)
	}
	field := slices.Clone(f.o.Catalog(t))
	champion, err := f.incumbent(t)
	if err != nil {
		return nil, nil, err
	}
	if champion != nil {
		field = append(field, champion)
	}
	told := 0.0
	progress := func(done, total int) {
		share := float64(done) / float64(max(1, total))
		if share-told < 0.1 && done < total {
			return
		}
		told, run.Progress = share, 0.15+0.5*share
		if err := f.progress(ctx, *run); err != nil && ctx.Err() == nil {
			f.o.Logger.Warn("progress not kept", "component", "forecaster", "target", t.Name, "err", err)
		}
	}
	var all []contender
	if t.IsEvent() {
		all, err = eventContest(ctx, t, panel, models.EventProtocol{Models: field, Seed: f.o.Seed, Progress: progress})
	} else {
		all, err = levelContest(ctx, t, panel, models.RollingProtocol{Models: field, Seed: f.o.Seed, Progress: progress})
	}
	if err != nil {
		return nil, nil, err
	}
	ranked := rank(all)
	if len(ranked) == 0 || ranked[0].name == incumbentName {
		return nil, nil, fmt.Errorf("backtest %s: %w: no model could be scored", t.Name, models.ErrTooFewRows)
	}
	return champion, ranked, nil
}

// incumbent loads the champion; nil where there is none, or none that can be
// read: then the best candidate is to replace it.
func (f *Forecaster) incumbent(t *features.Target) (*incumbent, error) {
	id, err := f.o.Registry.Champion(t.Name)
	if errors.Is(err, models.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fitted, manifest, err := f.o.Registry.Load(id)
	if err != nil {
		f.o.Logger.Warn("the champion cannot be read", "component", "forecaster", "target", t.Name, "model", id, "err", err)
		return nil, nil
	}
	return &incumbent{id: id, manifest: manifest, fitted: fitted}, nil
}

func levelContest(ctx context.Context, t *features.Target, panel *features.Panel, o models.RollingProtocol) ([]contender, error) {
	a := newAccounts(t, panel)
	o.Export = a.level
	report, err := models.RollingLevel(ctx, panel, t, o)
	if err != nil {
		return nil, err
	}
	var out []contender
	for _, m := range report.Models {
		if m.Err != nil || a.of[m.Model] == nil {
			continue
		}
		c := a.of[m.Model].contender(m.Model, t)
		c.miscalibrated = math.Abs(m.Coverage - 0.8)
		c.scores = map[string]float64{"mase": m.MASE, "wql": m.WQL, "loss": c.loss, "mae": m.MAE, "coverage": m.Coverage, "to_naive": m.ToNaive}
		out = append(out, c)
	}
	return out, nil
}

func eventContest(ctx context.Context, t *features.Target, panel *features.Panel, o models.EventProtocol) ([]contender, error) {
	a := newAccounts(t, panel)
	o.Export = a.event
	report, err := models.BacktestEvent(ctx, panel, t, o)
	if err != nil {
		return nil, err
	}
	var out []contender
	briers := make([][]float64, len(report.Horizons)) // of each contender
	for _, m := range report.Models {
		if m.Err != nil || a.of[m.Model] == nil {
			continue
		}
		c := a.of[m.Model].contender(m.Model, t)
		c.scores = map[string]float64{}
		var brier, honest mean
		for h, s := range m.Horizons {
			brier.add(s.Brier)
			briers[h] = append(briers[h], s.Brier)
			honest.add(s.CalibrationError)
			c.parts[h].miscalibrated = s.CalibrationError
			at := "_" + short(report.Horizons[h])
			c.scores["brier"+at], c.scores["skill"+at], c.scores["auroc"+at] = s.Brier, s.Skill, s.AUROC
			c.scores["precision"+at], c.scores["recall"+at] = s.Alerts.Precision, s.Alerts.Recall
		}
		c.scores["loss"], c.miscalibrated = brier.value(), honest.value()
		out = append(out, c)
	}
	for i, loss := range evenly(briers) {
		out[i].loss = loss
	}
	return out, nil
}

// evenly returns a loss for each contender in which every horizon counts alike:
// the mean over horizons of its Brier score by that of the whole field. A week
// ahead the scores are so much larger than an hour ahead that no other horizon
// would count beside it. A horizon without events or without a score counts for
// nobody; where there is no other, the loss is NaN.
func evenly(briers [][]float64) []float64 {
	var losses []mean
	for _, of := range briers {
		var field mean
		for _, b := range of {
			field.add(b)
		}
		losses = slices.Grow(losses, len(of))[:max(len(losses), len(of))]
		for i, b := range of {
			if field.sum > 0 {
				losses[i].add(b / field.value())
			}
		}
	}
	out := make([]float64, len(losses))
	for i := range losses {
		out[i] = losses[i].value()
	}
	return out
}

// rank puts the lowest loss first and the champion last; what has no loss is
// left out.
func rank(all []contender) []contender {
	var out []contender
	for _, c := range all {
		if c.name != incumbentName && c.loss == c.loss {
			out = append(out, c)
		}
	}
	sortByLoss(out)
	for _, c := range all {
		if c.name == incumbentName {
			out = append(out, c)
		}
	}
	return out
}

// mean is the mean of what is known.
type mean struct{ sum, n float64 }

func (m *mean) add(v float64) {
	if v == v {
		m.sum += v
		m.n++
	}
}

func (m *mean) value() float64 { return m.sum / m.n }
