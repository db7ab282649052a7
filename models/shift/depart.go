package shift

import (
	"iter"
	"slices"
	"time"

	"github.com/driftcast/driftcast/collector"
)

// Departure is a signal of a subject whose distribution has left its baseline.
type Departure struct {
	Target   string
	Subject  collector.Subject
	State    State
	Kind     DriftKind // Drifted or Rescaled
	Why      string
	Onset    time.Time // the beginning of the recent window in which it was found
	Detected time.Time
	Ended    time.Time // zero while it stands
	Comparison
}

// DriftTracker remembers the departures of a target between looks. It is not
// safe for concurrent use.
type DriftTracker struct {
	Target  string
	Options DriftOptions

	departures []*Departure
	calm       map[*Departure]int // looks in a row without drift
}

// calmLooks is how many looks without drift end a departure.
const calmLooks = 2

// Look compares every subject's latency as of now, the end of the series, and
// returns the departures that are new or gone by it. Each is returned as new
// once and as gone once.
func (t *DriftTracker) Look(now time.Time, subjects iter.Seq[Observed]) []Departure {
	var news []Departure
	if t.calm == nil {
		t.calm = map[*Departure]int{}
	}
	for _, d := range t.departures {
		if d.State == New {
			d.State = Standing
		}
	}
	for s := range subjects {
		c, kind, why := Drift(s.Series.Latency, s.Series.Step, t.Options)
		found := kind == Drifted || kind == Rescaled
		i := slices.IndexFunc(t.departures, func(d *Departure) bool { return d.Subject == s.Subject && d.State != Gone })
		switch {
		case i < 0 && found:
			d := &Departure{Target: t.Target, Subject: s.Subject, State: New, Kind: kind, Why: why, Detected: now,
				Onset: now.Add(-t.Options.withDefaults().Window), Comparison: c}
			t.departures = append(t.departures, d)
			news = append(news, *d)
		case i >= 0 && found:
			t.departures[i].Comparison = c
			t.calm[t.departures[i]] = 0
		case i >= 0 && kind == Same:
			d := t.departures[i]
			if t.calm[d]++; t.calm[d] >= calmLooks {
				d.State, d.Ended, d.Comparison = Gone, now, c
				delete(t.calm, d)
				news = append(news, *d)
			}
		}
	}
	t.departures = slices.DeleteFunc(t.departures, func(d *Departure) bool { return d.State == Gone && now.Sub(d.Ended) > keep })
	return news
}

// Departures returns what stands and what went away lately, the latest first.
func (t *DriftTracker) Departures() []Departure {
	out := make([]Departure, 0, len(t.departures))
	for _, d := range slices.Backward(t.departures) {
		out = append(out, *d)
	}
	return out
}
