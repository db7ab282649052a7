package forecaster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/models"
)

// Enqueue asks for a training of a target, which Run carries out when its turn
// comes, and returns the run to watch. Where one is queued or running already,
// that is the run. ErrNotFound (wrapped) is a target that is not known,
// ErrConflict (wrapped) a queue that is full.
func (f *Forecaster) Enqueue(target, reason string) (Run, error) {
	if _, _, err := f.target(target); err != nil {
		return Run{}, err
	}
	run := f.newRun(target, reason)
	f.mu.Lock()
	if waiting, ok := f.pending[target]; ok {
		f.mu.Unlock()
		return waiting, nil
	}
	select {
	case f.queue <- run:
		f.pending[target] = run
	default:
		f.mu.Unlock()
		return Run{}, fmt.Errorf("train %s: %d trainings wait already, try later: %w", target, queueLength, ErrConflict)
	}
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := f.keepQueued(ctx, run); err != nil {
		return run, err
	}
	return run, nil
}

// keepQueued keeps the run as queued, unless its training has begun since.
func (f *Forecaster) keepQueued(ctx context.Context, run Run) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now, ok := f.pending[run.Target]; !ok || now.ID != run.ID || now.State != RunQueued {
		return nil
	}
	f.o.Events(Event{Kind: RunChanged, At: run.Started, Target: run.Target, Run: &run})
	return f.o.Ledger.PutRun(ctx, run)
}

// work carries out what is queued, one after the other.
func (f *Forecaster) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case run := <-f.queue:
			if _, err := f.train(ctx, run); err != nil && ctx.Err() == nil {
				f.o.Logger.Warn("training failed", "component", "forecaster", "target", run.Target, "err", err)
			}
			f.mu.Lock()
			delete(f.pending, run.Target)
			f.mu.Unlock()
		}
	}
}

// retryAfter is how long a target without a champion that fits waits for its
// next try.
const retryAfter = time.Hour

// plan fills the queue: every target when the schedule says so, and targets
// that no model serves as soon as may be.
func (f *Forecaster) plan(now time.Time) {
	targets, states := f.known()
	f.mu.Lock()
	due := false
	if f.schedule != nil {
		next := f.schedule.Next(now.UTC())
		due = !f.retrain.IsZero() && !now.Before(f.retrain)
		if due || f.retrain.IsZero() || f.retrain.After(next) { // after: the clock has been ahead and came back
			f.retrain = next
		}
	}
	f.mu.Unlock()
	for i, t := range targets {
		if states[i].absent || states[i].waits {
			continue
		}
		reason := "schedule"
		if !due {
			_, err := f.o.Registry.Champion(t.Name)
			needed := errors.Is(err, models.ErrNotFound) || states[i].misfit
			if !needed || within(now, states[i].tried, retryAfter) {
				continue
			}
			if reason = "startup"; states[i].misfit {
				reason = decayed("schema") + ": the champion was fitted on other columns or horizons"
			}
		}
		states[i].tried = now
		if _, err := f.Enqueue(t.Name, reason); err != nil {
			f.o.Logger.Warn("training not queued", "component", "forecaster", "target", t.Name, "err", err)
		}
	}
}

// within says that now is less than a while after then. A then that lies ahead,
// after a clock that was ahead too, is not.
func within(now, then time.Time, while time.Duration) bool {
	since := now.Sub(then)
	return since >= 0 && since < while
}

// failInterrupted ends the runs that a crash or a restart has cut short.
func (f *Forecaster) failInterrupted(ctx context.Context) error {
	runs, err := f.o.Ledger.Runs(ctx, 1000)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.State != RunQueued && r.State != RunRunning {
			continue
		}
		r.State, r.Message, r.Finished = RunFailed, "interrupted by a restart", f.o.Now()
		if err := f.o.Ledger.PutRun(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
