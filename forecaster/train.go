package forecaster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// Train learns a target anew: collect, extract, backtest every model that suits
// it, fit the best on all there is, register it, and promote it if it is better
// than the champion. It waits for its turn: one training runs at a time. The
// run that it returns, also kept in the ledger, says what came of it; the error
// is not nil where it failed.
func (f *Forecaster) Train(ctx context.Context, target, reason string) (Run, error) {
	if _, _, err := f.target(target); err != nil {
		return Run{}, err
	}
	return f.train(ctx, f.newRun(target, reason))
}

// TrainAll trains every target, one after the other. One that fails stops no
// other; the error joins them.
func (f *Forecaster) TrainAll(ctx context.Context, reason string) ([]Run, error) {
	var runs []Run
	var errs []error
	targets, _ := f.known()
	for _, t := range targets {
		if ctx.Err() != nil {
			break
		}
		run, err := f.Train(ctx, t.Name, reason)
		runs, errs = append(runs, run), append(errs, err)
	}
	return runs, errors.Join(append(errs, ctx.Err())...)
}

func (f *Forecaster) newRun(target, reason string) Run {
	return Run{ID: uuid.NewString(), Target: target, State: RunQueued, Reason: reason, Seed: f.o.Seed, Started: f.o.Now()}
}

// train carries a run through to its end.
func (f *Forecaster) train(ctx context.Context, run Run) (Run, error) {
	f.training.Lock()
	defer f.training.Unlock()
	began := time.Now()
	run.State, run.Started = RunRunning, f.o.Now()
	err := f.attempt(ctx, &run)
	run.Finished, run.Progress = f.o.Now(), 1
	if err != nil {
		run.State, run.Message = RunFailed, err.Error()
		if errors.Is(err, context.Canceled) {
			run.Message = "cancelled"
		}
		err = fmt.Errorf("train %s: %w", run.Target, err)
	}
	f.metrics.trained(run, time.Since(began))
	f.o.Logger.Info("training ended", "component", "forecaster", "target", run.Target, "state", string(run.State), "message", run.Message)
	// What ended is kept even where ctx has ended too.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return run, errors.Join(err, f.progress(keep, run))
}

// attempt is the walk of a training.
func (f *Forecaster) attempt(ctx context.Context, run *Run) error {
	stage := func(name string, share float64) error {
		run.Stage, run.Progress = name, share
		return errors.Join(ctx.Err(), f.progress(ctx, *run))
	}
	t, _, err := f.target(run.Target)
	if err != nil {
		return err
	}
	if err := stage("collect", 0); err != nil {
		return err
	}
	if err := f.gather(ctx, f.o.Now()); err != nil {
		f.o.Logger.Warn("training goes on with the history there is", "component", "forecaster", "target", t.Name, "err", err)
	}
	if err := stage("extract", 0.05); err != nil {
		return err
	}
	panel, err := f.load(ctx, t, f.o.Now(), f.o.Window)
	if err != nil {
		return err
	}
	if err := stage("backtest", 0.15); err != nil {
		return err
	}
	champion, contenders, err := f.contest(ctx, t, panel, run)
	if err != nil {
		return err
	}
	if err := stage("fit", 0.7); err != nil {
		return err
	}
	best := contenders[0]
	fitted, manifest, err := f.fit(ctx, t, panel, best)
	if err != nil {
		return err
	}
	if err := stage("register", 0.9); err != nil {
		return err
	}
	if run.Candidate, err = f.o.Registry.Put(ctx, t.Name, fitted, manifest); err != nil {
		return err
	}
	if err := stage("promote", 0.95); err != nil {
		return err
	}
	return f.promote(t, run, champion, contenders)
}

// promote lets the candidate serve where the gate lets it pass: as champion
// where there is none that can serve, else in shadow first.
func (f *Forecaster) promote(t *features.Target, run *Run, champion *incumbent, contenders []contender) error {
	verdict := judge(t, champion, contenders, f.o.Seed)
	run.State, run.Message = RunKept, verdict.message
	if champion != nil {
		run.Champion = champion.id
	}
	if !verdict.promote {
		return nil
	}
	if champion != nil && champion.misfit == nil && f.o.Shadow > 0 {
		return f.startShadow(t, run)
	}
	if err := f.o.Registry.Promote(t.Name, run.Candidate); err != nil {
		return err
	}
	run.State, run.Champion = RunPromoted, run.Candidate
	f.o.Events(Event{Kind: ModelPromoted, At: f.o.Now(), Target: t.Name, Model: run.Candidate})
	return nil
}

// trainRows is about how many rows the best model is fitted on.
const trainRows = 40_000

// fit fits the best model on all of the panel.
func (f *Forecaster) fit(ctx context.Context, t *features.Target, panel *features.Panel, best contender) (models.Fitted, models.Manifest, error) {
	none := models.Manifest{}
	catalog := f.o.Catalog(t)
	i := slices.IndexFunc(catalog, func(m models.Model) bool { return m.Name() == best.name })
	if i < 0 {
		return nil, none, fmt.Errorf("fit %s: %w: the catalog of %s has no such model", best.name, models.ErrNotFound, t.Name)
	}
	frame, err := cut(panel, t, trainRows)
	if err != nil {
		return nil, none, err
	}
	if len(frame.Rows) == 0 {
		return nil, none, fmt.Errorf("fit %s: %w: no subject of %s is at risk", best.name, models.ErrTooFewRows, t.Name)
	}
	fitted, err := catalog[i].Fit(ctx, frame, models.FitOptions{Seed: f.o.Seed})
	if err != nil {
		return nil, none, err
	}
	return fitted, models.Manifest{
		Threshold: budgeted(t, fitted, frame, best), Population: models.Summarise(frame),
		Target: t.Name, Model: best.name, Seed: f.o.Seed, Schema: models.Schema(frame.Columns), Rows: len(frame.Rows),
		From: panel.Time(0), Through: panel.Time(panel.Len - 1), Scores: best.scores, Created: f.o.Now(),
	}, nil
}

// progress keeps a run as it stands and tells those who watch.
func (f *Forecaster) progress(ctx context.Context, run Run) error {
	f.mu.Lock()
	if _, queued := f.pending[run.Target]; queued {
		f.pending[run.Target] = run
	}
	f.mu.Unlock()
	f.o.Events(Event{Kind: RunChanged, At: f.o.Now(), Target: run.Target, Run: &run})
	if err := f.o.Ledger.PutRun(ctx, run); err != nil {
		return fmt.Errorf("keep run: %w", err)
	}
	return nil
}
