package features

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// Scale is the scale on which a level is modelled; forecasts are inverted to
// the signal's own units.
type Scale string

// The scales. ScaleLog is for positive, skewed signals such as latencies,
// ScaleLogit for ratios in [0, 1], ScaleCount for non-negative counts.
const (
	ScaleRaw   Scale = "raw"
	ScaleLog   Scale = "log"
	ScaleLogit Scale = "logit"
	ScaleCount Scale = "count"
)

// Target is what is forecast: either a level (Level is set) or an event.
type Target struct {
	Name     string
	Group    string
	Subject  collector.SubjectSpec
	Interval time.Duration // the grid; default 1m

	Level     string     // PromQL of a level; empty for an event
	Objective *Objective // optional bound of a level: its breach is a risk

	Event string // PromQL predicate of an event, e.g. "up == 0"; empty for a level
	Alert string // or the name of an existing alert whose firing is the event

	For      time.Duration   // how long the predicate (or breach) must hold to count
	Horizons []time.Duration // ascending; default 15m, 1h, 6h, 24h
	Scale    Scale           // default raw
	Season   int             // main season in grid steps; 0: one day
	Signals  []string        // names of further signals used as covariates

	// Units are the units of the target's own signal and its covariates, by
	// name; a missing one is not known. For people only.
	Units map[string]string

	// Maintenance is an optional PromQL predicate: while it is true, samples
	// of the subject count as missing and events in it are not labelled.
	Maintenance string

	Regression *Regression // of a level: shifts for the worse that stay are looked for; nil: not
	Drift      *Drift      // of a level: its distribution is held against a baseline; nil: not

	Warn        Warn
	Unless      string            // a target that tells the same from another source; where that has samples, this one is left out
	Correction  string            // name of the correction policy a warning asks for; may be empty
	Labels      map[string]string // added to warnings, e.g. severity
	Annotations map[string]string // summary, description, runbook_url
}

// Objective is a bound that a level should keep, such as "< 2".
type Objective struct {
	Op    string // one of < <= > >=
	Bound float64
}

var objective = regexp.MustCompile(`^(<=|>=|<|>)\s*(\S+)$`)

// ParseObjective reads an objective such as "< 2".
func ParseObjective(text string) (*Objective, error) {
	if m := objective.FindStringSubmatch(text); m != nil {
		if bound, err := strconv.ParseFloat(m[2], 64); err == nil && bound-bound == 0 {
			return &Objective{Op: m[1], Bound: bound}, nil
		}
	}
	return nil, fmt.Errorf("%q is not an objective", text)
}

// Breached says whether v breaks the objective; NaN never does.
func (o Objective) Breached(v float64) bool {
	switch o.Op {
	case "<":
		return v >= o.Bound
	case "<=":
		return v > o.Bound
	case ">":
		return v <= o.Bound
	case ">=":
		return v < o.Bound
	}
	return false
}

// Warn says when a risk becomes a warning.
type Warn struct {
	Risk   float64 // threshold in (0, 1]; 0 means the default, 0.7
	Budget Budget  // at most so many warnings; zero: no budget

	// Within is the longest horizon that is warned of; those beyond it are
	// forecast alone. 0 means all.
	Within time.Duration
}

// Heeds says whether a risk within a horizon may become a warning.
func (w Warn) Heeds(horizon time.Duration) bool { return w.Within <= 0 || horizon <= w.Within }

// DefaultRisk is the threshold of targets that name none.
const DefaultRisk = 0.7

// Threshold is the risk from which a target warns.
func (w Warn) Threshold() float64 {
	if w.Risk > 0 {
		return w.Risk
	}
	return DefaultRisk
}

// Budget is a number of warnings per duration, such as "2/day".
type Budget struct {
	Count float64
	Per   time.Duration
}

// IsEvent says whether the target is an event (or alert), not a level.
func (t *Target) IsEvent() bool { return t.Level == "" }

// Steps returns a horizon in grid steps, at least 1.
func (t *Target) Steps(horizon time.Duration) int { return max(1, int(horizon/t.Interval)) }

// SeasonSteps returns Season, or a day in grid steps where it is 0.
func (t *Target) SeasonSteps() int {
	if t.Season > 0 {
		return t.Season
	}
	return t.Steps(24 * time.Hour)
}
