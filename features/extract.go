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
