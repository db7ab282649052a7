package features

import (
	"context"

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

// Extract cuts the feature matrix of a target.
func Extract(p *Panel, t *Target, o Options) (*Frame, error) {
	f := &Frame{Target: t, Panel: p, Leads: o.Leads, labelled: o.Labels}
	for s := range p.Subjects {
		own := p.Series(0, s)
		predicate := predicateSeries(t, own, nil)
		var l labeller
		if o.Labels && predicate != nil {
			l = newLabeller(predicate, stepsOf(t.For, t.Interval))
		}
		for _, i := range o.Origins {
			if t.IsEvent() && !atRisk(own, i) {
				continue
			}
			f.Rows = append(f.Rows, Row{s, i})
			f.X = append(f.X, own[i])
			if l.series != nil {
				for _, h := range horizonSteps(t) {
					f.Labels = append(f.Labels, l.label(i, h))
				}
			}
		}
	}
	f.Columns = []Column{{Name: "last", Signal: t.Name, Text: "last value of " + t.Name}}
	if !t.IsEvent() && f.Leads == nil {
		f.Leads = DefaultLeads(t)
	}
	return f, nil
}
