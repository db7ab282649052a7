package forecaster

import (
	"errors"
	"time"

	"github.com/driftcast/driftcast/models"
)

// ErrNotFound says that there is no such forecast, run or correction.
var ErrNotFound = errors.New("not found")

// ErrConflict says that the thing is not in a state that allows the change.
var ErrConflict = errors.New("conflict")

// ErrQuery says that a query makes no sense: an unknown sort order, or a cursor
// that belongs to another query.
var ErrQuery = errors.New("bad query")

// ForecastQuery selects the latest forecasts, one a (target, subject).
type ForecastQuery struct {
	Target  string        // exact; empty: all
	Kind    string        // of the subject; empty: all
	Search  string        // substring of the subject; empty: all
	MinRisk float64       // at Horizon
	Horizon time.Duration // that risks are compared at; 0: the highest risk at any horizon
	Sort    string        // "risk" (default, highest first), "subject" or "target"
	Cursor  string        // opaque, from the page before
	Limit   int           // 1…1000; 0: 100
}

// CorrectionQuery selects corrections, newest first.
type CorrectionQuery struct {
	State   CorrectionState // empty: all
	Subject string          // exact String of the subject; empty: all
	Policy  string
	Object  string // what is acted on, see ObjectOf; empty: all
	Acted   bool   // only those that acted, or may have: approved, applied, verified, reverted and failed ones
	Holding bool   // only those that act on their object or hold it, see Correction.Holds
	Waiting bool   // only those whose outcome is not known yet, see Correction.AwaitsOutcome
	Cursor  string
	Limit   int // 1…1000; 0: 100
}

// IssuedQuery selects what was forecast of one target at one horizon.
type IssuedQuery struct {
	Target   string
	Horizon  time.Duration
	Search   string    // substring of the subject; empty: all
	From, To time.Time // of origins

	// Needs says whether an origin within some time is wanted; nil: all are. The
	// store thins by it, roughly: what is not wanted may come too.
	Needs func(from, to time.Time) bool
}

// Issued is what was forecast of one subject at one origin and horizon.
type Issued struct {
	Subject   string // its String
	Origin    time.Time
	Quantiles [len(models.Quantiles)]float64 // of a level at the horizon, never descending; NaN: unknown
	Risk      float64                        // NaN: none
}

// HorizonLabel writes a horizon as the label of our series does: 15m, 6h, 7d.
func HorizonLabel(d time.Duration) string { return short(d) }
