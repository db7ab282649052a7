package forecaster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/features"
)

// Step is one turn of the loop: collect, extract and predict, publish, warn,
// notify, propose, and see what came of the forecasts whose time is up. What
// fails is left out, not the rest: an outage of Prometheus or an impossible
// target stops no other forecast. The error joins all that failed.
func (f *Forecaster) Step(ctx context.Context, now time.Time) error {
	f.stepping.Lock()
	defer f.stepping.Unlock()
	defer f.metrics.timeStep()()

	errs := []error{f.restore(ctx), f.gather(ctx, now)}
	var news []Warning
	targets, states := f.known()
	for i := range targets {
		t, s := &targets[i], states[i]
		if s.absent = f.absent(ctx, t) || f.told(ctx, t); s.absent {
			continue
		}
		said, err := f.forecast(ctx, t, s, now) // extract, predict, publish
		if err == nil {
			var warnings []Warning
			warnings, err = f.warn(ctx, t, s, said)
			news = append(news, warnings...)
		}
		f.conclude(t, s, said, err)
		if !s.waits { // then it is no failure
			errs = append(errs, err)
		}
	}
	errs = append(errs, f.notify(ctx, news), f.propose(ctx, news))
	for i := range targets {
		if states[i].absent {
			continue
		}
		errs = append(errs, f.mature(ctx, &targets[i], states[i], now), f.decideShadow(ctx, &targets[i], states[i], now), f.look(ctx, &targets[i], states[i], now))
	}

	err := errors.Join(errs...)
	f.metrics.step(err)
	f.mu.Lock()
	f.last, f.err = now, err
	f.mu.Unlock()
	return err
}

// absent says that a target is optional and has never had a sample. Where that
// cannot be told, the step itself will say why.
func (f *Forecaster) absent(ctx context.Context, t *features.Target) bool {
	if !f.o.Optional {
		return false
	}
	_, seen, err := f.o.History.Last(ctx, t.Name)
	return err == nil && !seen
}

// told says that another target tells the same from another source: both would
// warn twice of one thing.
func (f *Forecaster) told(ctx context.Context, t *features.Target) bool {
	if t.Unless == "" {
		return false
	}
	_, seen, err := f.o.History.Last(ctx, t.Unless)
	return err == nil && seen
}

// gather collects. When it fails, what is known already is still forecast from
// until it is too old.
func (f *Forecaster) gather(ctx context.Context, now time.Time) error {
	if f.o.Collector == nil {
		return nil
	}
	err := f.o.Collector.Collect(ctx, now)
	if err != nil {
		err = fmt.Errorf("collect: %w", err)
	}
	f.mu.Lock()
	f.collect = err
	f.mu.Unlock()
	return err
}

func (f *Forecaster) notify(ctx context.Context, warnings []Warning) error {
	if f.o.Notifier == nil || len(warnings) == 0 {
		return nil
	}
	if err := f.o.Notifier.Notify(ctx, warnings); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

// propose hands on the warnings whose risk is over the threshold now, for the
// proposer to say which ask for a correction, and those that are resolved, so
// that it withdraws what it proposed. Fresh samples stand behind all of them
// (see warn): what is not seen is not corrected. The proposer is asked at every
// step, for it may know of more than warnings.
func (f *Forecaster) propose(ctx context.Context, warnings []Warning) error {
	if f.o.Proposer == nil {
		return nil
	}
	var told []Warning
	for _, w := range warnings {
		if w.Resolved || w.Risk >= w.Threshold {
			told = append(told, w)
		}
	}
	if err := f.o.Proposer.Propose(ctx, told); err != nil {
		return fmt.Errorf("propose: %w", err)
	}
	return nil
}
