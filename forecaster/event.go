package forecaster

import (
	"time"

	"github.com/driftcast/driftcast/models/shift"
)

// EventKind says what has happened.
type EventKind string

// The kinds of events.
const (
	StepDone        EventKind = "step"             // a target has been forecast anew
	WarningRaised   EventKind = "warning_raised"   // Warning is set
	WarningResolved EventKind = "warning_resolved" // Warning is set
	RunChanged      EventKind = "run"              // Run is set: it was queued, moved on or ended
	ModelPromoted   EventKind = "model_promoted"   // Model serves Target now

	RegressionChanged EventKind = "regression" // Regression is set: it is new, or gone
	DriftChanged      EventKind = "drift"      // Departure is set: it is new, or gone
)

// Event is something that people who watch want to hear of at once.
type Event struct {
	Kind      EventKind
	At        time.Time // the origin of a step; else the clock's time
	Target    string
	Forecasts int // made in the step
	Warnings  int // active after the step
	Warning   *Warning
	Run       *Run
	Model     string // a registry id

	Regression *shift.Regression
	Departure  *shift.Departure
}
