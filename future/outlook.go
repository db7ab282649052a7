package future

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
	"github.com/driftcast/driftcast/forecaster"
	"github.com/driftcast/driftcast/models"
)

// Store is where forecasts are kept; store.Store is one.
type Store interface {
	Forecasts(ctx context.Context, q forecaster.ForecastQuery) (page []models.Forecast, next string, err error)
	IssuedOf(ctx context.Context, q forecaster.IssuedQuery, yield func(forecaster.Issued) error) error
}

// History knows the labels of the series that are forecast: keep is shown them.
type History interface {
	SelectOf(ctx context.Context, signal string, w collector.Window, keep func(collector.Labels) bool) ([]collector.Series, error)
}

// Options say what an Outlook works with. Store and Targets are needed.
type Options struct {
	Store   Store
	History History // nil: labels whose values cannot be told apart are guessed
	Targets func() []features.Target
	Now     func() time.Time // nil: time.Now

	MaxPoints   int           // of curves that one selector may load, 16 bytes each; default 4,000,000
	MaxSamples  int           // see collector.CurvesOptions
	Timeout     time.Duration // see collector.CurvesOptions
	Concurrency int           // see collector.CurvesOptions
}

// Outlook answers PromQL over forecasts. It is safe for concurrent use.
type Outlook struct {
	*collector.Curves
	o Options
}

// New returns an Outlook.
func New(o Options) (*Outlook, error) {
	if o.Store == nil || o.Targets == nil {
		return nil, errors.New("future: Options.Store and Options.Targets are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxPoints <= 0 {
		o.MaxPoints = 4_000_000
	}
	out := &Outlook{o: o}
	var err error
	out.Curves, err = collector.NewCurves(collector.CurvesOptions{Find: out.find, MaxSamples: o.MaxSamples, Timeout: o.Timeout, Concurrency: o.Concurrency})
	return out, err
}

// StaleAfter is how long after its origin a forecast is taken at its word: five
// intervals of its target, at least 15 minutes. An older one, which no newer one
// has replaced, says nothing of times after that.
func StaleAfter(t *features.Target) time.Duration { return max(5*t.Interval, 15*time.Minute) }

// standsFor is how long what was said at one origin is taken to hold until the
// next one of its horizon: half the horizon, at least 20 minutes, which is four
// times as far apart as the store keeps them.
func standsFor(horizon time.Duration) time.Duration { return max(horizon/2, 20*time.Minute) }

// find returns the curves of a selection.
func (o *Outlook) find(ctx context.Context, s *collector.Selection) ([]collector.Curve, error) {
	l := &load{o: o, s: s, now: o.o.Now()}
	targets := o.o.Targets()
	for i := range targets {
		var asked []family
		for _, f := range families(&targets[i]) {
			if f.variants = f.ask(s); len(f.variants) > 0 {
				asked = append(asked, f)
			}
		}
		if len(asked) == 0 {
			continue
		}
		if err := l.target(ctx, &targets[i], asked); err != nil {
			return nil, fmt.Errorf("forecasts of %s: %w", targets[i].Name, err)
		}
	}
	return l.curves, nil
}
