package forecaster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
	"golang.org/x/sync/errgroup"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// Forecaster is the loop. It is safe for concurrent use; steps do not overlap,
// and neither do trainings.
type Forecaster struct {
	o        Options
	schedule cron.Schedule
	metrics  *metrics

	stepping sync.Mutex // one step at a time
	training sync.Mutex // one training at a time
	queue    chan Run

	explaining sync.Mutex // guards libraries; one is gathered at a time
	libraries  map[string]*library

	mu       sync.Mutex // guards what follows
	targets  []features.Target
	states   map[string]*state // by target
	pending  map[string]Run    // queued or running, by target
	restored bool              // active warnings have been read back
	last     time.Time         // the last step
	err      error             // of the last step
	collect  error             // of the last collection
	retrain  time.Time         // the next on schedule
	pruned   time.Time
	decayed  time.Time // when decay was last looked for
}

// state is what is known of a target between steps.
type state struct {
	champion  serving
	shadow    serving   // the challenger that is tried beside it
	watched   watched   // the features that the champion forecasts from
	origin    time.Time // of the newest forecasts: the next are not older
	naive     serving   // base rate or naive; the first forecasts, and what scores are compared with
	misfit    bool      // the champion was fitted on another schema: train anew
	tried     time.Time
	absent    bool // optional, and without a sample so far
	waits     bool // optional, and with too little history so far; guarded by Forecaster.mu
	matured   time.Time
	status    TargetStatus
	warnings  map[collector.Subject]*active
	forecasts []assessed  // of the last step, for metrics
	cards     []Scorecard // for metrics
	shifts    shifts
	online    online            // of a level's intervals
	recalled  bool              // what an earlier process learned has been read back
	kept      map[string][]byte // what the next will read back
}

// serving is a model ready to predict.
type serving struct {
	id       string
	fitted   models.Fitted
	manifest models.Manifest // zero for a naive one
	made     time.Time
}

// queueLength is how many trainings may wait.
const queueLength = 256

// New returns a Forecaster, which does nothing until Step, Train or Run is
// called.
func New(o Options) (*Forecaster, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Forecaster{o: o, queue: make(chan Run, queueLength), states: map[string]*state{}, pending: map[string]Run{},
		libraries: map[string]*library{}}
	if f.schedule, err = parseSchedule(o.Schedule); err != nil {
		return nil, err
	}
	if f.metrics, err = newMetrics(o.Registerer, f); err != nil {
		return nil, err
	}
	f.SetTargets(o.Targets)
	return f, nil
}

// SetTargets replaces the targets, once the step under way has ended. What is
// known of those that stay is kept.
func (f *Forecaster) SetTargets(targets []features.Target) {
	f.stepping.Lock()
	defer f.stepping.Unlock()
	f.explaining.Lock()
	clear(f.libraries) // what a target is may have changed
	f.explaining.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.targets = slices.Clone(targets)
	known := map[string]*state{}
	for _, t := range targets {
		s := f.states[t.Name]
		if s == nil {
			s = &state{warnings: map[collector.Subject]*active{}, kept: map[string][]byte{}, online: online{}, status: TargetStatus{Target: t.Name}}
		}
		s.status.Threshold, s.status.Because = Limit(&t, s.champion.manifest.Threshold)
		s.naive = serving{} // its horizons may have changed
		known[t.Name] = s
	}
	f.states = known
}

// Run steps at every Tick, works the queue of trainings, and fills it on
// schedule and for targets that no model serves yet, until ctx ends. It returns
// nil then; what goes wrong meanwhile is logged and told by Status.
func (f *Forecaster) Run(ctx context.Context) error {
	if err := f.failInterrupted(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("start forecaster: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { f.work(ctx); return nil })
	g.Go(func() error { f.loop(ctx); return nil })
	return g.Wait()
}

// logEvery is how often, in real time, a failure that lasts is logged.
const logEvery = time.Minute

func (f *Forecaster) loop(ctx context.Context) {
	ticker := time.NewTicker(f.o.Tick)
	defer ticker.Stop()
	var logged time.Time
	for ctx.Err() == nil {
		now := f.o.Now()
		err := f.Step(ctx, now)
		if err == nil {
			logged = time.Time{}
		} else if ctx.Err() == nil && time.Since(logged) >= logEvery { // Status tells the rest
			f.o.Logger.Error("step incomplete", "component", "forecaster", "err", err)
			logged = time.Now()
		}
		f.plan(now)
		if err := f.decay(ctx, now); err != nil && ctx.Err() == nil {
			f.o.Logger.Error("decay not looked for", "component", "forecaster", "err", err)
		}
		f.prune(ctx, now)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// prune forgets once a day what is older than the retention, reckoned from the
// newest forecast: a clock that has jumped ahead must not empty the store.
func (f *Forecaster) prune(ctx context.Context, now time.Time) {
	if within(now, f.pruned, 24*time.Hour) {
		return
	}
	newest := time.Time{}
	_, states := f.known()
	for _, s := range states {
		if s.origin.After(newest) {
			newest = s.origin
		}
	}
	if newest.IsZero() {
		return
	}
	if newest.Before(now) {
		now = newest
	}
	before := now.Add(-f.o.Retention)
	if err := f.o.Ledger.Prune(ctx, before); err != nil && ctx.Err() == nil {
		f.o.Logger.Error("old forecasts not removed", "component", "forecaster", "err", err)
		return
	}
	removed, err := f.o.Registry.Prune(before)
	if err != nil {
		f.o.Logger.Error("old models not removed", "component", "forecaster", "err", err)
	}
	if removed > 0 {
		f.o.Logger.Info("old models removed", "component", "forecaster", "models", removed)
	}
	f.pruned = now
}

// known returns the targets and their states as they are now.
func (f *Forecaster) known() ([]features.Target, []*state) {
	f.mu.Lock()
	defer f.mu.Unlock()
	states := make([]*state, len(f.targets))
	for i, t := range f.targets {
		states[i] = f.states[t.Name]
	}
	return f.targets, states
}

func (f *Forecaster) target(name string) (*features.Target, *state, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.targets {
		if f.targets[i].Name == name {
			return &f.targets[i], f.states[name], nil
		}
	}
	return nil, nil, fmt.Errorf("target %q: %w", name, ErrNotFound)
}
