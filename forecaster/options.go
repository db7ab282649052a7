package forecaster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/robfig/cron/v3"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/models"
)

// History is what has been observed.
type History interface {
	features.Reader
	// Last returns the time of a signal's newest sample; ok is false where it
	// has none.
	Last(ctx context.Context, signal string) (last time.Time, ok bool, err error)
}

// Collector brings what is new into History.
type Collector interface {
	Collect(ctx context.Context, now time.Time) error
}

// Issues remembers what was forecast and what came of it.
type Issues interface {
	PutForecasts(ctx context.Context, forecasts []models.Forecast) error
	Due(ctx context.Context, target string, before time.Time, limit int) ([]Outcome, error)
	PutOutcomes(ctx context.Context, outcomes []Outcome) error
}

// Tried remembers what shadows said, beside Issues, and tells how forecasts came
// out: over all, and by origin.
type Tried interface {
	PutShadows(ctx context.Context, forecasts []models.Forecast) error
	Scorecards(ctx context.Context, target string) ([]Scorecard, error)
	Turns(ctx context.Context, target string, since time.Time) ([]Turn, error)
}

// Runs remembers training runs; Runs lists the newest first.
type Runs interface {
	PutRun(ctx context.Context, r Run) error
	Runs(ctx context.Context, limit int) ([]Run, error)
}

// Warnings remembers warnings; RaisedSince counts those that started at or
// after a time, whether resolved or not.
type Warnings interface {
	PutWarnings(ctx context.Context, warnings []Warning) error
	ActiveWarnings(ctx context.Context) ([]Warning, error)
	RaisedSince(ctx context.Context, target string, since time.Time) (int, error)
}

// Memory remembers what was learned of a target beside its models; Learned is
// nil where nothing was.
type Memory interface {
	PutLearned(ctx context.Context, target, what string, learned []byte) error
	Learned(ctx context.Context, target, what string) ([]byte, error)
}

// Ledger is all that the forecaster remembers; store.Store is one.
type Ledger interface {
	Issues
	Tried
	Runs
	Warnings
	Memory
	Prune(ctx context.Context, before time.Time) error
}

// Champions says which model serves a target, models.ErrNotFound (wrapped)
// where none does.
type Champions interface {
	Champion(target string) (id string, err error)
	Load(id string) (models.Fitted, models.Manifest, error)
}

// Registrar keeps new models, makes them serve, and forgets those from before a
// time that neither serve nor may serve again.
type Registrar interface {
	Put(ctx context.Context, target string, fitted models.Fitted, m models.Manifest) (id string, err error)
	Promote(target, id string) error
	Prune(before time.Time) (removed int, err error)
}

// Shadows says which model serves a target in shadow, models.ErrNotFound
// (wrapped) where none does, and begins and ends that. A promotion ends it too.
type Shadows interface {
	StartShadow(target, id string, since time.Time) error
	Shadow(target string) (models.Shadow, error)
	DropShadow(target string) error
}

// Registry is where models are kept; *models.Registry is one.
type Registry interface {
	Champions
	Registrar
	Shadows
}

// Notifier sends warnings on: all that are active, at every step, and each
// resolved one once.
type Notifier interface {
	Notify(ctx context.Context, warnings []Warning) error
}

// Proposer asks for the corrections of active warnings, at every step.
type Proposer interface {
	Propose(ctx context.Context, warnings []Warning) error
}

// Acted says whether we acted on a subject within a time: its outcomes then
// say nothing about the forecast.
type Acted interface {
	ActedOn(ctx context.Context, subject collector.Subject, from, to time.Time) (bool, error)
}

// Options says what a Forecaster works with. History, Ledger and Registry are
// needed.
type Options struct {
	Targets   []features.Target
	History   History
	Ledger    Ledger
	Registry  Registry
	Collector Collector // nil: History is filled by somebody else
	Notifier  Notifier  // nil: nobody is told
	Proposer  Proposer  // nil: nothing is proposed
	Acted     Acted     // nil: we never act

	// Catalog names the models that a target's training tries; nil: models.Contenders.
	Catalog func(t *features.Target) []models.Model

	Now         func() time.Time
	Interval    time.Duration // between steps, in the clock's time; default 1m
	Tick        time.Duration // between steps, in real time; default Interval. The demo's clock is faster
	Window      time.Duration // of history that is learned from; default 14d
	Retention   time.Duration // of forecasts, outcomes and models that no longer serve; default 30d
	Optional    bool          // targets that have never had a sample are left alone: built-in packs suit many clusters
	Schedule    string        // of retraining, five cron fields in UTC; default "0 3 * * *"; ScheduleOff: never
	Shadow      time.Duration // that a challenger serves beside the champion before it may replace it; 0: it replaces it at once
	Seed        uint64
	Concurrency int // of prediction; default GOMAXPROCS
	Chunk       int // subjects worked at once; default 500
	Series      int // at most so many forecast series are exported as metrics; default 20000

	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: none
	Events     func(Event)           // nil: none; must not block
}

func (o Options) withDefaults() (Options, error) {
	switch {
	case o.History == nil:
		return o, errors.New("forecaster: no history given")
	case o.Ledger == nil:
		return o, errors.New("forecaster: no ledger given")
	case o.Registry == nil:
		return o, errors.New("forecaster: no model registry given")
	case o.Interval < 0 || o.Tick < 0 || o.Window < 0 || o.Retention < 0 || o.Shadow < 0 || o.Chunk < 0 || o.Series < 0 || o.Concurrency < 0:
		return o, errors.New("forecaster: durations and sizes must not be negative")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Catalog == nil {
		o.Catalog = models.Contenders
	}
	or := func(d *time.Duration, fallback time.Duration) {
		if *d == 0 {
			*d = fallback
		}
	}
	or(&o.Interval, time.Minute)
	or(&o.Tick, o.Interval)
	or(&o.Window, 14*24*time.Hour)
	or(&o.Retention, 30*24*time.Hour)
	for size, fallback := range map[*int]int{&o.Concurrency: runtime.GOMAXPROCS(0), &o.Chunk: 500, &o.Series: 20_000} {
		if *size == 0 {
			*size = fallback
		}
	}
	if o.Schedule == "" {
		o.Schedule = "0 3 * * *"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Events == nil {
		o.Events = func(Event) {}
	}
	return o, nil
}

// ScheduleOff is the Schedule of those who train by hand, or by another clock.
const ScheduleOff = "off"

// parseSchedule returns nil for ScheduleOff.
func parseSchedule(text string) (cron.Schedule, error) {
	if text == ScheduleOff {
		return nil, nil
	}
	s, err := cron.ParseStandard(text)
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w; write five cron fields such as \"0 3 * * *\"", text, err)
	}
	return s, nil
}
