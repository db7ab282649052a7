package models

import (
	"context"
	"encoding"
	"time"

	"github.com/driftcast/driftcast/collector"
	"github.com/driftcast/driftcast/features"
)

// Quantiles are the levels of every forecast path, ascending.
var Quantiles = [...]float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}

// Median is the index of 0.5 in Quantiles.
const Median = 4

// Model is a learner. Fit learns from the labelled rows of a frame and from
// nothing else; it is deterministic under FitOptions.Seed, gives up when ctx
// ends, and returns ErrTooFewRows (wrapped) where the frame holds too little.
// It never keeps the frame.
type Model interface {
	Name() string
	Fit(ctx context.Context, f *features.Frame, o FitOptions) (Fitted, error)
}

// FitOptions are the knobs that every learner understands.
type FitOptions struct {
	Seed     uint64
	Progress func(done, total int) // may be nil; calls are cheap and serial
}

// Fitted is the immutable state of a fitted model. Predict is safe for
// concurrent use, writes the path (levels) or the risks (events, and levels
// with an objective) of one row into out, reusing out's slices, and never
// looks past the row's origin. Missing data widens a forecast; it is an error
// (ErrNoData) only where nothing at all is known of the subject.
// MarshalBinary's bytes are read back by Unmarshal.
type Fitted interface {
	Predict(f *features.Frame, row int, out *Forecast) error
	encoding.BinaryMarshaler
}

// Explainer is a Fitted that can say what moved one forecast.
type Explainer interface {
	// Explain appends the strongest drivers of the row's forecast to dst,
	// strongest first.
	Explain(f *features.Frame, row int, dst []Driver) []Driver
}

// Forecast is what a model says about one subject at one origin.
type Forecast struct {
	Target   string
	Subject  collector.Subject
	Model    string // the registry id of the model that made it, or its name
	Origin   time.Time
	Interval time.Duration // the grid of Leads
	Leads    []int         // grid steps after Origin; empty for events
	Path     []float64     // len(Leads)×len(Quantiles), row-major, ascending in each row
	Risks    []Risk        // by horizon, ascending; probabilities never fall
	Drivers  []Driver
}

// Risk is the calibrated probability that the bound is crossed, or the event
// begins, within a horizon.
type Risk struct {
	Horizon     time.Duration
	Probability float64
}

// Driver is one reason for a forecast, in words.
type Driver struct {
	Column       string  // the feature's name
	Value        float64 // its value now; NaN is missing
	Contribution float64 // to the forecast, on the model's own scale
	Text         string  // e.g. "row remaps +3 in 6 h"
}
