package features

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// Reader reads the samples of a signal from History.
type Reader interface {
	// Select returns the stored samples of a signal within [w.Start, w.End],
	// in time order, one series per label set. The step of w is ignored.
	Select(ctx context.Context, signal string, w collector.Window) ([]collector.Series, error)
}

// Options says which rows and labels Extract makes.
type Options struct {
	Origins []int // grid steps; each becomes a row per subject at risk
	Leads   []int // see Frame.Leads; nil: DefaultLeads of the target for a level
	Labels  bool  // make labels and allow Future; false when predicting
}

// Extract cuts the feature matrix of a target out of its panel: a row for each
// origin (ascending) of each subject (in the panel's order) at which there is
// something to forecast. For an event that is a predicate known to be false;
// for a level, a sample that is not older than six hours or twelve steps.
// Columns depend on the target alone, never on the data; a row's features
// depend on nothing after its origin and nothing before Lookback. The work is
// spread over GOMAXPROCS goroutines; the result does not depend on how many.
func Extract(p *Panel, t *Target, o Options) (*Frame, error) {
	if err := check(p, t, o); err != nil {
		return nil, fmt.Errorf("extract %s: %w", t.Name, err)
	}
	e := newExtraction(p, t, o)
	parallel(len(p.Subjects), func(_, s int) { e.perSubject[s] = e.atRisk(s) })

	f := e.frame
	for s, origins := range e.perSubject {
		e.offsets[s] = len(f.Rows)
		for _, o := range origins {
			f.Rows = append(f.Rows, Row{Subject: s, Origin: e.origins[o]})
		}
	}
	f.X = make([]float64, len(f.Rows)*len(f.Columns))
	if o.Labels && (t.IsEvent() || t.Objective != nil) {
		f.Labels = make([]float64, len(f.Rows)*len(t.Horizons))
	}
	for k := range p.Signals {
		if len(e.signals[k].peers) > 0 {
			e.signals[k].crowds = crowds(p, k, o.Origins)
		}
	}
	if t.IsEvent() {
		e.fleet = newFleet(p, t, o.Origins, e.lookback)
	}
	scratch := make([]struct {
		track    track
		labeller labeller
	}, workers(len(p.Subjects)))
	parallel(len(p.Subjects), func(worker, s int) {
		e.features(&scratch[worker].track, s)
		if f.Labels != nil {
			e.labels(&scratch[worker].labeller, s)
		}
	})
	return f, nil
}

func check(p *Panel, t *Target, o Options) error {
	switch {
	case t.Interval <= 0 || p.Interval != t.Interval:
		return fmt.Errorf("the panel's interval %s is not the target's %s", p.Interval, t.Interval)
	case len(p.Signals) != 1+len(t.Signals) || len(p.Values) != len(p.Signals)*len(p.Subjects):
		return fmt.Errorf("the panel holds %d signals and %d series, want %d signals of %d subjects",
			len(p.Signals), len(p.Values), 1+len(t.Signals), len(p.Subjects))
	case !slices.IsSorted(o.Origins) || len(slices.Compact(slices.Clone(o.Origins))) != len(o.Origins):
		return fmt.Errorf("origins are not ascending")
	case len(o.Origins) > 0 && (o.Origins[0] < 0 || o.Origins[len(o.Origins)-1] >= p.Len):
		return fmt.Errorf("origins %d to %d are not within the panel's %d steps", o.Origins[0], o.Origins[len(o.Origins)-1], p.Len)
	case !slices.IsSorted(o.Leads) || len(o.Leads) > 0 && o.Leads[0] < 1:
		return fmt.Errorf("leads are not ascending from 1")
	}
	for i, values := range p.Values {
		if len(values) != p.Len {
			return fmt.Errorf("series %d of the panel has %d values, want %d", i, len(values), p.Len)
		}
	}
	return nil
}

// silence is how old a level's newest sample may be for there to be a row.
func silence(interval time.Duration) int { return max(12, stepsOf(6*time.Hour, interval)) }
